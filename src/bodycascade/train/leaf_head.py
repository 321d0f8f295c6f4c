"""A second, finer question asked of an expert while it trains: which leaf is each pixel?

Learning to tell arms from legs also gives the features that tell an arm from a lamp post, and the experts below, which
start from these weights, start with those features. The head is thrown away after the training (deep supervision, Lee
et al. 2015, arXiv:1409.5185).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bodycascade.expert import Expert
from bodycascade.hierarchy import IGNORE, Tree
from bodycascade.train.loss import expert_loss


def leaf_map(tree: Tree, node: str) -> npt.NDArray[np.uint8]:
    """(256,) uint8: for each leaf label its place among the leaves below `node`, IGNORE for the others."""
    table = np.full(256, IGNORE, np.uint8)
    for place, label in enumerate(tree.labels(node)):
        table[label] = place
    return table


class LeafHead(nn.Module):
    """Logits of the leaves below the expert's node, from the features that its own head decides by."""

    def __init__(self, expert: Expert) -> None:
        super().__init__()
        self.leaves = len(expert.tree.labels(expert.spec.node))
        self.head = nn.Conv2d(expert.unet.feature_channels, self.leaves, 1)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor) -> Tensor:
        """(N, leaves, h, w) for `features` (N, C, h, w)."""
        logits: Tensor = self.head(features)
        return logits

    def loss(self, logits: Tensor, leaves: Tensor, *, dice_weight: float, label_smoothing: float) -> Tensor:
        """Loss of `logits` (N, leaves, h, w) against `leaves` (N, H, W) uint8 places or IGNORE, on the grid h x w.

        The truth is read at the middle of each coarse pixel: at full size the second question would cost as much as
        the first.
        """
        strides = [full // small for full, small in zip(leaves.shape[-2:], logits.shape[-2:], strict=True)]
        rows, columns = (slice(stride // 2, None, stride) for stride in strides)
        targets = leaves[:, rows, columns].long()
        weights = torch.ones(self.leaves, device=logits.device)
        loss = expert_loss(logits.float(), targets, weights, dice_weight=dice_weight, label_smoothing=label_smoothing)
        return loss.total


def leaf_head_for(expert: Expert, *, weight: float, device: torch.device) -> LeafHead | None:
    """The head of the second question, where it has a `weight` and is another than the first."""
    finer = len(expert.tree.labels(expert.spec.node)) > len(expert.spec.children)
    return LeafHead(expert).to(device) if finer and weight else None
