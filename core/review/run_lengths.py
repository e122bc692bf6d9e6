"""How far one can follow a true neurite in a segmentation: skeletons of the truth, and the segments along them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.run_length import RunLengths, TracedNeurites, expected_run_length
from segmend.core.algorithms.skeletons import coarse_factor, downsample_thin, skeletonize
from segmend.core.geometry import Box, Grid, Zyx
from segmend.core.review.overlap import counted_box, shared_voxels
from segmend.core.volumes.base import Volume

Array = NDArray[Any]

_COARSE_BLOCK = 64


def run_lengths(
    segmentation: Volume, labels: Volume, box: Box | None = None, *, target_nm: float = 30.0
) -> RunLengths:
    """Trace the true objects and score the segmentation along them.

    Parameters
    ----------
    segmentation, labels : Volume
        Integer labels of the same shape, with a voxel size; 0 in `labels` is no object.
    box : Box, optional
        Everything is done as if both had been cropped to it.
    target_nm : float
        Voxel size for tracing. Only the coarse volume is held in memory.

    Raises
    ------
    InputError
        If the volumes do not fit each other.
    """
    inside = counted_box(segmentation, labels, box)
    neurites = traced(labels, inside, target_nm=target_nm)
    return expected_run_length(
        neurites, segments_at(segmentation, neurites.points_nm, labels.grid, inside)
    )


def traced(labels: Volume, box: Box, *, target_nm: float = 30.0) -> TracedNeurites:
    """Return the skeletons of all objects inside a box, numbered in the order of their ids."""
    factor = coarse_factor(labels.grid.voxel_size_nm_zyx, target_nm)
    table = shared_voxels(labels, labels, box)
    ids, sizes = table.labels, np.concatenate([[0], table.counts])
    own = np.arange(len(sizes), dtype=np.uint32)
    (nz, ny, nx), (fz, fy, fx) = box.shape_zyx, factor
    shape = -(-nz // fz), -(-ny // fy), -(-nx // fx)
    coarse = np.zeros(shape, np.uint32)
    for block in Box.of_shape(shape).blocks((_COARSE_BLOCK,) * 3):
        fine = _scaled(block, factor).shift(box.start_zyx).intersect(box)
        dense = _numbered(labels.read(fine), ids)
        coarse[block.slices] = downsample_thin(dense, own, sizes, factor)
    z, y, x = box.start_zyx
    first = labels.grid.to_nm((z + (fz - 1) / 2, y + (fy - 1) / 2, x + (fx - 1) / 2))
    sz, sy, sx = labels.grid.voxel_size_nm_zyx
    return TracedNeurites.of(skeletonize(coarse, (sz * fz, sy * fy, sx * fx), offset_nm_zyx=first))


def segments_at(segmentation: Volume, points_nm: Array, grid: Grid, box: Box) -> Array:
    """Return the segment at each place, read block by block; places outside the box are moved to its rim."""
    size = np.asarray(grid.voxel_size_nm_zyx)
    index = np.rint((points_nm - np.asarray(grid.offset_nm_zyx)) / size).astype(np.int64)
    index = np.clip(index, box.start_zyx, np.asarray(box.stop_zyx) - 1)
    found = np.zeros(len(index), np.uint64)
    block = (index - np.asarray(box.start_zyx)) // _COARSE_BLOCK
    for place in np.unique(block, axis=0):
        rows = np.flatnonzero((block == place).all(axis=1))
        low, high = index[rows].min(axis=0), index[rows].max(axis=0) + 1
        part = Box(tuple(low.tolist()), tuple(high.tolist()))
        found[rows] = segmentation.read(part)[tuple((index[rows] - low).T)]
    return found


def _scaled(box: Box, factor: Zyx) -> Box:
    z0, y0, x0 = (a * f for a, f in zip(box.start_zyx, factor, strict=True))
    z1, y1, x1 = (b * f for b, f in zip(box.stop_zyx, factor, strict=True))
    return Box((z0, y0, x0), (z1, y1, x1))


def _numbered(labels: Array, ids: Array) -> Array:
    """Return 1 + the place of each label among the sorted ids, 0 for background."""
    place = np.searchsorted(ids, labels).astype(np.uint32) + np.uint32(1)
    place[labels == 0] = 0
    return place
