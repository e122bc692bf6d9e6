"""Taking a segment apart with seeds: place them, see what they would do, carry it out. No Qt, no napari."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from segmend.app.presenters.edit_words import applied_words, refused_words
from segmend.app.presenters.pieces import Pieces
from segmend.app.presenters.ports import Jobs
from segmend.app.presenters.seed_words import SeedLine, apply_words, preview_words, seed_title
from segmend.app.presenters.segment_in_hand import (
    Kind,
    Misplaced,
    Preview,
    SegmentInHand,
    Stroke,
)
from segmend.core.errors import EditRefused, InputError, SegmendError
from segmend.core.geometry import ZyxNm

_TOPIC = "seeds"


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

    def show_segment(self, segment: int) -> None:
        """Show another segment alone in 3D, or the same one after it was changed."""

    def show_seeds(self, strokes: Sequence[Stroke]) -> None:
        """Mark the places."""

    def show_pieces(self, pieces: Pieces | None) -> None:
        """Colour what a segment would become; None takes the colours away."""

    def end_seeds(self) -> None:
        """Take marks and colours away and clicks as before."""


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
        self._hand: SegmentInHand | None = None
        self.side = 1
        self.strokes: list[Stroke] = []
        self._revision = 0
        self._shown: Preview | None = None
        self._surface: Preview | None = None
        self._working = self._applying = False
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
        return self._pieces is not None

    @property
    def _pieces(self) -> Pieces | None:
        return self._shown.pieces if self._shown else None

    # -- what a person does -------------------------------------------------------------------------------------

    def begin(self, kind: Kind, place_nm: ZyxNm) -> None:
        """Take the segment at a place in hand."""
        if self.active:
            return
        since = self._clock()

        def take() -> tuple[SegmentInHand, Preview]:
            hand = SegmentInHand(self._session, kind, place_nm)
            return hand, hand.preview(())

        def ready(taken: tuple[SegmentInHand, Preview]) -> None:
            self.kind, self.side, self.strokes, self._since = kind, 1, [], since
            hand, self._surface = taken
            self._hand = hand
            self._stage.begin_seeds(hand.segment)
            self._reset()

        self._jobs.edit(take, ready, self._failed)

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
        hand, kind, shown = self._hand, str(self.kind), self._shown
        if hand is None or shown is None or not self.solved or self._working:
            return
        strokes = tuple(self.strokes)
        milliseconds = round(1000 * (self._clock() - self._since))
        self._working = self._applying = True
        self._revision += 1
        self._show()

        def done(changes: Any) -> None:
            self._end()
            before, after = changes.old_export_ids, changes.new_export_ids
            self._applied(changes, applied_words(kind, before, after))

        self._jobs.edit(
            lambda: self._session.apply(hand.edit(strokes, shown), milliseconds=milliseconds),
            done,
            self._on_refused,
        )

    def cancel(self) -> None:
        """Leave the segment as it is."""
        if self.active:
            self._revision += 1
            self._end()

    def follow(self, changes: Any) -> None:
        """Look again after any edit, switch or colleague's edit that changed the segment in hand.

        The edits of a session come one after the other, and what was looked up last is known here at once, so
        a change that does not name it cannot be missed.
        """
        hand = self._hand
        if (
            hand is None or self._applying
        ):  # an edit of this hand looks again itself if it is refused
            return
        if hand.segment in (*changes.old_ids, *changes.new_ids):
            self._solve()

    # -- inside -------------------------------------------------------------------------------------------------

    def sides(self) -> tuple[int, ...]:
        """Return the sides that have seeds, in order."""
        return tuple(sorted({stroke.side for stroke in self.strokes}))

    def _reset(self, trouble: str = "") -> None:
        self._revision += 1
        self._shown, self._trouble, self._working = None, trouble, False
        self._stage.show_seeds(())
        self._stage.show_pieces(None)
        self._show()

    def _solve(self, trouble: str = "") -> None:
        """Ask for the pieces that these seeds make; an answer that comes too late is dropped."""
        hand, strokes = self._hand, tuple(self.strokes)
        if hand is None:
            return
        self._revision += 1
        revision = self._revision
        self._shown, self._trouble, self._working = None, trouble, True
        self._stage.show_seeds(strokes)
        self._show()
        self._jobs.edit(
            lambda: hand.preview(strokes),
            lambda preview: self._on_solved(revision, preview),
            lambda error: self._on_trouble(revision, error),
            topic=_TOPIC,
        )

    def _on_solved(self, revision: int, preview: Preview) -> None:
        if revision != self._revision or not self.active:
            return
        if self._surface is None or not _same_segment(self._surface, preview):
            self._stage.show_segment(preview.segment)
        self._working, self._shown, self._surface = False, preview, preview
        self._stage.show_pieces(preview.pieces)
        self._show()

    def _on_trouble(self, revision: int, error: Exception) -> None:
        if revision != self._revision or not self.active:
            return
        if isinstance(error, Misplaced):
            self.strokes = [stroke for stroke in self.strokes if stroke is not error.stroke]
            self._solve(trouble=str(error))
            return
        if not isinstance(error, (EditRefused, InputError)):
            self._failed(error)
        self._working, self._shown = False, None
        self._trouble = str(error)
        self._stage.show_pieces(None)
        self._show()

    def _on_refused(self, error: Exception) -> None:
        """Keep the seeds, so that a refusal costs no work, and show what they would do now."""
        self._applying = False
        self._solve(trouble=refused_words(error) if isinstance(error, SegmendError) else "")
        self._failed(error)

    def _show(self) -> None:
        if self.kind is None or self._hand is None:
            return
        self._view.show_seeding(
            SeedLine(
                title=seed_title(self.kind, self._hand.name),
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
        return preview_words(self.sides(), self.side, self._pieces, self._session.project.grid)

    def _end(self) -> None:
        self.kind, self.strokes, self._hand = None, [], None
        self._shown = self._surface = None
        self._working = self._applying = False
        self._stage.end_seeds()
        self._view.hide_seeding()
        self._changed()


def _same_segment(one: Preview, other: Preview) -> bool:
    return one.segment == other.segment and np.array_equal(one.members, other.members)
