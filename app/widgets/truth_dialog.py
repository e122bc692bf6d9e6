"""Asks for the file of the ground truth; returns what was typed and decides nothing."""

from __future__ import annotations

from qtpy.QtWidgets import QDialog, QWidget

from segmend.app.widgets.dialogs import FilePicker, buttons
from segmend.app.widgets.parts import column, label


class TruthDialog(QDialog):
    """One line for a file.

    Parameters
    ----------
    parent : QWidget or None
    path : str
        What was typed before.
    error : str
        Why that cannot be taken.
    """

    def __init__(self, parent: QWidget | None, path: str = "", error: str = "") -> None:
        super().__init__(parent)
        self.setWindowTitle("Compare with truth")
        self.setMinimumWidth(620)
        self._file = FilePicker("FILE, or FILE:/dataset inside HDF5 and Zarr")
        self._file.line.setText(path)
        note = label(error, "note", wrap=True)
        note.setProperty("warning", True)
        note.setVisible(bool(error))
        words = label(
            "Labels of the same volume, voxel on voxel; what is 0 there is not counted. The file is only read.",
            "muted",
            wrap=True,
        )
        ending = buttons(self, "Compare")
        self.setLayout(
            column(
                label("Compare with truth", "question"),
                words,
                6,
                self._file,
                note,
                6,
                ending,
                margin=20,
            )
        )

    @property
    def path(self) -> str:
        """What is in the line."""
        return self._file.line.text().strip()


def choose_truth(parent: QWidget | None, path: str, error: str) -> str | None:
    """Ask for a file; None where the person would rather not."""
    dialog = TruthDialog(parent, path, error)
    accepted = dialog.exec() == QDialog.DialogCode.Accepted
    return (dialog.path or None) if accepted else None
