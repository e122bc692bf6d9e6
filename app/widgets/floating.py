"""Panels that lie over the views, so that nothing under the pointer moves when they come and go."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, QRect
from qtpy.QtWidgets import QWidget

from segmend.app.widgets.parts import Panel


class FloatingPanel(Panel):
    """A panel over another widget; it follows that one's size."""

    _host: QWidget | None = (
        None  # of the class, too: Qt asks the filter while Python clears the object
    )

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.hide()

    def lie_over(self, host: QWidget) -> None:
        """Float over a widget from now on."""
        self._host = host
        self.setParent(host)
        host.installEventFilter(self)
        self.hide()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Follow the size of the widget below."""
        if watched is self._host and event is not None and event.type() == QEvent.Type.Resize:
            self.settle()
        return bool(super().eventFilter(watched, event))

    def settle(self) -> None:
        """Take the place that belongs to the content of now, above everything else."""
        if self._host is not None:
            self.setGeometry(self.place_in(self._host.rect()))
            self.raise_()

    def place_in(self, room: QRect) -> QRect:
        """Return where to lie in the rectangle of the widget below."""
        return room

    def height_for(self, width: int) -> int:
        """Return the height that the content takes at a width."""
        layout = self.layout()
        wanted = layout.heightForWidth(width) if layout.hasHeightForWidth() else 0
        return int(max(wanted, layout.minimumSize().height()))
