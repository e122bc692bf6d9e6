"""The form for the settings of the pipeline: what happens when something is typed. No Qt, no napari."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from segmend.app.presenters.pipeline import STAGES
from segmend.app.presenters.settings_form import SettingsForm, StagePage
from segmend.core.errors import InputError


class SettingsView(Protocol):
    """The dialog."""

    def show_stages(self, pages: tuple[StagePage, ...], chosen: str) -> None:
        """Show the list of stages."""

    def show_page(self, page: StagePage) -> None:
        """Show the settings of one stage."""

    def show_problem(self, text: str) -> None:
        """Say why nothing can be run like this; an empty text where it can."""

    def show_note(self, text: str, *, warning: bool = False) -> None:
        """Say what was loaded or saved, or why it was not."""


class SettingsPresenter:
    """Keeps a form and a dialog together.

    Parameters
    ----------
    form : SettingsForm
        Changed as it is typed.
    view : SettingsView
    """

    def __init__(self, form: SettingsForm, view: SettingsView) -> None:
        self.form = form
        self._view = view
        self._stage = STAGES[1]
        self._show()

    def choose(self, stage: str) -> None:
        """Show the settings of a stage."""
        self._stage = stage
        self._show()

    def type(self, name: str, text: str) -> None:
        """Take what was typed or chosen on the page."""
        self.form.type(self._stage, name, text)
        self._show()

    def switch(self, stage: str, on: bool) -> None:
        """Have a stage run next time, or not."""
        self.form.switch(stage, on)
        self._show()

    def reset(self, name: str | None = None) -> None:
        """Go back to the default of one setting, or of all on the page."""
        self.form.reset(self._stage, name)
        self._show()

    def load(self, path: Path) -> None:
        """Fill the form from a file."""
        self._try(lambda: self.form.load(path), f"Loaded {path.name}.")

    def save(self, path: Path) -> None:
        """Write the form to a file."""
        if obstacle := self.form.obstacle:
            self._view.show_note(f"Not saved. {obstacle}", warning=True)
            return
        self._try(lambda: self.form.save(path), f"Saved {path.name}.")

    def _try(self, work: Callable[[], None], done: str) -> None:
        try:
            work()
        except InputError as error:
            self._view.show_note(str(error), warning=True)
        else:
            self._show()
            self._view.show_note(done)

    def _show(self) -> None:
        self._view.show_note("")
        self._view.show_stages(self.form.pages, self._stage)
        self._view.show_page(self.form.page(self._stage))
        self._view.show_problem(self.form.obstacle)
