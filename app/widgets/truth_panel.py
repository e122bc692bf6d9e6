"""How far the segmentation is from the truth: a small table; decides nothing."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QWidget

from segmend.app.presenters.truth_words import TruthCard, TruthLine
from segmend.app.widgets.parts import Panel, column, label, repolish

_HEADS = (
    ("", ""),
    ("All", "Every voxel that the truth labels"),
    (
        "Tolerant",
        "Without the voxels beside a boundary of the truth: a boundary half a voxel off is no error",
    ),
    ("Change", "Of all voxels, since the truth was opened"),
)
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class TruthPanel(Panel):
    """Shows a `TruthCard`."""

    asked = Signal(str)
    """Id of the command: review.no_truth."""
    shown = Signal(bool)
    """The panel is needed, or not any more."""

    def __init__(self) -> None:
        super().__init__("Truth")
        self._name = label(name="heading")
        self._name.setMinimumWidth(1)
        self._note = label(name="muted", wrap=True)
        self._rows: list[tuple[QLabel, ...]] = []
        table = QWidget()
        self._grid = QGridLayout(table)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(3)
        self._grid.setColumnStretch(0, 1)
        for place, (text, explanation) in enumerate(_HEADS):
            head = label(text, "small")
            head.setAlignment(_RIGHT)
            head.setToolTip(explanation)
            self._grid.addWidget(head, 0, place)
        self._table = table
        self.close_truth = QPushButton("✕")
        self.close_truth.setProperty("role", "quiet")
        self.close_truth.setAccessibleName("Close the truth")
        self.close_truth.setToolTip("Close the truth  (Ctrl+Shift+G)")
        self.close_truth.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.close_truth.clicked.connect(lambda: self.asked.emit("review.no_truth"))
        top = QWidget()
        row = QHBoxLayout(top)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._name, 1)
        row.addWidget(self.close_truth)
        self.setLayout(column(top, self._note, self._table, None, spacing=4))

    # -- TruthView ----------------------------------------------------------------------------------------------

    def show_truth(self, card: TruthCard) -> None:
        """Show the figures; without any, those that are on show stay."""
        self._name.setText(card.name)
        self._name.setToolTip(card.source)
        self._note.setText(card.note)
        self._note.setVisible(bool(card.note))
        for row in self._rows:
            for part in row:
                part.setEnabled(not card.note)
        for number, line in enumerate(card.lines):
            if number == len(self._rows):
                self._rows.append(self._make_row(number + 1))
            self._fill(self._rows[number], line)
        self._table.setVisible(bool(self._rows))
        self.shown.emit(True)

    def hide_truth(self) -> None:
        """Take the figures away."""
        for row in self._rows:
            for part in row:
                self._grid.removeWidget(part)
                part.hide()  # until it is deleted it would be drawn below the next truth's
                part.deleteLater()
        self._rows = []
        self.shown.emit(False)

    def _make_row(self, place: int) -> tuple[QLabel, ...]:
        row = tuple(label(name=name) for name in ("", "figure", "figure", "figureChange"))
        for column_number, part in enumerate(row):
            if column_number:
                part.setAlignment(_RIGHT)
            self._grid.addWidget(part, place, column_number)
        return row

    def _fill(self, row: tuple[QLabel, ...], line: TruthLine) -> None:
        for part, text in zip(
            row, (line.title, line.value, line.tolerant, line.change), strict=True
        ):
            part.setText(text)
            part.setToolTip(line.explanation)
        row[-1].setProperty("kind", "better" if line.better else "worse" if line.change else "")
        repolish(row[-1])
