"""Catchment basins of a steepest-ascent graph on the voxel grid.

Every voxel holds one byte: bit d is set when direction d (-z, -y, -x, +z, +y, +x) is a steepest way up, bit 7 when the
voxel takes part at all. The byte array is made from affinities (`watershed`) or from a height (`fragments`); what
follows is the same for both and is that of Zlateski & Seung 2015 (arXiv 1505.00249, watershed transform):

* a plateau with a way out is divided: each voxel goes to the exit that is nearest in steps inside the plateau (breadth
  first from the voxels that have a way out);
* a plateau without a way out is one basin;
* several ways out of equal steepness: the first direction in the order above is taken.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[Any]

INSIDE = 0x80
DIVIDED = 0x40
_WAYS = 0x3F


def basins(ways: Array, shape_zyx: tuple[int, ...]) -> tuple[NDArray[np.uint32], int]:
    """Label the basins of a steepest-ascent graph.

    Parameters
    ----------
    ways : (z * y * x,) uint8
        One byte per voxel as described above.
    shape_zyx : tuple of 3 int

    Returns
    -------
    labels : (z, y, x) uint32
        0 where bit 7 is not set; else 1..n in the raster order of each basin's first voxel.
    n : int
    """
    inner, level, steps = divided_ways(ways, shape_zyx)
    return follow_ways(inner, level, steps, shape_zyx)


def divided_ways(ways: Array, shape_zyx: tuple[int, ...]) -> tuple[Array, Array, Array]:
    """Divide the plateaus that have a way out: afterwards ways lead up, or stay on a plateau without a way out.

    Parameters
    ----------
    ways : (z * y * x,) uint8
        One byte per voxel as described above; not changed.
    shape_zyx : tuple of 3 int

    Returns
    -------
    ways : (z * y * x,) uint8
        What is left of them; bit 6 is set on divided plateaus, whose voxels take their first way.
    level : (z * y * x,) uint8
        Those ways whose other voxel has the way back. A voxel without bit 6 that has any is on a plateau without a way
        out; each other one takes its first way.
    steps : (6,) int64
        From a voxel to its neighbour in each direction.
    """
    plane, row = shape_zyx[1] * shape_zyx[2], shape_zyx[2]
    steps = np.array([-plane, -row, -1, plane, row, 1], dtype=np.int64)
    # Room for a step beyond either end, and large arrays made here: NumPy asks for huge pages, kernels do not.
    padded = np.zeros(len(ways) + 2 * plane, np.uint8)
    padded[plane : plane + len(ways)] = ways
    inner = padded[plane : plane + len(ways)]
    z0, y0, x0, z1, y1, x1 = (padded[plane + s : plane + s + len(ways)] for s in steps)
    level = np.empty(len(ways), np.uint8)
    _level_ways(inner, z0, y0, x0, z1, y1, x1, level)
    _divide_plateaus(inner, level, steps)
    _level_ways(inner, z0, y0, x0, z1, y1, x1, level)
    return inner, level, steps


def follow_ways(
    ways: Array, level: Array, steps: Array, shape_zyx: tuple[int, ...]
) -> tuple[NDArray[np.uint32], int]:
    """Label the basins of what `divided_ways` returns, or of a part of it whose ways out were taken away."""
    plane, row = int(steps[3]), int(steps[4])
    taken = np.zeros(plane + len(ways), np.uint8)  # room for a step back from the first voxel
    links, labels = np.empty(len(ways), np.uint8), np.empty(len(ways), np.uint32)
    _take_ways(ways, level, taken[plane:])
    z0, y0, x0, here = (taken[plane - s : plane - s + len(ways)] for s in (plane, row, 1, 0))
    _link_back(here, z0, y0, x0, links)
    _join(links, plane, row, labels)
    count = _number(labels, ways)
    return labels.reshape(shape_zyx), int(count)


@njit(cache=True, nogil=True)
def _level_ways(
    ways: Array, z0: Array, y0: Array, x0: Array, z1: Array, y1: Array, x1: Array, level: Array
) -> None:
    """Find those of each voxel's ways whose other voxel has the way back; `z0` is `ways` one voxel before in z."""
    for i in range(len(ways)):
        back = ((z0[i] >> 3) & 1) | ((y0[i] >> 3) & 2) | ((x0[i] >> 3) & 4)
        back |= ((z1[i] & 1) << 3) | ((y1[i] & 2) << 3) | ((x1[i] & 4) << 3)
        level[i] = ways[i] & back


