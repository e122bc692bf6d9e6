"""What is shown in the sections: one row per layer with its key, a check box and an opacity."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakSet

from napari.layers import Image
from napari.layers.base import Layer
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QGridLayout, QHBoxLayout, QSlider, QWidget
from superqt import QRangeSlider

from segmend.app.layers.scene import AFFINITIES, CANDIDATE, IMAGE, SEGMENTS, TRUTH, Scene
from segmend.app.widgets.parts import Panel, column, label

_ROWS = ((IMAGE, "1"), (AFFINITIES, "2"), (SEGMENTS, "3"), (CANDIDATE, "4"), (TRUTH, "5"))
_TITLES = {CANDIDATE: "Blue and orange", TRUTH: "Truth borders"}
_NOT_ALWAYS = (TRUTH,)


@dataclass
class _Row:
    box: QCheckBox
    slider: QSlider
    widget: QWidget


class LayersPanel(Panel):
    """Check boxes and sliders bound both ways to the layers of a scene."""

    def __init__(self, scene: Scene) -> None:
        super().__init__("Layers")
        self._scene = scene
        self._followed: WeakSet[Layer] = WeakSet()
        self._rows = {name: self._make_row(name, key) for name, key in _ROWS}
        self._contrast = QRangeSlider(Qt.Orientation.Horizontal)
        self._contrast.setRange(0, 255)
        self._contrast.setValue((0, 255))
        self._contrast.valueChanged.connect(self._on_contrast)
        grid = QWidget()
        contrast = QGridLayout(grid)
        contrast.setContentsMargins(0, 0, 0, 0)
        contrast.addWidget(label("Contrast of the image", "small"), 0, 0)
        contrast.addWidget(self._contrast, 1, 0)
        self.setLayout(
            column(*(row.widget for row in self._rows.values()), 2, grid, None, spacing=6)
        )
        self.bind()

    def _make_row(self, name: str, key: str) -> _Row:
        widget = QWidget()
        layout = QGridLayout(widget)
        layout.setContentsMargins(0, 0, 0, 2)
        layout.setVerticalSpacing(2)
        box = QCheckBox(_TITLES.get(name, name))
        box.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        box.toggled.connect(lambda on, name=name: self._set(name, "visible", on))
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        slider.setRange(0, 100)
        slider.setToolTip("Opacity")
        slider.valueChanged.connect(
            lambda value, name=name: self._set(name, "opacity", value / 100)
        )
        top = QHBoxLayout()
        top.addWidget(box, 1)
        top.addWidget(label(key, "keycap"))
        layout.addLayout(top, 0, 0)
        layout.addWidget(slider, 1, 0)
        return _Row(box, slider, widget)

    def bind(self) -> None:
        """Follow the layers that are there now."""
        for name, row in self._rows.items():
            layer = self._scene.layer(name)
            row.widget.setEnabled(layer is not None)
            row.widget.setVisible(layer is not None or name not in _NOT_ALWAYS)
            if layer is not None and layer not in self._followed:
                self._followed.add(layer)
                for event in (layer.events.visible, layer.events.opacity):
                    event.connect(lambda _=None, name=name: self._follow(name))
            self._follow(name)
        image = self._scene.layer(IMAGE)
        self._contrast.setEnabled(isinstance(image, Image))
        if isinstance(image, Image):
            low, high = image.contrast_limits_range
            self._contrast.setRange(int(low), max(int(high), int(low) + 1))
            self._contrast.setValue(tuple(int(value) for value in image.contrast_limits))

    def _follow(self, name: str) -> None:
        layer: Layer | None = self._scene.layer(name)
        row = self._rows[name]
        row.box.setChecked(layer is not None and layer.visible)
        if layer is not None:
            row.slider.setValue(round(100 * layer.opacity))

    def _set(self, name: str, attribute: str, value: float) -> None:
        layer = self._scene.layer(name)
        if layer is not None and getattr(layer, attribute) != value:
            setattr(layer, attribute, value)

    def _on_contrast(self, limits: tuple[float, float]) -> None:
        image = self._scene.layer(IMAGE)
        if isinstance(image, Image) and limits[0] < limits[1]:
            image.contrast_limits = (float(limits[0]), float(limits[1]))
