"""Ids for what an edit makes: append-only, never reused, also not those of operations that are off."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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
        """Return the ids that are free after the segments and supervoxels that some rows name.

        Rows that name ids which are too high to be real are never in effect and do not count.
        """
        segment, supervoxel = base.segment_count, base.supervoxel_count
        for segments, supervoxels in named:
            if usable(segments, base.segment_count) and usable(supervoxels, base.supervoxel_count):
                segment = max([segment, *segments])
                supervoxel = max([supervoxel, *supervoxels])
        return cls(segment + 1, supervoxel + 1)

    def segments(self, count: int) -> tuple[int, ...]:
        """Return ids for `count` new segments."""
        return _range(self.segment, count, "segments")

    def supervoxels(self, count: int) -> tuple[int, ...]:
        """Return ids for `count` new supervoxels."""
        return _range(self.supervoxel, count, "supervoxels")


def usable(ids: Sequence[int], base_count: int) -> bool:
    """Say whether ids can be those of something new on a base that has `base_count` of it."""
    return not ids or (base_count < min(ids) and max(ids) <= min(base_count + MOST_NEW, _HIGHEST))


def _range(first: int, count: int, what: str) -> tuple[int, ...]:
    if first + count - 1 > _HIGHEST:
        raise EditRefused(
            f"there are no ids left for {count} new {what} (32 bits): run with --new-generation, which "
            "numbers everything anew"
        )
    return tuple(range(first, first + count))
