"""Where layers lie and what colours they have."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.utils.colormaps import Colormap, CyclicLabelColormap

from segmend.app.presenters.ports import (
    FIRST_COLOUR,
    MESH_COLOURS,
    REST_COLOUR,
    SECOND_COLOUR,
    SIDE_COLOURS,
)
from segmend.core.geometry import Grid
from segmend.core.volumes.base import Volume

AXES = ("z", "y", "x")
UNITS = ("nm", "nm", "nm")


def placement(grid: Grid) -> dict[str, Any]:
    """Return where a layer lies, in nm."""
    return {
        "scale": grid.voxel_size_nm_zyx,
        "translate": grid.offset_nm_zyx,
        "axis_labels": AXES,
        "units": UNITS,
    }


def show_scale_bar(sections: ViewerModel) -> None:
    """Show a scale bar in the lower right corner."""
    scale_bar = sections.canvas.overlays["scale_bar"]
    scale_bar.visible = True
    scale_bar.box = True
    scale_bar.position = "bottom_right"
    scale_bar.font_size = 8


def value_limits(levels: tuple[Volume, ...]) -> tuple[float, float]:
    """Return the range of values of a volume."""
    dtype = levels[0].dtype
    return (0.0, float(np.iinfo(dtype).max)) if dtype.kind in "ui" else (0.0, 1.0)


def side_colours() -> CyclicLabelColormap:
    """Return nothing, blue and orange for 0, 1 and 2."""
    return CyclicLabelColormap(
        colors=np.array([(0, 0, 0, 0), rgba(FIRST_COLOUR), rgba(SECOND_COLOUR)], np.float32)
    )


def piece_colours() -> CyclicLabelColormap:
    """Return nothing for 0, the colours of the sides, and grey for what no seed reaches."""
    colours = [rgba(colour) for colour in (*SIDE_COLOURS, REST_COLOUR)]
    return CyclicLabelColormap(colors=np.array([(0, 0, 0, 0), *colours], np.float32))


def mesh_colours() -> Colormap:
    """Return one stretch from dark to light per colour, in the order of `MESH_COLOURS`."""
    count = len(MESH_COLOURS)
    colours = [
        (*(level * channel for channel in rgba(colour)[:3]), 1.0)
        for colour in MESH_COLOURS
        for level in (0.12, 1.0)
    ]
    controls = [(i + end) / count for i in range(count) for end in (0.0, 0.999)]
    controls[-1] = 1.0
    return Colormap(np.array(colours), controls=controls, name="segmend meshes")


def rgba(colour: str) -> tuple[float, float, float, float]:
    """Return a colour such as "#2f8dff" as red, green, blue and opacity, 0 to 1."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue, 1.0
