"""What a training's optimiser changes, and how: AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101)."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from bodycascade.encoders import EncoderUNet
from bodycascade.expert import Expert
from bodycascade.params import TrainParams
from bodycascade.train.leaf_head import LeafHead


def make_optimizer(expert: Expert, leaf_head: LeafHead | None, train: TrainParams) -> torch.optim.Optimizer:
    """An optimiser that has seen nothing yet. Each group's `factor` is its share of the learning rate.

    Weights decay; norms and biases, which have one dimension, do not. A trunk whose factor is zero is frozen, which
    spares the way back through it.
    """
    trunk = expert.unet.encoder if isinstance(expert.unet, EncoderUNet) else nn.Module()
    pretrained = {id(p) for p in trunk.parameters()}
    fresh = [p for p in expert.parameters() if id(p) not in pretrained]
    fresh += [] if leaf_head is None else leaf_head.parameters()
    if not train.encoder_rate:
        trunk.requires_grad_(requires_grad=False)
    groups: list[dict[str, Any]] = []
    for factor, parameters in ((1.0, fresh), (train.encoder_rate, list(trunk.parameters()))):
        decayed = [p for p in parameters if p.ndim > 1 and p.requires_grad]
        free = [p for p in parameters if p.ndim <= 1 and p.requires_grad]
        groups.append({"params": decayed, "weight_decay": train.weight_decay, "factor": factor})
        groups.append({"params": free, "weight_decay": 0.0, "factor": factor})
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=train.learning_rate, fused=True)