@njit(cache=True, nogil=True)
def _divide_plateaus(ways: Array, level: Array, steps: Array) -> None:
    queue = np.empty(len(ways), np.uint32)  # memory is taken only as far as it is written
    step_of = np.zeros(1 << 6, np.int64)
    step_of[1 << np.arange(6)] = steps
    tail = _plateau_exits(ways, level, queue)
    head = 0
    while head < tail:
        i = np.int64(queue[head])
        head += 1
        left = np.int64(level[i])
        while left:
            way = left & -left
            left ^= way
            j = i + step_of[way]
            if not ways[j] & ((way << 3) | (way >> 3)) & _WAYS:
                continue
            ways[i] &= ~way  # the other voxel comes here, not this one there
            if not ways[j] & DIVIDED:
                ways[j] |= DIVIDED
                queue[tail] = j
                tail += 1


@njit(cache=True, nogil=True)
def _plateau_exits(ways: Array, level: Array, found: Array) -> int:
    """Mark and list the voxels that lie on a plateau and have a way out of it; return their number."""
    count = 0
    for i in range(len(ways)):
        found[count] = i
        count += (level[i] != 0) & (level[i] != ways[i] & _WAYS)
    for k in range(count):
        ways[found[k]] |= DIVIDED
    return count


@njit(cache=True, nogil=True)
def find_root(parent: Array, i: Any) -> Any:
    """Return the root of `i`, halving the path on the way."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = np.int64(parent[i])
    return i


@njit(cache=True, nogil=True)
def _take_ways(ways: Array, level: Array, taken: Array) -> None:
    """Leave each voxel its first way up, and the voxels of a summit plateau all ways on it."""
    for i in range(len(ways)):
        way = ways[i] & _WAYS
        climbs = (ways[i] & DIVIDED != 0) | (level[i] == 0)
        taken[i] = way & (~way + 1) if climbs else level[i]


@njit(cache=True, nogil=True)
def _link_back(here: Array, z0: Array, y0: Array, x0: Array, links: Array) -> None:
    """Say which of the voxels before it in z, y and x (bits 0, 1, 2) each voxel goes to or is reached from."""
    for i in range(len(here)):
        reached = ((z0[i] >> 3) & 1) | ((y0[i] >> 3) & 2) | ((x0[i] >> 3) & 4)
        links[i] = (here[i] & 7) | reached


@njit(cache=True, nogil=True)
def _root_of_both(parent: Array, i: Any, j: Any) -> Any:
    """Join two trees; return the root of both, the smaller index."""
    a, b = np.int64(find_root(parent, i)), np.int64(find_root(parent, j))
    low = min(a, b)
    parent[max(a, b)] = low
    return low


@njit(cache=True, nogil=True)
def _join(links: Array, plane: int, row: int, parent: Array) -> None:
    """Join each voxel with those before it that it is linked to; the root of a basin is its first voxel.

    Most voxels have one parent to choose, whatever their links: only two different ones make a branch.
    """
    for i in range(len(links)):
        link = np.int64(links[i])
        parent[i] = i  # what is not linked is read as the voxel itself
        a = parent[i - plane * (link & 1)]
        b = parent[i - row * ((link >> 1) & 1)]
        c = parent[i - (link >> 2)]
        first = min(a, b, c)
        other = (a != first) & (a != i) | (b != first) & (b != i) | (c != first) & (c != i)
        if other:
            for p in (a, b, c):
                if p not in (first, i):
                    first = _root_of_both(parent, np.int64(first), np.int64(p))
        parent[i] = first


@njit(cache=True, nogil=True)
def _number(parent: Array, ways: Array) -> int:
    """Turn parents into labels 1..n in the order of each basin's first voxel, 0 for voxels that take no part."""
    count = 0
    for i in range(len(parent)):
        if not ways[i] & INSIDE:
            parent[i] = 0
        elif parent[i] == i:
            count += 1
            parent[i] = count
        else:
            parent[i] = parent[parent[i]]
    return count
