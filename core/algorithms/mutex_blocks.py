"""The mutex watershed of a block, and which regions of two neighbouring blocks are one.

A mutex watershed (Wolf et al. 2018) hangs on edges anywhere, so blocks can only come near that of the whole. Each block
is cut with its context; two blocks then have two labellings of the voxels on either side of their common side, and
regions that agree there are one: each shares most voxels with the other, and at least half of the smaller one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.basin_pieces import Part
from segmend.core.algorithms.block_rest import Rest, region_extents
from segmend.core.algorithms.contingency import contingency
from segmend.core.algorithms.mutex_watershed import mutex_watershed
from segmend.core.algorithms.strongest_faces import no_passes
from segmend.core.geometry import Box, Zyx

Array = NDArray[Any]

_AGREEMENT = 0.5


class MutexBlock(NamedTuple):
    """A block cut by the mutex watershed.

    Parameters
    ----------
    rest : Rest
        Regions of the block, nothing to be decided by contacts.
    overlaps : dict of int to (z, y, x) uint32
        By direction, the regions around an open side, half the context to either side of it; 0 for what lies outside
        the block alone.
    """

    rest: Rest
    overlaps: dict[int, Array]


def mutex_part(core: Box, context: int, strides: Sequence[Zyx], shape_zyx: Zyx) -> Part:
    """Return a block with its context, which begins where the strides of the whole volume do."""
    part = Part.around(core, (context, context, context), shape_zyx)
    steps = [math.lcm(*axis) for axis in zip(*strides, strict=True)]
    start = tuple(
        a // step * step if step <= context else a
        for a, step in zip(part.box.start_zyx, steps, strict=True)
    )
    return part._replace(box=Box(start, part.box.stop_zyx))  # type: ignore[arg-type]


def mutex_block(
    affinities: Array,
    offsets: Sequence[Zyx],
    part: Part,
    context: int,
    *,
    bias: Sequence[float] | float = 0.5,
    strides: Sequence[Zyx] | None = None,
    dust: int = 0,
    mask: Array | None = None,
) -> MutexBlock:
    """Cut a block.

    Parameters
    ----------
    affinities : (c, z, y, x) uint8 or float32 array
        Over ``part.box``.
    offsets, bias, strides
        As in `segmend.core.algorithms.mutex_watershed.mutex_watershed`.
    part : Part
        From `mutex_part`.
    context : int
        Voxels around the block.
    dust : int
        Regions with fewer voxels become background here where nothing of them lies near an open side.
    mask : (z, y, x) bool array, optional
        Over ``part.box``.

    Raises
    ------
    InputError
        As `mutex_watershed`.
    """
    wide = mutex_watershed(affinities, offsets, bias=bias, strides=strides, mask=mask)
    near = {d: part.within(_around(part, d, context)) for d in part.open_directions}
    voxels = np.bincount(wide[part.inside].ravel(), minlength=int(wide.max(initial=0)) + 1)
    keep = voxels >= dust
    for box in near.values():
        keep[wide[box]] = True
    keep &= voxels > 0
    keep[0] = False
    labels = np.where(keep, np.cumsum(keep), 0).astype(np.uint32)[wide]
    core = np.ascontiguousarray(labels[part.inside])
    size, first = region_extents(core, int(keep.sum()), part)
    overlaps = {d: np.ascontiguousarray(labels[box]) for d, box in near.items()}
    return MutexBlock(Rest(core, np.zeros_like(size), size, first, no_passes(), {}), overlaps)


def _around(part: Part, direction: int, context: int) -> Box:
    """Return the box around a side of a block."""
    axis = direction % 3
    start, stop = list(part.core.start_zyx), list(part.core.stop_zyx)
    side = start[axis] if direction < 3 else stop[axis]
    start[axis], stop[axis] = side - max(1, context // 2), side + max(1, context // 2)
    z, y, x = start
    return Box((z, y, x), tuple(stop)).intersect(Box.of_shape(part.shape_zyx))  # type: ignore[arg-type]


def agreeing(lower: Array, upper: Array) -> Array:
    """Find the regions of two labellings of the same voxels that are one.

    Parameters
    ----------
    lower, upper : (z, y, x) uint32
        0 is no region.

    Returns
    -------
    (n, 2) int64
        Each region at most once.
    """
    table = contingency(lower, upper)
    real = table.labels != 0
    a, b, shared = (np.asarray(column)[real].astype(np.int64) for column in table)
    best = (_largest(a, shared) & _largest(b, shared)).nonzero()[0]
    smaller = np.minimum(np.bincount(lower.ravel())[a[best]], np.bincount(upper.ravel())[b[best]])
    best = best[shared[best] >= _AGREEMENT * smaller]
    return np.stack([a[best], b[best]], axis=1)


def _largest(ids: Array, shared: Array) -> Array:
    """Mark for each id the row that shares most; the first of several."""
    order = np.lexsort((np.arange(len(ids)), -shared, ids))
    _, first = np.unique(ids[order], return_index=True)
    marked = np.zeros(len(ids), np.bool_)
    marked[order[first]] = True
    return marked
