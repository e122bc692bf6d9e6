"""What a person sees first: the sample, a new project, an old one."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from segmend.app.widgets.parts import column, label

_TILES = (
    (
        "file.sample",
        "Open the sample",
        "A small synthetic volume, segmented, with suspected errors to review.",
    ),
    ("file.new", "New project…", "From an EM volume: HDF5, TIFF, PNG sections, npy, Zarr."),
    ("file.open", "Open project…", "Go on with a .segmend folder."),
)
_WIDTH = 760


class StartPage(QWidget):
    """Three tiles and the projects of last time."""

    asked = Signal(str)
    """Id of the command that was clicked."""
    chosen = Signal(object)
    """Path of a recent project."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("startPage")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._recent = QVBoxLayout()
        self._recent.setSpacing(2)
        self._recent_box = QWidget()
        self._recent_box.setLayout(column(label("Recent projects", "heading"), spacing=6, margin=0))
        self._recent_box.layout().addLayout(self._recent)
        self._note = label(name="note", wrap=True)
        self._note.hide()
        middle = QWidget()
        middle.setMaximumWidth(_WIDTH)
        middle.setMinimumWidth(640)
        middle.setLayout(
            column(
                None,
                label("Segmend", "title"),
                label("Find and mend the errors in a connectomics segmentation.", "subtitle"),
                24,
                self._tiles(),
                self._look_only(),
                6,
                self._note,
                12,
                self._recent_box,
                None,
                None,
            )
        )
        layout = QHBoxLayout(self)
        layout.addStretch(1)
        layout.addWidget(middle, 4)
        layout.addStretch(1)
        self.show_recent(())

    def _tiles(self) -> QWidget:
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(14)
        for command, title, text in _TILES:
            tile = QPushButton()
            tile.setObjectName("tile")
            tile.setMinimumHeight(128)
            tile.setAccessibleName(title)
            heading, words = label(title, "heading"), label(text, "muted", wrap=True)
            for part in (heading, words):
                part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            tile.setLayout(column(heading, words, None, margin=16))
            tile.clicked.connect(lambda _=False, command=command: self.asked.emit(command))
            layout.addWidget(tile, 1)
        return row

    def _look_only(self) -> QWidget:
        """Offer a lesser way in, which disturbs nobody who works on the project."""
        button = QPushButton("Open a project to look only…")
        button.setProperty("role", "quiet")
        button.clicked.connect(lambda: self.asked.emit("file.look"))
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(2, 2, 0, 0)
        layout.addWidget(button)
        layout.addStretch(1)
        return row

    def show_recent(self, paths: tuple[Path, ...]) -> None:
        """List the projects of last time."""
        while item := self._recent.takeAt(0):
            if widget := item.widget():
                widget.hide()
                widget.deleteLater()
        for path in paths:
            button = QPushButton(f"{path.stem}\n{path.parent}")
            button.setObjectName("recent")
            button.clicked.connect(lambda _=False, path=path: self.chosen.emit(path))
            self._recent.addWidget(button)
        self._recent_box.setVisible(bool(paths))

    def show_note(self, text: str) -> None:
        """Say what is being done; an empty text takes it away."""
        self._note.setText(text)
        self._note.setVisible(bool(text))
