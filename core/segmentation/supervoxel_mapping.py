"""The mapping supervoxel -> segment, with the members and sizes of every segment kept beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.segmentation.partition import Partition

Array = NDArray[Any]

_SPARE = 1 << 16


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


class _Members:
    """The supervoxels of one segment in an array with room to grow.

    What was handed out stays as it is: nothing below the high-water mark is written twice.
    """

    __slots__ = ("_array", "_count", "_highest")

    def __init__(self, array: Array) -> None:
        self._array = array
        self._count = self._highest = len(array)

    @property
    def array(self) -> Array:
        return self._array[: self._count]

    def append(self, moved: Array) -> None:
        start, stop = self._count, self._count + len(moved)
        if start != self._highest or stop > len(self._array):
            array = np.empty(stop + stop // 2 + 4, np.uint32)
            array[:start] = self._array[:start]
            self._array = array
        self._array[start:stop] = moved
        self._count = self._highest = stop

    def remove(self, moved: Array, segment: int, segment_of: Array) -> None:
        """Forget supervoxels that the table no longer has in the segment."""
        rest = self._count - len(moved)
        if rest == 0 or _ends_with(self._array[: self._count], moved):
            self._count = rest  # a whole segment, or the undo of a merge: what came last goes first
        else:
            self._array = _still_in(self._array[: self._count], segment, segment_of)
            self._count = self._highest = len(self._array)


class SupervoxelMapping:
    """A partition of the supervoxels into segments that changes by moves.

    Putting supervoxels into a segment costs their number, and so does taking out the ones that came last; taking
    out others costs the segment. Segment ids are never renumbered; a segment without members is empty.

    Parameters
    ----------
    base : Partition
        The start; shared, never changed.
    """

    def __init__(self, base: Partition) -> None:
        self._base = base
        self._count = len(base.segment_of) - 1
        self._segment_of = np.zeros(self._count + 1 + max(_SPARE, self._count // 8), np.uint32)
        self._segment_of[: self._count + 1] = base.segment_of
        self._size = base.size
        self._changed: dict[int, _Members] = {}
        self._voxels: dict[int, int] = {}

    @property
    def segment_of(self) -> NDArray[np.uint32]:
        """(n + 1,) uint32, updated in place by every move; do not write to it.

        The memory behind it stays the same until more supervoxels are born than there is room for.
        """
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
        """Return the supervoxels of a segment, (k,) uint32, in no promised order; later moves leave it as it is."""
        changed = self._changed.get(segment)
        return self._base.members(segment) if changed is None else changed.array

    def voxels(self, segment: int) -> int:
        """Return the number of voxels of a segment."""
        known = self._voxels.get(segment)
        return self._base.voxels(segment) if known is None else known

    def segments(self) -> Array:
        """Return the segments that have members, sorted."""
        table = self.segment_of
        seen = np.zeros(int(table.max(initial=0)) + 1, bool)
        seen[table] = True
        seen[0] = False
        return np.flatnonzero(seen).astype(np.uint32)

    def grow(self, sizes: Iterable[int], first: int) -> None:
        """Make room for supervoxels ``first, first + 1, ...``, not alive yet, with their sizes in voxels."""
        sizes = np.fromiter(sizes, np.int64)
        needed = first + len(sizes)
        self._segment_of = _with_room(self._segment_of, needed)
        if needed > len(self._size) or self._size is self._base.size:
            self._size = _with_room(self._size, max(needed, len(self._segment_of)))
        self._size[first:needed] = sizes
        self._count = max(self._count, needed - 1)

    def apply(self, move: Move) -> None:
        """Carry out one move; the caller has checked that it fits."""
        moved = move.supervoxels
        voxels = _relabel(moved, move.target, self._segment_of[: self._count + 1], self._size)
        if voxels < 0:
            raise IndexError("a move names a supervoxel that does not exist")
        if move.source:
            total = self.voxels(move.source)
            self._own(move.source).remove(moved, move.source, self._segment_of)
            self._voxels[move.source] = total - voxels
        if move.target:
            total = self.voxels(move.target)
            self._own(move.target).append(moved)
            self._voxels[move.target] = total + voxels

    def _own(self, segment: int) -> _Members:
        found = self._changed.get(segment)
        if found is None:
            found = self._changed[segment] = _Members(self._base.members(segment))
        return found


def _with_room(array: Array, needed: int) -> Array:
    if needed <= len(array):
        return array
    longer = np.zeros(max(needed, len(array) + len(array) // 8 + 64), array.dtype)
    longer[: len(array)] = array
    return longer


@njit(cache=True, nogil=True)
def _relabel(moved, target, segment_of, size):  # type: ignore[no-untyped-def]  # pragma: no cover
    for supervoxel in moved:
        if supervoxel >= segment_of.size:
            return -1
    voxels = 0
    for supervoxel in moved:
        segment_of[supervoxel] = target
        voxels += size[supervoxel]
    return voxels


@njit(cache=True, nogil=True)
def _ends_with(members, moved):  # type: ignore[no-untyped-def]  # pragma: no cover
    start = members.size - moved.size
    if start < 0:
        return False
    i = moved.size - 1
    while i >= 0 and members[start + i] == moved[i]:
        i -= 1
    return i < 0


@njit(cache=True, nogil=True)
def _still_in(members, segment, segment_of):  # type: ignore[no-untyped-def]  # pragma: no cover
    rest = np.empty_like(members)
    count = 0
    for supervoxel in members:
        if segment_of[supervoxel] == segment:
            rest[count] = supervoxel
            count += 1
    return rest[:count].copy()
