"""Mutex watershed on short and long-range affinities.

Wolf et al. 2018, "The mutex watershed: efficient, parameter-free image partitioning" (ECCV 2018); the
journal version is Wolf et al. 2020, "The mutex watershed and its objective" (arXiv 1904.12654). Edges are taken in the
order of falling absolute weight; an attractive edge joins two regions unless they exclude each other, a repulsive edge
makes them exclude each other unless they are joined already.

What makes it fast is that an edge inside a region changes nothing. All attractive edges above the strongest repulsive
one are joined first, in raster order, without sorting. The rest is taken in groups of falling weight, and before each
group the edges whose ends have met by then are dropped: only edges across borders are ever sorted and looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.arrays import LARGEST_ID, voxel_mask
from segmend.core.algorithms.basins import find_root
from segmend.core.algorithms.mutexes import Mutexes
from segmend.core.algorithms.radix_order import falling_order
from segmend.core.algorithms.voxel_edges import checked_edges, edge_ranges, flat_steps
from segmend.core.errors import InputError
from segmend.core.geometry import Zyx

Array = NDArray[Any]

_GROUP = 1 << 22
_COARSE = 16
"""Groups are cut at the upper half of the key's bits."""


def mutex_watershed(
    affinities: Array,
    offsets: Sequence[Zyx],
    *,
    bias: Sequence[float] | float = 0.5,
    strides: Sequence[Zyx] | None = None,
    mask: Array | None = None,
) -> NDArray[np.uint32]:
    """Cut a volume into segments without a threshold.

    The weight of an edge is its affinity (uint8 divided by 255) minus the bias of its channel, in float32; above 0 it
    attracts, else it repels. Edges of equal absolute weight are taken attractive before repulsive, then in the order
    of the channels, then in the raster order of the voxel that carries the edge. Where no two weights are equal the
    partition is the one that the definition allows.

    Parameters
    ----------
    affinities : (c, z, y, x) uint8 or float32 array, 0..255 or 0..1
        Channel k holds the affinity between voxel v and voxel v + offsets[k].
    offsets : sequence of c (z, y, x)
        Not zero.
    bias : float, or one per channel
        0..1. A larger bias cuts more.
    strides : sequence of c (z, y, x), optional
        An edge counts where the lower corner of v and v + offset is a multiple of its channel's stride on every axis;
        1 by default.
        Strides on the long-range channels save time and keep their many edges from outweighing the short ones.
    mask : (z, y, x) bool array, optional
        Voxels outside become background; edges to them do not count.

    Returns
    -------
    (z, y, x) uint32
        0 outside the mask, else 1..n dense, in raster order of the first voxel. A voxel that nothing joins to is a
        segment of its own.

    Raises
    ------
    InputError
        If an argument does not fit the affinities, or an affinity is NaN or infinite.
    """
    offset, stride, biases = checked_edges(affinities, offsets, bias, strides)
    shape = affinities.shape[1:]
    scale = np.float32(255 if affinities.dtype == np.uint8 else 1)
    values = np.ascontiguousarray(affinities)
    inside = voxel_mask(mask, shape)
    ranges = edge_ranges(shape, offset, stride)
    edges = values.reshape(len(values), -1), scale, biases, ranges, flat_steps(offset, shape), shape
    labels = np.arange(int(np.prod(shape)), dtype=np.uint32)
    if inside.size:
        labels[~inside.ravel()] = _OUTSIDE
    if not _all_finite(values):
        raise InputError("affinities hold NaN or infinite values: expected 0..1; repair them first")
    top = _strongest_repulsion(labels, *edges)
    _join_above(top, labels, *edges)
    _join_rest(labels, edges)
    return labels.reshape(shape)


_OUTSIDE = np.uint32(LARGEST_ID)


def _join_rest(labels: Array, edges: tuple[Any, ...]) -> None:
    """Join group after group; `labels` holds the region of each voxel, 0..n-1, and 1..n in the end."""
    regions = Mutexes(_flatten(labels))
    nothing = np.empty(0, np.uint32)
    limit = 1 << (32 - _COARSE)
    count = np.zeros(limit, np.int64)
    _sift(labels, 0, count, nothing, nothing, nothing, *edges)
    while count[:limit].any():
        total = np.cumsum(count[:limit][::-1])  # no fewer than there will be: regions only grow
        whole = max(1, int(np.searchsorted(total, _GROUP, side="right")))
        floor = limit - whole
        u, v, keys = (np.empty(int(total[whole - 1]), np.uint32) for _ in range(3))
        found = _sift(labels, floor, count[floor:limit], u, v, keys, *edges)
        u, v, keys = u[:found], v[:found], keys[:found]
        regions.join(u, v, (keys & 1).astype(np.bool_), falling_order(keys))
        _follow(labels, regions.parent)
        limit = floor
    _number(labels, len(regions.parent))


def _all_finite(values: Array) -> bool:
    return values.dtype == np.uint8 or all(bool(np.isfinite(v).all()) for c in values for v in c)


@njit(cache=True, nogil=True, inline="always")
def _key(value: Any, scale: Any, bias: Any) -> Any:
    """Return what edges are sorted by: the bits of the absolute weight, then whether it attracts."""
    weight = np.float32(value) / scale - bias
    bits = np.float32(abs(weight)).view(np.uint32)
    return (bits << np.uint32(1)) | np.uint32(weight > 0)


