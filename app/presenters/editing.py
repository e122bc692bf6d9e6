"""Edits that need no preview: joining what is picked, detaching, locking, marking finished. No Qt, no napari."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from segmend.app.presenters.edit_words import listed
from segmend.app.presenters.ports import Jobs
from segmend.core.edits.model import Detach, Edit, Lock, MarkFinished, Merge, Spot
from segmend.core.geometry import ZyxNm


class EditingPresenter:
    """Carries out edits at places a person points at.

    Parameters
    ----------
    session : Session
    jobs : Jobs
    applied : callable
        Told of the changes and, in one line, of what was done.
    failed : callable
        Gets what could not be done.
    """

    def __init__(
        self,
        session: Any,
        jobs: Jobs,
        *,
        applied: Callable[[Any, str], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._session = session
        self._jobs = jobs
        self._applied = applied
        self._failed = failed

    def merge(self, spots: Sequence[Spot]) -> None:
        """Join the segments of some spots."""
        self._apply(lambda: Merge(tuple(spots)), lambda names: f"Merged {listed(names)}")

    def detach(self, place_nm: ZyxNm) -> None:
        """Take the supervoxel at a place out of its segment."""
        self._apply(
            lambda: Detach((self._session.spot_at(place_nm),)),
            lambda names: f"Detached a supervoxel of {listed(names[:1])}",
        )

    def toggle_lock(self, place_nm: ZyxNm) -> None:
        """Protect the segment at a place from edits, or allow them again."""
        said = ["Locked"]

        def edit() -> Edit:
            spot = self._session.spot_at(place_nm)
            locked = self._segment(spot) in self._session.segmentation.locked
            said[0] = "Unlocked" if locked else "Locked"
            return Lock(spot, not locked)

        self._apply(edit, lambda names: f"{said[0]} {listed(names[:1])}")

    def toggle_finished(self, place_nm: ZyxNm) -> None:
        """Mark the segment at a place as finished, or as not."""
        said = ["finished"]

        def edit() -> Edit:
            spot = self._session.spot_at(place_nm)
            finished = self._segment(spot) in self._session.segmentation.finished
            said[0] = "unfinished" if finished else "finished"
            return MarkFinished(spot, not finished)

        self._apply(edit, lambda names: f"Marked {listed(names[:1])} {said[0]}")

    def _segment(self, spot: Spot) -> int:
        return int(self._session.segmentation.segment_of[spot.supervoxel])

    def _apply(self, edit: Callable[[], Edit], words: Callable[[Sequence[int]], str]) -> None:
        self._jobs.edit(
            lambda: self._session.apply(edit()),
            lambda changes: self._applied(changes, words(changes.old_export_ids)),
            self._failed,
        )
