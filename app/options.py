"""How the window is started, and how it asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segmend.app.presenters.projects import RecentProjects
from segmend.app.presenters.settings_form import SettingsForm
from segmend.app.widgets import dialogs
from segmend.app.widgets.beside_dialog import ask_beside
from segmend.app.widgets.browser import browse
from segmend.app.widgets.settings_dialog import choose_settings
from segmend.app.widgets.theme import Look
from segmend.app.widgets.truth_dialog import choose_truth


@dataclass
class Choices:
    """Questions to the person; tests answer them without dialogs."""

    project: Callable[[Any], Path | None] = dialogs.choose_project
    export: Callable[[Any, Path], Path | None] = dialogs.choose_export
    truth: Callable[[Any, str, str], str | None] = choose_truth
    """Gets what was typed before and why that cannot be taken."""
    settings: Callable[[Any, SettingsForm], str] = choose_settings
    beside: Callable[[Any, int], bool | None] = ask_beside
    browse: Callable[[Path], bool] = browse
    """Shows a page in the browser; says whether one could be started."""


@dataclass
class Options:
    """How the window is started."""

    author: str | None = None
    look: Look = "dark"
    recent: RecentProjects | None = field(default_factory=RecentProjects)
    choices: Choices = field(default_factory=Choices)
