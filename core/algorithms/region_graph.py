"""The region adjacency graph of supervoxels, and a table of the supervoxels themselves."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.arrays import dense_labels
from segmend.core.algorithms.graph_parts import contact_part, extent, nearest_voxels
from segmend.core.algorithms.graph_totals import centres
from segmend.core.algorithms.pair_index import PairIndex, row_of

Array = NDArray[Any]

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
    contacts, _ = contact_part(supervoxels, affinities, start_zyx=start_zyx)
    stored = affinities is not None and affinities.dtype == np.uint8
    return graph_of_contacts(contacts, 255.0 if stored else 1.0)


def graph_of_contacts(contacts: Array, scale: float) -> RegionGraph:
    """Return the graph of contacts that were added up over a whole volume.

    Parameters
    ----------
    contacts : (E,) of `segmend.core.algorithms.graph_parts.CONTACT`
        Sorted by the pair.
    scale : float
        What stands for affinity 1 in their sums.
    """
    pair = contacts["pair"]
    area = contacts["area"].astype(np.float64)
    edges = np.stack([pair >> np.uint64(32), pair & np.uint64(0xFFFFFFFF)], axis=1)
    return RegionGraph(
        edges=edges.astype(np.uint32),
        affinity=(contacts["affinity"] / (area * scale)).astype(np.float32),
        area=np.ascontiguousarray(contacts["area"]),
        strong=(contacts["strong"] / area).astype(np.float32),
        centroid=(contacts["place"] / area[:, None]).astype(np.float32),
    )


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
    size, box, place = extent(labels, nodes, *start_zyx)
    _, point = nearest_voxels(labels, centres(size, place), *start_zyx)
    return SupervoxelTable(size, point, box)


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
