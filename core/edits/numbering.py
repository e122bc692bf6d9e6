"""Ids for what an edit makes: append-only, never reused, also not those of operations that are off."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self

from segmend.core.errors import EditRefused
from segmend.core.segmentation.graph_files import GraphArrays

MOST_NEW = 10_000_000
"""Segments, and supervoxels, that the edits of one generation may make: arrays are as long as the highest id."""
_HIGHEST = 2**32 - 1


@dataclass(frozen=True, slots=True)
class NextIds:
    """The first ids that no operation has used, in effect or not.

    Parameters
    ----------
    segment, supervoxel : int
    """

    segment: int
    supervoxel: int

    @classmethod
    def after(cls, base: GraphArrays, named: Iterable[tuple[Sequence[int], Sequence[int]]]) -> Self:
        """Return the ids that are free after the segments and supervoxels that some rows name."""
        free = cls(base.segment_count + 1, base.supervoxel_count + 1)
        for segments, supervoxels in named:
            free = free.past(base, segments, supervoxels)
        return free

    def past(self, base: GraphArrays, segments: Sequence[int], supervoxels: Sequence[int]) -> Self:
        """Return the ids that are free after those of one more row.

        Each id counts on its own, whatever else the row says: it stays given away also where the row can never be in
        effect. Only one that is too high to be real does not count.
        """
        segment = _highest(segments, base.segment_count)
        supervoxel = _highest(supervoxels, base.supervoxel_count)
        return replace(
            self,
            segment=max(self.segment, segment + 1),
            supervoxel=max(self.supervoxel, supervoxel + 1),
        )

    def segments(self, count: int) -> tuple[int, ...]:
        """Return ids for `count` new segments."""
        return _range(self.segment, count, "segments")

    def supervoxels(self, count: int) -> tuple[int, ...]:
        """Return ids for `count` new supervoxels."""
        return _range(self.supervoxel, count, "supervoxels")


def most_supervoxels(base: GraphArrays) -> int:
    """Return how many supervoxels an edit on a base can name, with those that edits made."""
    return min(base.supervoxel_count + MOST_NEW, _HIGHEST)


def usable(ids: Sequence[int], base_count: int) -> bool:
    """Say whether ids can be those of something new on a base that has `base_count` of it."""
    return not ids or (base_count < min(ids) and max(ids) <= min(base_count + MOST_NEW, _HIGHEST))


def _highest(ids: Sequence[int], base_count: int) -> int:
    return max((i for i in ids if usable((i,), base_count)), default=base_count)


def _range(first: int, count: int, what: str) -> tuple[int, ...]:
    if first + count - 1 > _HIGHEST:
        raise EditRefused(
            f"there are no ids left for {count} new {what} (32 bits): run with --new-generation, which "
            "numbers everything anew"
        )
    return tuple(range(first, first + count))
