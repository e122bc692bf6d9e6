"""What one block of a volume adds to the region graph and to the table of supervoxels; `graph_totals` adds them up.

Every face belongs to the block that holds its upper voxel and every voxel to its own block, so nothing is counted
twice. Sums of places and of uint8 affinities are exact in float64: added up in any order, from any grid of blocks,
they are those of the whole volume to the bit. Sums of float affinities differ in the last bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.arrays import dense_labels, nearest_affinities, renumbered
from segmend.core.algorithms.pair_index import PairIndex, row_of
from segmend.core.errors import InputError
from segmend.core.geometry import Box, Zyx

Array = NDArray[Any]

STRONG = 0.5
"""A contact face counts as strong above this affinity."""

CONTACT = np.dtype(
    [("pair", "u8"), ("area", "u4"), ("strong", "u4"), ("affinity", "f8"), ("place", "f8", 3)]
)
"""A pair u < v as u * 2^32 + v, its faces, the strong ones among them, the sums of their affinities and places."""

SUPERVOXEL = np.dtype([("id", "u4"), ("size", "u4"), ("box", "i4", 6), ("place", "f8", 3)])
"""A supervoxel's voxels, start and stop of its box, and the sum of the places of its voxels."""

NEAREST = np.dtype([("id", "u4"), ("distance", "f8"), ("point", "i4", 3)])
"""The voxel of a supervoxel that is nearest to its centre: squared distance and place."""

_AREA, _SUM, _STRONG, _Z, _Y, _X, _COLUMNS = range(7)
_STRETCH = 1 << 16


def contact_part(
    supervoxels: Array,
    affinities: Array | None,
    *,
    margin_zyx: Zyx = (0, 0, 0),
    start_zyx: Zyx = (0, 0, 0),
    bins: int = 0,
) -> tuple[Array, Array]:
    """Add up the contact faces of one block.

    Parameters
    ----------
    supervoxels : (z, y, x) integer array
        Ids in uint32; 0 is background and has no contacts.
    affinities : (c, z, y, x) uint8 or float32 array, or None
        The first three channels are read; None: 0.5 everywhere.
    margin_zyx : tuple of 3 int
        1 on axes where the first layer belongs to the block before: only its faces towards this block count.
    start_zyx : tuple of 3 int
        Place of the first voxel in the whole volume.
    bins : int
        Also count the affinities of each contact in this many equal bins of 0..1; the last holds 1.

    Returns
    -------
    contacts : (C,) of `CONTACT`
        Sorted by the pair. Affinities count as they are stored, 0..255 or 0..1.
    histogram : (C, bins) uint32

    Raises
    ------
    InputError
        If shapes or types do not fit.
    """
    labels = dense_labels(supervoxels)
    values, scale = face_values(affinities, labels.shape)
    labels, ids = renumbered(labels)
    pairs, sums, histogram = _gathered(labels, values, STRONG * scale, margin_zyx, bins, scale)
    if ids is not None:
        pairs = np.sort(ids[pairs], axis=1)
    keys = pairs[:, 0].astype(np.uint64) << np.uint64(32) | pairs[:, 1]
    order = np.argsort(keys)
    out = np.empty(len(keys), CONTACT)
    out["pair"] = keys[order]
    sums = sums[order]
    out["area"], out["strong"], out["affinity"] = sums[:, _AREA], sums[:, _STRONG], sums[:, _SUM]
    out["place"] = sums[:, _Z : _X + 1] + sums[:, _AREA, None] * np.asarray(start_zyx)
    return out, histogram[order]


def with_layer_before(box: Box) -> tuple[Box, Zyx]:
    """Return a block with the voxels below its first faces, and the margin that `contact_part` wants to know."""
    z, y, x = (int(a > 0) for a in box.start_zyx)
    start = box.start_zyx[0] - z, box.start_zyx[1] - y, box.start_zyx[2] - x
    return Box(start, box.stop_zyx), (z, y, x)


