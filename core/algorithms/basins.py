"""Catchment basins of a steepest-ascent graph on the voxel grid.

Every voxel holds one byte: bit d is set when direction d (-z, -y, -x, +z, +y, +x) is a steepest way up, bit 7 when the
voxel takes part at all. The byte array is made from affinities (`watershed`) or from a height (`fragments`); what
follows is the same for both and is that of Zlateski & Seung 2015 (arXiv 1505.00249, section 2 and algorithm 1):

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
_VISITED = 0x40
_WAYS = 0x3F


def basins(ways: Array, shape_zyx: tuple[int, ...]) -> tuple[NDArray[np.uint32], int]:
    """Label the basins of a steepest-ascent graph.

    Parameters
    ----------
    ways : (z * y * x,) uint8
        One byte per voxel as described above; changed by the call.
    shape_zyx : tuple of 3 int

    Returns
    -------
    labels : (z, y, x) uint32
        0 where bit 7 is not set; else 1..n in the raster order of each basin's first voxel.
    n : int
    """
    steps = np.array([-shape_zyx[1] * shape_zyx[2], -shape_zyx[2], -1], dtype=np.int64)
    steps = np.concatenate([steps, -steps])
    _divide_plateaus(ways, steps)
    labels, count = _join(ways, steps)
    return labels.reshape(shape_zyx), int(count)


@njit(cache=True, nogil=True)
def _divide_plateaus(ways: Array, steps: Array) -> None:
    queue = np.empty(len(ways), np.uint32)  # memory is taken only as far as it is written
    tail = _plateau_exits(ways, steps, queue)
    head = 0
    while head < tail:
        i = np.int64(queue[head])
        head += 1
        for d in range(6):
            if not (ways[i] >> d) & 1:
                continue
            j = i + steps[d]
            if not (ways[j] >> ((d + 3) % 6)) & 1:
                continue
            ways[i] = ways[i] & ~(1 << d)  # the other voxel comes here, not this one there
            if not ways[j] & _VISITED:
                ways[j] |= _VISITED
                queue[tail] = j
                tail += 1


@njit(cache=True, nogil=True)
def _plateau_exits(ways: Array, steps: Array, found: Array) -> int:
    """Mark and list the voxels that lie on a plateau and have a way out of it; return their number."""
    count = 0
    for i in range(len(ways)):
        way = ways[i] & _WAYS
        if way & (way - 1) == 0:
            continue  # one way at most: nothing to decide
        level, out = False, False
        for d in range(6):
            if (way >> d) & 1:
                if (ways[i + steps[d]] >> ((d + 3) % 6)) & 1:
                    level = True
                else:
                    out = True
        if level and out:
            found[count] = i
            count += 1
    for k in range(count):
        ways[found[k]] |= _VISITED
    return count


@njit(cache=True, nogil=True)
def find_root(parent: Array, i: Any) -> Any:
    """Return the root of `i`, halving the path on the way."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = np.int64(parent[i])
    return i


@njit(cache=True, nogil=True)
def _join(ways: Array, steps: Array) -> tuple[Array, int]:
    """Union each voxel with its way up; the root is the smallest index, so one raster pass can label."""
    parent = np.empty(len(ways), np.uint32)
    for i in range(len(ways)):
        parent[i] = i
    for i in range(len(ways)):
        way = ways[i] & _WAYS
        if way == 0:
            continue
        summit = not ways[i] & _VISITED
        for d in range(6):
            if not (way >> d) & 1:
                continue
            j = i + steps[d]
            a, b = find_root(parent, i), find_root(parent, j)
            if a < b:
                parent[b] = a
            elif b < a:
                parent[a] = b
            if not (summit and (ways[j] >> ((d + 3) % 6)) & 1):
                break  # not on a summit plateau: one way is enough
    count = 0
    for i in range(len(ways)):
        if not ways[i] & INSIDE:
            parent[i] = 0
        elif parent[i] == i:
            count += 1
            parent[i] = count
        else:
            parent[i] = parent[parent[i]]
    return parent, count
