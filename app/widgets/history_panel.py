"""What was done, latest first, with a switch for each operation; decides nothing."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QEvent, Qt, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QWidget

from segmend.app.presenters.history import HistoryFilter, HistoryRow
from segmend.app.widgets.history_list import HistoryList
from segmend.app.widgets.parts import Panel, column, label
from segmend.app.widgets.theme import Look

_EVERYBODY, _EVERYTHING = "Everyone", "All kinds"


class FilterLine(QLineEdit):
    """A line to type a filter in; its own keys are not taken for commands of the window."""

    left = Signal()
    """Enter, Down or Escape was pressed."""

    def event(self, event: QEvent | None) -> bool:
        """Leave the line on Enter, Down and Escape."""
        keys = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape, Qt.Key.Key_Down)
        if isinstance(event, QKeyEvent) and event.key() in keys:
            if event.type() == QEvent.Type.ShortcutOverride:
                event.accept()
                return True
            if event.type() == QEvent.Type.KeyPress:
                if event.key() == Qt.Key.Key_Escape:
                    self.clear()
                self.left.emit()
                return True
        return bool(super().event(event))


class HistoryPanel(Panel):
    """Shows `HistoryRow` values, a filter above them, and says what was switched and where to go."""

    chosen = Signal(object)
    """Place in nm of the row that was double-clicked or entered; None where it has none."""
    switched = Signal(int, bool)
    """Number of an operation, and whether it is to be on."""
    narrowed = Signal(object)
    """The `HistoryFilter` that was asked for."""

    def __init__(self, look: Look = "dark") -> None:
        super().__init__("History")
        self.list = HistoryList(look)
        self.list.gone_to.connect(lambda row: self.chosen.emit(row.place_nm))
        self.list.rows.switched.connect(self.switched)
        self._text = FilterLine()
        self._text.setPlaceholderText("Filter")
        self._text.setClearButtonEnabled(True)
        self._text.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._author, self._kind = self._choice(_EVERYBODY), self._choice(_EVERYTHING)
        self._text.textChanged.connect(self._on_filter)
        self._text.left.connect(self.focus_list)
        self._empty = label("Decisions and edits appear here.", "muted", wrap=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._empty.setContentsMargins(14, 10, 14, 10)
        self._filters = self._make_filters()
        self.setLayout(column(self._filters, self._empty, self.list, margin=0, spacing=0))
        self.show_rows((), total=0)

    def _choice(self, first: str) -> QComboBox:
        box = QComboBox()
        box.setObjectName("narrow")
        box.addItem(first)
        box.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(6)
        box.currentIndexChanged.connect(self._on_filter)
        return box

    def _make_filters(self) -> QWidget:
        choices = QWidget()
        row = QHBoxLayout(choices)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self._author, 1)
        row.addWidget(self._kind, 1)
        box = QWidget()
        layout = column(self._text, choices, margin=0, spacing=6)
        layout.setContentsMargins(10, 8, 10, 8)
        box.setLayout(layout)
        return box

    # -- HistoryView --------------------------------------------------------------------------------------------

    def show_rows(self, rows: Sequence[HistoryRow], *, total: int) -> None:
        """Show operations, newest first."""
        self.list.rows.show(rows)
        self._filters.setVisible(total > 0)
        self.list.setVisible(bool(rows))
        self._empty.setVisible(not rows)
        self._empty.setText(
            "Nothing matches the filter." if total else "Decisions and edits appear here."
        )

    def offer(self, authors: Sequence[str], kinds: Sequence[str]) -> None:
        """Offer what can be filtered by; what is chosen stays chosen."""
        for box, values in ((self._author, authors), (self._kind, kinds)):
            known = [box.itemText(i) for i in range(1, box.count())]
            if known == list(values):
                continue
            chosen = box.currentText()
            box.blockSignals(True)
            while box.count() > 1:
                box.removeItem(1)
            box.addItems(list(values))
            box.setCurrentIndex(max(0, box.findText(chosen)))
            box.blockSignals(False)

    # -- looks and keys -----------------------------------------------------------------------------------------

    def focus_list(self) -> None:
        """Let the arrow keys move through the list."""
        self.list.setFocus()
        if not self.list.currentIndex().isValid() and self.list.rows.rows:
            self.list.setCurrentIndex(self.list.rows.index(0))

    def set_look(self, look: Look) -> None:
        """Use the colours of another look."""
        self.list.drawing.look = look
        self.list.viewport().update()

    def _on_filter(self) -> None:
        author = self._author.currentText() if self._author.currentIndex() > 0 else ""
        kind = self._kind.currentText() if self._kind.currentIndex() > 0 else ""
        self.narrowed.emit(HistoryFilter(self._text.text().strip(), author, kind))
