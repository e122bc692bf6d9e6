"""What the menus Edit, Seeds and Review do: they go to the presenters of the session on show, if there is one."""

from __future__ import annotations

from segmend.app.open_project import OpenProject
from segmend.app.presenters.review import ReviewPresenter
from segmend.app.presenters.seeding import SeedingPresenter
from segmend.app.proofreading import Proofreading


class EditDoors:
    """The doors that need a session; without one they do nothing."""

    now: OpenProject | None

    @property
    def _work(self) -> Proofreading | None:
        return self.now.work if self.now else None

    @property
    def _review(self) -> ReviewPresenter | None:
        return self._work.review if self._work else None

    @property
    def _seeding(self) -> SeedingPresenter | None:
        return self._work.seeding if self._work else None

    # -- review -------------------------------------------------------------------------------------------------

    def undo(self) -> None:
        """Take the latest operation back."""
        if review := self._review:
            review.undo()

    def redo(self) -> None:
        """Carry out again what was undone."""
        if review := self._review:
            review.redo()

    def decide(self, verdict: str) -> None:
        """Answer the question on show."""
        if review := self._review:
            {"accept": review.accept, "reject": review.reject, "unsure": review.skip}[verdict]()

    def recentre(self) -> None:
        """Go back to the candidate."""
        if review := self._review:
            review.recentre()

    # -- seeds --------------------------------------------------------------------------------------------------

    def begin_seeds(self, kind: str) -> None:
        """Begin a split or a cleave."""
        if work := self._work:
            work.begin_seeds(kind)

    def choose_side(self, number: int) -> None:
        """Give the next seeds to a side."""
        if seeding := self._seeding:
            seeding.choose_side(number)

    def seed_here(self) -> None:
        """Place a seed under the pointer."""
        if work := self._work:
            work.seed_here()

    def take_seed_back(self) -> None:
        """Take the last seed back."""
        if seeding := self._seeding:
            seeding.take_back()

    def apply_seeds(self) -> None:
        """Carry out what the colours show."""
        if seeding := self._seeding:
            seeding.apply()

    def cancel_seeds(self) -> None:
        """Leave the segment as it is."""
        if seeding := self._seeding:
            seeding.cancel()

    # -- edits at a place ---------------------------------------------------------------------------------------

    def merge_picked(self) -> None:
        """Join the picked segments."""
        if work := self._work:
            work.editing.merge(work.solids.picks)

    def detach(self) -> None:
        """Take the supervoxel that is pointed at out of its segment."""
        if (work := self._work) and (place := work.pointed_at()):
            work.editing.detach(place)

    def toggle_lock(self) -> None:
        """Protect the segment that is pointed at, or allow edits again."""
        if (work := self._work) and (place := work.pointed_at()):
            work.editing.toggle_lock(place)

    def toggle_finished(self) -> None:
        """Mark the segment that is pointed at as finished, or as not."""
        if (work := self._work) and (place := work.pointed_at()):
            work.editing.toggle_finished(place)

    def pick(self) -> None:
        """Pick the segment under the pointer, or drop it."""
        if work := self._work:
            work.pick_at(work.under_pointer())

    def drop_picks(self) -> None:
        """Pick nothing."""
        if work := self._work:
            work.drop_picks()

    # -- thresholds ---------------------------------------------------------------------------------------------

    def try_threshold(self) -> None:
        """Begin to try thresholds."""
        if work := self._work:
            work.thresholds.begin()

    def step_threshold(self, by: float) -> None:
        """Lower or raise the threshold that is tried."""
        if work := self._work:
            work.thresholds.step(by)

    def use_threshold(self) -> None:
        """Have the segments made that the colours show."""
        if work := self._work:
            work.thresholds.use()

    def leave_threshold(self) -> None:
        """Show the segmentation as it is."""
        if work := self._work:
            work.thresholds.cancel()

    def close_truth(self) -> None:
        """Take the truth and its figures away."""
        if work := self._work:
            work.truth.close()
