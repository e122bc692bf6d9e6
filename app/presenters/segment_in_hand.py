"""The segment that is taken apart, and the seeds in it; runs on the thread of the session. No Qt, no napari."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from segmend.app.presenters.pieces import Pieces, pieces_of
from segmend.core.edits.model import Cleave, Split, Spot
from segmend.core.errors import EditRefused, InputError, StaleEdit
from segmend.core.geometry import ZyxNm

Kind = Literal["split", "cleave"]
Seeds = dict[int, tuple[Spot, ...]]


@dataclass(frozen=True, slots=True)
class Stroke:
    """Seeds that were placed, and are taken back, together.

    Parameters
    ----------
    side : int
        Counted from 1.
    places_nm : tuple of tuple of 3 float
    """

    side: int
    places_nm: tuple[ZyxNm, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Preview:
    """What some seeds would do, and when that was found out.

    Parameters
    ----------
    pieces : Pieces, optional
        None while the seeds are of one side only.
    segment : int
        Dense segment that is taken apart.
    members : (k,) int
        Its supervoxels.
    row : int
        The newest row of the journal that was in effect.
    """

    pieces: Pieces | None
    segment: int
    members: NDArray[Any]
    row: int


class Misplaced(EditRefused):
    """Seeds that are not in the segment in hand."""

    def __init__(self, stroke: Stroke, name: int) -> None:
        super().__init__(f"That place is not in segment {name}: click inside it.")
        self.stroke = stroke


class SegmentInHand:
    """A segment found by a place, so that it is found again after any edit.

    Parameters
    ----------
    session : Session
    kind : {"split", "cleave"}
    place_nm : tuple of 3 float

    Raises
    ------
    EditRefused, InputError
        If there is no segment at the place.
    """

    def __init__(self, session: Any, kind: Kind, place_nm: ZyxNm) -> None:
        self._session = session
        self._kind = kind
        self._anchor = session.spot_at(place_nm)
        self._read: dict[ZyxNm, Spot] = {}
        self._revision = -1
        self.segment = self.name = 0
        self._find()

    def preview(self, strokes: Sequence[Stroke]) -> Preview:
        """Return what seeds would make of the segment.

        Raises
        ------
        Misplaced
            If a stroke is not in the segment.
        EditRefused
            If the seeds do not fit.
        """
        segment = self._find()
        segmentation, row = self._session.segmentation, self._session.timeline.newest_row
        seeds = self._seeds(strokes, segment)
        pieces = None
        if len(seeds) > 1:
            resolved = self._session.preview(self._edit_of(seeds))
            pieces = pieces_of(resolved, seeds, segment, segmentation, self._session.project.grid)
        return Preview(pieces, segment, np.array(segmentation.members(segment)), row)

    def edit(self, strokes: Sequence[Stroke], shown: Preview) -> Split | Cleave:
        """Return the edit that seeds stand for; raises what `preview` raises.

        Raises
        ------
        StaleEdit
            If it would not do any more what was shown.
        """
        if self._session.timeline.newest_row != shown.row:
            now = self.preview(strokes).pieces
            if now is None or shown.pieces is None or not now.same_as(shown.pieces):
                raise StaleEdit(
                    f"Segment {self.name} was changed meanwhile: "
                    "look at the new colours, then press Enter again."
                )
        return self._edit_of(self._seeds(strokes, self._find()))

    def _edit_of(self, seeds: Seeds) -> Split | Cleave:
        sides = tuple(seeds[side] for side in sorted(seeds))
        return Split(sides) if self._kind == "split" else Cleave(sides)

    def _find(self) -> int:
        """Look up the segment as it is now; after an edit of voxels, everything is read anew."""
        segmentation = self._session.segmentation
        if (revision := segmentation.patches.revision) != self._revision:
            self._revision = revision
            self._read.clear()
            self._anchor = self._session.spot_at(self._anchor.place_nm)
        segment = int(segmentation.segment_of[self._anchor.supervoxel])
        if not segment:
            raise EditRefused("There is no segment any more where the split began: cancel it.")
        self.name = int(segmentation.export_ids([segment])[0])
        self.segment = segment
        return segment

    def _seeds(self, strokes: Sequence[Stroke], segment: int) -> Seeds:
        seeds: Seeds = {}
        for stroke in sorted(strokes, key=lambda stroke: stroke.side):
            inside = tuple(filter(None, (self._spot(p, segment) for p in stroke.places_nm)))
            if not inside:
                raise Misplaced(stroke, self.name)
            seeds[stroke.side] = (*seeds.get(stroke.side, ()), *inside)
        return seeds

    def _spot(self, place_nm: ZyxNm, segment: int) -> Spot | None:
        """Return the spot at a place of the segment, None elsewhere; each voxel is read once."""
        if place_nm not in self._read:
            try:
                self._read[place_nm] = self._session.spot_at(place_nm)
            except (EditRefused, InputError):  # background, or outside the volume
                return None
        spot = self._read[place_nm]
        return spot if self._session.segmentation.segment_of[spot.supervoxel] == segment else None
