"""Edits of another copy of the project in the ids of this one.

Both copies have the base in common and went on from it, each with ids of its own: what one calls supervoxel 1001 is
another part, or none, in the other. Ids of the base mean the same in both.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

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
from segmend.core.errors import InputError
from segmend.core.segmentation.patches import Patch

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
            If an id was made before, or no id is left.
        """
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
            tuple(tuple(sorted(map(self.supervoxel, side))) for side in theirs.sides),
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
