"""The region adjacency graph of supervoxels, and a table of the supervoxels themselves."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.arrays import dense_labels, nearest_affinities, renumbered
from segmend.core.algorithms.pair_index import PairIndex, row_of
from segmend.core.errors import InputError

Array = NDArray[Any]

STRONG = 0.5
"""A contact face counts as strong above this affinity."""
_AREA, _SUM, _MAX, _STRONG, _Z, _Y, _X, _COLUMNS = range(8)


class RegionGraph(NamedTuple):
    """Contacts between supervoxels, one row per touching pair, sorted by the pair.

    Parameters
    ----------
    edges : (E, 2) uint32
        u < v.
    affinity : (E,) float32
        Mean over the contact faces, 0..1; 0.5 throughout where no affinities were given.
    area : (E,) uint32
        Contact faces.
    strong : (E,) float32
        Share of contact faces with affinity above 0.5.
    centroid : (E, 3) float32
        Mean place of the contact faces, z, y, x voxels (a face lies at half an index).
    """

    edges: Array
    affinity: Array
    area: Array
    strong: Array
    centroid: Array


class SupervoxelTable(NamedTuple):
    """Supervoxels by id; row 0 (background) is all 0.

    Parameters
    ----------
    size : (n + 1,) uint32
        Voxels.
    point : (n + 1, 3) int32
        The voxel of the supervoxel that is nearest to its centre of mass.
    box : (n + 1, 6) int32
        Start z, y, x and stop z, y, x.
    """

    size: Array
    point: Array
    box: Array


def region_graph(
    supervoxels: Array, affinities: Array | None, *, start_zyx: tuple[int, int, int] = (0, 0, 0)
) -> RegionGraph:
    """Gather the contacts between touching supervoxels over their common faces.

    To renew the edges of a few supervoxels, call it on a box that holds them grown by one voxel, and keep the rows
    that name them; they are the same to the bit as in the graph of the whole volume.

    Parameters
    ----------
    supervoxels : (z, y, x) integer array
        Ids in uint32; 0 is background and has no edges.
    affinities : (c, z, y, x) uint8 or float32 array, or None
        See `segmend.core.algorithms.arrays`; the first three channels are read.
    start_zyx : tuple of 3 int
        Place of the first voxel in the whole volume.

    Raises
    ------
    InputError
        If shapes or types do not fit.
    """
    labels = dense_labels(supervoxels)
    values, scale = _face_values(affinities, labels.shape)
    labels, ids = renumbered(labels)
    pairs, rows = contacts(labels, values, STRONG * scale)
    if ids is not None:
        pairs = np.sort(ids[pairs], axis=1)
    order = np.argsort(pairs[:, 0].astype(np.uint64) << np.uint64(32) | pairs[:, 1])
    pairs, rows = pairs[order], rows[order]
    area = rows[:, _AREA]
    return RegionGraph(
        edges=pairs,
        affinity=(rows[:, _SUM] / (area * scale)).astype(np.float32),
        area=area.astype(np.uint32),
        strong=(rows[:, _STRONG] / area).astype(np.float32),
        centroid=_centroid(rows, np.array(start_zyx)),
    )


def _centroid(rows: Array, start: Array) -> Array:
    """Divide only once the sums count from the start of the volume: they are exact in float64, quotients are not."""
    area = rows[:, _AREA, None]
    centroid: Array = ((rows[:, _Z : _X + 1] + area * start) / area).astype(np.float32)
    return centroid


def strongest_contacts(labels: Array, values: Array) -> tuple[Array, Array]:
    """Return touching pairs and the largest face value of each, in no particular order.

    Parameters
    ----------
    labels : (z, y, x) uint32, dense
    values : (3, z, y, x) face values, or (z, y, x) heights, where a face has the lower height of its two voxels

    Returns
    -------
    (E, 2) uint32 and (E,) float64
    """
    pairs, rows = contacts(labels, values, np.inf)
    return pairs, np.ascontiguousarray(rows[:, _MAX])


def contacts(labels: Array, values: Array, strong: float) -> tuple[Array, Array]:
    """Return pairs and their sums as columns: area, sum, largest, strong faces, z, y, x."""
    lines = labels.shape[0] * labels.shape[1]
    stretch = max(3 * labels.shape[2], _STRETCH)
    index = PairIndex(int(labels.max()) + 1 if labels.size else 1)
    sums = np.zeros((0, _COLUMNS), np.float64)
    line = 0
    while line < lines:
        index.reserve(stretch)
        if len(index.pairs) > len(sums):
            sums = np.concatenate([sums, np.zeros((len(index.pairs) - len(sums), _COLUMNS))])
        line = _gather_lines(
            labels, values, float(strong), line, len(index.found) + stretch, sums,
            index.near, index.far_keys, index.far_rows, index.pairs, index.used,
        )  # fmt: skip
    return index.found, sums[: len(index.found)]


_STRETCH = 1 << 16


def supervoxel_table(
    supervoxels: Array, *, start_zyx: tuple[int, int, int] = (0, 0, 0)
) -> SupervoxelTable:
    """Measure every supervoxel.

    Parameters
    ----------
    supervoxels : (z, y, x) integer array, dense ids
    start_zyx : tuple of 3 int
        Place of the first voxel in the whole volume; points and boxes count from the start of that, and are the same
        to the bit as in the table of the whole.

    Raises
    ------
    InputError
        If they are not 3D integers in uint32.
    """
    labels = dense_labels(supervoxels)
    nodes = int(labels.max()) + 1 if labels.size else 1
    size, box, centre = _extent(labels, nodes, *start_zyx)
    point = _nearest_voxel(labels, centre, *start_zyx)
    return SupervoxelTable(size, point, box)


def _face_values(affinities: Array | None, shape: tuple[int, ...]) -> tuple[Array, float]:
    if affinities is None:
        return np.broadcast_to(np.float32(STRONG), (3, *shape)), 1.0
    values, scale = nearest_affinities(affinities)
    if values.shape[1:] != shape:
        raise InputError(
            f"affinities cover {values.shape[1:]} voxels, supervoxels {shape}: expected the same shape"
        )
    return values, scale


@njit(cache=True, nogil=True)
def _gather_lines(
    labels: Array, values: Array, strong: float, first: int, room: int, sums: Array,
    near: Array, far_keys: Array, far_rows: Array, pairs: Array, used: Array,
) -> int:  # fmt: skip
    """Add up the faces of the lines along x from number `first` on, while there is room; return the next line."""
    nz, ny, nx = labels.shape
    for line in range(first, nz * ny):
        if used[0] + 3 * nx > room:
            return line
        z, y = line // ny, line % ny
        here = labels[z, y]
        if z > 0:
            lower, upper = _faces(values, 0, z, y)
            _gather_line(
                here, labels[z - 1, y], lower, upper, strong, z - 0.5, y, 0.0, sums,
                near, far_keys, far_rows, pairs, used,
            )  # fmt: skip
        if y > 0:
            lower, upper = _faces(values, 1, z, y)
            _gather_line(
                here, labels[z, y - 1], lower, upper, strong, z, y - 0.5, 0.0, sums,
                near, far_keys, far_rows, pairs, used,
            )  # fmt: skip
        lower, upper = _faces(values, 2, z, y)
        _gather_line(
            here[1:], here[:-1], lower, upper, strong, z, y, 0.5, sums,
            near, far_keys, far_rows, pairs, used,
        )  # fmt: skip
    return nz * ny


@njit(cache=True, nogil=True)
def _faces(values: Array, axis: int, z: int, y: int) -> tuple[Array, Array]:
    """Return two lines whose smaller values are those of the faces."""
    if values.ndim == 4:
        line = values[axis, z, y][axis == 2 :]
        return line, line
    if axis == 2:
        return values[z, y][1:], values[z, y][:-1]
    return values[z, y], values[z - (axis == 0), y - (axis == 1)]


@njit(cache=True, nogil=True)
def _gather_line(
    ours: Array, theirs: Array, lower: Array, upper: Array, strong: float, z: float, y: float, x0: float, sums: Array,
    near: Array, far_keys: Array, far_rows: Array, pairs: Array, used: Array,
) -> None:  # fmt: skip
    last_u, last_v, row = np.uint32(0), np.uint32(0), 0
    for x in range(len(ours)):
        a, b = ours[x], theirs[x]
        if a == b or a == 0 or b == 0:
            continue
        u, v = min(a, b), max(a, b)
        if u != last_u or v != last_v:
            row = row_of(u, v, near, far_keys, far_rows, pairs, used)
            last_u, last_v = u, v
        value = np.float64(min(lower[x], upper[x]))
        sums[row, _AREA] += 1
        sums[row, _SUM] += value
        if value > sums[row, _MAX] or sums[row, _AREA] == 1:
            sums[row, _MAX] = value
        sums[row, _STRONG] += value > strong
        sums[row, _Z] += z
        sums[row, _Y] += y
        sums[row, _X] += x + x0


@njit(cache=True, nogil=True)
def _extent(labels: Array, nodes: int, z0: int, y0: int, x0: int) -> tuple[Array, Array, Array]:
    size = np.zeros(nodes, np.uint32)
    box = np.zeros((nodes, 6), np.int32)
    centre = np.zeros((nodes, 3), np.float64)
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
                centre[a, 0] += z
                centre[a, 1] += y
                centre[a, 2] += x
                box[a, 1] = min(box[a, 1], y)
                box[a, 2] = min(box[a, 2], x)
                box[a, 3] = z + 1
                box[a, 4] = max(box[a, 4], y + 1)
                box[a, 5] = max(box[a, 5], x + 1)
    for a in range(nodes):
        if size[a]:
            centre[a] /= size[a]
    return size, box, centre


@njit(cache=True, nogil=True)
def _nearest_voxel(labels: Array, centre: Array, z0: int, y0: int, x0: int) -> Array:
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
    return point
