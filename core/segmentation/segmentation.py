"""The live segmentation: mapping, region graph and node tables, changed together and only by a `Change`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.geometry import Box
from segmend.core.segmentation.graph_files import GraphArrays, load_graph
from segmend.core.segmentation.supervoxel_graph import Edges, SupervoxelGraph
from segmend.core.segmentation.supervoxel_mapping import Move, SupervoxelMapping

Array = NDArray[Any]
ChunkKey = tuple[int, int, int, int]
"""Pyramid level and chunk index z, y, x."""


@dataclass(frozen=True, slots=True, eq=False)
class NodeTable:
    """What is known of some supervoxels; all arrays have one row per supervoxel.

    Parameters
    ----------
    size : (k,) int64 voxels
    point : (k, 3) int32, a voxel inside, z, y, x
    box : (k, 6) int32, start and stop, z, y, x
    """

    size: Array
    point: Array
    box: Array


@dataclass(frozen=True, slots=True, eq=False)
class Division:
    """One supervoxel replaced by its parts, down to the voxels.

    Parameters
    ----------
    parent : int
    children : tuple of int
        New ids, consecutive.
    nodes : NodeTable
        One row per child.
    edges : Edges
        Contacts among the children and with their neighbours.
    chunks : dict
        Overlay file that holds each touched chunk from now on.
    """

    parent: int
    children: tuple[int, ...]
    nodes: NodeTable
    edges: Edges
    chunks: dict[ChunkKey, str]


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """What an edit does to the segmentation, as a value.

    Parameters
    ----------
    moves : tuple of Move
        In the order in which they are carried out.
    bridges : Edges
        Edges between segments that do not touch.
    division : Division, optional
    old_ids, new_ids : tuple of int
        Segments that are different afterwards, as they are called before and after.
    box : Box
        Where voxels show another segment afterwards.
    """

    moves: tuple[Move, ...] = ()
    bridges: Edges = field(default_factory=Edges.none)
    division: Division | None = None
    old_ids: tuple[int, ...] = ()
    new_ids: tuple[int, ...] = ()
    box: Box = field(default_factory=lambda: Box((0, 0, 0), (0, 0, 0)))


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """A segmentation at rest, comparable with another.

    Parameters
    ----------
    segment_of : (n + 1,) uint32, without the dead supervoxels at its end
    chunks : dict
        Overlay file of each chunk that has one.
    edges : Edges
        In force.
    """

    segment_of: NDArray[np.uint32]
    chunks: dict[ChunkKey, str]
    edges: Edges

    def same_as(self, other: State) -> bool:
        """Say whether mapping, voxels and graph are identical to the bit."""
        return (
            np.array_equal(self.segment_of, other.segment_of)
            and self.chunks == other.chunks
            and np.array_equal(self.edges.pairs, other.edges.pairs)
            and np.array_equal(self.edges.affinity, other.edges.affinity)
            and np.array_equal(self.edges.area, other.edges.area)
        )


class Segmentation:
    """Supervoxels, their graph and their mapping to segments, as one thing.

    Parameters
    ----------
    base : GraphArrays
        What the pipeline or an import wrote; never changed.
    """

    def __init__(self, base: GraphArrays) -> None:
        self.base = base
        self.mapping = SupervoxelMapping(base.segment_of, base.size)
        edges = Edges(base.edges, base.affinity, base.area, base.strong, base.centroid)
        self.graph = SupervoxelGraph(edges, base.supervoxel_count)
        self._nodes: dict[int, tuple[Array, Array]] = {}
        self.chunks: dict[ChunkKey, str] = {}
        self._covered: dict[int, dict[ChunkKey, str | None]] = {}

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
        if change.division:
            self._divide(operation, change.division)
        if len(change.bridges):
            self.graph.add(operation, change.bridges)
        for move in change.moves:
            self.mapping.apply(move)

    def revert(self, operation: int, change: Change) -> None:
        """Take a change back; the last one carried out must go first."""
        for move in reversed(change.moves):
            self.mapping.apply(move.inverted())
        if len(change.bridges):
            self.graph.remove(operation)
        if change.division:
            self._undivide(operation, change.division)

    def _divide(self, operation: int, division: Division) -> None:
        self.mapping.grow(division.nodes.size.tolist(), division.children[0])
        for i, child in enumerate(division.children):
            self._nodes[child] = (division.nodes.point[i], division.nodes.box[i])
        self.graph.add(operation, division.edges)
        self._covered[operation] = {key: self.chunks.get(key) for key in division.chunks}
        self.chunks.update(division.chunks)

    def _undivide(self, operation: int, division: Division) -> None:
        self.graph.remove(operation)
        for key, name in self._covered.pop(operation).items():
            if name is None:
                del self.chunks[key]
            else:
                self.chunks[key] = name

    def state(self) -> State:
        """Return a snapshot that later changes do not touch."""
        alive = int(np.flatnonzero(self.segment_of)[-1]) + 1 if self.segment_of.any() else 1
        return State(
            self.segment_of[:alive].copy(),
            dict(self.chunks),
            self.graph.in_force(self.segment_of),
        )
