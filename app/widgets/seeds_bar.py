"""The bar above the views while seeds are placed: sides, sizes, apply and cancel; decides nothing."""

from __future__ import annotations

from qtpy.QtCore import QRect, Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from segmend.app.presenters.ports import SIDE_COLOURS
from segmend.app.presenters.seed_words import SeedLine
from segmend.app.widgets.floating import FloatingPanel
from segmend.app.widgets.parts import column, label, repolish


class SeedsBar(FloatingPanel):
    """Shows a `SeedLine` and says what was clicked."""

    asked = Signal(str)
    """Id of the command: seeds.back, seeds.apply, seeds.cancel, seeds.side1 and so on."""

    def __init__(self) -> None:
        super().__init__("Seeds")
        self._title = label(name="heading")
        self._words = label(name="seedWords", wrap=True)
        self._chips: list[QPushButton] = []
        self._chip_row = QHBoxLayout()
        self._chip_row.setSpacing(4)
        self.back = self._button("Undo seed  ⌫", "seeds.back")
        self.cancel = self._button("Cancel  Esc", "seeds.cancel")
        self.apply = self._button("Apply  ⏎", "seeds.apply")
        self.apply.setProperty("role", "primary")
        self._title.setMinimumWidth(1)
        self.setLayout(column(self._first_row(), self._second_row(), margin=0, spacing=6))
        self.layout().setContentsMargins(12, 8, 12, 8)

    def _first_row(self) -> QWidget:
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self._title, 1)
        for button in (self.back, self.cancel, self.apply):
            layout.addWidget(button)
        return row

    def _second_row(self) -> QWidget:
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        layout.addLayout(self._chip_row)
        layout.addWidget(self._words, 1)
        return row

    def _button(self, text: str, command: str) -> QPushButton:
        button = QPushButton(text)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.clicked.connect(lambda: self.asked.emit(command))
        return button

    def place_in(self, room: QRect) -> QRect:
        """Return the upper edge of the views."""
        return QRect(0, 0, room.width(), self.height_for(room.width()))

    # -- SeedsView ----------------------------------------------------------------------------------------------

    def show_seeding(self, line: SeedLine) -> None:
        """Show where the seeds stand."""
        self._title.setText(line.title)
        self._show_chips(line)
        self._words.setText(line.words)
        state = "warning" if line.warning else "working" if line.working else ""
        if self._words.property("state") != state:
            self._words.setProperty("state", state)
            repolish(self._words)
        self.apply.setText(f"{line.apply}  ⏎")
        self.apply.setEnabled(line.ready)
        self.back.setEnabled(line.seeds > 0)
        self.show()
        self.settle()

    def hide_seeding(self) -> None:
        """Take the bar away."""
        self.hide()

    def _show_chips(self, line: SeedLine) -> None:
        while len(self._chips) < len(line.sides):
            self._chips.append(self._make_chip(len(self._chips) + 1))
        for number, chip in enumerate(self._chips, 1):
            chip.setVisible(number in line.sides)
            chip.setChecked(number == line.side)

    def _make_chip(self, number: int) -> QPushButton:
        chip = self._button(str(number), f"seeds.side{number}")
        chip.setObjectName("sideChip")
        chip.setCheckable(True)
        chip.setToolTip(f"The next seeds belong to side {number} (key {number})")
        colour = SIDE_COLOURS[number - 1]
        chip.setStyleSheet(
            f"#sideChip {{ border: 2px solid {colour}; border-radius: 6px; padding: 2px 8px; font-weight: 700; }}"
            f"#sideChip:checked {{ background: {colour}; color: #0b1220; }}"
        )
        self._chip_row.addWidget(chip)
        return chip
