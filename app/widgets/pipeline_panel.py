"""The pipeline panel: stages with their state, run and cancel."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QGridLayout, QLabel, QPushButton, QWidget

from segmend.app.presenters.pipeline import StageLine
from segmend.app.widgets.parts import Panel, QuietBar, column, label, repolish


@dataclass
class _Row:
    title: QLabel
    state: QLabel
    bar: QuietBar
    widget: QWidget


class PipelinePanel(Panel):
    """Shows `StageLine` values and says which button was clicked; decides nothing."""

    asked = Signal(str)
    """Id of the command: pipeline.run or pipeline.cancel."""

    def __init__(self) -> None:
        super().__init__("Pipeline")
        self._rows: list[_Row] = []
        self._stages = column(spacing=6, margin=0)
        stages = QWidget()
        stages.setLayout(self._stages)
        self.run = QPushButton("Run  F5")
        self.run.setProperty("role", "primary")
        self.cancel = QPushButton("Cancel")
        for button, command in ((self.run, "pipeline.run"), (self.cancel, "pipeline.cancel")):
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.clicked.connect(lambda _=False, command=command: self.asked.emit(command))
        self._note = label(name="note", wrap=True)
        self._note.hide()
        self.setLayout(column(stages, 4, self.run, self.cancel, self._note, None))
        self.show_running(False)

    def show_stages(self, lines: tuple[StageLine, ...]) -> None:
        """Show where each stage stands."""
        while len(self._rows) < len(lines):
            self._rows.append(self._make_row())
        for row, line in zip(self._rows, lines, strict=False):
            row.title.setText(line.title)
            row.state.setText(line.words)
            row.bar.setValue(line.percent)
            if row.state.property("state") != line.state:
                row.state.setProperty("state", line.state)
                repolish(row.state)

    def show_running(self, running: bool) -> None:
        """Offer to cancel instead of to run."""
        self.run.setVisible(not running)
        self.cancel.setVisible(running)

    def show_note(self, text: str, *, warning: bool = False) -> None:
        """Show one line about the run."""
        self._note.setText(text)
        self._note.setProperty("warning", warning)
        repolish(self._note)
        self._note.setVisible(bool(text))

    def _make_row(self) -> _Row:
        widget = QWidget()
        grid = QGridLayout(widget)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(3)
        title, state = label(name="stageName"), label(name="stageState")
        bar = QuietBar()
        grid.addWidget(title, 0, 0)
        grid.addWidget(state, 0, 1, Qt.AlignmentFlag.AlignRight)
        grid.addWidget(bar, 1, 0, 1, 2)
        grid.setColumnStretch(0, 1)
        self._stages.addWidget(widget)
        return _Row(title, state, bar, widget)
