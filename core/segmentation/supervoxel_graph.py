"""The region adjacency graph: a base that never changes plus the edges that edits added.

The base is shared by all segmentations on it. Edits add few edges (bridges, the contacts of divided supervoxels);
these stand beside it, by operation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.segmentation.added_edges import AddedEdges
from segmend.core.segmentation.edges import Edges
from segmend.core.segmentation.neighbour_lists import BaseGraph

__all__ = ["BaseGraph", "Edges", "SupervoxelGraph"]

Array = NDArray[Any]


class SupervoxelGraph:
    """Base edges and added edges, asked by segment.

    An edge is in force when both its ends are alive, that is, mapped to a segment. Dead supervoxels map to
    background, so nothing is ever removed from the base. Answers list base edges first, then added ones in sorted
    order: they do not tell in which order operations came.

    Parameters
    ----------
    base : BaseGraph
        Shared, never changed.
    """

    def __init__(self, base: BaseGraph) -> None:
        self.base = base
        self._added = AddedEdges()

    @property
    def added(self) -> Edges:
        """Edges that edits added, sorted."""
        return self._added.every

    def add(self, operation: int, edges: Edges) -> None:
        """Add edges of one operation."""
        self._added.add(operation, edges)

    def remove(self, operation: int) -> None:
        """Take back the edges of one operation; not necessarily the last one."""
        self._added.remove(operation)

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
        segment = int(segment_of[members[0]])
        edges = self.base.edges.take(self.base.rows_within(members, segment_of, segment))
        return edges.joined(self._added_at(members, segment_of, segment, inside=True))

    def edges_around(self, members: Array, segment_of: Array) -> Edges:
        """Return the edges in force that leave a segment."""
        if not len(members):
            return Edges.none()
        segment = int(segment_of[members[0]])
        edges = self.base.edges.take(self.base.rows_around(members, segment_of, segment))
        return edges.joined(self._added_at(members, segment_of, segment, inside=False))

    def _added_at(self, members: Array, segment_of: Array, segment: int, *, inside: bool) -> Edges:
        if not len(self._added):
            return Edges.none()
        return self._added.take(self._added.rows(members, segment_of, segment, inside=inside))

    def touching(self, members: Array, other_segment: int, segment_of: Array) -> bool:
        """Say whether any member has an edge in force to another segment; costs the members up to the first."""
        if self.base.any_edge_to(members, segment_of, other_segment):
            return True
        return bool(len(self._added)) and self._added.any_edge_to(
            members, segment_of, other_segment
        )

    def in_force(self, segment_of: Array) -> Edges:
        """Return every edge whose two ends are alive."""
        edges = self.base.alive(segment_of)
        if not len(self._added):
            return edges
        added = self.added
        return edges.joined(added.take(np.all(segment_of[added.pairs] > 0, axis=1)))
