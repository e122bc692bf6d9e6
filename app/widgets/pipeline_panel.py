"""The pipeline panel: stages with their state, run and cancel."""

from __future__ import annotations

from collections.abc import Mapping
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
    """Id of the command: pipeline.run, pipeline.cancel, pipeline.settings or pipeline.threshold."""

    def __init__(self) -> None:
        super().__init__("Pipeline")
        self._rows: list[_Row] = []
        self._stages = column(spacing=6, margin=0)
        stages = QWidget()
        stages.setLayout(self._stages)
        self.run = QPushButton("Run  F5")
        self.run.setProperty("role", "primary")
        self.cancel = QPushButton("Cancel")
        self.settings = QPushButton("Settings…  Ctrl+,")
        self.threshold = QPushButton("Try a threshold…  Ctrl+T")
        for button, command in (
            (self.run, "pipeline.run"),
            (self.cancel, "pipeline.cancel"),
            (self.settings, "pipeline.settings"),
            (self.threshold, "pipeline.threshold"),
        ):
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.clicked.connect(lambda _=False, command=command: self.asked.emit(command))
        self._note = label(name="note", wrap=True)
        self._note.hide()
        self._changed = label(name="small", wrap=True)
        self._changed.hide()
        self.setLayout(
            column(
                self.run,
                self.cancel,
                self._changed,
                self._note,
                4,
                stages,
                4,
                self.settings,
                self.threshold,
                None,
            )
        )
        self.show_running(False)

    def show_stages(self, lines: tuple[StageLine, ...]) -> None:
        """Show where each stage stands."""
        while len(self._rows) < len(lines):
            self._rows.append(self._make_row())
        for place, row in enumerate(self._rows):
            row.widget.setVisible(place < len(lines))
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

    def show_settings(self, text: str) -> None:
        """Say how the next run differs from the usual one; an empty text where it does not."""
        self._changed.setText(f"Next run: {text}." if text else "")
        self._changed.setVisible(bool(text))

    def allow(self, obstacles: Mapping[str, str]) -> None:
        """Enable what can be done; an obstacle says why something cannot."""
        for button, command in (
            (self.run, "pipeline.run"),
            (self.settings, "pipeline.settings"),
            (self.threshold, "pipeline.threshold"),
        ):
            obstacle = obstacles.get(command, "")
            button.setEnabled(not obstacle)
            button.setToolTip(f"Not now: {obstacle}" if obstacle else "")

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
