"""A growing table from pairs of ids to row numbers, for kernels that gather statistics per pair.

Most ids meet few others, some (a glia cell, the largest neurite) meet tens of thousands. So each first id has eight
places of its own, one cache line, and everything beyond goes to one open-addressing table hashed on the whole pair:
near places keep locality for the many, full mixing keeps hubs from forming long probe chains.

A kernel works on fixed arrays for a stretch that cannot outgrow them, then returns, and `PairIndex.reserve` makes room
for the next stretch: array variables that are replaced inside a compiled loop cost a reference count per turn, 10 to
50 ns, more than the work itself.

Second ids are at least 1; 0 marks an empty place.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[Any]

PLACES = 8


class PairIndex:
    """The arrays that `row_of` searches and fills.

    Parameters
    ----------
    nodes : int
        First ids are below this.

    Attributes
    ----------
    near : (nodes, 16) uint32
        Eight second ids and their rows.
    far_keys, far_rows : (2 ** k,) uint64 and int64
        The hash table; row -1 is empty.
    pairs : (capacity, 2) uint32
        The pair of each row, in the order of appearance.
    used : (2,) int64
        Rows, and how many of them are in the hash table.
    """

    def __init__(self, nodes: int) -> None:
        self.near = np.zeros((nodes, 2 * PLACES), np.uint32)
        self.far_keys = np.empty(1024, np.uint64)
        self.far_rows = np.full(1024, -1, np.int64)
        self.pairs = np.empty((max(1024, 4 * nodes), 2), np.uint32)
        self.used = np.zeros(2, np.int64)

    def reserve(self, more: int) -> None:
        """Make room for `more` new pairs; arrays that run along with `pairs` are to grow with it."""
        rows, far = (int(k) for k in self.used)
        while rows + more > len(self.pairs):
            self.pairs = np.concatenate([self.pairs, np.empty_like(self.pairs)])
        while 2 * (far + more) > len(self.far_keys):
            self.far_keys, self.far_rows = _doubled(self.far_keys, self.far_rows)

    @property
    def found(self) -> Array:
        """The pairs so far, (C, 2) uint32."""
        return self.pairs[: self.used[0]]


@njit(cache=True, nogil=True, inline="always")
def mixed(key: Any) -> Any:
    """Scatter a 64-bit key (the finalizer of MurmurHash3)."""
    key = np.uint64(key)
    key ^= key >> np.uint64(33)
    key *= np.uint64(0xFF51AFD7ED558CCD)
    key ^= key >> np.uint64(33)
    key *= np.uint64(0xC4CEB9FE1A85EC53)
    return key ^ (key >> np.uint64(33))


@njit(cache=True, nogil=True)
def row_of(
    u: Any, v: Any, near: Array, far_keys: Array, far_rows: Array, pairs: Array, used: Array
) -> Any:
    """Return the row of a pair; a pair not met before gets the next one."""
    for place in range(PLACES):
        w = near[u, place]
        if w == v:
            return np.int64(near[u, PLACES + place])
        if w == 0:
            near[u, place] = v
            near[u, PLACES + place] = used[0]
            return _new_row(u, v, pairs, used)
    key = (np.uint64(u) << np.uint64(32)) | np.uint64(v)
    mask = np.uint64(len(far_keys) - 1)
    i = mixed(key) & mask
    while far_rows[i] >= 0:
        if far_keys[i] == key:
            return far_rows[i]
        i = (i + np.uint64(1)) & mask
    far_keys[i] = key
    far_rows[i] = used[0]
    used[1] += 1
    return _new_row(u, v, pairs, used)


@njit(cache=True, nogil=True, inline="always")
def _new_row(u: Any, v: Any, pairs: Array, used: Array) -> Any:
    row = used[0]
    pairs[row, 0] = u
    pairs[row, 1] = v
    used[0] = row + 1
    return row


@njit(cache=True, nogil=True)
def _doubled(far_keys: Array, far_rows: Array) -> tuple[Array, Array]:
    keys = np.empty(2 * len(far_keys), np.uint64)
    rows = np.full(2 * len(far_rows), -1, np.int64)
    mask = np.uint64(len(keys) - 1)
    for k in range(len(far_rows)):
        if far_rows[k] >= 0:
            i = mixed(far_keys[k]) & mask
            while rows[i] >= 0:
                i = (i + np.uint64(1)) & mask
            keys[i], rows[i] = far_keys[k], far_rows[k]
    return keys, rows
