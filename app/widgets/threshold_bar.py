"""The bar above the views while thresholds are tried: slider, number, use and cancel; decides nothing."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QRect, Qt, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QDoubleSpinBox, QHBoxLayout, QPushButton, QSlider, QWidget

from segmend.app.presenters.thresholds import STEPS, ThresholdLine
from segmend.app.widgets.floating import FloatingPanel
from segmend.app.widgets.parts import column, label

_ENDING_KEYS = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape)


class NumberBox(QDoubleSpinBox):
    """A number from 0 to 1 whose Enter and Escape end the typing, and do nothing else."""

    ended = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setRange(0.0, 1.0)
        self.setDecimals(3)
        self.setSingleStep(0.01)
        self.setKeyboardTracking(False)
        self.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
        self.setFixedWidth(72)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)

    def event(self, event: QEvent | None) -> bool:
        """Keep the keys that end the typing from being commands of the window."""
        override = event is not None and event.type() == QEvent.Type.ShortcutOverride
        if override and isinstance(event, QKeyEvent) and event.key() in _ENDING_KEYS:
            event.accept()
            return True
        return bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """End the typing: Enter takes the number, Escape the one before."""
        if event is not None and event.key() == Qt.Key.Key_Escape:
            self.lineEdit().setText(self.textFromValue(self.value()))
        else:
            super().keyPressEvent(event)
        if event is not None and event.key() in _ENDING_KEYS:
            self.ended.emit()


class ThresholdBar(FloatingPanel):
    """Shows a `ThresholdLine` and says what was moved and clicked."""

    asked = Signal(str)
    """Id of the command: threshold.use or threshold.cancel."""
    moved = Signal(float)
    """To which threshold."""

    def __init__(self) -> None:
        super().__init__("Threshold")
        self._segments = label(name="muted")
        self._words = label(name="seedWords", wrap=True)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, STEPS)
        self.slider.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.slider.setAccessibleName("Threshold")
        self.slider.setToolTip(
            "Supervoxels are joined where the score of their contact is at least this"
        )
        self.slider.valueChanged.connect(lambda step: self.moved.emit(step / STEPS))
        self.number = NumberBox()
        self.number.setAccessibleName("Threshold as a number")
        self.number.valueChanged.connect(self.moved.emit)
        self.number.ended.connect(self.number.clearFocus)
        self.cancel = self._button("Cancel  Esc", "threshold.cancel")
        self.use = self._button("Use this threshold  ⏎", "threshold.use")
        self.use.setProperty("role", "primary")
        self.setLayout(column(self._first_row(), self._second_row(), self._words, margin=0))
        self.layout().setSpacing(6)
        self.layout().setContentsMargins(12, 8, 12, 8)

    def _first_row(self) -> QWidget:
        title = label("Try a threshold", "heading")
        return _row(title, self._segments, None, self.cancel, self.use)

    def _second_row(self) -> QWidget:
        ends = label("merge more", "small"), label("split more", "small")
        return _row(ends[0], self.slider, ends[1], self.number)

    def _button(self, text: str, command: str) -> QPushButton:
        button = QPushButton(text)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.clicked.connect(lambda: self.asked.emit(command))
        return button

    def place_in(self, room: QRect) -> QRect:
        """Return the upper edge of the views."""
        return QRect(0, 0, room.width(), self.height_for(room.width()))

    # -- ThresholdView ------------------------------------------------------------------------------------------

    def show_threshold(self, line: ThresholdLine) -> None:
        """Show where the slider is and what that gives."""
        for widget, value in (
            (self.slider, round(line.threshold * STEPS)),
            (self.number, line.threshold),
        ):
            if widget.value() != value:  # else what is being typed would be lost
                widget.blockSignals(True)
                widget.setValue(value)
                widget.blockSignals(False)
        self._segments.setText(line.segments)
        self._words.setText(line.words)
        self.use.setEnabled(line.ready)
        self.show()
        self.settle()

    def hide_threshold(self) -> None:
        """Take the bar away."""
        self.hide()


def _row(*items: QWidget | None) -> QWidget:
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(10)
    for item in items:
        if item is None:
            layout.addStretch(1)
        else:
            layout.addWidget(item, int(isinstance(item, QSlider)))
    return row
