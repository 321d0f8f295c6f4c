"""Pretrained trunks behind one seam, and the UNet that stands on one.

    encoder = make_encoder("bodypix_mobilenet_v1_075")
    encoder.load_state_dict(import_weights("bodypix_mobilenet_v1_075", None))
    network = EncoderUNet(encoder, classes=2, decoder_widths=(96, 64, 32), ...)

Whoever restores a trained network needs `make_encoder` only: its weights are the trained ones then.
"""

from bodycascade.encoders.encoder import Encoder
from bodycascade.encoders.encoder_unet import EncoderUNet
from bodycascade.encoders.registry import ENCODERS, import_weights, is_beginning, is_encoder, make_encoder

__all__ = ["ENCODERS", "Encoder", "EncoderUNet", "import_weights", "is_beginning", "is_encoder", "make_encoder"]
