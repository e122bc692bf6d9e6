"""How far one can follow a true neurite in a segmentation: skeletons of the truth, and the segments along them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.run_length import RunLengths, TracedNeurites, expected_run_length
from segmend.core.algorithms.skeletons import coarse_factor, downsample_thin, skeletonize
from segmend.core.geometry import Box, Zyx
from segmend.core.review.overlap import counted_box, shared_voxels
from segmend.core.volumes.base import Volume

Array = NDArray[Any]

_COARSE_BLOCK = 64


def run_lengths(
    segmentation: Volume,
    labels: Volume,
    box: Box | None = None,
    *,
    target_nm: float = 30.0,
    stray_nodes: int = 0,
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
    stray_nodes : int
        As in `expected_run_length`.

    Raises
    ------
    InputError
        If the volumes do not fit each other.
    """
    inside = counted_box(segmentation, labels, box)
    truth = traced(labels, inside, target_nm=target_nm)
    segments = segments_at(segmentation, truth.voxels_zyx)
    return expected_run_length(truth.neurites, segments, stray_nodes=stray_nodes)


class TracedTruth(NamedTuple):
    """Skeletons of true objects and where to look for segments along them.

    Parameters
    ----------
    neurites : TracedNeurites
        Numbered in the order of the objects' ids; nodes are centres of coarse voxels.
    voxels_zyx : (k, 3) int64
        For each node the voxel of its own object that is nearest to it. A thin object fills its coarse voxel in part
        only, so that the centre may lie in a neighbour, which would look like a merge error.
    """

    neurites: TracedNeurites
    voxels_zyx: Array


def traced(labels: Volume, box: Box, *, target_nm: float = 30.0) -> TracedTruth:
    """Return the skeletons of all objects inside a box."""
    factor = coarse_factor(labels.grid.voxel_size_nm_zyx, target_nm)
    table = shared_voxels(labels, labels, box)
    ids, sizes = table.labels, np.concatenate([[0], table.counts])
    own = np.arange(len(sizes), dtype=np.uint32)
    (nz, ny, nx), (fz, fy, fx) = box.shape_zyx, factor
    shape = -(-nz // fz), -(-ny // fy), -(-nx // fx)
    coarse = np.zeros(shape, np.uint32)
    for block in Box.of_shape(shape).blocks((_COARSE_BLOCK,) * 3):
        fine = _scaled(block, factor).shift(box.start_zyx).intersect(box)
        coarse[block.slices] = downsample_thin(
            _numbered(labels.read(fine), ids), own, sizes, factor
        )
    z, y, x = box.start_zyx
    first = labels.grid.to_nm((z + (fz - 1) / 2, y + (fy - 1) / 2, x + (fx - 1) / 2))
    sz, sy, sx = labels.grid.voxel_size_nm_zyx
    size = (sz * fz, sy * fy, sx * fx)
    neurites = TracedNeurites.of(skeletonize(coarse, size, offset_nm_zyx=first))
    place = np.rint((neurites.points_nm - np.asarray(first)) / np.asarray(size)).astype(np.int64)
    return TracedTruth(neurites, _own_voxels(labels, box, place, factor, ids[neurites.neurite - 1]))


def _own_voxels(labels: Volume, box: Box, place: Array, factor: Zyx, owner: Array) -> Array:
    """Return for each coarse voxel the voxel of its owner that is nearest to the centre."""
    found = np.empty((len(place), 3), np.int64)
    offsets = np.stack(np.unravel_index(np.arange(np.prod(factor)), factor), axis=1)
    from_centre = ((offsets - (np.asarray(factor) - 1) / 2) ** 2).sum(axis=1)
    offsets = offsets[np.argsort(from_centre, kind="stable")]
    start, last = np.asarray(box.start_zyx), np.asarray(box.stop_zyx) - 1
    for rows in _by_block(place):
        low = start + place[rows].min(axis=0) * factor
        high = np.minimum(start + (place[rows].max(axis=0) + 1) * factor - 1, last)
        values = labels.read(_box(low, high))
        voxels = start + place[rows][:, None] * factor + offsets
        inside = (voxels <= last).all(axis=2)
        mine = (
            values[tuple(np.moveaxis(np.minimum(voxels, high) - low, 2, 0))] == owner[rows][:, None]
        )
        found[rows] = voxels[np.arange(len(rows)), np.argmax(mine & inside, axis=1)]
    return found


def segments_at(segmentation: Volume, voxels_zyx: Array) -> Array:
    """Return the segment at each of (k, 3) voxels, read block by block."""
    found = np.zeros(len(voxels_zyx), np.uint64)
    for rows in _by_block(voxels_zyx):
        low, high = voxels_zyx[rows].min(axis=0), voxels_zyx[rows].max(axis=0)
        found[rows] = segmentation.read(_box(low, high))[tuple((voxels_zyx[rows] - low).T)]
    return found


def _by_block(places: Array) -> Iterator[Array]:
    """Yield the rows of places that lie in one block."""
    if not len(places):
        return
    _, block = np.unique(places // _COARSE_BLOCK, axis=0, return_inverse=True)
    order = np.argsort(block.ravel(), kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(block.ravel()[order])) + 1)


def _box(low: Array, high: Array) -> Box:
    (z0, y0, x0), (z1, y1, x1) = low.tolist(), high.tolist()
    return Box((z0, y0, x0), (z1 + 1, y1 + 1, x1 + 1))


def _scaled(box: Box, factor: Zyx) -> Box:
    z0, y0, x0 = (a * f for a, f in zip(box.start_zyx, factor, strict=True))
    z1, y1, x1 = (b * f for b, f in zip(box.stop_zyx, factor, strict=True))
    return Box((z0, y0, x0), (z1, y1, x1))


def _numbered(labels: Array, ids: Array) -> Array:
    """Return 1 + the place of each label among the sorted ids, 0 for background."""
    place = np.searchsorted(ids, labels).astype(np.uint32) + np.uint32(1)
    place[labels == 0] = 0
    return place
