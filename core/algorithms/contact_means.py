"""Touching supervoxels and the mean affinity between them, and nothing else.

What agglomeration needs, in half the time that the full `region_graph` takes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.arrays import dense_labels, nearest_affinities
from segmend.core.algorithms.pair_index import PLACES, PairIndex, row_of
from segmend.core.errors import InputError

Array = NDArray[Any]

_STRETCH = 1 << 16


def contact_means(supervoxels: Array, affinities: Array) -> tuple[Array, Array, Array]:
    """Return touching pairs, their mean affinity and their area.

    Parameters
    ----------
    supervoxels : (z, y, x) integer array
        Dense ids; 0 touches nothing.
    affinities : (c, z, y, x) uint8 or float32 array

    Returns
    -------
    edges : (E, 2) uint32
        u < v, in the order of the first contact along z, y, x.
    affinity : (E,) float64
        Mean over the contact faces, 0..1.
    area : (E,) float64
        Contact faces.

    Raises
    ------
    InputError
        If shapes or types do not fit.
    """
    labels = dense_labels(supervoxels)
    values, scale = nearest_affinities(affinities)
    if values.shape[1:] != labels.shape:
        raise InputError(
            f"affinities cover {values.shape[1:]} voxels, supervoxels {labels.shape}: expected the same shape"
        )
    index = PairIndex(int(labels.max()) + 1 if labels.size else 1)
    sums = np.zeros((0, 2), np.float64)
    stretch = max(3 * labels.shape[2], _STRETCH)
    line, lines = 0, labels.shape[0] * labels.shape[1]
    while line < lines:
        index.reserve(stretch)
        if len(index.pairs) > len(sums):
            sums = np.concatenate([sums, np.zeros((len(index.pairs) - len(sums), 2))])
        line = _gather_lines(
            labels, values, line, len(index.found) + stretch, sums,
            index.near, index.far_keys, index.far_rows, index.pairs, index.used,
        )  # fmt: skip
    total, area = sums[: len(index.found)].T
    return np.ascontiguousarray(index.found[:, ::-1]), total / (area * scale), area.copy()


@njit(cache=True, nogil=True)
def _gather_lines(
    labels: Array, values: Array, first: int, room: int, sums: Array,
    near: Array, far_keys: Array, far_rows: Array, pairs: Array, used: Array,
) -> int:  # fmt: skip
    """Add up the faces of the lines along x from number `first` on, while there is room; return the next line."""
    _, ny, nx = labels.shape
    flat, faces = labels.ravel(), values.reshape(3, -1)
    places = np.empty(nx + 1, np.int64)
    for line in range(first, len(flat) // nx):
        if used[0] + 3 * nx > room:
            return line
        for axis in range(3):
            step = nx * ny if axis == 0 else (nx if axis == 1 else 1)
            if (axis == 0 and line < ny) or (axis == 1 and line % ny == 0):
                continue
            start = line * nx + (axis == 2)
            count = _borders(flat, start, line * nx + nx, step, places)
            _add(
                flat, faces[axis], places[:count], step, sums, near, far_keys, far_rows, pairs, used
            )
    return len(flat) // nx


@njit(cache=True, nogil=True)
def _borders(flat: Array, start: int, stop: int, step: int, places: Array) -> int:
    """List the voxels of a stretch that touch another supervoxel `step` before; without branches."""
    count = 0
    for i in range(start, stop):
        a, b = flat[i], flat[i - step]
        places[count] = i
        count += (a != b) & (a != 0) & (b != 0)
    return count


@njit(cache=True, nogil=True)
def _add(
    flat: Array, faces: Array, places: Array, step: int, sums: Array,
    near: Array, far_keys: Array, far_rows: Array, pairs: Array, used: Array,
) -> None:  # fmt: skip
    """Add up faces. A run between the same two asks the table once.

    Pairs are filed under the larger id: a large region is met early, so it has a small id, and most of its many
    neighbours a larger one with few neighbours of its own.
    """
    k = 0
    while k < len(places):
        a, b = flat[places[k]], flat[places[k] - step]
        total, area = np.float64(faces[places[k]]), 1.0
        k += 1
        while k < len(places) and flat[places[k]] == a and flat[places[k] - step] == b:
            total += faces[places[k]]
            area += 1.0
            k += 1
        u, v = max(a, b), min(a, b)
        row = np.int64(-1)
        for place in range(PLACES):
            if near[u, place] == v:
                row = np.int64(near[u, PLACES + place])
                break
        if row < 0:
            row = row_of(u, v, near, far_keys, far_rows, pairs, used)
        sums[row, 0] += total
        sums[row, 1] += area
