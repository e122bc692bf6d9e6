"""Affinity targets and their weights from labels.

Channel c at voxel v tells whether v and v + offset c lie in the same object (Turaga et al. 2010). Nearest channels are
computed on labels whose touching borders were eroded by one voxel, so that a membrane is a band rather than a line and
the truth's own uncertainty of half a voxel does not punish the network; long-range channels use the labels as they are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from segmend.core.geometry import Zyx


def eroded(labels: NDArray, axes: tuple[int, ...] = (0, 1, 2)) -> NDArray:
    """Set voxels beside a voxel of another label to 0.

    Parameters
    ----------
    labels : (z, y, x) integer array
    axes : tuple of int
        Axes along which neighbours count; (1, 2) where sections are far apart.
    """
    border = np.zeros(labels.shape, dtype=bool)
    for axis in axes:
        low, high = _neighbours(axis)
        differs = labels[low] != labels[high]
        border[low] |= differs
        border[high] |= differs
    return np.where(border, 0, labels)


def _neighbours(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    low = [slice(None)] * 3
    high = [slice(None)] * 3
    low[axis], high[axis] = slice(None, -1), slice(1, None)
    return tuple(low), tuple(high)


def same_object(
    labels: NDArray, offset_zyx: Zyx
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return affinity and validity (both 0 or 1) of one offset.

    Label 0 joins nothing. A pair is valid where the partner lies inside the array.
    """
    here, there = _overlap(labels.shape, offset_zyx)
    affinity = np.zeros(labels.shape, dtype=np.float32)
    valid = np.zeros(labels.shape, dtype=np.float32)
    affinity[here] = (labels[here] == labels[there]) & (labels[here] != 0)
    valid[here] = 1.0
    return affinity, valid


def _overlap(shape: tuple[int, ...], offset: Zyx) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    here = tuple(slice(max(0, -o), n - max(0, o)) for o, n in zip(offset, shape, strict=True))
    there = tuple(slice(max(0, o), n + min(0, o)) for o, n in zip(offset, shape, strict=True))
    return here, there


def affinity_targets(
    labels: NDArray, offsets_zyx: tuple[Zyx, ...], *, erode_axes: tuple[int, ...] = (0, 1, 2)
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return targets and weights, each (c, z, y, x) float32.

    Parameters
    ----------
    labels : (z, y, x) integer array
        0 is membrane or unknown tissue that joins nothing.
    offsets_zyx : tuple of 3 int each
    erode_axes : tuple of int
        Axes of the erosion for nearest offsets; empty for labels that carry membranes as 0 already.
    """
    thin = eroded(labels, erode_axes) if erode_axes else labels
    pairs = [
        same_object(thin if sum(map(abs, offset)) == 1 else labels, offset)
        for offset in offsets_zyx
    ]
    return np.stack([a for a, _ in pairs]), np.stack([v for _, v in pairs])
