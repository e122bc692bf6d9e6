"""Changes of a segmentation as values: what an edit does, and a state that can be compared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from segmend.core.geometry import Box
from segmend.core.segmentation.patches import Patch
from segmend.core.segmentation.supervoxel_graph import Edges
from segmend.core.segmentation.supervoxel_mapping import Move

Array = NDArray[Any]


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
class Birth:
    """Supervoxels replaced by others, down to the voxels.

    Parameters
    ----------
    patches : tuple of Patch
        Name the parents, which die, and the origin of each child.
    children : tuple of int
        New ids, consecutive.
    nodes : NodeTable
        One row per child.
    edges : Edges
        Contacts among the children and with their living neighbours.
    """

    patches: tuple[Patch, ...]
    children: tuple[int, ...]
    nodes: NodeTable
    edges: Edges


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark on a segment that is set or taken away.

    Parameters
    ----------
    kind : {"finished", "locked"}
    segment : int
    before, after : bool
    """

    kind: Literal["finished", "locked"]
    segment: int
    before: bool
    after: bool


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """What an edit does to the segmentation, as a value.

    Parameters
    ----------
    moves : tuple of Move
        In the order in which they are carried out.
    bridges : Edges
        Edges between segments that do not touch.
    birth : Birth, optional
    marks : tuple of Mark
    decision : tuple of (str, str), optional
        Candidate and verdict.
    old_ids, new_ids : tuple of int
        Segments that are different afterwards, as they are called before and after.
    box : Box
        Where voxels show another segment or supervoxel afterwards.
    """

    moves: tuple[Move, ...] = ()
    bridges: Edges = field(default_factory=Edges.none)
    birth: Birth | None = None
    marks: tuple[Mark, ...] = ()
    decision: tuple[str, str] | None = None
    old_ids: tuple[int, ...] = ()
    new_ids: tuple[int, ...] = ()
    box: Box = field(default_factory=lambda: Box((0, 0, 0), (0, 0, 0)))

    @property
    def segments(self) -> frozenset[int]:
        """Every segment that the change touches; changes that share none, and no patch, commute."""
        moved = (segment for move in self.moves for segment in (move.source, move.target))
        marked = (mark.segment for mark in self.marks)
        return frozenset((*self.old_ids, *self.new_ids, *moved, *marked)) - {0}


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """A segmentation at rest, comparable with another.

    Parameters
    ----------
    segment_of : (n + 1,) uint32, without the dead supervoxels at its end
    edges : Edges
        In force, sorted.
    patches : tuple of int
        Operations whose voxels are in effect.
    finished, locked : frozenset of int
        Segments with these marks.
    accepted : frozenset of str
        Candidates that an operation in effect accepted.
    """

    segment_of: NDArray[np.uint32]
    edges: Edges
    patches: tuple[int, ...] = ()
    finished: frozenset[int] = frozenset()
    locked: frozenset[int] = frozenset()
    accepted: frozenset[str] = frozenset()

    def same_as(self, other: State) -> bool:
        """Say whether mapping, voxels, graph, marks and decisions are identical to the bit."""
        return (
            np.array_equal(self.segment_of, other.segment_of)
            and (self.patches, self.finished, self.locked, self.accepted)
            == (other.patches, other.finished, other.locked, other.accepted)
            and self.edges.same_as(other.edges)
        )
