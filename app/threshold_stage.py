"""The sections while thresholds are tried: the candidate gives way, and the segments to those of a threshold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from segmend.app.layers.scene import CANDIDATE, Scene


class ThresholdStage:
    """Implements the presenters' `ThresholdStage` on the sections.

    Parameters
    ----------
    scene : Scene
    exchanged : callable
        Told when another layer stands for the segments.
    """

    def __init__(self, scene: Scene, exchanged: Callable[[], None] = lambda: None) -> None:
        self._scene = scene
        self._exchanged = exchanged
        self._hidden = False

    def begin_cuts(self) -> None:
        """Hide the candidate."""
        candidate = self._scene.layer(CANDIDATE)
        self._hidden = candidate is not None and candidate.visible
        if self._hidden:
            self._scene.toggle(CANDIDATE)

    def show_cut(self, colours: NDArray[Any], drawn: Callable[[], None]) -> None:
        """Colour the supervoxels."""
        first = not self._scene.cut.shown
        self._scene.cut.show(colours, drawn)
        if first:
            self._exchanged()

    def end_cuts(self) -> None:
        """Show what was shown before."""
        self._scene.cut.end()
        self._exchanged()
        if self._hidden:
            self._scene.toggle(CANDIDATE)
        self._hidden = False
