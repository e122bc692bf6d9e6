"""One line over the views: what was done, what was refused, what a colleague did; more on request."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QRect, Qt, QTimer
from qtpy.QtWidgets import QHBoxLayout, QPushButton

from segmend.app.widgets.floating import FloatingPanel
from segmend.app.widgets.parts import label, repolish

_SECONDS = 8
_WIDTH, _MARGIN, _LIFT = 620, 12, 96
_MARKS = {"": "✓", "news": "●", "warning": "⚠"}


class Notice(FloatingPanel):
    """A line that goes by itself; a warning stays until it is closed or another line comes.

    Parameters
    ----------
    show_details : callable
        Gets the text and its details.
    """

    def __init__(self, show_details: Callable[[str, str], None]) -> None:
        super().__init__("Notice")
        self.setObjectName("notice")
        self._show_details = show_details
        self._details = ""
        self._mark = label(name="noticeMark")
        self._text = label(name="noticeText", wrap=True)
        self.more = self._button("Details")
        self.more.clicked.connect(lambda: self._show_details(self._text.text(), self._details))
        close = self._button("✕")
        close.setAccessibleName("Close")
        close.clicked.connect(self.hide)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 5, 8, 5)
        layout.setSpacing(10)
        layout.addWidget(self._mark)
        layout.addWidget(self._text, 1)
        layout.addWidget(self.more)
        layout.addWidget(close)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.hide)

    def place_in(self, room: QRect) -> QRect:
        """Return a place above the scale bar, in the middle."""
        width = min(_WIDTH, room.width() - 2 * _MARGIN)
        height = self.height_for(width)
        return QRect((room.width() - width) // 2, room.height() - height - _LIFT, width, height)

    @property
    def text(self) -> str:
        """What it says."""
        return self._text.text()

    def say(self, text: str, kind: str = "", details: str = "") -> None:
        """Show a line; `kind` is "", "news" or "warning"."""
        self._text.setText(text)
        self._mark.setText(_MARKS[kind])
        self._details = details
        self.more.setVisible(bool(details))
        for part in (self, self._mark):
            part.setProperty("kind", kind)
            repolish(part)
        self.show()
        self.settle()
        if kind == "warning":
            self._timer.stop()
        else:
            self._timer.start(1000 * _SECONDS)

    def _button(self, text: str) -> QPushButton:
        button = QPushButton(text)
        button.setProperty("role", "quiet")
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        return button
