"""Checks shared by the kernels: what an affinity array and a label array must look like.

Affinities are (c, z, y, x) with c >= 3. Channel 0 is the affinity between a voxel and its neighbour at z - 1, channel 1
at y - 1, channel 2 at x - 1; further channels are long-range and are not read here. They are uint8 0..255, the form a
project stores, or float32 0..1. Kernels read either as it is: thresholds are scaled, arrays are not.
"""

from __future__ import annotations

from typing import Any

import fastremap
import numpy as np
from numpy.typing import NDArray

from segmend.core.errors import InputError

Array = NDArray[Any]

LARGEST_ID = 2**32 - 1


def nearest_affinities(affinities: Array) -> tuple[Array, float]:
    """Return the three nearest-neighbour channels and the value that means affinity 1.

    Parameters
    ----------
    affinities : (c, z, y, x) uint8 or float32 array, c >= 3

    Returns
    -------
    (3, z, y, x) C-contiguous array of the same dtype, and 255.0 or 1.0

    Raises
    ------
    InputError
        If the number of dimensions, the number of channels or the dtype is another.
    """
    if affinities.ndim != 4 or affinities.shape[0] < 3:
        raise InputError(
            f"affinities have shape {affinities.shape}: expected (c, z, y, x) with at least 3 channels; "
            "channels 0, 1, 2 are the nearest neighbours in z, y, x"
        )
    if affinities.dtype not in (np.uint8, np.float32):
        raise InputError(
            f"affinities are {affinities.dtype}: expected uint8 0..255 or float32 0..1; convert them first"
        )
    if affinities[0].size > LARGEST_ID:
        raise InputError(
            f"a volume of {affinities[0].size} voxels is too large to be cut in one piece: expected fewer than 2^32; "
            "work on a box"
        )
    scale = 255.0 if affinities.dtype == np.uint8 else 1.0
    return np.ascontiguousarray(affinities[:3]), scale


def dense_labels(labels: Array, *, name: str = "supervoxels") -> Array:
    """Return labels as C-contiguous (z, y, x) uint32, without a copy where they are that already.

    Raises
    ------
    InputError
        If they are not a 3D integer array, or hold negative ids or ids above 2^32 - 1.
    """
    if labels.ndim != 3 or labels.dtype.kind not in "biu":
        raise InputError(
            f"{name} have shape {labels.shape} and type {labels.dtype}: expected a (z, y, x) array of integers"
        )
    if labels.dtype.itemsize > 4 or labels.dtype.kind == "i":
        low, high = (int(labels.min()), int(labels.max())) if labels.size else (0, 0)
        if low < 0 or high > LARGEST_ID:
            raise InputError(
                f"{name} hold ids from {low} to {high}: expected dense ids that fit in uint32; renumber them first"
            )
    return np.ascontiguousarray(labels, dtype=np.uint32)


def renumbered(labels: Array) -> tuple[Array, Array | None]:
    """Make ids small enough to index arrays by.

    Parameters
    ----------
    labels : integer array
        Any ids; they stay as they are where the largest is below an eighth of the number of voxels.

    Returns
    -------
    labels : uint32 array
        0 stays 0.
    ids : (m + 1,) array of the input's dtype, or None
        The former id of each new one; None where nothing was changed.
    """
    if not labels.size or (labels.min() >= 0 and labels.max() < max(labels.size // 8, 1024)):
        return labels.astype(np.uint32, copy=False), None
    compact, mapping = fastremap.renumber(labels, preserve_zero=True)
    ids = np.zeros(len(mapping) + 1, dtype=labels.dtype)
    new = np.fromiter(mapping.values(), dtype=np.int64, count=len(mapping))
    ids[new] = np.fromiter(mapping.keys(), dtype=labels.dtype, count=len(mapping))
    return np.ascontiguousarray(compact, dtype=np.uint32), ids


def voxel_mask(mask: Array | None, shape_zyx: tuple[int, ...]) -> Array:
    """Return a C-contiguous boolean mask, or one of size 0 that stands for "every voxel".

    Raises
    ------
    InputError
        If the mask has another shape than the volume.
    """
    if mask is None:
        return np.empty((0, 0, 0), dtype=np.bool_)
    if mask.shape != tuple(shape_zyx):
        raise InputError(
            f"mask has shape {mask.shape}: expected that of the volume, {tuple(shape_zyx)}"
        )
    return np.ascontiguousarray(mask, dtype=np.bool_)


def graph_edges(edges: Array, nodes: int) -> Array:
    """Return edges as C-contiguous (E, 2) int64 after a check of their range.

    Parameters
    ----------
    edges : (E, 2) integer array
    nodes : int
        Indices must be below this.

    Raises
    ------
    InputError
        If the shape is another or an index is out of range.
    """
    pairs = np.ascontiguousarray(np.asarray(edges).reshape(-1, 2), dtype=np.int64)
    if pairs.size and (pairs.min() < 0 or pairs.max() >= nodes):
        raise InputError(
            f"edges name nodes {pairs.min()} to {pairs.max()}: expected 0 to {nodes - 1}; "
            "the graph does not belong to these supervoxels"
        )
    return pairs
