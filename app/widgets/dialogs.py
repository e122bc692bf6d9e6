"""Dialogs: new project, export, errors, keys. They return what was typed and decide nothing."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QDialog,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QWidget,
)

from segmend.app.commands.table import key_sheet
from segmend.app.presenters.projects import NewProjectForm
from segmend.app.widgets.parts import column, label

KeySheet = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
_KEY_COLUMNS = 3
_VOLUMES = "Volumes (*.h5 *.hdf5 *.hdf *.tif *.tiff *.npy *.png);;All files (*)"
_EXPORTS = "HDF5 (*.h5);;TIFF stack (*.tif);;OME-Zarr (*.zarr);;NumPy (*.npy)"


class FilePicker(QWidget):
    """A line for a path with a button that browses."""

    def __init__(self, hint: str, *, folder: bool = False) -> None:
        super().__init__()
        self.line = QLineEdit()
        self.line.setPlaceholderText(hint)
        self._folder = folder
        browse = QPushButton("Browse…")
        browse.clicked.connect(self._browse)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.line, 1)
        layout.addWidget(browse)
        self.setFocusProxy(self.line)

    def _browse(self) -> None:
        if self._folder:
            path = QFileDialog.getExistingDirectory(self, "Choose a folder", self.line.text())
        else:
            path, _ = QFileDialog.getOpenFileName(self, "Choose a file", self.line.text(), _VOLUMES)
        if path:
            self.line.setText(path)


class NewProjectDialog(QDialog):
    """The form for a new project."""

    def __init__(self, parent: QWidget | None, form: NewProjectForm, error: str = "") -> None:
        super().__init__(parent)
        self.setWindowTitle("New project")
        self.setMinimumWidth(640)
        self._image = FilePicker("FILE, or FILE:/dataset inside HDF5 and Zarr")
        self._size = QLineEdit()
        self._size.setPlaceholderText("z y x in nm, for example 40 8 8; empty if the file says it")
        self._affinities = FilePicker("optional; else the network makes them")
        self._supervoxels = FilePicker("optional; else made from the affinities")
        self._segmentation = FilePicker("optional; a segmentation to proofread")
        self._name = QLineEdit()
        self._name.setPlaceholderText("for example cortex-l4")
        self._folder = FilePicker("where the project folder goes", folder=True)
        grid = QWidget()
        self._grid = QGridLayout(grid)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(14)
        self._grid.setVerticalSpacing(9)
        for name, widget in (
            ("EM volume", self._image),
            ("Voxel size", self._size),
            ("Affinities", self._affinities),
            ("Supervoxels", self._supervoxels),
            ("Segmentation", self._segmentation),
            ("Project name", self._name),
            ("In folder", self._folder),
        ):
            self._add(name, widget)
        self._error = label(error, "note", wrap=True)
        self._error.setProperty("warning", True)
        self._error.setVisible(bool(error))
        self.setLayout(
            column(
                label("New project", "question"),
                label("The files stay where they are and are never written to.", "muted"),
                6,
                grid,
                self._error,
                6,
                buttons(self, "Create"),
                margin=20,
            )
        )
        self._fill(form)
        self._image.line.textChanged.connect(self._suggest_name)

    def _add(self, name: str, widget: QWidget) -> None:
        row = self._grid.rowCount()
        self._grid.addWidget(label(name), row, 0)
        self._grid.addWidget(widget, row, 1)

    def _fill(self, form: NewProjectForm) -> None:
        self._image.line.setText(form.image)
        self._size.setText(form.voxel_size)
        self._affinities.line.setText(form.affinities)
        self._supervoxels.line.setText(form.supervoxels)
        self._segmentation.line.setText(form.segmentation)
        self._name.setText(form.name)
        self._folder.line.setText(form.folder)

    def _suggest_name(self, image: str) -> None:
        if not self._name.isModified() and image:
            self._name.setText(Path(image.split(":/")[0]).stem)

    @property
    def form(self) -> NewProjectForm:
        """What is in the fields."""
        return NewProjectForm(
            folder=self._folder.line.text().strip(),
            name=self._name.text().strip(),
            image=self._image.line.text().strip(),
            affinities=self._affinities.line.text().strip(),
            supervoxels=self._supervoxels.line.text().strip(),
            segmentation=self._segmentation.line.text().strip(),
            voxel_size=self._size.text().strip(),
        )


class MessageDialog(QDialog):
    """One readable line; more on request."""

    def __init__(self, parent: QWidget | None, title: str, text: str, details: str = "") -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self.setMinimumWidth(460)
        words = label(text, wrap=True)
        words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        more = QPushButton("Details")
        self._details = QPlainTextEdit(details)
        self._details.setReadOnly(True)
        self._details.setMinimumSize(600, 220)
        self._details.hide()
        more.setVisible(bool(details))
        more.clicked.connect(self._toggle)
        close = QPushButton("Close")
        close.setProperty("role", "primary")
        close.setDefault(True)
        close.clicked.connect(self.accept)
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(more)
        layout.addStretch(1)
        layout.addWidget(close)
        self.setLayout(column(label(title, "heading"), words, self._details, 6, row, margin=20))

    def _toggle(self) -> None:
        self._details.setVisible(self._details.isHidden())
        self.adjustSize()


class KeysDialog(QDialog):
    """All keys on one page, made from the table of commands."""

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys")
        columns = QWidget()
        layout = QHBoxLayout(columns)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(28)
        for part in _in_columns(key_sheet()):
            layout.addWidget(_key_column(part), 1, Qt.AlignmentFlag.AlignTop)
        close = QPushButton("Close")
        close.setDefault(True)
        close.clicked.connect(self.accept)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(close)
        box = column(label("Keys", "question"), 4, columns, 8, margin=22)
        box.addLayout(row)
        self.setLayout(box)


def choose_project(parent: QWidget | None) -> Path | None:
    """Ask for a project folder."""
    path = QFileDialog.getExistingDirectory(parent, "Open a project: choose its .segmend folder")
    return Path(path) if path else None


def choose_export(parent: QWidget | None, suggested: Path) -> Path | None:
    """Ask where the segmentation goes; the ending says the format."""
    path, chosen = QFileDialog.getSaveFileName(
        parent, "Export the segmentation", str(suggested), _EXPORTS
    )
    if not path:
        return None
    ending = chosen.split("*")[-1].rstrip(")")
    return Path(path) if Path(path).suffix else Path(path + ending)


def buttons(dialog: QDialog, yes: str) -> QWidget:
    """Make the row that ends a dialog: Cancel, and what it is for."""
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addStretch(1)
    cancel, ok = QPushButton("Cancel"), QPushButton(yes)
    ok.setProperty("role", "primary")
    ok.setDefault(True)
    cancel.clicked.connect(dialog.reject)
    ok.clicked.connect(dialog.accept)
    layout.addWidget(cancel)
    layout.addWidget(ok)
    return row


def _in_columns(sheet: KeySheet) -> list[KeySheet]:
    """Distribute the menus over columns: each goes to the shortest one so far."""
    columns: list[list[tuple[str, tuple[tuple[str, str], ...]]]] = [[] for _ in range(_KEY_COLUMNS)]
    heights = [0] * _KEY_COLUMNS
    for menu in sheet:
        shortest = heights.index(min(heights))
        columns[shortest].append(menu)
        heights[shortest] += len(menu[1]) + 2
    return [tuple(part) for part in columns]


def _key_column(part: KeySheet) -> QWidget:
    widget = QWidget()
    grid = QGridLayout(widget)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(16)
    grid.setVerticalSpacing(4)
    row = 0
    for menu, keys in part:
        grid.addWidget(label(menu, "heading"), row, 0, 1, 2)
        row += 1
        for key, title in keys:
            grid.addWidget(label(key, "keycap"), row, 0, Qt.AlignmentFlag.AlignLeft)
            grid.addWidget(label(title), row, 1)
            row += 1
        grid.setRowMinimumHeight(row, 10)
        row += 1
    return widget
