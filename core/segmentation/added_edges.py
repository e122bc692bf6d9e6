"""Edges that edits added, in flat arrays with a linked list per supervoxel.

Asking costs the supervoxels asked about and their edges, adding and taking back cost the edges concerned, however
many others there are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.segmentation.edges import Edges

Array = NDArray[Any]

_LEAST_ROOM = 64
_MOST_GAPS = 1024


class AddedEdges:
    """Edges of operations, added and taken back in any order.

    Every edge has two ends, 2 * row and 2 * row + 1. The ends at one supervoxel form a doubly linked list; links
    hold the number of an end plus one, so that 0 is the end of a list and fresh memory needs no filling.
    """

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._edges = Edges.none()
        self._stop = 0
        self._gaps = 0
        self._runs: dict[int, list[tuple[int, int]]] = {}
        self._heads = np.zeros(0, np.int64)
        self._next = np.zeros(0, np.int64)
        self._previous = np.zeros(0, np.int64)

    def __len__(self) -> int:
        return self._stop - self._gaps

    @property
    def every(self) -> Edges:
        """All edges, sorted."""
        return self._edges.take(self._live_rows()).in_order()

    def add(self, operation: int, edges: Edges) -> None:
        """Add edges of an operation; it may already have some."""
        if not len(edges):
            return
        start, self._stop = self._stop, self._stop + len(edges)
        self._make_room(int(edges.pairs.max()))
        self._edges.put(start, edges)
        self._runs.setdefault(operation, []).append((start, self._stop))
        _link(start, self._stop, self._edges.pairs, self._heads, self._next, self._previous)

    def remove(self, operation: int) -> None:
        """Take back every edge of an operation."""
        for start, stop in reversed(self._runs.pop(operation, [])):
            _unlink(start, stop, self._edges.pairs, self._heads, self._next, self._previous)
            if stop == self._stop:
                self._stop = start
            else:
                self._gaps += stop - start
        if self._gaps > max(_MOST_GAPS, len(self)):
            self._close_gaps()

    def rows(self, members: Array, segment_of: Array, segment: int, *, inside: bool) -> Array:
        """Return the rows of the edges in force at members, within their segment or leaving it."""
        return _linked_rows(
            members, segment_of, segment, inside, self._edges.pairs, self._heads, self._next
        )

    def take(self, rows: Array) -> Edges:
        """Return the chosen edges, sorted."""
        return self._edges.take(rows).in_order()

    def any_edge_to(self, members: Array, segment_of: Array, segment: int) -> bool:
        """Say whether any member has an added edge to a segment."""
        return bool(
            _any_linked(members, segment_of, segment, self._edges.pairs, self._heads, self._next)
        )

    def _live_rows(self) -> Array:
        runs = sorted(run for runs in self._runs.values() for run in runs)
        return np.concatenate([np.arange(*run) for run in runs] or [np.zeros(0, np.int64)])

    def _make_room(self, highest: int) -> None:
        if self._stop > len(self._edges):
            room = Edges.room_for(max(2 * self._stop, _LEAST_ROOM))
            room.put(0, self._edges)
            self._edges = room
            self._next = _longer(self._next, 2 * len(room))
            self._previous = _longer(self._previous, 2 * len(room))
        if highest >= len(self._heads):
            self._heads = _longer(self._heads, highest + 1 + highest // 8)

    def _close_gaps(self) -> None:
        runs = sorted((run, number) for number, runs in self._runs.items() for run in runs)
        edges = self._edges
        self._clear()
        for (start, stop), number in runs:
            self.add(number, edges.take(slice(start, stop)))


def _longer(array: Array, length: int) -> Array:
    longer = np.zeros(length, array.dtype)
    longer[: len(array)] = array
    return longer


@njit(cache=True, nogil=True)
def _link(start, stop, pairs, heads, following, previous):  # type: ignore[no-untyped-def]  # pragma: no cover
    for end in range(2 * start, 2 * stop):
        supervoxel = pairs[end // 2, end % 2]
        first = heads[supervoxel]
        following[end] = first
        previous[end] = 0
        if first:
            previous[first - 1] = end + 1
        heads[supervoxel] = end + 1


@njit(cache=True, nogil=True)
def _unlink(start, stop, pairs, heads, following, previous):  # type: ignore[no-untyped-def]  # pragma: no cover
    for end in range(2 * stop - 1, 2 * start - 1, -1):
        before, after = previous[end], following[end]
        if before:
            following[before - 1] = after
        else:
            heads[pairs[end // 2, end % 2]] = after
        if after:
            previous[after - 1] = before


@njit(cache=True, nogil=True)
def _linked_rows(members, segment_of, segment, inside, pairs, heads, following):  # type: ignore[no-untyped-def]  # pragma: no cover
    out = np.empty(16, np.int64)
    found = 0
    for u in members:
        link = heads[u] if u < heads.size else 0
        while link:
            row = (link - 1) // 2
            v = pairs[row, 1 - (link - 1) % 2]
            other = segment_of[v] if v < segment_of.size else 0
            link = following[link - 1]
            # an edge within is met at both its ends and counted at the lower one
            if (other == segment and u < v) if inside else (other != segment and other != 0):
                if found == out.size:
                    out = np.concatenate((out, np.empty_like(out)))
                out[found] = row
                found += 1
    return out[:found]


@njit(cache=True, nogil=True)
def _any_linked(members, segment_of, wanted, pairs, heads, following):  # type: ignore[no-untyped-def]  # pragma: no cover
    for u in members:
        link = heads[u] if u < heads.size else 0
        while link:
            v = pairs[(link - 1) // 2, 1 - (link - 1) % 2]
            if v < segment_of.size and segment_of[v] == wanted:
                return True
            link = following[link - 1]
    return False
