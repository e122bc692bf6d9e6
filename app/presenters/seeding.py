"""Taking a segment apart with seeds: place them, see what they would do, carry it out. No Qt, no napari."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from segmend.app.presenters.edit_words import applied_words
from segmend.app.presenters.pieces import Pieces, pieces_of
from segmend.app.presenters.ports import Jobs
from segmend.app.presenters.seed_words import SeedLine, apply_words, preview_words, seed_title
from segmend.core.edits.model import Cleave, Split, Spot
from segmend.core.errors import EditRefused, InputError, SegmendError
from segmend.core.geometry import ZyxNm

Kind = Literal["split", "cleave"]
_TOPIC = "seeds"


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


class SeedsView(Protocol):
    """The bar above the views."""

    def show_seeding(self, line: SeedLine) -> None:
        """Show where the seeds stand."""

    def hide_seeding(self) -> None:
        """Take the bar away."""


class SeedsStage(Protocol):
    """The 2D and 3D views."""

    def begin_seeds(self, segment: int) -> None:
        """Take clicks as seeds, and show a segment alone in 3D."""

    def show_seeds(self, strokes: Sequence[Stroke]) -> None:
        """Mark the places."""

    def show_pieces(self, pieces: Pieces | None) -> None:
        """Colour what a segment would become; None takes the colours away."""

    def end_seeds(self) -> None:
        """Take marks and colours away and clicks as before."""


@dataclass(frozen=True, slots=True, eq=False)
class _Solution:
    """What came out of a preview, made off the window's thread."""

    revision: int
    pieces: Pieces


class _Misplaced(EditRefused):
    """Seeds that are not in the segment in hand."""

    def __init__(self, stroke: Stroke, name: int) -> None:
        super().__init__(f"That place is not in segment {name}: click inside it.")
        self.stroke = stroke


