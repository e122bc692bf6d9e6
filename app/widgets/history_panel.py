"""What was done, latest first; for reading only."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QListWidget, QListWidgetItem

from segmend.app.presenters.history import HistoryLine
from segmend.app.widgets.parts import Panel, column, label


@dataclass(frozen=True, slots=True)
class _Roles:
    place: int = int(Qt.ItemDataRole.UserRole)


class HistoryPanel(Panel):
    """Shows `HistoryLine` values."""

    chosen = Signal(object)
    """Place in nm of the line that was double-clicked."""

    def __init__(self) -> None:
        super().__init__("History")
        self._empty = label("Decisions and edits appear here.", "muted", wrap=True)
        self._list = QListWidget()
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.itemDoubleClicked.connect(
            lambda item: self.chosen.emit(item.data(_Roles().place))
        )
        self._empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._list.setObjectName("history")
        layout = column(self._empty, self._list, margin=0, spacing=0)
        self._empty.setContentsMargins(14, 10, 14, 10)
        self.setLayout(layout)
        self.show_lines(())

    def show_lines(self, lines: tuple[HistoryLine, ...]) -> None:
        """Replace the list."""
        self._list.clear()
        for line in lines:
            item = QListWidgetItem(line.text)
            item.setToolTip(line.details)
            item.setData(_Roles().place, line.place_nm)
            if line.undone:
                font = item.font()
                font.setStrikeOut(True)
                item.setFont(font)
            self._list.addItem(item)
        self._list.setVisible(bool(lines))
        self._empty.setVisible(not lines)
