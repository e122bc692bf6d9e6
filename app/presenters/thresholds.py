"""Trying thresholds: what to show while the slider moves, and what using one means. No Qt, no napari."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from segmend.app.presenters.latest import Latest
from segmend.app.presenters.ports import Jobs
from segmend.app.presenters.tree_cuts import Cut, TreeCuts, cuts_of
from segmend.app.presenters.truth_scores import SharedCounts
from segmend.core.algorithms.contingency import Contingency
from segmend.core.algorithms.metrics import VariationScores
from segmend.core.pipeline.settings import AgglomerationSettings

STEPS = 1000
"""Steps of the slider from 0 to 1."""


@dataclass(frozen=True, slots=True)
class ThresholdLine:
    """Everything the bar shows.

    Parameters
    ----------
    threshold : float
        Where the slider is.
    segments : str
        How many segments there would be.
    words : str
        How far they are from the truth, and what the colours leave out.
    ready : bool
        The threshold could be used.
    """

    threshold: float
    segments: str
    words: str
    ready: bool


class ThresholdView(Protocol):
    """The bar with the slider."""

    def show_threshold(self, line: ThresholdLine) -> None:
        """Show where the slider is and what that gives."""

    def hide_threshold(self) -> None:
        """Take the bar away."""


class ThresholdStage(Protocol):
    """The views while thresholds are tried."""

    def begin_cuts(self) -> None:
        """Make room for the colours of a cut."""

    def show_cut(self, colours: NDArray[Any], drawn: Callable[[], None]) -> None:
        """Colour each supervoxel as a table says; `drawn` is told when the colours are there."""

    def end_cuts(self) -> None:
        """Show the segmentation as it is."""


class ThresholdPresenter:
    """Colours the segmentation as another threshold would make it; changes nothing.

    Parameters
    ----------
    session : Session
    jobs : Jobs
    view : ThresholdView
    stage : ThresholdStage
    use : callable
        Gets the threshold that is to be used.
    truth : callable
        Returns supervoxels against truth, None where there is no truth.
    changed : callable
        Told when thresholds begin or cease to be tried.
    failed : callable
        Gets errors.
    """

    def __init__(
        self,
        session: Any,
        jobs: Jobs,
        view: ThresholdView,
        stage: ThresholdStage,
        *,
        use: Callable[[float], None],
        truth: Callable[[], Contingency | None],
        changed: Callable[[], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._session = session
        self._view = view
        self._stage = stage
        self._use = use
        self._truth = truth
        self._changed = changed
        self._failed = failed
        self._cutting = Latest(jobs, self._on_failed)
        self._scoring = Latest(jobs, self._on_failed)
        self._cuts: TreeCuts | None = None
        self._cut: Cut | None = None
        self._score: VariationScores | None = None
        self._scores: tuple[Contingency, SharedCounts] | None = None
        self.obstacle = no_cut(session)
        self.active = False
        self.threshold = self.in_use

    @property
    def in_use(self) -> float:
        """The threshold that the segments of the project were cut at."""
        settings = self._session.project.config.stages.get("agglomeration", {})
        return float(settings.get("threshold", AgglomerationSettings().threshold))

    def begin(self) -> None:
        """Show the slider at the threshold that is in use."""
        if self.active or self.obstacle:
            return
        self.active = True
        self._cuts = self._cut = self._score = None
        self.threshold = self.in_use
        self._stage.begin_cuts()
        self._show()
        self._cutting.ask(lambda: cuts_of(self._session.segmentation), self._on_cuts)
        self._changed()

    def move_to(self, threshold: float) -> None:
        """Try a threshold."""
        if not self.active:
            return
        self.threshold = round(min(1.0, max(0.0, threshold)) * STEPS) / STEPS
        self._show()
        if (cuts := self._cuts) is not None:
            wanted = self.threshold
            self._cutting.ask(lambda: cuts.cut(wanted), self._on_cut)

    def step(self, by: float) -> None:
        """Try a threshold that is lower or higher by some amount."""
        self.move_to(self.threshold + by)

    def use(self) -> None:
        """Have the segments made that the colours show."""
        if self.active and self._cut is not None:
            self.cancel()
            self._use(self.threshold)

    def cancel(self) -> None:
        """Leave the segmentation as it is."""
        if not self.active:
            return
        self.active = False
        self._cutting.drop()
        self._scoring.drop()
        self._cuts = self._cut = self._scores = None
        self._stage.end_cuts()
        self._view.hide_threshold()
        self._changed()

    def truth_changed(self) -> None:
        """Compare with the truth that is there now."""
        self._score = None
        if self.active and self._cut is not None:
            self._compare(self._cut)
            self._show()

    # -- answers ------------------------------------------------------------------------------------------------

    def _on_cuts(self, cuts: TreeCuts) -> None:
        self._cuts = cuts
        self.move_to(self.threshold)

    def _on_cut(self, cut: Cut) -> None:
        self._cut = cut
        self._stage.show_cut(cut.colours, self._show)
        self._compare(cut)

    def _compare(self, cut: Cut) -> None:
        table = self._truth()
        if table is None:
            return

        def score() -> VariationScores:
            if self._scores is None or self._scores[0] is not table:
                self._scores = table, SharedCounts(table)
            return self._scores[1].scores(cut.colours).vi

        self._scoring.ask(score, self._on_score)

    def _on_score(self, score: VariationScores) -> None:
        self._score = score
        self._show()

    def _on_failed(self, error: Exception) -> None:
        self.cancel()
        self._failed(error)

    def _show(self) -> None:
        if self.active:
            self._view.show_threshold(
                ThresholdLine(
                    self.threshold, segments_words(self._cut), self._words(), self._cut is not None
                )
            )

    def _words(self) -> str:
        parts = [f"In use: {self.in_use:.3f}."]
        if self._score is not None:
            parts.insert(0, score_words(self._score))
        if self._session.segmentation.patches:
            parts.append("Divided supervoxels are coloured whole; edits are not in these colours.")
        elif self._session.edit_count:
            parts.append("Edits are not in these colours.")
        return "   ".join(parts)


def no_cut(session: Any) -> str:
    """Say why there are no thresholds to try; empty where there are."""
    config = session.project.config
    if "segmentation" in config.sources and "watershed" not in config.stages:
        return "its segments were imported, no threshold made them"
    method = config.stages.get("agglomeration", {}).get("method", "")
    if "multicut" in method:
        return "a multicut is no cut of a merge tree, choose another method of agglomeration in the settings"
    if not len(session.segmentation.base.merge_edges):
        return "there is no merge tree, run the agglomeration first"
    return ""


def segments_words(cut: Cut | None) -> str:
    """Say how many segments there would be."""
    if cut is None:
        return "Reading the merge tree…"
    return f"{cut.segments:,} segment{'s' * (cut.segments != 1)}"


def score_words(score: VariationScores) -> str:
    """Say how far a cut is from the truth."""
    return f"VI {score.sum:.3f} bits: split {score.split:.3f}, merge {score.merge:.3f}."