class SeedingPresenter:
    """Keeps the preview true to the seeds while they are placed.

    Parameters
    ----------
    session : Session
    jobs : Jobs
    view : SeedsView
    stage : SeedsStage
    changed : callable
        Told whenever what can be done may be different.
    applied : callable
        Told of the changes that were carried out and, in one line, of what was done.
    failed : callable
        Gets what could not be.
    clock : callable, optional
        Seconds, for the time the edit takes.
    """

    def __init__(
        self,
        session: Any,
        jobs: Jobs,
        view: SeedsView,
        stage: SeedsStage,
        *,
        changed: Callable[[], None],
        applied: Callable[[Any, str], None],
        failed: Callable[[Exception], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session = session
        self._jobs = jobs
        self._view = view
        self._stage = stage
        self._changed = changed
        self._applied = applied
        self._failed = failed
        self._clock = clock
        self.kind: Kind | None = None
        self.side = 1
        self.strokes: list[Stroke] = []
        self._anchor: Spot | None = None
        self._read: dict[ZyxNm, Spot] = {}
        self._name = 0
        self._revision = 0
        self._solution: _Solution | None = None
        self._working = False
        self._trouble = ""
        self._since = 0.0

    # -- what others ask ----------------------------------------------------------------------------------------

    @property
    def active(self) -> bool:
        """Whether seeds are being placed."""
        return self.kind is not None

    @property
    def solved(self) -> bool:
        """Whether the colours show what the seeds there are would do."""
        return self._solution is not None and self._solution.revision == self._revision

    # -- what a person does -------------------------------------------------------------------------------------

    def begin(self, kind: Kind, place_nm: ZyxNm) -> None:
        """Take the segment at a place in hand."""
        if self.active:
            return
        since = self._clock()

        def ready(found: tuple[Spot, int, int]) -> None:
            self.kind, self.side, self.strokes, self._since = kind, 1, [], since
            self._anchor, segment, self._name = found
            self._read.clear()
            self._stage.begin_seeds(segment)
            self._reset()

        self._jobs.edit(lambda: self._named(self._session.spot_at(place_nm)), ready, self._failed)

    def choose_side(self, number: int) -> None:
        """Give the next seeds to a side."""
        if self.active:
            self.side = number
            self._show()

    def place(self, places_nm: Sequence[ZyxNm]) -> None:
        """Place seeds of the side that is chosen, one or a line of them."""
        if self.active and places_nm:
            self.strokes.append(Stroke(self.side, tuple(places_nm)))
            if self.side == 1 and len(self.sides()) == 1 and len(self.strokes) == 1:
                self.side = 2  # the first click on each side is all that most cuts need
            self._solve()

    def take_back(self) -> None:
        """Take the last seed back, or the last line of them."""
        if self.active and self.strokes:
            self.side = self.strokes.pop().side
            self._solve()

    def apply(self) -> None:
        """Carry out what the colours show."""
        if not self.active or not self.solved:
            return
        strokes, kind = tuple(self.strokes), self.kind
        milliseconds = round(1000 * (self._clock() - self._since))
        self._working = True
        self._revision += 1  # nothing may be applied twice
        self._show()

        def work() -> Any:
            edit = _edit(kind, self._spots(strokes, self._segment()))
            return self._session.apply(edit, milliseconds=milliseconds)

        def done(changes: Any) -> None:
            self._end()
            before, after = changes.old_export_ids, changes.new_export_ids
            self._applied(changes, applied_words(str(kind), before, after))

        self._jobs.edit(work, done, self._on_refused)

    def cancel(self) -> None:
        """Leave the segment as it is."""
        if self.active:
            self._revision += 1
            self._end()

    def follow(self, changes: Any) -> None:
        """Look again after a colleague changed segments."""
        self._read.clear()
        if self.active and not self._working and self.strokes:
            self._solve()

    # -- inside -------------------------------------------------------------------------------------------------

    def sides(self) -> tuple[int, ...]:
        """Return the sides that have seeds, in order."""
        return tuple(sorted({stroke.side for stroke in self.strokes}))

    def _named(self, spot: Spot) -> tuple[Spot, int, int]:
        segment = int(self._session.segmentation.segment_of[spot.supervoxel])
        return spot, segment, int(self._session.segmentation.export_ids([segment])[0])

    def _reset(self, trouble: str = "") -> None:
        self._revision += 1
        self._solution, self._trouble, self._working = None, trouble, False
        self._stage.show_seeds(())
        self._stage.show_pieces(None)
        self._show()

    def _solve(self, trouble: str = "") -> None:
        """Ask for the pieces that these seeds make; an answer that comes too late is dropped."""
        self._revision += 1
        self._trouble = trouble
        self._stage.show_seeds(self.strokes)
        revision, strokes = self._revision, tuple(self.strokes)
        if not strokes:
            self._reset(trouble)
            return
        self._working = True
        self._show()
        self._jobs.edit(
            lambda: self._solution_of(revision, strokes),
            lambda solution: self._on_solved(revision, solution),
            lambda error: self._on_trouble(revision, error),
            topic=_TOPIC,
        )

    def _solution_of(self, revision: int, strokes: tuple[Stroke, ...]) -> _Solution | None:
        segment = self._segment()
        spots = self._spots(strokes, segment)
        if len(spots) < 2:
            return None
        resolved = self._session.preview(_edit(self.kind, spots))
        segmentation, grid = self._session.segmentation, self._session.project.grid
        return _Solution(revision, pieces_of(resolved, spots, segment, segmentation, grid))

    def _segment(self) -> int:
        """Return the segment in hand as it is now; a colleague may have changed it."""
        assert self._anchor is not None
        anchor = self._session.spot_at(self._anchor.place_nm)
        return int(self._session.segmentation.segment_of[anchor.supervoxel])

    def _spots(self, strokes: Sequence[Stroke], segment: int) -> dict[int, tuple[Spot, ...]]:
        spots: dict[int, tuple[Spot, ...]] = {}
        for stroke in sorted(strokes, key=lambda stroke: stroke.side):
            inside = tuple(filter(None, (self._spot(p, segment) for p in stroke.places_nm)))
            if not inside:
                raise _Misplaced(stroke, self._name)
            spots[stroke.side] = (*spots.get(stroke.side, ()), *inside)
        return spots

    def _spot(self, place_nm: ZyxNm, segment: int) -> Spot | None:
        """Return the spot at a place of the segment in hand, None elsewhere; each voxel is read once."""
        if place_nm not in self._read:
            try:
                self._read[place_nm] = self._session.spot_at(place_nm)
            except (EditRefused, InputError):  # background, or outside the volume
                return None
        spot = self._read[place_nm]
        return spot if self._session.segmentation.segment_of[spot.supervoxel] == segment else None

    def _on_solved(self, revision: int, solution: _Solution | None) -> None:
        if revision != self._revision or not self.active:
            return
        self._working, self._solution = False, solution
        self._stage.show_pieces(solution.pieces if solution else None)
        self._show()

    def _on_trouble(self, revision: int, error: Exception) -> None:
        if revision != self._revision or not self.active:
            return
        if isinstance(error, _Misplaced):
            self.strokes = [stroke for stroke in self.strokes if stroke is not error.stroke]
            self._solve(trouble=str(error))
            return
        if not isinstance(error, (EditRefused, InputError)):
            self._failed(error)
        self._working, self._solution = False, None
        self._trouble = str(error)
        self._stage.show_pieces(None)
        self._show()

    def _on_refused(self, error: Exception) -> None:
        """Keep the seeds, so that a refusal costs no work."""
        self._working = False
        if isinstance(error, SegmendError):
            self._trouble = str(error)
            self._solution = None
            self._show()
        self._failed(error)

    def _show(self) -> None:
        if self.kind is None:
            return
        self._view.show_seeding(
            SeedLine(
                title=seed_title(self.kind, self._name),
                sides=self._chips(),
                side=self.side,
                words=self._trouble or self._words(),
                warning=bool(self._trouble),
                working=self._working,
                ready=self.solved and not self._working,
                seeds=len(self.strokes),
                apply=apply_words(self.kind, self.sides()),
            )
        )
        self._changed()

    def _chips(self) -> tuple[int, ...]:
        return tuple(range(1, max(2, self.side, *self.sides(), 2) + 1))

    def _words(self) -> str:
        pieces = self._solution.pieces if self.solved and self._solution else None
        return preview_words(self.sides(), self.side, pieces, self._session.project.grid)

    def _end(self) -> None:
        self.kind, self.strokes, self._solution = None, [], None
        self._working = False
        self._stage.end_seeds()
        self._view.hide_seeding()
        self._changed()


def _edit(kind: Kind | None, spots: dict[int, tuple[Spot, ...]]) -> Split | Cleave:
    sides = tuple(spots[side] for side in sorted(spots))
    return Split(sides) if kind == "split" else Cleave(sides)
