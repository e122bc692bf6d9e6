"""The region adjacency graph as flat arrays: a base that never changes plus the edges that edits added.

The base is held once as compressed neighbour lists, so the edges of a segment cost its members, not the volume.
Edits add few edges (bridges, the contacts of divided supervoxels); these stand in small arrays beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Edges:
    """Edges between supervoxels; all arrays have one row per edge.

    Parameters
    ----------
    pairs : (E, 2) uint32
    affinity : (E,) float32
        Mean over the contact, 0..1.
    area : (E,) uint32
        Contact faces.
    strong : (E,) float32
        Share of faces above 0.5.
    centroid : (E, 3) float32
        Middle of the contact, z, y, x voxels.
    """

    pairs: Array
    affinity: Array
    area: Array
    strong: Array
    centroid: Array

    @classmethod
    def none(cls) -> Edges:
        """Return no edges."""
        return cls(
            np.empty((0, 2), np.uint32),
            np.empty(0, np.float32),
            np.empty(0, np.uint32),
            np.empty(0, np.float32),
            np.empty((0, 3), np.float32),
        )

    def __len__(self) -> int:
        return len(self.pairs)

    def take(self, rows: Array) -> Edges:
        """Return the chosen rows (indices or mask)."""
        return Edges(
            self.pairs[rows],
            self.affinity[rows],
            self.area[rows],
            self.strong[rows],
            self.centroid[rows],
        )

    def joined(self, other: Edges) -> Edges:
        """Return these edges followed by others."""
        return Edges(
            np.concatenate([self.pairs, other.pairs]),
            np.concatenate([self.affinity, other.affinity]),
            np.concatenate([self.area, other.area]),
            np.concatenate([self.strong, other.strong]),
            np.concatenate([self.centroid, other.centroid]),
        )


class SupervoxelGraph:
    """Base edges and added edges, asked by segment.

    An edge is in force when both its ends are alive, that is, mapped to a segment. Dead supervoxels map to
    background, so nothing is ever removed from the arrays.

    Parameters
    ----------
    base : Edges
        Sorted by pair.
    supervoxel_count : int
        n of the base.
    """

    def __init__(self, base: Edges, supervoxel_count: int) -> None:
        self.base = base
        self._indptr, self._neighbours, self._rows = _neighbour_lists(base.pairs, supervoxel_count)
        self._added: dict[int, Edges] = {}
        self._extra = Edges.none()

    @property
    def added(self) -> Edges:
        """Edges that edits added, oldest first."""
        return self._extra

    def add(self, key: int, edges: Edges) -> None:
        """Add the edges of one operation."""
        self._added[key] = edges
        self._extra = self._extra.joined(edges)

    def remove(self, key: int) -> None:
        """Take back the edges of one operation."""
        self._added.pop(key)
        self._extra = Edges.none()
        for edges in self._added.values():
            self._extra = self._extra.joined(edges)

    def edges_within(self, members: Array, segment_of: Array) -> Edges:
        """Return the edges in force between members of one segment.

        Parameters
        ----------
        members : (k,) uint32
            Every supervoxel of the segment.
        segment_of : (n + 1,) uint32
        """
        if not len(members):
            return Edges.none()
        segment = segment_of[members[0]]
        rows = _rows_within(
            members, segment_of, segment, self._indptr, self._neighbours, self._rows
        )
        ends = segment_of[self._extra.pairs]
        inside = (ends[:, 0] == segment) & (ends[:, 1] == segment)
        return self.base.take(rows).joined(self._extra.take(inside))

    def edges_around(self, members: Array, segment_of: Array) -> Edges:
        """Return the edges in force that leave a segment."""
        if not len(members):
            return Edges.none()
        segment = segment_of[members[0]]
        rows = _rows_around(
            members, segment_of, segment, self._indptr, self._neighbours, self._rows
        )
        ends = segment_of[self._extra.pairs]
        across = (ends[:, 0] == segment) != (ends[:, 1] == segment)
        return self.base.take(rows).joined(self._extra.take(across & (ends > 0).all(axis=1)))

    def touching(self, members: Array, other_segment: int, segment_of: Array) -> bool:
        """Say whether any member has an edge in force to another segment."""
        if _any_edge_to(members, segment_of, other_segment, self._indptr, self._neighbours):
            return True
        if not len(self._extra) or not len(members):
            return False
        ends = segment_of[self._extra.pairs]
        wanted = sorted((int(segment_of[members[0]]), other_segment))
        return bool((np.sort(ends, axis=1) == wanted).all(axis=1).any())

    def in_force(self, segment_of: Array) -> Edges:
        """Return every edge whose two ends are alive."""
        every = self.base.joined(self._extra)
        alive = np.all(segment_of[every.pairs] > 0, axis=1)
        return every.take(alive)


@njit(cache=True, nogil=True)
def _neighbour_lists(pairs, count):  # type: ignore[no-untyped-def]  # pragma: no cover
    indptr = np.zeros(count + 2, np.int64)
    for e in range(len(pairs)):
        indptr[pairs[e, 0] + 1] += 1
        indptr[pairs[e, 1] + 1] += 1
    for i in range(count + 1):
        indptr[i + 1] += indptr[i]
    fill = indptr[:-1].copy()
    neighbours = np.empty(2 * len(pairs), np.uint32)
    rows = np.empty(2 * len(pairs), np.int64)
    for e in range(len(pairs)):
        for side in range(2):
            u = pairs[e, side]
            neighbours[fill[u]] = pairs[e, 1 - side]
            rows[fill[u]] = e
            fill[u] += 1
    return indptr, neighbours, rows


@njit(cache=True, nogil=True)
def _rows_within(members, segment_of, segment, indptr, neighbours, rows):  # type: ignore[no-untyped-def]  # pragma: no cover
    total = 0
    for u in members:
        if u < indptr.size - 1:
            total += indptr[u + 1] - indptr[u]
    out = np.empty(total, np.int64)
    found = 0
    for u in members:
        if u >= indptr.size - 1:
            continue  # made by an edit: its edges are not in the base
        for k in range(indptr[u], indptr[u + 1]):
            v = neighbours[k]
            if u < v and segment_of[v] == segment:
                out[found] = rows[k]
                found += 1
    return out[:found]


@njit(cache=True, nogil=True)
def _rows_around(members, segment_of, segment, indptr, neighbours, rows):  # type: ignore[no-untyped-def]  # pragma: no cover
    total = 0
    for u in members:
        if u < indptr.size - 1:
            total += indptr[u + 1] - indptr[u]
    out = np.empty(total, np.int64)
    found = 0
    for u in members:
        if u >= indptr.size - 1:
            continue
        for k in range(indptr[u], indptr[u + 1]):
            other = segment_of[neighbours[k]]
            if other != segment and other != 0:
                out[found] = rows[k]
                found += 1
    return out[:found]


@njit(cache=True, nogil=True)
def _any_edge_to(members, segment_of, other, indptr, neighbours):  # type: ignore[no-untyped-def]  # pragma: no cover
    for u in members:
        if u >= indptr.size - 1:
            continue
        for k in range(indptr[u], indptr[u + 1]):
            if segment_of[neighbours[k]] == other:
                return True
    return False
