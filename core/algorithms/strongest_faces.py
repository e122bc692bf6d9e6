"""The strongest face between every two touching labels, in an order without ties.

A face is a pair of neighbouring voxels. Its number is 3 v + axis, where v is the raster index of the later voxel, so
faces are ordered by (strength falling, number rising) and no two are equal. That makes a spanning forest unique: it
does not depend on how the volume is cut into blocks.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.pair_index import PairIndex, row_of
from segmend.core.algorithms.radix_order import falling_order

Array = NDArray[Any]

_STRETCH = 1 << 16
_NO_FACE = np.iinfo(np.int64).max


class Passes(NamedTuple):
    """Touching pairs and the best face between each two.

    Parameters
    ----------
    pairs : (E, 2) uint32
    strength : (E,) float32
        Of the best face, in the units of the values.
    face : (E,) int64
        Number of the best face: of the strongest ones, the first.
    """

    pairs: Array
    strength: Array
    face: Array


def strongest_faces(
    labels: Array, values: Array, *, floor: float = -np.inf, flat: bool = False
) -> Passes:
    """Find the best face between every two touching labels.

    Parameters
    ----------
    labels : (z, y, x) uint32, dense
        0 touches nothing.
    values : (3, z, y, x) face values, or (z, y, x) heights, where a face has the lower height of its two voxels
    floor : float
        Weaker faces do not count.
    flat : bool
        Faces between sections do not count.

    Returns
    -------
    Passes
        In no particular order; faces are numbered in this volume.
    """
    lines = labels.shape[0] * labels.shape[1]
    stretch = max(3 * labels.shape[2], _STRETCH)
    index = PairIndex(int(labels.max()) + 1 if labels.size else 1)
    strength, face = np.empty(0, np.float32), np.empty(0, np.int64)
    line = 0
    while line < lines:
        index.reserve(stretch)
        more = len(index.pairs) - len(strength)
        if more:
            strength = np.concatenate([strength, np.zeros(more, np.float32)])
            face = np.concatenate([face, np.full(more, _NO_FACE)])
        line = _gather_lines(
            labels, values, float(np.float32(floor)), flat, line, len(index.found) + stretch, strength, face,
            index.near, index.far_keys, index.far_rows, index.pairs, index.used,
        )  # fmt: skip
    found = len(index.found)
    return Passes(index.found, strength[:found], face[:found])


def no_passes() -> Passes:
    """Return passes between nothing."""
    return Passes(np.empty((0, 2), np.uint32), np.empty(0, np.float32), np.empty(0, np.int64))


def falling(passes: Passes) -> Passes:
    """Sort passes by falling strength, then by rising number of the face.

    Parameters
    ----------
    passes : Passes
        Fewer than 2^32; strengths are not NaN.
    """
    low = (passes.face & 0xFFFFFFFF).astype(np.uint32)
    order = falling_order(~low)
    high = (passes.face >> 32).astype(np.uint32)
    if high.any():
        order = order[falling_order(~high[order])]
    order = order[falling_order(_sortable(passes.strength[order]))]
    return Passes(*(array[order] for array in passes))


def _sortable(strength: Array) -> Array:
    """Return uint32 in the order of the float32 given: their bits, all turned where the sign is set."""
    bits = (strength + np.float32(0)).view(np.uint32)
    sign = bits >> np.uint32(31)
    turned: Array = bits ^ (np.uint32(0) - sign | np.uint32(1 << 31))
    return turned


def best_of_each(passes: Passes) -> Passes:
    """Keep the best of the passes that join the same two nodes, in falling order; those from a node to itself go."""
    pairs = np.sort(passes.pairs, axis=1)
    differ = pairs[:, 0] != pairs[:, 1]
    passes = falling(Passes(pairs[differ], passes.strength[differ], passes.face[differ]))
    keys = passes.pairs[:, 0].astype(np.uint64) << np.uint64(32) | passes.pairs[:, 1]
    first = np.sort(np.unique(keys, return_index=True)[1])
    return Passes(*(array[first] for array in passes))


@njit(cache=True, nogil=True)
def _gather_lines(
    labels: Array, values: Array, floor: float, flat: bool, first: int, room: int, strength: Array, face: Array,
    near: Array, far_keys: Array, far_rows: Array, pairs: Array, used: Array,
) -> int:  # fmt: skip
    """Look at the faces of the lines along x from number `first` on, while there is room; return the next line."""
    nz, ny, nx = labels.shape
    for line in range(first, nz * ny):
        if used[0] + 3 * nx > room:
            return line
        z, y = line // ny, line % ny
        here, number = labels[z, y], 3 * np.int64(line) * nx
        if z > 0 and not flat:
            lower, upper = _faces(values, 0, z, y)
            _gather_line(
                here, labels[z - 1, y], lower, upper, floor, number, strength, face,
                near, far_keys, far_rows, pairs, used,
            )  # fmt: skip
        if y > 0:
            lower, upper = _faces(values, 1, z, y)
            _gather_line(
                here, labels[z, y - 1], lower, upper, floor, number + 1, strength, face,
                near, far_keys, far_rows, pairs, used,
            )  # fmt: skip
        lower, upper = _faces(values, 2, z, y)
        _gather_line(
            here[1:], here[:-1], lower, upper, floor, number + 5, strength, face,
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
    ours: Array, theirs: Array, lower: Array, upper: Array, floor: float, number: int, strength: Array, face: Array,
    near: Array, far_keys: Array, far_rows: Array, pairs: Array, used: Array,
) -> None:  # fmt: skip
    last_u, last_v, row = np.uint32(0), np.uint32(0), 0
    for x in range(len(ours)):
        a, b = ours[x], theirs[x]
        if a == b or a == 0 or b == 0:
            continue
        value = np.float32(min(lower[x], upper[x]))
        if value < floor:
            continue
        u, v = min(a, b), max(a, b)
        if u != last_u or v != last_v:
            row = row_of(u, v, near, far_keys, far_rows, pairs, used)
            last_u, last_v = u, v
        here = number + 3 * x
        if face[row] == _NO_FACE or value > strength[row]:
            strength[row] = value
            face[row] = here
        elif value == strength[row] and here < face[row]:
            face[row] = here
