"""The region adjacency graph of supervoxels, and a table of the supervoxels themselves."""

from __future__ import annotations

from typing import Any, NamedTuple

import fastremap
import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.arrays import dense_labels, nearest_affinities
from segmend.core.algorithms.pair_index import add_row, doubled, find_row, new_index
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


def region_graph(supervoxels: Array, affinities: Array | None) -> RegionGraph:
    """Gather the contacts between touching supervoxels over their common faces.

    To renew the edges of a few supervoxels, call it on a box that holds them grown by one voxel, and keep the rows
    that name them.

    Parameters
    ----------
    supervoxels : (z, y, x) integer array
        Ids in uint32; 0 is background and has no edges.
    affinities : (c, z, y, x) uint8 or float32 array, or None
        See `segmend.core.algorithms.arrays`; the first three channels are read.

    Raises
    ------
    InputError
        If shapes or types do not fit.
    """
    labels = dense_labels(supervoxels)
    values, scale = _face_values(affinities, labels.shape)
    labels, ids = _compact(labels)
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
        centroid=(rows[:, _Z : _X + 1] / area[:, None]).astype(np.float32),
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
    nodes = int(labels.max()) + 1 if labels.size else 1
    pairs, rows = _gather(labels, values, float(strong), nodes)
    return pairs, rows


def supervoxel_table(supervoxels: Array) -> SupervoxelTable:
    """Measure every supervoxel.

    Parameters
    ----------
    supervoxels : (z, y, x) integer array, dense ids

    Raises
    ------
    InputError
        If they are not 3D integers in uint32.
    """
    labels = dense_labels(supervoxels)
    nodes = int(labels.max()) + 1 if labels.size else 1
    size, box, centre = _extent(labels, nodes)
    point = _nearest_voxel(labels, centre)
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


def _compact(labels: Array) -> tuple[Array, Array | None]:
    """Renumber where the largest id is far above the number of voxels, as in a small box of a large volume."""
    if not labels.size or int(labels.max()) < max(labels.size, 1024):
        return labels, None
    compact, mapping = fastremap.renumber(labels, preserve_zero=True)
    ids = np.zeros(len(mapping) + 1, dtype=np.uint32)
    for old, new in mapping.items():
        ids[new] = old
    return np.ascontiguousarray(compact, dtype=np.uint32), ids


@njit(cache=True, nogil=True)
def face_value(values, axis, z, y, x):  # type: ignore[no-untyped-def]
    """Return the value of the face between a voxel and its predecessor on an axis."""
    if values.ndim == 4:
        return np.float64(values[axis, z, y, x])
    here = values[z, y, x]
    there = values[z - (axis == 0), y - (axis == 1), x - (axis == 2)]
    return np.float64(min(here, there))


@njit(cache=True, nogil=True)
def _gather(labels, values, strong, nodes):  # type: ignore[no-untyped-def]
    near, far_keys, far_rows = new_index(nodes)
    pairs = np.empty((1024, 2), np.uint32)
    sums = np.zeros((1024, _COLUMNS), np.float64)
    count, far = 0, 0
    nz, ny, nx = labels.shape
    last = np.zeros((3, 3), np.int64)  # per axis: the pair met last and its row; faces come in runs
    for z in range(nz):
        for y in range(ny):
            for x in range(nx):
                a = labels[z, y, x]
                if a == 0:
                    continue
                for axis in range(3):
                    if axis == 0:
                        if z == 0:
                            continue
                        b = labels[z - 1, y, x]
                    elif axis == 1:
                        if y == 0:
                            continue
                        b = labels[z, y - 1, x]
                    else:
                        if x == 0:
                            continue
                        b = labels[z, y, x - 1]
                    if a == b or b == 0:
                        continue
                    u, v = min(a, b), max(a, b)
                    if last[axis, 0] == u and last[axis, 1] == v:
                        row = last[axis, 2]
                    else:
                        row = find_row(u, v, near, far_keys, far_rows)
                        if row < 0:
                            if count == len(pairs):
                                pairs = np.concatenate((pairs, np.empty_like(pairs)))
                                sums = np.concatenate((sums, np.zeros_like(sums)))
                            row = count
                            count += 1
                            pairs[row, 0], pairs[row, 1] = u, v
                            sums[row, _MAX] = -np.inf
                            far += add_row(u, v, row, near, far_keys, far_rows)
                            if 2 * far > len(far_keys):
                                far_keys, far_rows = doubled(far_keys, far_rows)
                        last[axis, 0], last[axis, 1], last[axis, 2] = u, v, row
                    value = face_value(values, axis, z, y, x)
                    sums[row, _AREA] += 1
                    sums[row, _SUM] += value
                    sums[row, _MAX] = max(sums[row, _MAX], value)
                    sums[row, _STRONG] += value > strong
                    sums[row, _Z] += z - 0.5 * (axis == 0)
                    sums[row, _Y] += y - 0.5 * (axis == 1)
                    sums[row, _X] += x - 0.5 * (axis == 2)
    return pairs[:count].copy(), sums[:count].copy()


@njit(cache=True, nogil=True)
def _extent(labels, nodes):  # type: ignore[no-untyped-def]
    size = np.zeros(nodes, np.uint32)
    box = np.zeros((nodes, 6), np.int32)
    centre = np.zeros((nodes, 3), np.float64)
    nz, ny, nx = labels.shape
    for z in range(nz):
        for y in range(ny):
            for x in range(nx):
                a = labels[z, y, x]
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
def _nearest_voxel(labels, centre):  # type: ignore[no-untyped-def]
    point = np.zeros((len(centre), 3), np.int32)
    best = np.full(len(centre), np.inf)
    nz, ny, nx = labels.shape
    for z in range(nz):
        for y in range(ny):
            for x in range(nx):
                a = labels[z, y, x]
                if a == 0:
                    continue
                dz, dy, dx = z - centre[a, 0], y - centre[a, 1], x - centre[a, 2]
                distance = dz * dz + dy * dy + dx * dx
                if distance < best[a]:
                    best[a] = distance
                    point[a, 0], point[a, 1], point[a, 2] = z, y, x
    return point
