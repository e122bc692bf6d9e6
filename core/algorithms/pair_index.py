"""A growing table from pairs of ids to row numbers, for kernels that gather statistics per pair.

Most ids meet few others, some (a glia cell, the largest neurite) meet tens of thousands. So each first id has eight
places of its own, one cache line, and everything beyond goes to one open-addressing table hashed on the whole pair:
near places keep locality for the many, full mixing keeps hubs from forming long probe chains.

Second ids are at least 1; 0 marks an empty place.
"""

from __future__ import annotations

import numpy as np
from numba import njit

PLACES = 8


@njit(cache=True, nogil=True)
def new_index(nodes):  # type: ignore[no-untyped-def]
    """Return the empty arrays ``near, far_keys, far_rows`` for first ids below `nodes`."""
    near = np.zeros((nodes, 2 * PLACES), np.uint32)
    return near, np.empty(1024, np.uint64), np.full(1024, -1, np.int64)


@njit(cache=True, nogil=True, inline="always")
def mixed(key):  # type: ignore[no-untyped-def]
    """Scatter a 64-bit key (the finalizer of MurmurHash3)."""
    key = np.uint64(key)
    key ^= key >> np.uint64(33)
    key *= np.uint64(0xFF51AFD7ED558CCD)
    key ^= key >> np.uint64(33)
    key *= np.uint64(0xC4CEB9FE1A85EC53)
    return key ^ (key >> np.uint64(33))


@njit(cache=True, nogil=True)
def find_row(u, v, near, far_keys, far_rows):  # type: ignore[no-untyped-def]
    """Return the row of a pair, or -1."""
    for place in range(PLACES):
        w = near[u, place]
        if w == v:
            return np.int64(near[u, PLACES + place])
        if w == 0:
            return np.int64(-1)
    key = (np.uint64(u) << np.uint64(32)) | np.uint64(v)
    mask = np.uint64(len(far_keys) - 1)
    i = mixed(key) & mask
    while far_rows[i] >= 0:
        if far_keys[i] == key:
            return far_rows[i]
        i = (i + np.uint64(1)) & mask
    return np.int64(-1)


@njit(cache=True, nogil=True)
def add_row(u, v, row, near, far_keys, far_rows):  # type: ignore[no-untyped-def]
    """Enter a pair that is not there yet; return 1 if it took a far place, else 0."""
    for place in range(PLACES):
        if near[u, place] == 0:
            near[u, place] = v
            near[u, PLACES + place] = row
            return 0
    _place((np.uint64(u) << np.uint64(32)) | np.uint64(v), row, far_keys, far_rows)
    return 1


@njit(cache=True, nogil=True)
def _place(key, row, far_keys, far_rows):  # type: ignore[no-untyped-def]
    mask = np.uint64(len(far_keys) - 1)
    i = mixed(key) & mask
    while far_rows[i] >= 0:
        i = (i + np.uint64(1)) & mask
    far_keys[i] = key
    far_rows[i] = row


@njit(cache=True, nogil=True)
def doubled(far_keys, far_rows):  # type: ignore[no-untyped-def]
    """Return the far table at twice the size."""
    keys = np.empty(2 * len(far_keys), np.uint64)
    rows = np.full(2 * len(far_rows), -1, np.int64)
    for i in range(len(far_rows)):
        if far_rows[i] >= 0:
            _place(far_keys[i], far_rows[i], keys, rows)
    return keys, rows
