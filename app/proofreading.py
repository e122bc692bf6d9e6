"""Everything a person does with one open session: its presenters, and what they tell each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from qtpy.QtCore import QTimer

from segmend.app.commands.table import Situation
from segmend.app.jobs import SynchronousJobs, ThreadJobs
from segmend.app.meshing import mesher_for
from segmend.app.piece_surface import surfacer_for
from segmend.app.presenters.claims import CandidateClaims
from segmend.app.presenters.editing import EditingPresenter
from segmend.app.presenters.history import HistoryPresenter
from segmend.app.presenters.review import ReviewPresenter
from segmend.app.presenters.seeding import SeedingPresenter
from segmend.app.presenters.solid_pieces import SolidPieces
from segmend.app.presenters.solids import SolidsPresenter
from segmend.app.presenters.team import TeamPresenter
from segmend.app.presenters.thresholds import ThresholdPresenter
from segmend.app.presenters.truth import TruthPresenter
from segmend.app.seed_stage import SeedStage
from segmend.app.threshold_stage import ThresholdStage
from segmend.app.widgets.main_window import MainWindow
from segmend.core.geometry import ZyxNm
from segmend.core.session import Session
from segmend.core.session_changes import Changes

_CATCH_UP_MILLISECONDS = 2000
_NEAR_NM = 1000.0


class Proofreading:
    """The presenters of one session, on the window.

    Parameters
    ----------
    session : Session
    jobs : ThreadJobs or SynchronousJobs
    window : MainWindow
    no_edit : str
        Why nothing may be changed; empty where it may.
    changed : callable
        Told whenever what can be done may be different.
    use_threshold : callable
        Has the segments made that a threshold gives.
    failed : callable
        Gets errors.
    """

    def __init__(
        self,
        session: Session,
        jobs: ThreadJobs | SynchronousJobs,
        window: MainWindow,
        *,
        no_edit: str,
        changed: Callable[[], None],
        use_threshold: Callable[[float], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self.session = session
        self._jobs = jobs
        self._window = window
        self._no_edit = no_edit
        self._changed = changed
        self._failed = failed
        self._outdated = False
        self._voxel_revision = session.segmentation.patches.revision
        self._claims = CandidateClaims(session, allowed=not no_edit)
        scene = window.scene
        self.solids = SolidsPresenter(
            jobs, scene, mesher_for(session), session.segmentation, session.timeline.voxels
        )
        self.review = self._make_review()
        self.history = HistoryPresenter(
            session,
            jobs,
            window.history,
            changed=changed,
            switched=self._on_switched,
            failed=failed,
        )
        self.editing = EditingPresenter(session, jobs, applied=self._on_applied, failed=failed)
        self.seeding = self._make_seeding()
        self.truth = TruthPresenter(
            session,
            jobs,
            window.truth,
            scene.truth,
            changed=self._on_truth_changed,
            failed=failed,
        )
        self.thresholds = self._make_thresholds(use_threshold)
        self.team = TeamPresenter(
            session,
            jobs,
            window.team,
            caught_up=self._on_caught_up,
            lost=lambda words, why: window.notice.say(words, "warning", why),
            keep=self._claims.keep,
        )
        self._timer = QTimer(window)
        self._timer.timeout.connect(self.team.look)

    def _make_review(self) -> ReviewPresenter:
        return ReviewPresenter(
            self.session,
            self._jobs,
            self._window.review,
            self._window.scene,
            shown=self._on_scene_shown,
            prepare=self.solids.prepare,
            claims=self._claims,
            look_only=bool(self._no_edit),
        )

    def _make_seeding(self) -> SeedingPresenter:
        members = self.session.segmentation.members
        scene = self._window.scene
        pieces = SolidPieces(self._jobs, scene, surfacer_for(self.session), members)
        seeding = SeedingPresenter(
            self.session,
            self._jobs,
            self._window.seeds,
            SeedStage(scene, pieces, self.solids),
            changed=self._on_seeding_changed,
            applied=self._on_applied,
            failed=self._failed,
        )
        scene.seeds.placed = seeding.place
        return seeding

    def _make_thresholds(self, use: Callable[[float], None]) -> ThresholdPresenter:
        thresholds = ThresholdPresenter(
            self.session,
            self._jobs,
            self._window.threshold,
            ThresholdStage(self._window.scene, self._window.layers.bind),
            use=use,
            truth=lambda: self.truth.table,
            changed=self._changed,
            failed=self._failed,
        )
        self._window.threshold.moved.connect(thresholds.move_to)
        return thresholds

    def start(self) -> None:
        """Show the first candidate and begin to watch."""
        self.session.edited.connect(self._on_edited, thread="main")
        self.review.start()
        if self.team.shared:
            self.session.edited.connect(self.team.hear)
            self.team.look()
            self._timer.start(_CATCH_UP_MILLISECONDS)

    def stop(self) -> None:
        """Let go of the session, which is closed afterwards."""
        self._timer.stop()
        self.seeding.cancel()
        self._window.threshold.moved.disconnect(self.thresholds.move_to)
        self.thresholds.cancel()
        self.truth.close()
        self.session.edited.disconnect()

    def close(self) -> None:
        """Give the candidate and the session back; runs on the thread of the session."""
        try:
            self._claims.give_back()
        finally:
            self.session.close()

    # -- where a person points ----------------------------------------------------------------------------------

    def pointed_at(self) -> ZyxNm | None:
        """Return the place of the segment under the pointer, else of the latest pick."""
        if (place := self.under_pointer()) is not None and self._window.scene.segment_under(place):
            return place
        picks = self.solids.picks
        return picks[-1].place_nm if picks else None

    def under_pointer(self) -> ZyxNm | None:
        """Return the place under the pointer; None outside the sections."""
        return self._window.place_under_pointer()

    def target(self) -> int:
        """Return the dense segment that a command would act on, 0 if there is none."""
        place = self.under_pointer()
        segment = self._window.scene.segment_under(place) if place else 0
        return segment or self.solids.latest

    def situation(self, plain: Situation) -> Situation:
        """Fill in what commands on a session are enabled by."""
        target, segmentation = self.target(), self.session.segmentation
        return replace(
            plain,
            segmented=True,
            candidate=self.review.scene is not None,
            can_undo=self.session.can_undo,
            can_redo=self.session.can_redo,
            no_edit=self._no_edit,
            undo_words=self.history.undo_words,
            redo_words=self.history.redo_words,
            target=target > 0,
            locked=target in segmentation.locked,
            finished=target in segmentation.finished,
            picked=len(self.solids.picks),
            seeding=self.seeding.active,
            seeds=len(self.seeding.strokes),
            solved=self.seeding.solved,
            trying=self.thresholds.active,
            no_cut=self.thresholds.obstacle,
            truth=self.truth.shown,
        )

    # -- what a person does -------------------------------------------------------------------------------------

    def begin_seeds(self, kind: Any) -> None:
        """Take the segment that is pointed at in hand."""
        if (place := self.pointed_at()) is not None:
            self.seeding.begin(kind, place)

    def seed_here(self) -> None:
        """Place a seed under the pointer."""
        if (place := self.under_pointer()) is not None:
            self.seeding.place((place,))

    def pick_at(self, place: ZyxNm | None) -> None:
        """Show the segment at a place in 3D, ready for merging, or take it away again."""
        if place is None or not self._window.scene.segment_under(place):
            return
        self._jobs.query(lambda: self.session.spot_at(place), self._on_picked, self._failed)

    def go_to(self, place_nm: ZyxNm | None) -> None:
        """Show a place."""
        if place_nm is not None:
            self._window.scene.frame(place_nm, _NEAR_NM)

    def _on_picked(self, spot: Any) -> None:
        self.solids.pick(spot)
        self._changed()

    def drop_picks(self) -> None:
        """Pick nothing."""
        self.solids.drop()
        self._changed()

    # -- what happens -------------------------------------------------------------------------------------------

    def _on_edited(self, changes: Changes) -> None:
        revision = self.session.segmentation.patches.revision
        self._window.scene.after_edit(voxels_changed=revision != self._voxel_revision)
        self._voxel_revision = revision
        self.solids.follow()
        self.seeding.follow(changes)
        self.truth.follow()

    def _on_scene_shown(self, scene: Any) -> None:
        self.solids.show(scene)
        self.history.refresh()
        self._changed()

    def _on_applied(self, changes: Changes, words: str) -> None:
        self._window.notice.say(words)
        self._look_again()

    def _on_switched(self, words: str, conflicts: str) -> None:
        self._window.notice.say(words, "warning" if conflicts else "", conflicts)
        self._look_again()

    def _look_again(self) -> None:
        """Look at the candidate again; not while seeds are placed, which would move the view."""
        self._outdated = self.seeding.active
        if self.seeding.active:
            self.history.refresh()
        else:
            self.review.refresh()

    def _on_seeding_changed(self) -> None:
        if self._outdated and not self.seeding.active:
            self._look_again()
        self._changed()

    def _on_truth_changed(self) -> None:
        self.thresholds.truth_changed()
        self._changed()

    def _on_caught_up(self, words: str) -> None:
        self._window.notice.say(words, "news")
        self._look_again()
