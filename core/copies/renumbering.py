"""Edits of another copy of the project in the ids of this one.

Both copies have the base in common and went on from it, each with ids of its own: what one calls supervoxel 1001 is
another part, or none, in the other. Ids of the base mean the same in both.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from segmend.core.copies.pairing import Pairing
from segmend.core.edits.codec import resolved_from_json
from segmend.core.edits.model import (
    Cleave,
    Detach,
    Edit,
    Erase,
    Lock,
    MarkFinished,
    Merge,
    Paint,
    Resolved,
    Split,
    SplitSupervoxel,
    Spot,
)
from segmend.core.edits.numbering import most_supervoxels
from segmend.core.errors import InputError, SegmendError
from segmend.core.journal.operation import Operation
from segmend.core.segmentation.graph_files import GraphArrays
from segmend.core.segmentation.patches import Patch
from segmend.core.timeline.history import Ledger

MOST_IDS = 2**32 - 1


@dataclass
class Renumbering:
    """From the ids of another copy to those of this one.

    Parameters
    ----------
    common : int
        Supervoxels of the base, called the same in both.
    next_segment, next_supervoxel : int
        First ids that no row of this copy uses.
    """

    common: int
    next_segment: int
    next_supervoxel: int
    segments: dict[int, int] = field(default_factory=dict)
    supervoxels: dict[int, int] = field(default_factory=dict)

    def identify(self, theirs: Resolved, ours: Resolved) -> None:
        """Take note that two edits are the same one, and so is what they made.

        Edits of different form are no such pair; then nothing is noted.
        """
        if len(theirs.new_segments) == len(ours.new_segments):
            self.segments.update(zip(theirs.new_segments, ours.new_segments, strict=True))
        if len(theirs.children) == len(ours.children):
            self.supervoxels.update(zip(theirs.children, ours.children, strict=True))

    def forget(self, ours: Resolved) -> None:
        """Free the ids that were made last, for an edit that turned out to need none."""
        self.next_segment -= len(ours.new_segments)
        self.next_supervoxel -= len(ours.children)

    def make_room(self, resolved: Resolved) -> None:
        """Give fresh ids to what an edit makes.

        Raises
        ------
        InputError
            If an id was made before, there are too many, or no id is left.
        """
        if len(resolved.new_segments) > len(resolved.sides) + 1:
            raise InputError("it makes more segments than it has sides")
        for name, made, known in (
            ("segment", resolved.new_segments, self.segments),
            ("supervoxel", resolved.children, self.supervoxels),
        ):
            first: int = getattr(self, f"next_{name}")
            new = [i for i in made if i in known or (name == "supervoxel" and i <= self.common)]
            if new or len(set(made)) < len(made):
                raise InputError(f"it makes a {name} that is there already")
            if first + len(made) > MOST_IDS:
                raise InputError(f"there are no ids left for its {name}s")
            known.update(zip(sorted(made), range(first, first + len(made)), strict=True))
            setattr(self, f"next_{name}", first + len(made))

    def resolved(self, theirs: Resolved) -> Resolved:
        """Return an edit of the other copy in the ids of this one.

        Raises
        ------
        InputError
            If it names a supervoxel that no edit made.
        """
        return Resolved(
            self._edit(theirs.edit),
            tuple(map(self._side, theirs.sides)),
            tuple(self.segments[segment] for segment in theirs.new_segments),
            tuple(map(self._patch, theirs.patches)),
        )

    def supervoxel(self, theirs: int) -> int:
        """Return a supervoxel, 0 for background."""
        if theirs <= self.common:
            return theirs
        ours = self.supervoxels.get(theirs)
        if ours is None:
            raise InputError(f"it names supervoxel {theirs}, which no edit before it made")
        return ours

    def _side(self, side: tuple[int, ...]) -> tuple[int, ...]:
        """Return a sorted list of supervoxels; most sides are long and of the base."""
        first = bisect_right(side, self.common)
        return (*side[:first], *sorted(map(self.supervoxel, side[first:])))

    def _patch(self, patch: Patch) -> Patch:
        return replace(
            patch,
            parents=tuple(sorted(map(self.supervoxel, patch.parents))),
            ids=tuple(map(self.supervoxel, patch.ids)),
            origins=tuple(map(self.supervoxel, patch.origins)),
        )

    def _spot(self, spot: Spot) -> Spot:
        return Spot(self.supervoxel(spot.supervoxel), spot.place_nm)

    def _spots(self, spots: Iterable[Spot]) -> tuple[Spot, ...]:
        return tuple(map(self._spot, spots))

    def _edit(self, edit: Edit) -> Edit:
        match edit:
            case Merge() | Detach():
                return replace(edit, spots=self._spots(edit.spots))
            case Split() | SplitSupervoxel():
                return replace(edit, sides=tuple(map(self._spots, edit.sides)))
            case Cleave():
                return replace(edit, groups=tuple(map(self._spots, edit.groups)))
            case Paint(target=Spot() as target):
                return replace(edit, target=self._spot(target))
            case Erase(only=Spot() as only):
                return replace(edit, only=self._spot(only))
            case MarkFinished() | Lock():
                return replace(edit, spot=self._spot(edit.spot))
        return edit


def renumbering_of(
    pairing: Pairing,
    ours: Sequence[Operation],
    theirs: Sequence[Operation],
    generation: int,
    base: GraphArrays,
) -> Renumbering:
    """Return what is called otherwise in another copy by what both have, ready for what only that one has."""
    most = most_supervoxels(base)
    here = {o.number: made for o in ours if (made := _edit(o, generation, most)) is not None}
    ledger = Ledger(generation)
    for operation in ours:
        ledger.add(operation)
    free = ledger.free_ids(base)
    renumbering = Renumbering(base.supervoxel_count, free.segment, free.supervoxel)
    for operation in theirs:
        twin = here.get(pairing.ours_of.get(operation.number, 0))
        made = None if twin is None else _edit(operation, generation, most)
        if twin is not None and made is not None:
            renumbering.identify(made, twin)
    return renumbering


def _edit(operation: Operation, generation: int, most: int) -> Resolved | None:
    """Return the edit of a row, if it makes anything."""
    payload = operation.payload
    if operation.generation != generation or not (
        "new_segments" in payload or "patches" in payload
    ):
        return None
    try:
        return resolved_from_json(payload, operation.kind, most)
    except SegmendError:
        return None
