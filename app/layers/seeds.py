"""Seeds and the pieces they would make, over the sections; clicks become seeds while they are shown.

Only models are touched here, never widgets, so this runs without a display.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Labels, Points
from numpy.typing import NDArray

from segmend.app.layers.appearance import piece_colours, placement, rgba
from segmend.app.presenters.pieces import Overlay, Pieces
from segmend.app.presenters.ports import SIDE_COLOURS
from segmend.app.presenters.segment_in_hand import Stroke
from segmend.core.geometry import Box, Grid, Zyx, ZyxNm
from segmend.core.volumes.base import Volume
from segmend.core.volumes.deferred import DeferredVolume

PIECES, SEEDS = "Pieces", "Seeds"
_SYMBOLS = (
    "disc",
    "square",
    "triangle_up",
    "diamond",
    "star",
    "cross",
    "triangle_down",
    "x",
    "ring",
)
_SEED_PIXELS = 13
_SEED_VOXELS = 100_000
"""Larger than any pixel at any zoom, so that all seeds are of `_SEED_PIXELS`."""
_SEED_BORDER = 0.12
_SMALLEST_PIXELS = 2
"""Never reached; the drawing makes the border of clamped seeds at least half of it."""
_FIRST_SEEDS = 64
_STILL_PIXELS = 4
_LINE_PIXELS = 9
"""A click moves less than `_STILL_PIXELS`; a line has a seed every `_LINE_PIXELS`."""
MOST_SEEDS_IN_A_LINE = 40


class ShownPieces:
    """What the pieces are coloured by; replaced as a whole, so that a read never sees half of it."""

    def __init__(self) -> None:
        self.table: NDArray[np.uint8] = np.zeros(1, np.uint8)
        self.overlays: tuple[Overlay, ...] = ()

    def show(self, pieces: Pieces | None) -> None:
        """Take over the colours of a preview; None for nothing."""
        if pieces is None:
            self.table, self.overlays = np.zeros(1, np.uint8), ()
            return
        self.overlays, self.table = pieces.overlays, pieces.table


class ColouredPieces:
    """Supervoxels as sides, 0 elsewhere: a volume that the colours of a preview are drawn from.

    Parameters
    ----------
    supervoxels : Volume
        Of some level.
    finest_zyx : tuple of 3 int
        Shape of the finest level, which the overlays are of.
    shown : ShownPieces
        Asked at every read, so a new preview shows at the next one.
    """

    def __init__(self, supervoxels: Volume, finest_zyx: Zyx, shown: ShownPieces) -> None:
        self._supervoxels = supervoxels
        self._shown = shown
        self._factors = tuple(
            max(1, round(a / b)) for a, b in zip(finest_zyx, supervoxels.shape_zyx, strict=True)
        )
        self.shape_zyx: Zyx = supervoxels.shape_zyx
        self.channels = None
        self.dtype = np.dtype(np.uint8)
        self.grid: Grid = supervoxels.grid
        self.source = supervoxels.source

    def read(self, box: Box) -> NDArray[np.uint8]:
        """Return the sides of the voxels of a box."""
        table, overlays = self._shown.table, self._shown.overlays
        sides = np.take(table, self._supervoxels.read(box), mode="clip")
        for overlay in overlays:
            self._lay(overlay, box, sides)
        return sides

    def _lay(self, overlay: Overlay, box: Box, sides: NDArray[np.uint8]) -> None:
        """Draw the parts of divided supervoxels over the box; every coarse voxel shows one fine one."""
        into, out_of = [], []
        for axis, factor in enumerate(self._factors):
            first, last = overlay.box.start_zyx[axis], overlay.box.stop_zyx[axis]
            start = max(-(-first // factor), box.start_zyx[axis])
            stop = min(-(-last // factor), box.stop_zyx[axis])
            if start >= stop:
                return
            into.append(slice(start - box.start_zyx[axis], stop - box.start_zyx[axis]))
            out_of.append(slice(start * factor - first, (stop - 1) * factor - first + 1, factor))
        parts = overlay.sides[tuple(out_of)]
        target = sides[tuple(into)]
        target[parts > 0] = parts[parts > 0]


class SeedLayers:
    """Shows seeds and pieces on a viewer model.

    Parameters
    ----------
    sections : ViewerModel
    """

    def __init__(self, sections: ViewerModel) -> None:
        self._sections = sections
        self._shown = ShownPieces()
        self._grid = Grid((1.0, 1.0, 1.0))
        self._pieces: Labels | None = None
        self._seeds: Points | None = None
        self._active = False
        self.placed: Callable[[tuple[ZyxNm, ...]], None] = lambda places: None
        """Gets the places of a click, or of a line of seeds."""

    def open(self, levels: Sequence[Volume], grid: Grid) -> None:
        """Be ready for a project.

        Parameters
        ----------
        levels : sequence of Volume
            Pyramid of supervoxels, finest first.
        grid : Grid
            Of the finest voxels.
        """
        self._grid = grid
        volumes = [ColouredPieces(v, levels[0].shape_zyx, self._shown) for v in levels]
        self._add_layers([DeferredVolume(volume) for volume in volumes])

    def close(self) -> None:
        """Forget the layers, which the viewer has dropped."""
        self._pieces = self._seeds = None

    def begin(self) -> None:
        """Take clicks as seeds."""
        self._active = True
        self._set_visible(True)
        if self._on_press not in self._sections.mouse_drag_callbacks:
            self._sections.mouse_drag_callbacks.append(self._on_press)

    def end(self) -> None:
        """Take marks and colours away and clicks as before."""
        self._active = False
        if self._on_press in self._sections.mouse_drag_callbacks:
            self._sections.mouse_drag_callbacks.remove(self._on_press)
        self.show_pieces(None)
        self.show_seeds(())
        self._set_visible(False)

    def show_pieces(self, pieces: Pieces | None) -> None:
        """Colour what a segment would become."""
        self._shown.show(pieces)
        if self._pieces is not None and self._active:
            self._pieces.refresh(extent=False, highlight=False)

    def show_seeds(self, strokes: Sequence[Stroke]) -> None:
        """Mark the places of the seeds."""
        layer = self._seeds
        if layer is None:
            return
        places = [place for stroke in strokes for place in stroke.places_nm]
        sides = [stroke.side - 1 for stroke in strokes for _ in stroke.places_nm]
        offset, size = self._grid.offset_nm_zyx, self._grid.voxel_size_nm_zyx
        # The layer never loses a point: napari slices on a thread and looks up what it found there afterwards.
        rows = max(len(layer.data), len(places), _FIRST_SEEDS)
        data, shown = np.zeros((rows, 3)), np.arange(rows) < len(places)
        data[: len(places)] = (np.array(places, float).reshape(-1, 3) - offset) / size
        sides += [0] * (rows - len(places))
        layer.data = data
        layer.face_color = [rgba(SIDE_COLOURS[side]) for side in sides]
        layer.symbol = [_SYMBOLS[side] for side in sides]
        layer.shown = shown
        layer.selected_data = set()

    def _add_layers(self, arrays: list[DeferredVolume]) -> None:
        """Add both layers unseen: making them takes longer than anybody waits for a key."""
        place = placement(self._grid)
        several = len(arrays) > 1
        self._pieces = Labels(
            arrays if several else arrays[0],
            multiscale=several,
            name=PIECES,
            visible=False,
            opacity=0.5,
            blending="translucent_no_depth",
            **place,
        )
        self._pieces.colormap = piece_colours()
        self._pieces.editable = False
        self._seeds = Points(
            np.zeros((_FIRST_SEEDS, 3)),
            name=SEEDS,
            visible=False,
            shown=np.zeros(_FIRST_SEEDS, bool),
            border_color="white",
            border_width=_SEED_BORDER,
            size=_SEED_VOXELS,
            canvas_size_limits=(_SMALLEST_PIXELS, _SEED_PIXELS),
            blending="translucent_no_depth",
            **place,
        )
        self._seeds.editable = False
        for layer in (self._pieces, self._seeds):
            self._sections.add_layer(layer)
        self._sections.layers.selection.clear()

    def _set_visible(self, visible: bool) -> None:
        for layer in (self._pieces, self._seeds):
            if layer is not None:
                layer.visible = visible

    def _on_press(self, viewer: ViewerModel, event: Any) -> Iterator[None]:
        """Take a click, or a line drawn with Shift; a drag without Shift moves the view."""
        if event.button != 1:
            return
        line = "Shift" in event.modifiers
        first = last = np.asarray(event.pos, float)
        places = [_place(event)]
        furthest = 0.0
        yield
        while event.type == "mouse_move":
            now = np.asarray(event.pos, float)
            furthest = max(furthest, float(np.abs(now - first).max()))
            if line and np.abs(now - last).max() >= _LINE_PIXELS:
                places.append(_place(event))
                last = now
            yield
        if line or furthest < _STILL_PIXELS:
            step = -(-len(places) // MOST_SEEDS_IN_A_LINE)
            self.placed(tuple(places[::step]))


def _place(event: Any) -> ZyxNm:
    z, y, x = (float(value) for value in event.position)
    return z, y, x
