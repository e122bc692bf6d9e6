"""napari's canvas and slider without the rest: no layer tools, no menus, no keys of its own."""

from __future__ import annotations

from napari.components import ViewerModel
from napari.components._viewer_mouse_bindings import double_click_to_zoom
from napari.qt import QtViewer
from qtpy.QtCore import Signal
from qtpy.QtGui import QCursor

from segmend.app.widgets.theme import Look, palette


class EmbeddedViewer(QtViewer):
    """A napari canvas whose keys all come from the table of commands.

    The 2D/3D button and the label tools of napari are not there: 3D would read a whole volume, and a pyramid of
    labels cannot be painted.

    Parameters
    ----------
    model : ViewerModel
    """

    picked = Signal(object)
    """Place in nm (z, y, x) that was double-clicked."""

    def __init__(self, model: ViewerModel) -> None:
        super().__init__(model)
        self.setAcceptDrops(False)
        self.dims.hide()  # the window has its own slider
        if double_click_to_zoom in model.mouse_double_click_callbacks:
            model.mouse_double_click_callbacks.remove(double_click_to_zoom)
        model.mouse_double_click_callbacks.append(
            lambda viewer, event: self.picked.emit(tuple(viewer.cursor.position))
        )

    def _on_active_change(self) -> None:
        self._key_map_handler.keymap_providers = []

    def pointer(self) -> tuple[int, int] | None:
        """Return the pixel x, y that the pointer is over; None outside the canvas."""
        canvas = self.canvas.native
        at = canvas.mapFromGlobal(QCursor.pos())
        return (at.x(), at.y()) if canvas.isVisible() and canvas.rect().contains(at) else None

    def set_look(self, look: Look) -> None:
        """Colour the canvas for a look."""
        self.viewer.theme = look
        self.viewer.canvas.background_color_override = palette(look)["canvas"]
