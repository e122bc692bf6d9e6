"""Edges between voxels at given offsets: which voxels carry one, and checks of what describes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.arrays import LARGEST_ID
from segmend.core.errors import InputError
from segmend.core.geometry import Zyx

Array = NDArray[Any]


def checked_edges(
    affinities: Array,
    offsets: Sequence[Zyx],
    bias: Sequence[float] | float,
    strides: Sequence[Zyx] | None,
) -> tuple[Array, Array, Array]:
    """Return offsets, strides and biases as arrays with one row per channel.

    Raises
    ------
    InputError
        If they do not fit the affinities.
    """
    if affinities.ndim != 4 or affinities.dtype not in (np.uint8, np.float32):
        raise InputError(
            f"affinities have shape {affinities.shape} and type {affinities.dtype}: "
            "expected (c, z, y, x), uint8 0..255 or float32 0..1"
        )
    channels = len(affinities)
    if affinities[0].size >= LARGEST_ID:
        raise InputError(
            f"a volume of {affinities[0].size} voxels is too large to be cut in one piece; work on a box"
        )
    offset = np.asarray(offsets, dtype=np.int64)
    stride = np.ones((channels, 3), np.int64) if strides is None else np.asarray(strides, np.int64)
    biases = np.asarray(bias, dtype=np.float32)
    if biases.ndim == 0:
        biases = np.repeat(biases, channels)
    if not (offset.shape == stride.shape == (channels, 3) and biases.shape == (channels,)):
        raise InputError(
            f"{channels} channels of affinities need as many offsets (z y x), strides (z y x) and biases"
        )
    if (
        not offset.any(axis=1).all()
        or stride.min() < 1
        or not ((biases >= 0) & (biases <= 1)).all()
    ):
        raise InputError(
            "offsets must not be 0 0 0, strides must be 1 or more, biases must lie in 0..1"
        )
    return offset, stride, np.ascontiguousarray(biases)


def edge_ranges(shape: tuple[int, ...], offset: Array, stride: Array) -> Array:
    """Return start, stop and step along z, y, x of the voxels that carry an edge: (c, 3, 3).

    An edge counts where the lower corner of both its voxels is a multiple of the stride.
    """
    start = np.maximum(0, -offset)
    start = start + (-(start + np.minimum(0, offset))) % stride
    stop = np.minimum(shape, shape - offset)
    return np.stack([start, np.maximum(stop, start), stride], axis=2)


def flat_steps(offset: Array, shape: tuple[int, ...]) -> Array:
    """Return how far the other voxel of each channel is in memory."""
    steps: Array = offset @ np.array([shape[1] * shape[2], shape[2], 1])
    return steps
