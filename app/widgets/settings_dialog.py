"""The settings of the pipeline: stages on the left, the settings of one on the right; decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from segmend.app.presenters.settings import SettingsPresenter
from segmend.app.presenters.settings_form import SettingsForm, StagePage
from segmend.app.widgets.parts import column, label, repolish
from segmend.app.widgets.settings_page import SettingsPage

_FILES = "Settings (*.toml *.yaml *.yml)"
_SIZE = (780, 600)


class StageRow(QWidget):
    """A stage in the list: whether it runs, its title, and how many settings are changed or wrong."""

    def __init__(
        self, page: StagePage, choose: Callable[[str], None], switch: Callable[[str, bool], None]
    ) -> None:
        super().__init__()
        self.on = QCheckBox()
        self.on.setToolTip(f"Run {page.title} next time")
        self.on.setAccessibleName(f"Run {page.title}")
        self.on.toggled.connect(lambda on: switch(page.stage, on))
        self.title = QPushButton()
        self.title.setObjectName("stageChoice")
        self.title.setCheckable(True)
        self.title.setAutoDefault(False)
        self.title.clicked.connect(lambda: choose(page.stage))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.on)
        layout.addWidget(self.title, 1)

    def show_page(self, page: StagePage, *, chosen: bool) -> None:
        """Show where the stage stands."""
        self.on.blockSignals(True)
        self.on.setChecked(page.on)
        self.on.blockSignals(False)
        mark = (
            f"   ⚠ {page.wrong}" if page.wrong else f"   ● {page.changed}" if page.changed else ""
        )
        self.title.setText(f"{page.title}{mark}")
        self.title.setChecked(chosen)
        state = "wrong" if page.wrong else ""
        if self.title.property("state") != state:
            self.title.setProperty("state", state)
            repolish(self.title)


class SettingsDialog(QDialog):
    """Shows a `SettingsForm`; `outcome` is "run" or "keep" where it was accepted.

    Parameters
    ----------
    parent : QWidget or None
    form : SettingsForm
        Changed as it is typed; give a copy.
    """

    def __init__(self, parent: QWidget | None, form: SettingsForm) -> None:
        super().__init__(parent)
        self.setWindowTitle("Settings of the pipeline")
        self.resize(*_SIZE)
        self.outcome = ""
        self._rows: dict[str, StageRow] = {}
        self._stages = QVBoxLayout()
        self._stages.setSpacing(4)
        self._title = label(name="heading")
        self._about = label(name="muted", wrap=True)
        self.page = SettingsPage()
        self._note = label(name="note", wrap=True)
        self._problem = label(name="fieldError", wrap=True)
        self._make_buttons()
        self.setLayout(
            column(
                label("Settings of the pipeline", "question"),
                label(
                    "What is checked runs next time. Results that are valid already are kept, not made again.",
                    "muted",
                    wrap=True,
                ),
                4,
                self._middle(),
                self._problem,
                self._note,
                self._buttons(),
                margin=20,
            )
        )
        self.presenter = SettingsPresenter(form, self)
        self.page.typed.connect(self.presenter.type)
        self.page.reset.connect(self.presenter.reset)

    def _middle(self) -> QWidget:
        left = QWidget()
        left.setFixedWidth(220)
        stages = QVBoxLayout(left)
        stages.setContentsMargins(0, 0, 0, 0)
        stages.addLayout(self._stages)
        stages.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidget(self.page)
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        right = QWidget()
        right.setLayout(column(self._title, self._about, scroll, margin=0, spacing=6))
        middle = QWidget()
        layout = QHBoxLayout(middle)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(20)
        layout.addWidget(left)
        layout.addWidget(right, 1)
        middle.layout().setStretch(1, 1)
        return middle

    def _make_buttons(self) -> None:
        self.load = self._button("Load…", self._load, "Take all settings from a file")
        self.save = self._button("Save…", self._save, "Write all settings to a file")
        self.defaults = self._button(
            "Defaults", lambda: self.presenter.reset(), "Back to the defaults of this stage"
        )
        self.cancel = self._button("Cancel", self.reject, "Leave the settings as they were")
        self.keep = self._button("Keep", lambda: self._end("keep"), "For the next run")
        self.run = self._button("Run now", lambda: self._end("run"), "Keep them and run")
        self.run.setProperty("role", "primary")
        self.run.setDefault(True)

    def _button(self, text: str, clicked: Callable[[], object], tooltip: str) -> QPushButton:
        button = QPushButton(text)
        button.setAutoDefault(False)
        button.setToolTip(tooltip)
        button.clicked.connect(lambda: clicked())
        return button

    def _buttons(self) -> QWidget:
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 6, 0, 0)
        for button in (self.load, self.save, self.defaults):
            layout.addWidget(button)
        layout.addStretch(1)
        for button in (self.cancel, self.keep, self.run):
            layout.addWidget(button)
        return row

    def _end(self, outcome: str) -> None:
        self.outcome = outcome
        self.accept()

    def _load(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Load settings", "", _FILES)
        if path:
            self.presenter.load(Path(path))

    def _save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save settings", "settings.toml", _FILES)
        if path:
            self.presenter.save(Path(path))

    # -- SettingsView -------------------------------------------------------------------------------------------

    def show_stages(self, pages: tuple[StagePage, ...], chosen: str) -> None:
        """Show the list of stages."""
        for page in pages:
            if page.stage not in self._rows:
                self._rows[page.stage] = self._make_row(page)
            self._rows[page.stage].show_page(page, chosen=page.stage == chosen)

    def _make_row(self, page: StagePage) -> StageRow:
        row = StageRow(
            page,
            lambda stage: self.presenter.choose(stage),
            lambda stage, on: self.presenter.switch(stage, on),
        )
        self._stages.addWidget(row)
        return row

    def show_page(self, page: StagePage) -> None:
        """Show the settings of one stage."""
        self._title.setText(page.title)
        self._about.setText(page.about)
        self.page.show_page(page)
        self.defaults.setEnabled(page.changed > 0)

    def show_problem(self, text: str) -> None:
        """Say why nothing can be run like this; an empty text where it can."""
        self._problem.setText(text)
        self._problem.setVisible(bool(text))
        self.run.setEnabled(not text)
        self.keep.setEnabled(not text)

    def show_note(self, text: str, *, warning: bool = False) -> None:
        """Say what was loaded or saved, or why it was not."""
        self._note.setText(text)
        self._note.setProperty("warning", warning)
        repolish(self._note)
        self._note.setVisible(bool(text))


def choose_settings(parent: QWidget | None, form: SettingsForm) -> str:
    """Let a person change a form; returns "run", "keep", or nothing where it is to be forgotten."""
    dialog = SettingsDialog(parent, form)
    dialog.exec()
    return dialog.outcome