@njit(cache=True, nogil=True)
def _strongest_repulsion(
    labels: Array, values: Array, scale: Any, bias: Array, ranges: Array, steps: Array, shape: tuple[int, int, int]
) -> Any:  # fmt: skip
    """Return the largest key of a repulsive edge."""
    top = np.uint32(0)
    for c in range(len(values)):
        lowest = _lowest(labels, values[c], scale == 255, ranges[c], steps[c], shape)
        if lowest / scale - bias[c] <= 0:
            top = max(top, _key(lowest, scale, bias[c]))
    return top


@njit(cache=True, nogil=True)
def _lowest(
    labels: Array, values: Array, stored: bool, ranges: Array, step: int, shape: tuple[int, int, int]
) -> Any:  # fmt: skip
    """Return the lowest affinity of a channel; where it is stored in bytes, 0 ends the search."""
    (z0, z1, dz), (y0, y1, dy), (x0, x1, dx) = ranges[0], ranges[1], ranges[2]
    lowest = np.float32(np.inf)
    for z in range(z0, z1, dz):
        for y in range(y0, y1, dy):
            line = (z * shape[1] + y) * shape[2]
            for i in range(line + x0, line + x1, dx):
                value = np.float32(values[i])
                if value < lowest and labels[i] != _OUTSIDE and labels[i + step] != _OUTSIDE:
                    lowest = value
            if stored and lowest == 0:
                return lowest
    return lowest


@njit(cache=True, nogil=True)
def _join_above(
    top: Any, parent: Array, values: Array, scale: Any, bias: Array, ranges: Array, steps: Array,
    shape: tuple[int, int, int],
) -> None:  # fmt: skip
    """Join along the attractive edges above a key; a root is the first voxel of its region."""
    for c in range(len(values)):
        (z0, z1, dz), (y0, y1, dy), (x0, x1, dx) = ranges[c, 0], ranges[c, 1], ranges[c, 2]
        for z in range(z0, z1, dz):
            for y in range(y0, y1, dy):
                line = (z * shape[1] + y) * shape[2]
                for x in range(x0, x1, dx):
                    i = line + x
                    key = _key(values[c, i], scale, bias[c])
                    j = i + steps[c]
                    if key <= top or not key & 1 or parent[i] == _OUTSIDE or parent[j] == _OUTSIDE:
                        continue
                    a = np.uint32(find_root(parent, i))
                    b = np.uint32(find_root(parent, j))
                    if a < b:
                        parent[b] = a
                    elif b < a:
                        parent[a] = b


@njit(cache=True, nogil=True)
def _flatten(parent: Array) -> int:
    """Turn a forest whose roots are the smallest members into regions 0..n-1; return n."""
    count = 0
    for i in range(len(parent)):
        if parent[i] == _OUTSIDE:
            continue
        if parent[i] == i:
            parent[i] = count
            count += 1
        else:
            parent[i] = parent[parent[i]]
    return count


@njit(cache=True, nogil=True)
def _sift(
    labels: Array, floor: int, count: Array, u: Array, v: Array, keys: Array, values: Array, scale: Any, bias: Array,
    ranges: Array, steps: Array, shape: tuple[int, int, int],
) -> int:  # fmt: skip
    """Count the edges across borders by the upper half of their key, from `floor` up, as far as `count` goes.

    Where there is room for them, their regions and keys are listed instead. Return the number of those.
    """
    listing = len(keys) > 0
    n = 0
    for c in range(len(values)):
        (z0, z1, dz), (y0, y1, dy), (x0, x1, dx) = ranges[c, 0], ranges[c, 1], ranges[c, 2]
        for z in range(z0, z1, dz):
            for y in range(y0, y1, dy):
                line = (z * shape[1] + y) * shape[2]
                for x in range(x0, x1, dx):
                    i = line + x
                    a, b = labels[i], labels[i + steps[c]]
                    if a == b or max(a, b) == _OUTSIDE:
                        continue
                    key = _key(values[c, i], scale, bias[c])
                    part = np.int64(key >> np.uint32(_COARSE)) - floor
                    if not 0 <= part < len(count):
                        continue
                    if listing:
                        u[n], v[n], keys[n] = a, b, key
                        n += 1
                    else:
                        count[part] += 1
    return n


@njit(cache=True, nogil=True)
def _follow(labels: Array, parent: Array) -> None:
    """Replace each region by its root."""
    for r in range(len(parent)):
        parent[r] = find_root(parent, np.int64(r))
    for i in range(len(labels)):
        if labels[i] != _OUTSIDE:
            labels[i] = parent[labels[i]]


@njit(cache=True, nogil=True)
def _number(labels: Array, regions: int) -> None:
    """Give the regions 1..n in the order of their first voxels, and 0 to what is outside."""
    number = np.zeros(regions, np.uint32)
    count = 0
    for i in range(len(labels)):
        if labels[i] == _OUTSIDE:
            labels[i] = 0
            continue
        if number[labels[i]] == 0:
            count += 1
            number[labels[i]] = count
        labels[i] = number[labels[i]]