def face_values(affinities: Array | None, shape: tuple[int, ...]) -> tuple[Array, float]:
    """Return the affinities of the faces, and the value that means affinity 1."""
    if affinities is None:
        return np.broadcast_to(np.float32(STRONG), (3, *shape)), 1.0
    values, scale = nearest_affinities(affinities)
    if values.shape[1:] != shape:
        raise InputError(
            f"affinities cover {values.shape[1:]} voxels, supervoxels {shape}: expected the same shape"
        )
    return values, scale


def supervoxel_part(supervoxels: Array, *, start_zyx: Zyx = (0, 0, 0)) -> Array:
    """Measure what lies in one block of each supervoxel; (k,) of `SUPERVOXEL`, sorted by id.

    Raises
    ------
    InputError
        If they are not 3D integers in uint32.
    """
    labels, ids = renumbered(dense_labels(supervoxels))
    nodes = int(labels.max()) + 1 if labels.size else 1
    size, box, place = extent(labels, nodes, *start_zyx)
    there = np.flatnonzero(size)
    out = np.empty(len(there), SUPERVOXEL)
    out["id"] = there if ids is None else ids[there]
    out["size"], out["box"], out["place"] = size[there], box[there], place[there]
    out.sort(order="id")
    return out


def nearest_part(supervoxels: Array, centre: Array, *, start_zyx: Zyx = (0, 0, 0)) -> Array:
    """Find the voxel of each supervoxel of one block that is nearest to its centre; (k,) of `NEAREST`, by id.

    Parameters
    ----------
    supervoxels : (z, y, x) integer array
    centre : (n + 1, 3) float64
        Of all supervoxels of the volume.
    start_zyx : tuple of 3 int
        Place of the first voxel in the whole volume.
    """
    labels, ids = renumbered(dense_labels(supervoxels))
    nodes = int(labels.max()) + 1 if labels.size else 1
    here = centre[:nodes] if ids is None else centre[ids]
    distance, point = nearest_voxels(labels, np.ascontiguousarray(here), *start_zyx)
    there = np.flatnonzero(distance < np.inf)
    out = np.empty(len(there), NEAREST)
    out["id"] = there if ids is None else ids[there]
    out["distance"], out["point"] = distance[there], point[there]
    out.sort(order="id")
    return out


def _gathered(
    labels: Array, values: Array, strong: float, margin: Zyx, bins: int, scale: float
) -> tuple[Array, Array, Array]:
    """Return pairs, their sums and their histograms, in the order of appearance."""
    lines = labels.shape[0] * labels.shape[1]
    stretch = max(3 * labels.shape[2], min(3 * labels.size, _STRETCH))
    index = PairIndex(int(labels.max()) + 1 if labels.size else 1)
    sums = np.zeros((0, _COLUMNS), np.float64)
    histogram = np.zeros((0, bins), np.uint32)
    line = 0
    while line < lines:
        index.reserve(stretch)
        sums, histogram = (_longer(table, len(index.pairs)) for table in (sums, histogram))
        line = _gather_lines(
            labels, values, float(strong), margin, scale, line, len(index.found) + stretch,
            sums, histogram, index.near, index.far_keys, index.far_rows, index.pairs, index.used,
        )  # fmt: skip
    found = len(index.found)
    return index.found, sums[:found], histogram[:found]


def _longer(table: Array, rows: int) -> Array:
    """Return a table with zeros below; memory that is not written yet is not taken yet."""
    if rows <= len(table):
        return table
    out = np.zeros((rows, table.shape[1]), table.dtype)
    out[: len(table)] = table
    return out


