"""How the window is started, and how it asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segmend.app.presenters.projects import RecentProjects
from segmend.app.widgets import dialogs
from segmend.app.widgets.theme import Look


@dataclass
class Choices:
    """Questions to the person; tests answer them without dialogs."""

    project: Callable[[Any], Path | None] = dialogs.choose_project
    export: Callable[[Any, Path], Path | None] = dialogs.choose_export


@dataclass
class Options:
    """How the window is started."""

    author: str | None = None
    look: Look = "dark"
    recent: RecentProjects | None = field(default_factory=RecentProjects)
    choices: Choices = field(default_factory=Choices)
