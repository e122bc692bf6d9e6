"""What a person can do with the views: show and hide, step, zoom. Needs a window, but no project."""

from __future__ import annotations

from segmend.app.layers.scene import OVERLAYS, SEGMENTS
from segmend.app.widgets import dialogs
from segmend.app.widgets.main_window import MainWindow


class ViewDoors:
    """The doors of the menus View and Help.

    Parameters
    ----------
    window : MainWindow
    """

    def __init__(self, window: MainWindow) -> None:
        self.window = window
        self._hidden: list[str] = []
        window.held.connect(self._hold)

    def toggle_layer(self, name: str) -> None:
        """Show or hide a layer."""
        self.window.scene.toggle(name)

    def step_opacity(self, by: float) -> None:
        """Make the segments fainter or stronger."""
        layer = self.window.scene.layer(SEGMENTS)
        if layer is not None:
            layer.opacity = min(1.0, max(0.05, layer.opacity + by))

    def step_section(self, by: int) -> None:
        """Go to another section."""
        self.window.scene.step(by)

    def whole_view(self) -> None:
        """Zoom out."""
        self.window.scene.show_whole()
        self.window.scene.solids.reset_view()

    def toggle_solids(self) -> None:
        """Show or hide the 3D view."""
        self.window.toggle_solids()

    def change_look(self) -> None:
        """Change between dark and light."""
        self.window.set_look("light" if self.window.look == "dark" else "dark")

    def show_keys(self) -> None:
        """Show all keys on one page."""
        dialogs.KeysDialog(self.window).exec()

    def show_about(self) -> None:
        """Say what this is."""
        dialogs.MessageDialog(
            self.window,
            "Segmend",
            "Find and mend the errors in a connectomics segmentation. Free software under the GNU General Public "
            "License, version 3 or later.",
        ).exec()

    def _hold(self, down: bool) -> None:
        """Hide all colours while Space is down."""
        scene = self.window.scene
        if down and not self._hidden:
            layers = ((name, scene.layer(name)) for name in OVERLAYS)
            self._hidden = [name for name, layer in layers if layer is not None and layer.visible]
            for name in self._hidden:
                scene.toggle(name)
        elif not down:
            for name in self._hidden:
                if (layer := scene.layer(name)) is not None:
                    layer.visible = True
            self._hidden = []
