"""Loss of predicted affinities."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def balanced_affinity_loss(
    logits: Tensor, target: Tensor, valid: Tensor, *, balance: float = 0.5
) -> Tensor:
    """Return binary cross-entropy with rarer classes weighted up, per channel.

    Parameters
    ----------
    logits, target, valid : (n, c, z, y, x) float tensors
        `valid` is 0 where a pair is not to count.
    balance : float
        0 leaves the classes as they are, 1 gives both the same total weight; between, the weight grows with that
        power of the class ratio. Boundaries are rare and a missed one joins two neurons.
    """
    over = (0, 2, 3, 4)
    count = valid.sum(over, keepdim=True).clamp_min(1.0)
    share = ((target * valid).sum(over, keepdim=True) / count).clamp(0.02, 0.98)
    weight = torch.where(target > 0.5, share.pow(-balance), (1.0 - share).pow(-balance)) * valid
    loss = functional.binary_cross_entropy_with_logits(logits.float(), target, reduction="none")
    per_channel = (loss * weight).sum(over) / weight.sum(over).clamp_min(1.0)
    seen = valid.sum(over) > 0
    return (per_channel * seen).sum() / seen.sum().clamp_min(1)
