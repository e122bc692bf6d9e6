"""Basins of a part of a volume: the pieces inside a block, and where they go on outside it.

The ways of a voxel hang on its neighbours alone, so with one voxel of surroundings they are those of the whole volume.
Only the division of a plateau looks further: it is exact where the way out is fewer steps away than the surroundings
are wide. A plateau without a way out is exact whatever its size.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.basins import DIVIDED, divided_ways, follow_ways
from segmend.core.geometry import Box, Zyx

Array = NDArray[Any]

CLIMBS, LEVEL = 1, 2
"""How a voxel at a side of a block goes on beyond it: up, as its only way; or on a plateau without a way out."""
DIRECTIONS = 6
_WAYS = 0x3F


class Part(NamedTuple):
    """A block and what was read around it.

    Parameters
    ----------
    box : Box
        What the arrays cover, clipped to the volume.
    core : Box
        The block itself.
    shape_zyx : tuple of 3 int
        The whole volume.
    """

    box: Box
    core: Box
    shape_zyx: Zyx

    @classmethod
    def around(cls, core: Box, margin_zyx: Zyx, shape_zyx: Zyx) -> Part:
        """Return the part that holds a block with a margin, as far as the volume goes."""
        return cls(core.grow(margin_zyx).intersect(Box.of_shape(shape_zyx)), core, shape_zyx)

    @property
    def inside(self) -> tuple[slice, slice, slice]:
        """Where the block lies in the arrays."""
        return self.within(self.core)

    def within(self, box: Box) -> tuple[slice, slice, slice]:
        """Where a box lies in the arrays."""
        z, y, x = self.box.start_zyx
        return box.shift((-z, -y, -x)).slices

    @property
    def open_directions(self) -> list[int]:
        """The sides of the block with something beyond: -z, -y, -x, +z, +y, +x as 0 to 5."""
        below = [d for d in range(3) if self.core.start_zyx[d] > 0]
        return below + [d + 3 for d in range(3) if self.core.stop_zyx[d] < self.shape_zyx[d]]


class Pieces(NamedTuple):
    """Parts of basins inside a block.

    Parameters
    ----------
    labels : (z, y, x) uint32
        0 for voxels that take no part, else 1..n in raster order of the first voxel.
    total : int
    crossings : dict of int to (a, b) uint8
        By direction, for each voxel at an open side: 0, `CLIMBS` or `LEVEL`.
    """

    labels: Array
    total: int
    crossings: dict[int, Array]


def side_of(array: Array, direction: int) -> Array:
    """Return the outermost plane of a (z, y, x) array in a direction."""
    return np.take(array, 0 if direction < 3 else -1, axis=direction % 3)


def basin_pieces(ways: Array, part: Part) -> Pieces:
    """Label the pieces of basins in a block.

    Parameters
    ----------
    ways : (z * y * x,) uint8
        One byte per voxel of ``part.box`` as `segmend.core.algorithms.basins` has it. Those of the outermost voxels
        need not be right where the volume goes on.
    part : Part
    """
    left, level, steps = divided_ways(ways, part.box.shape_zyx)
    shape = part.core.shape_zyx
    if part.box != part.core:
        left, level = (
            a.reshape(part.box.shape_zyx)[part.inside].reshape(-1) for a in (left, level)
        )
        steps = np.array([-shape[1] * shape[2], -shape[2], -1, shape[1] * shape[2], shape[2], 1])
    crossings = {
        direction: _take_ways_out(left.reshape(shape), level.reshape(shape), direction)
        for direction in part.open_directions
    }
    labels, count = follow_ways(left, level, steps, shape)
    return Pieces(labels, count, crossings)


def _take_ways_out(ways: Array, level: Array, direction: int) -> Array:
    """Take the ways that lead out of the block in a direction away; return what they were."""
    index: list[Any] = [slice(None)] * 3
    index[direction % 3] = 0 if direction < 3 else -1
    here = tuple(index)
    w, plateau = ways[here], level[here]
    bit = np.uint8(1 << direction)
    single = ((w & DIVIDED) != 0) | (plateau == 0)
    first = w & _WAYS & (~w + np.uint8(1))
    climbs = single & (first == bit)
    stays = ~single & ((plateau & bit) != 0)
    ways[here] = np.where(climbs, w & ~np.uint8(_WAYS), np.where(stays, w & ~bit, w))
    level[here] = np.where(climbs, 0, np.where(stays, plateau & ~bit, plateau))
    return np.where(climbs, CLIMBS, np.where(stays, LEVEL, 0)).astype(np.uint8)
