"""Asks whether to run the pipeline beside the edits of a project; returns the answer and decides nothing."""

from __future__ import annotations

from qtpy.QtWidgets import QCheckBox, QDialog, QWidget

from segmend.app.widgets.dialogs import buttons
from segmend.app.widgets.parts import column, label


class BesideDialog(QDialog):
    """A new generation beside the edits: with them or without.

    Parameters
    ----------
    parent : QWidget or None
    edits : int
        Made so far.
    """

    def __init__(self, parent: QWidget | None, edits: int) -> None:
        super().__init__(parent)
        self.setWindowTitle("Run beside the edits")
        self.setMinimumWidth(560)
        count = f"{edits} edit{'s' * (edits != 1)}"
        self.keep = QCheckBox("Make what was decided so far good on the new segmentation")
        self.keep.setChecked(True)
        self.keep.setToolTip(
            "What was joined stays together and what was cut stays apart, where the new supervoxels allow it"
        )
        words = (
            f"The run makes a new generation: segments of its own, beside those that your {count} belong to. "
            "The edits stay in the journal and are left behind with the present generation."
        )
        self.setLayout(
            column(
                label(f"This project holds {count}", "question"),
                label(words, wrap=True),
                6,
                self.keep,
                10,
                buttons(self, "New generation"),
                margin=20,
            )
        )


def ask_beside(parent: QWidget | None, edits: int) -> bool | None:
    """Ask; True to bring the edits over, False to leave them behind, None not to run."""
    dialog = BesideDialog(parent, edits)
    accepted = dialog.exec() == QDialog.DialogCode.Accepted
    return dialog.keep.isChecked() if accepted else None
