"""Basins of a part of a volume: the pieces inside a block, and where they go on outside it.

The ways of a voxel hang on its neighbours alone, so with one voxel of surroundings they are those of the whole volume.
Only the division of a plateau looks further: it is exact where the way out is fewer steps away than the surroundings
are wide. A plateau without a way out is exact whatever its size.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.basins import DIVIDED, divided_ways, follow_ways
from segmend.core.geometry import Box, Zyx

Array = NDArray[Any]

CLIMBS, LEVEL = 1, 2
"""How a voxel at a side of a block goes on beyond it: up, as its only way; or on a plateau without a way out."""
DIRECTIONS = 6
_WAYS = 0x3F
_LOOK = 4


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
    """Return the outermost plane of a (z, y, x) array in a direction, a view."""
    index: list[Any] = [slice(None)] * 3
    index[direction % 3] = 0 if direction < 3 else -1
    side: Array = array[tuple(index)]
    return side


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
    left, level = (a.reshape(part.box.shape_zyx) for a in (left, level))
    core = left[part.inside], level[part.inside]
    crossings = {
        d: _ways_out(side_of(core[0], d), side_of(core[1], d), d) for d in part.open_directions
    }
    if part.box == part.core:
        labels, count = follow_ways(left.reshape(-1), level.reshape(-1), steps, left.shape)
        return Pieces(labels, count, crossings)
    return Pieces(*_followed(left, level, part), crossings)


def _followed(left: Array, level: Array, part: Part) -> tuple[Array, int]:
    """Follow the ways a little beyond the block, so that what climbs to one place there is one piece here.

    Beyond the block only ways count that hang on nothing farther off: those of voxels on no plateau, and of two voxels
    that are each other's only level way.
    """
    seen = part.core.grow(_room(part)).intersect(part.box)
    wide = part.within(seen)
    ways, plateau = np.array(left[wide]), np.array(level[wide])
    inner = Part(seen, part.core, part.shape_zyx).inside
    _end_on_plateaus(ways, plateau, np.array([(s.start, s.stop) for s in inner]))
    core = ways[inner], plateau[inner]
    for d in part.open_directions:
        stays = _ways_out(side_of(core[0], d), side_of(core[1], d), d) == LEVEL
        _forget(side_of(core[0], d), side_of(core[1], d), stays, d)
    for d in range(DIRECTIONS):
        out = _ways_out(side_of(ways, d), side_of(plateau, d), d) != 0
        _forget(side_of(ways, d), side_of(plateau, d), out, d)
    shape = seen.shape_zyx
    steps = np.array([-shape[1] * shape[2], -shape[2], -1, shape[1] * shape[2], shape[2], 1])
    labels, count = follow_ways(ways.reshape(-1), plateau.reshape(-1), steps, shape)
    return _in_order(np.ascontiguousarray(labels[inner]), count)


def _room(part: Part) -> Zyx:
    """Return how far beyond the block the ways of voxels on no plateau are known, at most a few voxels."""
    pairs = zip(part.box.start_zyx, part.core.start_zyx, strict=True)
    ends = zip(part.core.stop_zyx, part.box.stop_zyx, strict=True)
    margin = [max(b - a, d - c) for (a, b), (c, d) in zip(pairs, ends, strict=True)]
    z, y, x = (min(_LOOK, max(0, m - 2)) for m in margin)
    return z, y, x


def _ways_out(ways: Array, plateau: Array, direction: int) -> Array:
    """Return for the voxels of a side how they go on beyond it: 0, `CLIMBS` or `LEVEL`."""
    bit = np.uint8(1 << direction)
    single = ((ways & DIVIDED) != 0) | (plateau == 0)
    first = ways & _WAYS & (~ways + np.uint8(1))
    climbs = single & (first == bit)
    stays = ~single & ((plateau & bit) != 0)
    out: Array = np.where(climbs, CLIMBS, np.where(stays, LEVEL, 0)).astype(np.uint8)
    return out


def _forget(ways: Array, plateau: Array, chosen: Array, direction: int) -> None:
    """Take the ways of some voxels of a side in a direction away; a single way was their only one."""
    single = ((ways & DIVIDED) != 0) | (plateau == 0)
    others = np.uint8(0xFF ^ (1 << direction))
    ways[chosen] = np.where(single, ways & ~np.uint8(_WAYS), ways & others)[chosen]
    plateau[chosen] = np.where(single, 0, plateau & others)[chosen]


@njit(cache=True, nogil=True)
def _end_on_plateaus(ways: Array, plateau: Array, inner: Array) -> None:
    """Take the ways of voxels beyond the block away that are on a plateau of more than two voxels."""
    nz, ny, nx = ways.shape
    level = plateau.copy()
    for z in range(nz):
        for y in range(ny):
            row = inner[0, 0] <= z < inner[0, 1] and inner[1, 0] <= y < inner[1, 1]
            for x in range(nx):
                if row and inner[2, 0] <= x < inner[2, 1]:
                    continue
                on = level[z, y, x]
                if on == 0 and not ways[z, y, x] & DIVIDED:
                    continue
                if on != 0 and on & (on - 1) == 0:
                    d = 0
                    while not (on >> d) & 1:
                        d += 1
                    step = -1 if d < 3 else 1
                    k, j, i = (
                        z + step * (d % 3 == 0),
                        y + step * (d % 3 == 1),
                        x + step * (d % 3 == 2),
                    )
                    if 0 <= k < nz and 0 <= j < ny and 0 <= i < nx:
                        other = level[k, j, i]
                        if other & (other - 1) == 0 and not ways[k, j, i] & DIVIDED:
                            continue
                ways[z, y, x] &= ~np.uint8(_WAYS | DIVIDED)
                plateau[z, y, x] = 0


@njit(cache=True, nogil=True)
def _in_order(labels: Array, count: int) -> tuple[Array, int]:
    """Give labels the numbers 1..n in the order of their first voxel, in place; return them and n."""
    new = np.zeros(count + 1, np.uint32)
    used = 0
    flat = labels.reshape(-1)
    for i in range(len(flat)):
        if flat[i] == 0:
            continue
        if new[flat[i]] == 0:
            used += 1
            new[flat[i]] = used
        flat[i] = new[flat[i]]
    return labels, used
