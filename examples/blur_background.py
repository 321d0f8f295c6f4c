"""Blur what is behind the people of a picture: python examples/blur_background.py IMAGE OUT [BUNDLE]"""

import sys

from PIL import Image

from bodycascade import BodyCascadeError, CascadeSegmenter
from bodycascade.video.matting import blend, blurred_background, soft_mask

STRENGTH = 0.02  # standard deviation of the blur, as a share of the picture's long side


def main(image: str, out: str, bundle: str | None = None) -> None:
    """The picture with all but its people out of focus; edges are soft, and no halo surrounds anybody."""
    found = CascadeSegmenter.load(bundle)(image, level=0)  # the body is enough: one expert runs instead of four
    sharp = soft_mask(found, "body")
    behind = blurred_background(found.image, sharp, STRENGTH * max(sharp.shape))
    Image.fromarray(blend(found.image, behind, sharp)).save(out, quality=92, icc_profile=found.icc_profile)
    print(f"{out}: {sharp.mean():.0%} of the picture is sharp")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:4])
    except BodyCascadeError as error:  # one line, as of a picture that cannot be read
        sys.exit(str(error))
