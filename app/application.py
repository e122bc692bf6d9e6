"""The doors of the window: what the command line and other programs call."""

from __future__ import annotations

import sys
import time
import warnings
from functools import partial
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any

from napari.qt import get_qapp
from qtpy.QtCore import QCoreApplication

from segmend.app.desk import Application
from segmend.app.layers.scene import CANDIDATE
from segmend.app.options import Choices, Options
from segmend.app.widgets.theme import Look, icon_folder

__all__ = ["Application", "Choices", "Options", "open_window", "take_picture", "wait_until_drawn"]


def _qt_application() -> Any:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="QApplication already existed")
        return get_qapp(
            app_name="Segmend",
            app_version=version("segmend"),
            icon=str(icon_folder() / "segmend.svg"),
            org_name="Segmend",
            org_domain="segmend.org",
            app_id="org.segmend.segmend",
        )


def _show_uncaught(
    application: Application,
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType | None,
) -> None:
    """Show what nobody caught; without this, PyQt ends the program."""
    if isinstance(error, Exception):
        application.show_error(error)
    else:
        sys.__excepthook__(kind, error, trace)


def open_window(
    project_path: str | Path | None = None, *, author: str | None = None, queue: bool = False
) -> int:
    """Open the window and return its exit code when it is closed.

    Parameters
    ----------
    project_path : path-like, optional
        Else the start page.
    author : str, optional
        Written into the journal.
    queue : bool
        Run the pipeline first where the project has no supervoxels yet.
    """
    app = _qt_application()
    application = Application(Options(author=author))
    sys.excepthook = partial(_show_uncaught, application)
    application.window.resize(1440, 900)
    application.window.show()
    if project_path is not None:
        application.open(Path(project_path), run=queue)
    return int(app.exec())


def take_picture(
    project_path: str | Path | None,
    out_png: str | Path,
    size: tuple[int, int] = (1600, 1000),
    *,
    queue: bool = True,
    look: Look = "dark",
) -> None:
    """Draw the window and save it as a picture.

    Parameters
    ----------
    project_path : path-like, optional
        Else the start page.
    out_png : path-like
    size : tuple of 2 int
        Width and height in pixels.
    queue : bool
        With the first candidate framed; else the whole section.
    look : {"dark", "light"}
    """
    _qt_application()
    application = Application(Options(look=look, recent=None), synchronous=True)
    window = application.window
    window.resize(*size)
    window.show()
    if project_path is not None:
        application.open(Path(project_path))
        if not queue:
            window.scene.toggle(CANDIDATE)
            window.scene.show_whole()
    wait_until_drawn(application)
    window.grab().save(str(out_png))
    window.close()


def wait_until_drawn(application: Application, seconds: float = 20.0) -> None:
    """Handle events until all answers have arrived and all layers show their voxels."""
    scene = application.window.scene
    end = time.monotonic() + seconds
    quiet = 0
    while quiet < 5 and time.monotonic() < end:
        application.jobs.join(1.0)
        QCoreApplication.processEvents()
        loaded = all(
            layer.loaded for model in (scene.sections, scene.solids) for layer in model.layers
        )
        quiet = quiet + 1 if loaded else 0
        time.sleep(0.03)
