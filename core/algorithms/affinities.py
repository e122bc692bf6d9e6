"""Affinities that follow from labels: exact training targets and test volumes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.errors import InputError
from segmend.core.geometry import Zyx

Array = NDArray[Any]

NEAREST_OFFSETS: tuple[Zyx, ...] = ((-1, 0, 0), (0, -1, 0), (0, 0, -1))
"""Channels 0, 1, 2 of every affinity array."""


def affinities_from_labels(
    labels: Array, offsets: Sequence[Zyx] = NEAREST_OFFSETS
) -> NDArray[np.bool_]:
    """Return whether voxel v and voxel v + offset lie in the same object (Turaga et al. 2010).

    Parameters
    ----------
    labels : (z, y, x) integer array
        0 joins nothing.
    offsets : sequence of (z, y, x) int
        One channel each.

    Returns
    -------
    (c, z, y, x) bool
        False where the partner lies outside the array.

    Raises
    ------
    InputError
        If the labels are not three-dimensional.
    """
    if labels.ndim != 3:
        raise InputError(f"labels have shape {labels.shape}: expected (z, y, x)")
    affinities = np.zeros((len(offsets), *labels.shape), dtype=np.bool_)
    for channel, offset in zip(affinities, offsets, strict=True):
        pairs = list(zip(offset, labels.shape, strict=True))
        here = tuple(slice(min(n, max(0, -o)), max(0, n - max(0, o))) for o, n in pairs)
        there = tuple(slice(min(n, max(0, o)), max(0, n + min(0, o))) for o, n in pairs)
        channel[here] = (labels[here] == labels[there]) & (labels[here] != 0)
    return affinities