@njit(cache=True, nogil=True)
def _gather_lines(
    labels: Array, values: Array, strong: float, margin: Zyx, scale: float, first: int, room: int,
    sums: Array, histogram: Array,
    near: Array, far_keys: Array, far_rows: Array, pairs: Array, used: Array,
) -> int:  # fmt: skip
    """Add up the faces of the lines along x from number `first` on, while there is room; return the next line."""
    nz, ny, nx = labels.shape
    oz, oy, ox = margin
    for line in range(first, nz * ny):
        if used[0] + 3 * nx > room:
            return line
        z, y = line // ny, line % ny
        if z < oz or y < oy:
            continue
        here = labels[z, y]
        if z > 0:
            _gather_line(
                here[ox:], labels[z - 1, y][ox:], values[0, z, y][ox:], strong, scale, z - 0.5, float(y), float(ox),
                sums, histogram, near, far_keys, far_rows, pairs, used,
            )  # fmt: skip
        if y > 0:
            _gather_line(
                here[ox:], labels[z, y - 1][ox:], values[1, z, y][ox:], strong, scale, float(z), y - 0.5, float(ox),
                sums, histogram, near, far_keys, far_rows, pairs, used,
            )  # fmt: skip
        _gather_line(
            here[1:], here[:-1], values[2, z, y][1:], strong, scale, float(z), float(y), 0.5,
            sums, histogram, near, far_keys, far_rows, pairs, used,
        )  # fmt: skip
    return nz * ny


@njit(cache=True, nogil=True)
def _gather_line(
    ours: Array, theirs: Array, values: Array, strong: float, scale: float, z: float, y: float, x0: float,
    sums: Array, histogram: Array,
    near: Array, far_keys: Array, far_rows: Array, pairs: Array, used: Array,
) -> None:  # fmt: skip
    last_u, last_v, row = np.uint32(0), np.uint32(0), 0
    bins = histogram.shape[1]
    for x in range(len(ours)):
        a, b = ours[x], theirs[x]
        if a == b or a == 0 or b == 0:
            continue
        u, v = min(a, b), max(a, b)
        if u != last_u or v != last_v:
            row = row_of(u, v, near, far_keys, far_rows, pairs, used)
            last_u, last_v = u, v
        value = np.float64(values[x])
        sums[row, _AREA] += 1
        sums[row, _SUM] += value
        sums[row, _STRONG] += value > strong
        sums[row, _Z] += z
        sums[row, _Y] += y
        sums[row, _X] += x + x0
        if bins:
            histogram[row, max(0, min(bins - 1, int(value * bins / scale)))] += np.uint32(1)


@njit(cache=True, nogil=True)
def extent(labels: Array, nodes: int, z0: int, y0: int, x0: int) -> tuple[Array, Array, Array]:
    """Return size, box and sum of places of dense labels, counted from `z0`, `y0`, `x0`."""
    size = np.zeros(nodes, np.uint32)
    box = np.zeros((nodes, 6), np.int32)
    place = np.zeros((nodes, 3), np.float64)
    nz, ny, nx = labels.shape
    for k in range(nz):
        z = k + z0
        for j in range(ny):
            y = j + y0
            for i in range(nx):
                a, x = labels[k, j, i], i + x0
                if a == 0:
                    continue
                if size[a] == 0:
                    box[a, 0], box[a, 1], box[a, 2] = z, y, x
                size[a] += 1
                place[a, 0] += z
                place[a, 1] += y
                place[a, 2] += x
                box[a, 1] = min(box[a, 1], y)
                box[a, 2] = min(box[a, 2], x)
                box[a, 3] = z + 1
                box[a, 4] = max(box[a, 4], y + 1)
                box[a, 5] = max(box[a, 5], x + 1)
    return size, box, place


@njit(cache=True, nogil=True)
def nearest_voxels(labels: Array, centre: Array, z0: int, y0: int, x0: int) -> tuple[Array, Array]:
    """Return the smallest squared distance of a voxel of each label to its centre, and the first such voxel."""
    point = np.zeros((len(centre), 3), np.int32)
    best = np.full(len(centre), np.inf)
    nz, ny, nx = labels.shape
    for k in range(nz):
        z = k + z0
        for j in range(ny):
            y = j + y0
            for i in range(nx):
                a, x = labels[k, j, i], i + x0
                if a == 0:
                    continue
                dz, dy, dx = z - centre[a, 0], y - centre[a, 1], x - centre[a, 2]
                distance = dz * dz + dy * dy + dx * dx
                if distance < best[a]:
                    best[a] = distance
                    point[a, 0], point[a, 1], point[a, 2] = z, y, x
    return best, point
