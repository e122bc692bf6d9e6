"""Contracting the edges of a region graph, for kernels: two regions become one and edges that become parallel one edge.

What an edge carries is the caller's own: it is told which edges became one and adds up what they carry. `edge_table`
has the tables; here a table is (ends, keys, first, last, degree, following) as made by `new_table`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.edge_table import enter_edges, forget, link_edges, pair_key, slot_of

Array = NDArray[Any]
Table = tuple[Array, ...]


def new_table(pairs: Array, n: int) -> Table:
    """Return the table of a graph whose edges occur once each and join two different nodes 1..n."""
    ends = np.ascontiguousarray(pairs, np.int32)
    size = 1 << max(10, (2 * len(ends) - 1).bit_length())
    keys = np.full((size, 2), -1, np.int64)
    first, last, degree = (np.full(n + 1, -1, np.int32) for _ in range(3))
    following = np.full(2 * len(ends), -1, np.int32)
    link_edges(ends, first, last, degree, following)
    enter_edges(ends, keys)
    return ends, keys, first, last, degree, following


@njit(cache=True, nogil=True)
def contract(e: Any, table: Table, dead: Array, rank: Array, handed: Array) -> tuple[Any, Any, Any]:
    """Merge the two regions of an edge; the one with fewer neighbours hands over.

    Parameters
    ----------
    e : int
    table : see `new_table`
    dead : (E,) bool
        Edges that are gone; `e` and one edge of every pair that becomes one are added.
    rank : (E,) float
        Of two edges that become one the higher stays, of equal ones the first.
    handed : (E, 2) int32
        Filled with the edges that `gone` hands over: the one that leads to the neighbour now, and the one that became
        one with it and is gone, or -1.

    Returns
    -------
    keeper, gone, count : int
        The region that stays, the other one, and the rows of `handed` filled.
    """
    ends, degree = table[0], table[4]
    keeper, gone = ends[e, 0], ends[e, 1]
    if degree[keeper] < degree[gone]:
        keeper, gone = gone, keeper
    return keeper, gone, _absorb(keeper, gone, table, dead, rank, handed)


@njit(cache=True, nogil=True)
def _absorb(keeper: Any, gone: Any, table: Table, dead: Array, rank: Array, handed: Array) -> Any:
    ends, keys, first, last, degree, following = table
    count = 0
    half = first[gone]
    while half >= 0:
        onward, e, side = following[half], half >> 1, half & 1
        following[half] = -1
        if not dead[e]:
            other = ends[e, 1 - side]
            forget(pair_key(gone, other), keys)
            if other == keeper:
                dead[e] = True
            else:
                slot = slot_of(pair_key(keeper, other), keys)
                stays = True
                handed[count, 0], handed[count, 1] = e, -1
                if keys[slot, 0] == -1:
                    keys[slot, 0] = pair_key(keeper, other)
                else:
                    rival = keys[slot, 1]
                    stays = rank[e] > rank[rival] or (rank[e] == rank[rival] and e < rival)
                    handed[count, 0], handed[count, 1] = (e, rival) if stays else (rival, e)
                    dead[handed[count, 1]] = True
                    degree[other] -= 1
                    degree[keeper] -= stays
                if stays:
                    keys[slot, 1] = e
                    ends[e, side] = keeper
                    _append(half, keeper, first, last, following)
                    degree[keeper] += 1
                count += 1
        half = onward
    degree[keeper] -= 1
    first[gone] = -1
    return count


@njit(cache=True, nogil=True)
def edges_of(node: Any, table: Table, dead: Array, out: Array) -> Any:
    """Fill `out` with the edges of a node, return how many, and forget those that are gone."""
    first, last, following = table[2], table[3], table[5]
    count = 0
    half = first[node]
    first[node] = -1
    while half >= 0:
        onward = following[half]
        following[half] = -1
        if not dead[half >> 1]:
            _append(half, node, first, last, following)
            out[count] = half >> 1
            count += 1
        half = onward
    return count


@njit(cache=True, nogil=True)
def _append(half: Any, node: Any, first: Array, last: Array, following: Array) -> None:
    if first[node] < 0:
        first[node] = half
    else:
        following[last[node]] = half
    last[node] = half
