"""Which section is on show: a slider over z with its number."""

from __future__ import annotations

from napari.components import Dims
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QSlider, QWidget

from segmend.app.widgets.parts import label


class SectionSlider(QWidget):
    """A slider bound both ways to axis 0 of the dims of a viewer.

    Parameters
    ----------
    dims : Dims
    """

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._dims = dims
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._slider.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._slider.valueChanged.connect(self._on_slider)
        self._number = label(name="muted")
        self._number.setMinimumWidth(92)
        self._number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 7, 12, 7)
        layout.setSpacing(10)
        layout.addWidget(label("Section", "muted"))
        layout.addWidget(self._slider, 1)
        layout.addWidget(self._number)
        for event in (dims.events.current_step, dims.events.range, dims.events.ndim):
            event.connect(self._follow)
        self._follow()

    def _follow(self, event: object = None) -> None:
        sections = self._dims.nsteps[0] if self._dims.ndim > 2 else 1
        now = self._dims.current_step[0] if self._dims.ndim > 2 else 0
        self._slider.blockSignals(True)
        self._slider.setRange(0, sections - 1)
        self._slider.setValue(now)
        self._slider.blockSignals(False)
        self._number.setText(f"z {now} of {sections - 1}")

    def _on_slider(self, section: int) -> None:
        self._dims.set_current_step(0, section)
