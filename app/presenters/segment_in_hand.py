"""The segment that is taken apart, and the seeds in it; runs on the thread of the session. No Qt, no napari."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from segmend.app.presenters.pieces import Pieces, pieces_of
from segmend.core.edits.model import Cleave, Split, Spot
from segmend.core.errors import EditRefused, InputError
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


class Misplaced(EditRefused):
    """Seeds that are not in the segment in hand."""

    def __init__(self, stroke: Stroke, name: int) -> None:
        super().__init__(f"That place is not in segment {name}: click inside it.")
        self.stroke = stroke


class SegmentInHand:
    """A segment found by a place, so that it is found again when a colleague changed it.

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
        self.segment = self._now()
        self.name = int(session.segmentation.export_ids([self.segment])[0])

    def forget(self) -> None:
        """Read supervoxels anew: voxels may have changed."""
        self._read.clear()

    def pieces(self, strokes: Sequence[Stroke]) -> Pieces | None:
        """Return what seeds would make of the segment; None while they are of one side only.

        Raises
        ------
        Misplaced
            If a stroke is not in the segment.
        EditRefused
            If the seeds do not fit.
        """
        segment = self._now()
        seeds = self._seeds(strokes, segment)
        if len(seeds) < 2:
            return None
        resolved = self._session.preview(self._edit_of(seeds))
        grid = self._session.project.grid
        return pieces_of(resolved, seeds, segment, self._session.segmentation, grid)

    def edit(self, strokes: Sequence[Stroke]) -> Split | Cleave:
        """Return the edit that seeds stand for; raises what `pieces` raises."""
        return self._edit_of(self._seeds(strokes, self._now()))

    def _edit_of(self, seeds: Seeds) -> Split | Cleave:
        sides = tuple(seeds[side] for side in sorted(seeds))
        return Split(sides) if self._kind == "split" else Cleave(sides)

    def _now(self) -> int:
        anchor = self._session.spot_at(self._anchor.place_nm)
        return int(self._session.segmentation.segment_of[anchor.supervoxel])

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
