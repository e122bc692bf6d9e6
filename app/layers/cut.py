"""Segments in the colours of another threshold, in the place of those that are.

Only models are touched here, never widgets, so this runs without a display.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray

from segmend.app.layers.deferred import SharedReads, SideTable, TwoSides
from segmend.core.volumes.deferred import DeferredVolume

CUT = "Cut"
_OPACITY = 0.45


class CutLayer:
    """A layer of bytes beside the segments: colours are chosen where voxels are read, off the window's thread.

    The layer of the segments would have napari bring wide labels down to colours on the window's thread, twice for
    every step of a slider.
    """

    def __init__(self) -> None:
        self._table = SideTable()
        self._segments: Labels | None = None
        self._cut: Labels | None = None
        self._seen = False
        self._drawn: Callable[[], None] | None = None
        self.shown = False

    def arrays(self, levels: tuple[SharedReads, ...]) -> list[DeferredVolume]:
        """Return what the layer is made of."""
        return [DeferredVolume(TwoSides(level, self._table)) for level in levels]

    def take(self, segments: Labels, cut: Labels) -> None:
        """Take over the two layers; the colours are those of the segments."""
        self._segments, self._cut = segments, cut
        cut.colormap = segments.colormap
        cut.visible = False
        cut.events.set_data.connect(self._on_voxels)

    def close(self) -> None:
        """Forget the layers, which the viewer has dropped."""
        self._segments = self._cut = self._drawn = None
        self.shown = False

    def show(self, colours: NDArray[Any], drawn: Callable[[], None]) -> None:
        """Show each supervoxel in the colour that segments of that number have.

        Parameters
        ----------
        colours : (n + 1,) uint32
            0 for background.
        drawn : callable
            Told when the voxels have these colours; at once where they are hidden. What is written beside them is
            then drawn together with them: drawing the window twice takes longer than choosing the colours.
        """
        if self._segments is None or self._cut is None:
            return
        count = len(self._segments.colormap) - 1
        table = np.zeros(len(colours) + 1, np.uint8)  # one more, for every higher id
        table[:-1] = np.where(colours > 0, (colours - np.uint32(1)) % count + 1, 0)
        self._table.table = table
        self._drawn = drawn
        if self.shown:
            self._cut.refresh(extent=False, highlight=False)
            if not self._cut.visible:
                self._on_voxels()
            return
        self.shown = True
        self._seen = self._segments.visible
        self._cut.opacity = max(self._segments.opacity, _OPACITY)
        self._cut.visible = True
        self._segments.visible = False

    def _on_voxels(self) -> None:
        drawn, self._drawn = self._drawn, None
        if drawn is not None:
            drawn()

    def end(self) -> None:
        """Show the segments as they are."""
        if self.shown and self._segments is not None and self._cut is not None:
            self._segments.visible = self._seen
            self._cut.visible = False
        self._drawn = None
        self.shown = False
