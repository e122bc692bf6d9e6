"""The borders of true objects over the sections.

Only models are touched here, never widgets, so this runs without a display.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Labels
from napari.utils.colormaps import CyclicLabelColormap
from numpy.typing import NDArray

from segmend.app.layers.appearance import placement, rgba
from segmend.core.geometry import Box, Grid, Zyx
from segmend.core.volumes.base import Volume
from segmend.core.volumes.deferred import DeferredVolume

TRUTH = "Truth"
TRUTH_COLOUR = "#ff4dd8"


class TruthBorders:
    """1 where a true object ends inside its section, 0 elsewhere: a volume that the borders are drawn from.

    Bytes, because napari shows them as they are; found where the voxels are read, off the window's thread.

    Parameters
    ----------
    truth : Volume
    shape_zyx : tuple of 3 int
        Of this level; every voxel shows one of the finest.
    """

    def __init__(self, truth: Volume, shape_zyx: Zyx, grid: Grid) -> None:
        self._truth = truth
        self._factors = tuple(
            max(1, round(fine / coarse))
            for fine, coarse in zip(truth.shape_zyx, shape_zyx, strict=True)
        )
        self.shape_zyx: Zyx = shape_zyx
        self.channels = None
        self.dtype = np.dtype(np.uint8)
        self.grid = grid
        self.source = truth.source

    def read(self, box: Box) -> NDArray[np.uint8]:
        """Return the borders in a box."""
        labels = self._labels(box.grow((0, 1, 1)).intersect(Box.of_shape(self.shape_zyx)))
        low = [min(1, start) for start in box.start_zyx[1:]]
        height, width = box.shape_zyx[1:]
        inside = (slice(None), slice(low[0], low[0] + height), slice(low[1], low[1] + width))
        return np.ascontiguousarray(_borders(labels)[inside])

    def _labels(self, box: Box) -> NDArray[Any]:
        start = tuple(a * f for a, f in zip(box.start_zyx, self._factors, strict=True))
        stop = tuple(
            min((b - 1) * f + 1, most)
            for b, f, most in zip(box.stop_zyx, self._factors, self._truth.shape_zyx, strict=True)
        )
        z, y, x = self._factors
        return self._truth.read(Box(start, stop))[::z, ::y, ::x]  # type: ignore[arg-type]


def _borders(labels: NDArray[Any]) -> NDArray[np.uint8]:
    """Mark voxels that have another label beside them, further along an axis of their section: thin lines."""
    found = np.zeros(labels.shape, np.uint8)
    for axis in (1, 2):
        one, other = [slice(None)] * 3, [slice(None)] * 3
        one[axis], other[axis] = slice(None, -1), slice(1, None)
        found[tuple(one)] |= labels[tuple(one)] != labels[tuple(other)]
    return found


class TruthLayer:
    """Shows the truth on a viewer model; implements the presenters' `TruthLayer`.

    Parameters
    ----------
    sections : ViewerModel
    """

    def __init__(self, sections: ViewerModel) -> None:
        self._sections = sections
        self._levels: tuple[tuple[Zyx, Grid], ...] = ()
        self._layer: Labels | None = None

    def be_ready(self, levels: tuple[Volume, ...]) -> None:
        """Take over the pyramid of a project, finest first, whose levels the truth is shown on."""
        self._levels = tuple((level.shape_zyx, level.grid) for level in levels)
        self._layer = None

    def open(self, truth: Volume) -> None:
        """Show the borders of true objects."""
        self.close()
        arrays = [DeferredVolume(TruthBorders(truth, shape, grid)) for shape, grid in self._levels]
        several = len(arrays) > 1
        self._layer = Labels(
            arrays if several else arrays[0],
            multiscale=several,
            name=TRUTH,
            opacity=0.9,
            blending="translucent_no_depth",
            **placement(self._levels[0][1]),
        )
        self._layer.colormap = CyclicLabelColormap(
            colors=np.array([(0, 0, 0, 0), rgba(TRUTH_COLOUR)], np.float32)
        )
        self._layer.editable = False
        self._sections.add_layer(self._layer)
        self._sections.layers.selection.clear()

    def close(self) -> None:
        """Take them away."""
        layer, self._layer = self._layer, None
        if layer is not None and layer in self._sections.layers:
            self._sections.layers.remove(layer)
