"""The mapping supervoxel -> segment, with the members and sizes of every segment kept beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Move:
    """Supervoxels that go from one segment to another.

    Parameters
    ----------
    supervoxels : (k,) uint32
    source, target : int
        Segments; 0 stands for "not alive".
    """

    supervoxels: Array
    source: int
    target: int

    def inverted(self) -> Move:
        """Return the way back."""
        return Move(self.supervoxels, self.target, self.source)


class SupervoxelMapping:
    """A partition of the supervoxels into segments that changes by moves.

    A move costs what it moves. Segment ids are never renumbered; a segment without members is empty.

    Parameters
    ----------
    segment_of : (n + 1,) uint32
        Copied.
    size : (n + 1,) voxels per supervoxel
    """

    def __init__(self, segment_of: Array, size: Array) -> None:
        self._segment_of = np.array(segment_of, np.uint32)
        self._size = np.array(size, np.int64)
        self._count = len(segment_of) - 1
        self._order = np.argsort(self._segment_of, kind="stable").astype(np.uint32)
        highest = int(self._segment_of.max(initial=0))
        self._indptr = np.searchsorted(self._segment_of[self._order], np.arange(highest + 2))
        self._changed: dict[int, Array] = {}
        self._voxels: dict[int, int] = {}

    @property
    def segment_of(self) -> NDArray[np.uint32]:
        """(n + 1,) uint32, updated in place by every move; do not write to it."""
        return self._segment_of[: self._count + 1]

    @property
    def size(self) -> Array:
        """(n + 1,) int64 voxels per supervoxel."""
        return self._size[: self._count + 1]

    @property
    def supervoxel_count(self) -> int:
        """Highest supervoxel id, alive or not."""
        return self._count

    def members(self, segment: int) -> Array:
        """Return the supervoxels of a segment, (k,) uint32, in no promised order."""
        if segment in self._changed:
            return self._changed[segment]
        if not 0 < segment < len(self._indptr) - 1:
            return np.empty(0, np.uint32)
        return self._order[self._indptr[segment] : self._indptr[segment + 1]]

    def voxels(self, segment: int) -> int:
        """Return the number of voxels of a segment."""
        if segment not in self._voxels:
            self._voxels[segment] = int(self._size[self.members(segment)].sum())
        return self._voxels[segment]

    def segments(self) -> Array:
        """Return the segments that have members, sorted."""
        found = np.unique(self.segment_of)
        return found[found > 0]

    def grow(self, sizes: Iterable[int], first: int) -> None:
        """Make room for supervoxels ``first, first + 1, ...``, not alive yet, with their sizes in voxels."""
        sizes = np.fromiter(sizes, np.int64)
        needed = first + len(sizes)
        if needed > len(self._segment_of):
            room = max(needed, len(self._segment_of) + len(self._segment_of) // 8 + 64)
            self._segment_of = np.concatenate(
                [self._segment_of, np.zeros(room - len(self._segment_of), np.uint32)]
            )
            self._size = np.concatenate([self._size, np.zeros(room - len(self._size), np.int64)])
        self._size[first:needed] = sizes
        self._count = max(self._count, needed - 1)

    def apply(self, move: Move) -> None:
        """Carry out one move; the caller has checked that it fits."""
        moved = move.supervoxels
        self._segment_of[moved] = move.target
        voxels = int(self._size[moved].sum())
        if move.source:
            before, total = self.members(move.source), self.voxels(move.source)
            self._changed[move.source] = _without(before, moved)
            self._voxels[move.source] = total - voxels
        if move.target:
            before, total = self.members(move.target), self.voxels(move.target)
            self._changed[move.target] = np.concatenate([before, moved])
            self._voxels[move.target] = total + voxels


def _without(members: Array, moved: Array) -> Array:
    rest = members[: len(members) - len(moved)]
    if np.array_equal(
        members[len(rest) :], moved
    ):  # the undo of a merge: what came last goes first
        return rest
    return members[~np.isin(members, moved)]
