"""The sections while thresholds are tried: the candidate gives way, the colours of the segments come forward."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from segmend.app.layers.scene import CANDIDATE, SEGMENTS, Scene

_OPACITY = 0.45


class ThresholdStage:
    """Implements the presenters' `ThresholdStage` on the sections.

    Parameters
    ----------
    scene : Scene
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._hidden = False
        self._before: tuple[bool, float] | None = None

    def begin_cuts(self) -> None:
        """Hide the candidate and make the segments strong enough to see their borders."""
        candidate, segments = self._scene.layer(CANDIDATE), self._scene.layer(SEGMENTS)
        self._hidden = candidate is not None and candidate.visible
        if self._hidden:
            self._scene.toggle(CANDIDATE)
        if segments is not None:
            self._before = segments.visible, segments.opacity
            segments.visible = True
            segments.opacity = max(segments.opacity, _OPACITY)

    def show_cut(self, colours: NDArray[Any]) -> None:
        """Colour the supervoxels."""
        self._scene.show_cut(colours)

    def end_cuts(self) -> None:
        """Show what was shown before."""
        self._scene.show_cut(None)
        segments = self._scene.layer(SEGMENTS)
        if segments is not None and self._before is not None:
            segments.visible, segments.opacity = self._before
        self._before = None
        if self._hidden:
            self._scene.toggle(CANDIDATE)
        self._hidden = False
