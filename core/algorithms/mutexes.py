"""Constraints "these two regions never join" that follow the regions as they merge, for kernels.

One open-addressing set holds the pairs of roots, so that a question costs one probe; one linked list per root holds
its partners, so that a merge can hand them over. A merge hands over the shorter list, as union by size would. Pairs
that name a root that is gone stay behind as garbage and are swept out when the set has to grow.

Kernels work on fixed arrays and return when they may not suffice; `Mutexes.reserve` makes room.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.basins import find_root
from segmend.core.algorithms.pair_index import mixed

Array = NDArray[Any]

_EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)


class Mutexes:
    """The regions 0..n-1, their merges and the pairs that may not merge.

    Parameters
    ----------
    nodes : int

    Attributes
    ----------
    parent : (n,) uint32
        Union-find forest.
    first, count : (n,) int32 and int64
        First half of each root's list, and its length.
    partner, following : (capacity,) uint32 and int32
        Halves: a region of the other side (its root is asked when needed), and the next half.
    pairs : (2 ** k,) uint64
        The set of pairs of roots.
    used : (2,) int64
        Filled places of the set, and halves.
    """

    def __init__(self, nodes: int) -> None:
        self.parent = np.arange(nodes, dtype=np.uint32)
        self.first = np.full(nodes, -1, np.int32)
        self.count = np.zeros(nodes, np.int64)
        self.partner = np.empty(4096, np.uint32)
        self.following = np.empty(4096, np.int32)
        self.pairs = np.full(8192, _EMPTY, np.uint64)
        self.used = np.zeros(2, np.int64)

    def reserve(self, more: int) -> None:
        """Make room for `more` new pairs."""
        if self.used[1] + 2 * more > len(self.partner):
            grow = max(len(self.partner), 2 * more)
            self.partner = np.concatenate([self.partner, np.empty(grow, np.uint32)])
            self.following = np.concatenate([self.following, np.empty(grow, np.int32)])
        if 2 * (self.used[0] + more) > len(self.pairs):
            alive = _living(self.pairs, self.parent)
            size = len(self.pairs)
            while size < 4 * (len(alive) + more):
                size *= 2
            self.pairs = _rehashed(alive, size)
            self.used[0] = len(alive)

    def join(self, u: Array, v: Array, attractive: Array, order: Array) -> None:
        """Join regions or make them exclude each other, edge by edge (Wolf et al. 2018).

        An attractive edge joins its regions unless they exclude each other; a repulsive one makes them exclude each
        other unless they are joined.

        Parameters
        ----------
        u, v : (E,) uint32
            Regions.
        attractive : (E,) bool
        order : (E,) uint32
            Rows in the order of falling weight.
        """
        done, short = 0, 1
        while done < len(order):
            self.reserve(short)
            done, short = _join(
                u, v, attractive, order, done, self.parent, self.first, self.count,
                self.partner, self.following, self.pairs, self.used,
            )  # fmt: skip


@njit(cache=True, nogil=True, inline="always")
def _pair(a: Any, b: Any) -> Any:
    return (np.uint64(min(a, b)) << np.uint64(32)) | np.uint64(max(a, b))


@njit(cache=True, nogil=True)
def _place(pair: Any, pairs: Array) -> Any:
    """Return the place of a pair in the set, or the empty one where it belongs."""
    mask = np.uint64(len(pairs) - 1)
    i = mixed(pair) & mask
    while pairs[i] != pair and pairs[i] != _EMPTY:
        i = (i + np.uint64(1)) & mask
    return i


@njit(cache=True, nogil=True)
def _join(
    u: Array, v: Array, attractive: Array, order: Array, start: int, parent: Array, first: Array, count: Array,
    partner: Array, following: Array, pairs: Array, used: Array,
) -> tuple[int, int]:  # fmt: skip
    """Return how far it went, and how many pairs need room before it can go on."""
    room = len(pairs) // 2
    for k in range(start, len(order)):
        e = order[k]
        a = np.int64(find_root(parent, np.int64(u[e])))
        b = np.int64(find_root(parent, np.int64(v[e])))
        if a == b:
            continue
        if attractive[e]:
            if count[a] < count[b]:
                a, b = b, a
            if count[b] and pairs[_place(_pair(a, b), pairs)] != _EMPTY:
                continue
            if used[0] + count[b] > room:
                return k, count[b]
            parent[b] = a
            _hand_over(a, b, parent, first, count, partner, following, pairs, used)
            continue
        if used[0] + 1 > room or used[1] + 2 > len(partner):
            return k, 1024
        pair = _pair(a, b)
        place = _place(pair, pairs)
        if pairs[place] == _EMPTY:
            pairs[place] = pair
            used[0] += 1
            _note(a, b, first, count, partner, following, used)
            _note(b, a, first, count, partner, following, used)
    return len(order), 0


@njit(cache=True, nogil=True)
def _note(
    a: Any, b: Any, first: Array, count: Array, partner: Array, following: Array, used: Array
) -> None:
    half = used[1]
    used[1] = half + 1
    partner[half] = b
    following[half] = first[a]
    first[a] = half
    count[a] += 1


@njit(cache=True, nogil=True)
def _hand_over(
    keeper: Any, gone: Any, parent: Array, first: Array, count: Array, partner: Array, following: Array,
    pairs: Array, used: Array,
) -> None:  # fmt: skip
    half = np.int64(first[gone])
    while half >= 0:
        onward = np.int64(following[half])
        other = np.int64(find_root(parent, np.int64(partner[half])))
        pair = _pair(keeper, other)
        place = _place(pair, pairs)
        if pairs[place] == _EMPTY:
            pairs[place] = pair
            used[0] += 1
            following[half] = first[keeper]
            first[keeper] = half
            count[keeper] += 1
        half = onward
    first[gone] = -1
    count[gone] = 0


@njit(cache=True, nogil=True)
def _living(pairs: Array, parent: Array) -> Array:
    alive = np.empty(len(pairs), np.uint64)
    n = 0
    for i in range(len(pairs)):
        if pairs[i] == _EMPTY:
            continue
        a = np.int64(pairs[i] >> np.uint64(32))
        b = np.int64(pairs[i] & np.uint64(0xFFFFFFFF))
        if parent[a] == a and parent[b] == b:
            alive[n] = pairs[i]
            n += 1
    return alive[:n].copy()


@njit(cache=True, nogil=True)
def _rehashed(alive: Array, size: int) -> Array:
    pairs = np.full(size, _EMPTY, np.uint64)
    for i in range(len(alive)):
        pairs[_place(alive[i], pairs)] = alive[i]
    return pairs
