"""Reviewing: show a candidate, take a verdict, show the next one. No Qt, no napari."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from segmend.app.presenters.candidate_scene import CandidateScene, candidate_scene
from segmend.app.presenters.claims import CandidateClaims
from segmend.app.presenters.edit_words import refused_words
from segmend.app.presenters.ports import Jobs, ReviewProgress, ReviewSession, ReviewView, SceneView
from segmend.app.presenters.wording import review_card
from segmend.core.candidates.candidate import Candidate
from segmend.core.errors import EditRefused, StaleEdit

_PAST = {"accept": "Accepted", "reject": "Rejected", "unsure": "Skipped"}


@dataclass(frozen=True, slots=True)
class _Step:
    """What came out of one verdict, made off the window's thread."""

    scene: CandidateScene | None
    progress: ReviewProgress
    note: str | None
    refused: bool


class ReviewPresenter:
    """Takes verdicts from a person and gives them to the session.

    Parameters
    ----------
    session : ReviewSession
    jobs : Jobs
    view : ReviewView
        The review panel.
    stage : SceneView
        The 2D and 3D views.
    shown : callable, optional
        Told of each scene after it is shown, for meshes.
    prepare : callable, optional
        Told of the scene that probably comes next, while the person looks at this one.
    claims : CandidateClaims, optional
        Holds the candidate on show, where several people review.
    look_only : bool
        Write nothing; skipping only goes on to the next candidate.
    clock : callable, optional
        Seconds, for the time a decision takes.
    """

    def __init__(
        self,
        session: ReviewSession,
        jobs: Jobs,
        view: ReviewView,
        stage: SceneView,
        *,
        shown: Callable[[CandidateScene | None], None] | None = None,
        prepare: Callable[[CandidateScene], None] | None = None,
        claims: CandidateClaims | None = None,
        look_only: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session = session
        self._jobs = jobs
        self._view = view
        self._stage = stage
        self._shown = shown or (lambda scene: None)
        self._prepare = prepare
        self._claims = claims or CandidateClaims(session, allowed=False)
        self._look_only = look_only
        self._clock = clock
        self._scene: CandidateScene | None = None
        self._since = 0.0
        self._waiting = False

    @property
    def scene(self) -> CandidateScene | None:
        """The candidate on show, if any."""
        return self._scene

    @property
    def can_decide(self) -> bool:
        """Whether a verdict would be taken now."""
        return self._scene is not None and not self._waiting

    def start(self) -> None:
        """Show the first candidate of the queue."""
        self._work(lambda: self._next(""))

    def accept(self) -> None:
        """Carry out the edit of the candidate on show."""
        self._decide("accept")

    def reject(self) -> None:
        """Leave the segmentation as it is."""
        self._decide("reject")

    def skip(self) -> None:
        """Leave the candidate for another day."""
        if self._look_only:
            self._pass_over()
        else:
            self._decide("unsure")

    def undo(self) -> None:
        """Take the latest operation back and show its candidate again if there is one."""
        if not self._waiting and self._session.can_undo:
            self._work(self._take_back)

    def redo(self) -> None:
        """Carry out again what was undone."""
        if not self._waiting and self._session.can_redo:
            self._work(self._do_again)

    def refresh(self) -> None:
        """Look at the candidate again after an edit; the next one comes where it has gone."""
        if not self._waiting:
            shown = self._scene.candidate.id if self._scene else None
            self._work(lambda: self._next(None, first=shown))

    def recentre(self) -> None:
        """Go back to the candidate after looking around."""
        if self._scene is not None:
            self._stage.frame(self._scene.centre_nm, self._scene.extent_nm)

    def _pass_over(self) -> None:
        if not self.can_decide or self._scene is None:
            return
        shown = self._scene.candidate.id

        def go_on() -> _Step:
            self._session.queue.skip(shown)
            return self._next("")

        self._work(go_on)

    def _decide(self, verdict: str) -> None:
        if not self.can_decide or self._scene is None:
            return
        candidate = self._scene.candidate
        milliseconds = round(1000 * (self._clock() - self._since))
        self._work(lambda: self._carry_out(candidate, verdict, milliseconds))

    def _carry_out(self, candidate: Candidate, verdict: str, milliseconds: int) -> _Step:
        try:
            self._session.decide(candidate, verdict, milliseconds=milliseconds)
        except StaleEdit as stale:
            return self._next(f"Not done: {stale}", refused=True)
        except EditRefused as refusal:
            self._set_aside(candidate, refusal)
            return self._next(
                f"Not possible, so it is set aside: {refused_words(refusal)}", refused=True
            )
        return self._next(f"{_PAST[verdict]} in {milliseconds / 1000:.1f} s")

    def _take_back(self) -> _Step:
        self._session.undo()
        taken_back = self._session.past.undone[-1]
        return self._next("Undone", first=taken_back.candidate)

    def _do_again(self) -> _Step:
        try:
            self._session.redo()
        except EditRefused as refusal:
            return self._next(f"Not possible: {refused_words(refusal)}", refused=True)
        return self._next("Done again")

    def _next(self, note: str | None, *, refused: bool = False, first: str | None = None) -> _Step:
        """Make the next candidate ready that still fits the segmentation; `first` if it is open."""
        scene = None
        queue = self._session.queue
        if first and first in queue and queue.status(first) == "open" and self._claims.take(first):
            scene = self._scene_of(queue.get(first))
        elsewhere: set[str] = set()
        while scene is None and (candidate := queue.next()) is not None:
            if candidate.id in elsewhere:
                break  # all that are left are in other hands
            if self._claims.take(candidate.id):
                scene = self._scene_of(candidate)
            if scene is None:
                elsewhere.add(candidate.id)
                queue.skip(candidate.id)
        if scene is None:
            self._claims.give_back()
        return _Step(scene, self._progress(), note, refused)

    def _scene_of(self, candidate: Candidate) -> CandidateScene | None:
        project = self._session.project
        try:
            return candidate_scene(
                candidate, self._session.segmentation, project.grid, project.shape_zyx
            )
        except EditRefused as refusal:
            self._set_aside(candidate, refusal)
            return None

    def _set_aside(self, candidate: Candidate, refusal: EditRefused) -> None:
        if self._look_only:
            return
        with suppress(StaleEdit):  # a colleague decided it meanwhile
            self._session.decide(candidate, "unsure", reason=str(refusal))

    def _progress(self) -> ReviewProgress:
        verdicts = [o.verdict for o in self._session.operations_in_effect if o.verdict]
        return ReviewProgress(
            decided=len(verdicts),
            accepted=verdicts.count("accept"),
            remaining=len(self._session.queue),
            can_undo=self._session.can_undo,
            can_redo=self._session.can_redo,
        )

    def _look_ahead(self) -> None:
        """Find the candidate behind the one on show, and let it be prepared."""
        prepare = self._prepare
        if prepare is None:
            return

        def following() -> CandidateScene | None:
            shown = self._scene and self._scene.candidate
            waiting = [c for c in self._session.queue.peek(2) if c != shown]
            return self._scene_of(waiting[0]) if waiting else None

        self._jobs.edit(following, lambda scene: prepare(scene) if scene else None)

    def _work(self, step: Callable[[], _Step]) -> None:
        self._waiting = True
        self._view.set_waiting(True)
        self._jobs.edit(step, self._show, self._on_failure)

    def _show(self, step: _Step) -> None:
        self._waiting = False
        same = _same(self._scene, step.scene) and step.note is None
        self._scene = step.scene
        self._view.set_waiting(False)
        self._view.show_progress(step.progress)
        if step.note is not None:
            self._view.show_note(step.note, warning=step.refused)
        if step.scene is None:
            self._show_end(step.progress)
        else:
            self._show_scene(step.scene, move=not same)
        self._shown(step.scene)
        if not same:
            self._since = self._clock()
        if step.scene is not None:
            self._look_ahead()

    def _show_scene(self, scene: CandidateScene, *, move: bool) -> None:
        self._stage.show_sides(scene)
        if move:
            self._stage.frame(scene.centre_nm, scene.extent_nm)
        self._view.show_card(review_card(scene.candidate, self._session.project.grid))

    def _show_end(self, progress: ReviewProgress) -> None:
        self._stage.clear_sides()
        if progress.remaining:
            self._view.show_end(
                "All that are left are in other hands",
                f"Colleagues are looking at the last {progress.remaining}. They come back if they are not decided.",
            )
        elif progress.decided:
            self._view.show_end(
                "All candidates are decided",
                f"{progress.decided} decided, {progress.accepted} accepted. "
                "Export the segmentation with Ctrl+E.",
            )
        else:
            self._view.show_end(
                "Nothing to review yet",
                "Run the pipeline to segment the volume and to find suspected errors.",
            )

    def _on_failure(self, error: Exception) -> None:
        self._waiting = False
        self._view.set_waiting(False)
        raise error


def _same(one: CandidateScene | None, other: CandidateScene | None) -> bool:
    return one is not None and other is not None and one.candidate.id == other.candidate.id
