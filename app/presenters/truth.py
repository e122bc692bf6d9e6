"""Comparing with the truth: opens it, has it counted, and follows the edits. No Qt, no napari."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from segmend.app.presenters.latest import Latest
from segmend.app.presenters.ports import Jobs
from segmend.app.presenters.truth_scores import Errors, TruthScores
from segmend.app.presenters.truth_words import Figures, TruthCard, card_of
from segmend.core.algorithms.contingency import Contingency
from segmend.core.errors import Cancelled, InputError
from segmend.core.geometry import Box, Grid, Zyx
from segmend.core.review.overlap import compare
from segmend.core.review.truth import open_truth
from segmend.core.volumes.base import Volume

"""Voxel sizes that differ by less are the same: files round them."""


class TruthView(Protocol):
    """The panel with the figures."""

    def show_truth(self, card: TruthCard) -> None:
        """Show the figures."""

    def hide_truth(self) -> None:
        """Take the panel away."""


class TruthLayer(Protocol):
    """The truth over the sections."""

    def open(self, truth: Volume) -> None:
        """Show the borders of true objects."""

    def close(self) -> None:
        """Take them away."""


class Counted:
    """A volume that is read for counting and stops when nobody waits for the result any more.

    Parameters
    ----------
    volume : Volume
    """

    def __init__(self, volume: Volume) -> None:
        self._volume = volume
        self.stopped = False
        self.shape_zyx: Zyx = volume.shape_zyx
        self.channels = volume.channels
        self.dtype = volume.dtype
        self.grid: Grid = volume.grid
        self.source = volume.source

    def read(self, box: Box) -> NDArray[Any]:
        """Return the voxels of a box.

        Raises
        ------
        Cancelled
            If the truth was put away.
        """
        if self.stopped:
            raise Cancelled("the truth was put away")
        return self._volume.read(box)


@dataclass(eq=False)
class _Comparison:
    """The truth on show and what is known of it; `scores` belongs to the thread that counts."""

    path: str
    truth: Counted
    scores: TruthScores | None = None
    revision: int = -1
    first: Errors | None = None


class TruthPresenter:
    """Shows the truth beside the segmentation and keeps the figures up to date.

    Parameters
    ----------
    session : Session
    jobs : Jobs
    view : TruthView
    layer : TruthLayer
    changed : callable
        Told when the truth or its figures are different.
    failed : callable
        Gets errors of the comparison.
    """

    def __init__(
        self,
        session: Any,
        jobs: Jobs,
        view: TruthView,
        layer: TruthLayer,
        *,
        changed: Callable[[], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._session = session
        self._jobs = jobs
        self._view = view
        self._layer = layer
        self._changed = changed
        self._failed = failed
        self._counting = Latest(jobs, self._on_failed)
        self._comparison: _Comparison | None = None
        self._asked = 0

    @property
    def shown(self) -> bool:
        """Whether there is a truth to compare with."""
        return self._comparison is not None

    @property
    def path(self) -> str:
        """What was opened; empty where nothing is shown."""
        return self._comparison.path if self._comparison else ""

    @property
    def table(self) -> Contingency | None:
        """Supervoxels against truth; None before it is counted."""
        scores = self._comparison.scores if self._comparison else None
        return scores.table if scores else None

    def open(self, path: str, refused: Callable[[Exception], None]) -> None:
        """Compare with labels from a file; `refused` gets why they cannot be taken."""
        self._asked += 1
        project = self._session.project
        number = self._asked  # an answer after the truth was put away is not wanted any more
        self._jobs.query(
            lambda: open_truth(path, project.shape_zyx, project.grid),
            lambda truth: self._on_opened(path, truth) if number == self._asked else None,
            lambda problem: refused(problem) if number == self._asked else None,
        )

    def close(self) -> None:
        """Put the truth away."""
        self._asked += 1
        if self._comparison is None:
            return
        self._comparison.truth.stopped = True
        self._comparison = None
        self._counting.drop()
        self._layer.close()
        self._view.hide_truth()
        self._changed()

    def follow(self) -> None:
        """Bring the figures up to date after an edit."""
        if (comparison := self._comparison) is None:
            return
        voxels = comparison.revision != self._session.segmentation.patches.revision
        if voxels:
            self._view.show_truth(card_of(comparison.truth.source, None, updating=True))
        self._counting.ask(
            lambda: self._figures(comparison), lambda found: self._on_figures(comparison, found)
        )

    # -- on a thread --------------------------------------------------------------------------------------------

    def _figures(self, comparison: _Comparison) -> Figures:
        segmentation = self._session.segmentation
        revision = segmentation.patches.revision
        scores = comparison.scores
        if revision != comparison.revision or not (
            scores and scores.follow(segmentation.segment_of)
        ):
            scores = self._count(comparison.truth)
            comparison.scores, comparison.revision = scores, revision
        now, tolerant = scores.now()
        comparison.first = comparison.first or now
        return Figures(now, tolerant, comparison.first, scores.all.best, scores.tolerant.best)

    def _count(self, truth: Counted) -> TruthScores:
        found = compare(self._session.supervoxels[0], truth, Box.of_shape(truth.shape_zyx))
        if not len(found.table.counts):
            raise InputError(
                f"{truth.source} is 0 everywhere: expected labelled objects to compare with"
            )
        return TruthScores(
            found.table, found.tolerant, self._session.segmentation.segment_of.copy()
        )

    # -- answers ------------------------------------------------------------------------------------------------

    def _on_opened(self, path: str, truth: Volume) -> None:
        self.close()
        self._comparison = _Comparison(path, Counted(truth))
        self._layer.open(truth)
        self._changed()
        self.follow()

    def _on_figures(self, comparison: _Comparison, figures: Figures) -> None:
        if comparison is self._comparison:
            self._view.show_truth(card_of(comparison.truth.source, figures))
            self._changed()

    def _on_failed(self, error: Exception) -> None:
        if isinstance(error, Cancelled):
            return
        self.close()
        self._failed(error)
