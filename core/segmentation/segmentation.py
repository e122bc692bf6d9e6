"""The live segmentation: mapping, region graph and node tables, changed together and only by a `Change`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.geometry import Box
from segmend.core.segmentation.change import Birth, Change, Mark, NodeTable, State
from segmend.core.segmentation.graph_files import GraphArrays, load_graph
from segmend.core.segmentation.patches import PatchStack
from segmend.core.segmentation.supervoxel_graph import Edges, SupervoxelGraph
from segmend.core.segmentation.supervoxel_mapping import SupervoxelMapping

Array = NDArray[Any]
ChunkKey = tuple[int, int, int, int]
"""Pyramid level and chunk index z, y, x."""

__all__ = [
    "Birth",
    "Change",
    "ChunkKey",
    "Mark",
    "NodeTable",
    "Segmentation",
    "State",
]


class Segmentation:
    """Supervoxels, their graph and their mapping to segments, as one thing.

    Parameters
    ----------
    base : GraphArrays
        What the pipeline or an import wrote; never changed.
    """

    def __init__(self, base: GraphArrays) -> None:
        self.base = base
        self.mapping = SupervoxelMapping(base.partition)
        self.graph = SupervoxelGraph(base.graph)
        self._nodes: dict[int, tuple[Array, Array]] = {}
        self._parts: dict[int, tuple[int, ...]] = {}
        self.patches = PatchStack()
        self.finished: set[int] = set()
        self.locked: set[int] = set()
        self.accepted: set[str] = set()
        """Candidates that an operation in effect accepted."""

    @classmethod
    def load(cls, graph_dir: Path) -> Segmentation:
        """Read the base from a generation's ``graph/`` folder."""
        return cls(load_graph(graph_dir))

    @property
    def segment_of(self) -> NDArray[np.uint32]:
        """(n + 1,) uint32 look-up table, live."""
        return self.mapping.segment_of

    @property
    def supervoxel_count(self) -> int:
        """Highest supervoxel id."""
        return self.mapping.supervoxel_count

    def members(self, segment: int) -> Array:
        """Return the supervoxels of a segment."""
        return self.mapping.members(segment)

    def voxels(self, segment: int) -> int:
        """Return the size of a segment in voxels."""
        return self.mapping.voxels(segment)

    def edges_within(self, segment: int) -> Edges:
        """Return the graph edges inside a segment."""
        return self.graph.edges_within(self.members(segment), self.segment_of)

    def edges_around(self, segment: int) -> Edges:
        """Return the graph edges from a segment to others."""
        return self.graph.edges_around(self.members(segment), self.segment_of)

    def touching(self, first: int, second: int) -> bool:
        """Say whether two segments share an edge; costs the smaller one."""
        a, b = sorted((first, second), key=lambda s: len(self.members(s)))
        return self.graph.touching(self.members(a), b, self.segment_of)

    def points(self, supervoxels: Array) -> Array:
        """Return a voxel inside each supervoxel, (k, 3) int32 z, y, x."""
        return self._rows(supervoxels, self.base.point, 0)

    def boxes(self, supervoxels: Array) -> Array:
        """Return the bounding box of each supervoxel, (k, 6) int32."""
        return self._rows(supervoxels, self.base.box, 1)

    def is_alive(self, supervoxel: int) -> bool:
        """Say whether a supervoxel belongs to a segment."""
        return 0 < supervoxel <= self.supervoxel_count and bool(self.segment_of[supervoxel])

    def is_known(self, supervoxel: int) -> bool:
        """Say whether a supervoxel is there, or was and died by an operation in effect."""
        return supervoxel in self._parts or self.is_alive(supervoxel)

    def lineage(self, supervoxel: int) -> tuple[int, ...]:
        """Return a supervoxel and every part that was made of it by operations in effect, dead or alive."""
        found, waiting = [], [supervoxel]
        while waiting:  # no recursion: a chain of strokes may be thousands long
            found.append(waiting.pop())
            waiting.extend(reversed(self._parts.get(found[-1], ())))
        return tuple(found)

    def living(self, supervoxel: int) -> tuple[int, ...]:
        """Return what is left of a supervoxel: itself, or those of its parts' parts that are alive."""
        return tuple(s for s in self.lineage(supervoxel) if self.is_alive(s))

    def _rows(self, supervoxels: Array, table: Array, column: int) -> Array:
        supervoxels = np.asarray(supervoxels, np.int64)
        known = supervoxels < len(table)
        rows = table[np.where(known, supervoxels, 0)]
        for i in np.flatnonzero(~known):
            rows[i] = self._nodes[int(supervoxels[i])][column]
        return rows

    def box_of(self, supervoxels: Array) -> Box:
        """Return the smallest box that holds some supervoxels."""
        if not len(supervoxels):
            return Box((0, 0, 0), (0, 0, 0))
        boxes = self.boxes(supervoxels)
        start, stop = boxes[:, :3].min(axis=0), boxes[:, 3:].max(axis=0)
        return Box(tuple(map(int, start)), tuple(map(int, stop)))  # type: ignore[arg-type]

    def segment_box(self, segment: int) -> Box:
        """Return the bounding box of a segment."""
        return self.box_of(self.members(segment))

    def export_ids(self, segments: Array) -> NDArray[np.uint64]:
        """Return what files and people call some segments, (k,) uint64.

        Segments of the source keep their names; the k-th segment made by an edit is called the source's
        highest name plus k (or, where that overflows, the highest unused names downwards).
        """
        segments = np.asarray(segments, np.int64)
        known = segments < len(self.base.export_ids)
        names = self.base.export_ids[np.where(known, segments, 0)].copy()
        born = (segments[~known] - len(self.base.export_ids)).astype(np.uint64)
        names[~known] = self._free_names(born)
        return names

    def _free_names(self, born: Array) -> Array:
        highest = int(self.base.export_ids.max(initial=0))
        if highest + 2**32 < 2**64:
            return np.uint64(highest + 1) + born
        used = np.sort(self.base.export_ids)
        gaps = np.diff(used)
        widest = int(gaps.argmax())
        return used[widest] + np.uint64(1) + born

    def apply(self, operation: int, change: Change) -> None:
        """Carry out a change under the number of its operation."""
        edges = change.bridges
        if change.birth:
            self._bear(operation, change.birth)
            edges = change.birth.edges.joined(edges)
        if len(edges):
            self.graph.add(operation, edges)
        for move in change.moves:
            self.mapping.apply(move)
        self._mark({mark: mark.after for mark in change.marks})
        if change.decision and change.decision[1] == "accept":
            self.accepted.add(change.decision[0])

    def revert(self, operation: int, change: Change) -> None:
        """Take a change back.

        Changes that were carried out later and share a segment or touch one of its patches must go first.
        """
        self._mark({mark: mark.before for mark in change.marks})
        if change.decision and change.decision[1] == "accept":
            self.accepted.discard(change.decision[0])
        for move in reversed(change.moves):
            self.mapping.apply(move.inverted())
        if len(change.bridges) or (change.birth and len(change.birth.edges)):
            self.graph.remove(operation)
        if change.birth:
            self._unbear(operation, change.birth)

    def _bear(self, operation: int, birth: Birth) -> None:
        self.patches.add(operation, birth.patches)
        if birth.children:
            self.mapping.grow(birth.nodes.size.tolist(), birth.children[0])
        for i, child in enumerate(birth.children):
            self._nodes[child] = (birth.nodes.point[i], birth.nodes.box[i])
        for patch in birth.patches:
            born = [(c, o) for c, o in zip(patch.ids, patch.origins, strict=True) if c]
            for parent in patch.parents:
                self._parts[parent] = tuple(c for c, o in born if o == parent)

    def _unbear(self, operation: int, birth: Birth) -> None:
        self.patches.remove(operation)
        for patch in birth.patches:
            for child in patch.children:
                del self._nodes[child]
            for parent in patch.parents:
                del self._parts[parent]

    def _mark(self, marks: dict[Mark, bool]) -> None:
        for mark, value in marks.items():
            marked = self.finished if mark.kind == "finished" else self.locked
            (marked.add if value else marked.discard)(mark.segment)

    def state(self) -> State:
        """Return a snapshot that later changes do not touch."""
        alive = int(np.flatnonzero(self.segment_of)[-1]) + 1 if self.segment_of.any() else 1
        return State(
            self.segment_of[:alive].copy(),
            self.graph.in_force(self.segment_of),
            self.patches.operations,
            frozenset(self.finished),
            frozenset(self.locked),
            frozenset(self.accepted),
        )
