"""The edges of a graph that is being contracted: a hash table from node pairs to edges and the edges of each node.

For kernels. An edge e has two half edges, 2 e and 2 e + 1, one at each end; ``ends[e, side]`` is a node that is still
there. The half edges of a node form a linked list, so that two lists are joined in one step.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.pair_index import mixed

Array = NDArray[Any]


@njit(cache=True, nogil=True, inline="always")
def pair_key(a: Any, b: Any) -> Any:
    """Return one number for a pair of nodes below 2^31, the same for both orders."""
    return (np.int64(min(a, b)) << 32) | np.int64(max(a, b))


@njit(cache=True, nogil=True)
def slot_of(key: Any, keys: Array) -> Any:
    """Return the slot that holds a key, or the empty one (-1) where it would go."""
    mask = len(keys) - 1
    i = np.int64(mixed(key) & np.uint64(mask))
    while keys[i, 0] != key and keys[i, 0] != -1:
        i = (i + 1) & mask
    return i


@njit(cache=True, nogil=True)
def forget(key: Any, keys: Array) -> None:
    """Delete a key and close the gap, so that no tombstones pile up."""
    mask = len(keys) - 1
    gap = slot_of(key, keys)
    i = gap
    while True:
        i = (i + 1) & mask
        if keys[i, 0] == -1:
            break
        home = np.int64(mixed(keys[i, 0]) & np.uint64(mask))
        if ((i - home) & mask) >= ((i - gap) & mask):
            keys[gap, 0], keys[gap, 1] = keys[i, 0], keys[i, 1]
            gap = i
    keys[gap, 0] = -1


@njit(cache=True, nogil=True)
def enter_edges(ends: Array, keys: Array) -> None:
    """Enter edges that occur once each into an empty table of (key, edge)."""
    for e in range(len(ends)):
        key = pair_key(ends[e, 0], ends[e, 1])
        i = slot_of(key, keys)
        keys[i, 0], keys[i, 1] = key, e


@njit(cache=True, nogil=True)
def hashed(ends: Array) -> Array:
    """Return a table of (key, edge) for edges that occur once each."""
    size = 1024
    while size < 2 * len(ends):
        size *= 2
    keys = np.full((size, 2), -1, np.int64)
    enter_edges(ends, keys)
    return keys


@njit(cache=True, nogil=True)
def half_edges(ends: Array, n: int) -> tuple[Array, Array, Array, Array]:
    """Return the first, the last and the number of half edges of each node 0..n, and the one after each half edge."""
    first = np.full(n + 1, -1, np.int64)
    last = np.full(n + 1, -1, np.int64)
    degree = np.zeros(n + 1, np.int64)
    following = np.full(2 * len(ends), -1, np.int64)
    link_edges(ends, first, last, degree, following)
    return first, last, degree, following


@njit(cache=True, nogil=True)
def link_edges(ends: Array, first: Array, last: Array, degree: Array, following: Array) -> None:
    """Fill the lists of half edges; all but `degree` hold -1 before."""
    degree[:] = 0
    for h in range(2 * len(ends)):
        node = ends[h >> 1, h & 1]
        degree[node] += 1
        if first[node] < 0:
            first[node] = h
        else:
            following[last[node]] = h
        last[node] = h
