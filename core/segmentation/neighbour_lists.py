"""The edges of the base by supervoxel: built once, shared by every segmentation on it, never changed.

The edges are sorted by pair, so those to higher neighbours already stand together; only the lower neighbours of a
supervoxel need a list of their own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.segmentation.edges import Edges

Array = NDArray[Any]


class BaseGraph:
    """Base edges with compressed neighbour lists.

    Parameters
    ----------
    edges : Edges
        Each pair once; sorted by pair, lower supervoxel first (anything else is brought into that order).
    supervoxel_count : int
        n of the base; no edge names a higher supervoxel.
    """

    def __init__(self, edges: Edges, supervoxel_count: int) -> None:
        if len(edges) and int(edges.pairs.max()) > supervoxel_count:
            raise ValueError("an edge names a supervoxel that the base does not have")
        self.edges = edges if _is_sorted(edges.pairs) else _sorted(edges)
        lists = _neighbour_lists(self.edges.pairs, supervoxel_count)
        self._upper, self._lower, self._lower_neighbours, self._lower_rows = lists

    def rows_within(self, members: Array, segment_of: Array, segment: int) -> Array:
        """Return the rows of the edges from members to higher supervoxels of a segment, (k,) int64."""
        return _rows_within(members, segment_of, segment, self._upper, self.edges.pairs)

    def rows_around(self, members: Array, segment_of: Array, segment: int) -> Array:
        """Return the rows of the edges from members to living supervoxels of other segments, (k,) int64."""
        return _rows_around(
            members,
            segment_of,
            segment,
            self._upper,
            self.edges.pairs,
            self._lower,
            self._lower_neighbours,
            self._lower_rows,
        )

    def any_edge_to(self, members: Array, segment_of: Array, segment: int) -> bool:
        """Say whether any member has a neighbour in a segment."""
        return bool(
            _any_edge_to(
                members,
                segment_of,
                segment,
                self._upper,
                self.edges.pairs,
                self._lower,
                self._lower_neighbours,
            )
        )

    def alive(self, segment_of: Array) -> Edges:
        """Return the edges with two living ends; the base itself where all are."""
        alive = _both_alive(self.edges.pairs, segment_of)
        return self.edges if alive.all() else self.edges.take(alive)


def _sorted(edges: Edges) -> Edges:
    pairs = np.ascontiguousarray(np.sort(edges.pairs, axis=1))
    oriented = Edges(pairs, edges.affinity, edges.area, edges.strong, edges.centroid)
    return oriented.in_order()


@njit(cache=True, nogil=True)
def _is_sorted(pairs):  # type: ignore[no-untyped-def]  # pragma: no cover
    for e in range(len(pairs)):
        u, v = pairs[e, 0], pairs[e, 1]
        if u > v:
            return False
        if e and (u < pairs[e - 1, 0] or (u == pairs[e - 1, 0] and v < pairs[e - 1, 1])):
            return False
    return True


@njit(cache=True, nogil=True)
def _neighbour_lists(pairs, count):  # type: ignore[no-untyped-def]  # pragma: no cover
    upper = np.zeros(count + 2, np.int64)
    lower = np.zeros(count + 2, np.int64)
    for e in range(len(pairs)):
        upper[pairs[e, 0] + 1] += 1
        lower[pairs[e, 1] + 1] += 1
    for i in range(count + 1):
        upper[i + 1] += upper[i]
        lower[i + 1] += lower[i]
    fill = lower[:-1].copy()
    neighbours = np.empty(len(pairs), np.uint32)
    rows = np.empty(len(pairs), np.uint32)
    for e in range(len(pairs)):
        v = pairs[e, 1]
        at = fill[v]
        neighbours[at] = pairs[e, 0]
        rows[at] = e
        fill[v] = at + 1
    return upper, lower, neighbours, rows


@njit(cache=True, nogil=True)
def _rows_within(members, segment_of, segment, upper, pairs):  # type: ignore[no-untyped-def]  # pragma: no cover
    total = 0
    for u in members:
        if u < upper.size - 1:
            total += upper[u + 1] - upper[u]
    out = np.empty(total, np.int64)
    found = 0
    for u in members:
        if u >= upper.size - 1:
            continue  # made by an edit: its edges are not in the base
        for row in range(upper[u], upper[u + 1]):
            if segment_of[pairs[row, 1]] == segment:
                out[found] = row
                found += 1
    return out[:found]


@njit(cache=True, nogil=True)
def _rows_around(members, segment_of, segment, upper, pairs, lower, neighbours, rows):  # type: ignore[no-untyped-def]  # pragma: no cover
    total = 0
    for u in members:
        if u < upper.size - 1:
            total += upper[u + 1] - upper[u] + lower[u + 1] - lower[u]
    out = np.empty(total, np.int64)
    found = 0
    for u in members:
        if u >= upper.size - 1:
            continue
        for row in range(upper[u], upper[u + 1]):
            other = segment_of[pairs[row, 1]]
            if other != segment and other != 0:
                out[found] = row
                found += 1
        for k in range(lower[u], lower[u + 1]):
            other = segment_of[neighbours[k]]
            if other != segment and other != 0:
                out[found] = rows[k]
                found += 1
    return out[:found]


@njit(cache=True, nogil=True)
def _any_edge_to(members, segment_of, wanted, upper, pairs, lower, neighbours):  # type: ignore[no-untyped-def]  # pragma: no cover
    for u in members:
        if u >= upper.size - 1:
            continue
        for row in range(upper[u], upper[u + 1]):
            if segment_of[pairs[row, 1]] == wanted:
                return True
        for k in range(lower[u], lower[u + 1]):
            if segment_of[neighbours[k]] == wanted:
                return True
    return False


@njit(cache=True, nogil=True)
def _both_alive(pairs, segment_of):  # type: ignore[no-untyped-def]  # pragma: no cover
    alive = np.empty(len(pairs), np.bool_)
    for e in range(len(pairs)):
        alive[e] = segment_of[pairs[e, 0]] != 0 and segment_of[pairs[e, 1]] != 0
    return alive
