"""Puts the window together: session, jobs, presenters and widgets. The doors the command line calls are here."""

from __future__ import annotations

import os
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("NAPARI_ASYNC", "1")  # before napari is imported, and never toggled

import numpy as np
from napari.qt import get_qapp
from qtpy.QtCore import QCoreApplication
from qtpy.QtWidgets import QDialog

from segmend.app import background
from segmend.app.commands.table import Command, Situation, by_id
from segmend.app.jobs import SynchronousJobs, ThreadJobs
from segmend.app.layers.scene import CANDIDATE, OVERLAYS, SEGMENTS, SceneVolumes
from segmend.app.meshing import MeshShelf
from segmend.app.presenters.history import history_lines
from segmend.app.presenters.pipeline import PipelinePresenter
from segmend.app.presenters.projects import (
    NewProjectForm,
    RecentProjects,
    settings_folder,
    understood,
)
from segmend.app.presenters.review import ReviewPresenter
from segmend.app.presenters.solids import SolidsPresenter
from segmend.app.widgets import dialogs
from segmend.app.widgets.main_window import MainWindow
from segmend.app.widgets.theme import Look, icon_folder
from segmend.core.errors import InputError, SegmendError
from segmend.core.project import Project, open_project
from segmend.core.session import Session
from segmend.core.session_changes import Changes

AnyJobs = ThreadJobs | SynchronousJobs


@dataclass
class OpenProject:
    """A project on show; without a session before it has supervoxels."""

    project: Project
    session: Session | None = None
    review: ReviewPresenter | None = None
    solids: SolidsPresenter | None = None


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


class Application:
    """What a person can do with the window; implements the `Doors` of the table of commands.

    Parameters
    ----------
    options : Options
    synchronous : bool
        Do all work at once, for tests and pictures.
    """

    def __init__(self, options: Options, *, synchronous: bool = False) -> None:
        self._options = options
        self.jobs: AnyJobs = (
            SynchronousJobs(self.show_error) if synchronous else ThreadJobs(self.show_error)
        )
        self.window = MainWindow(self._run, options.look)
        self.now: OpenProject | None = None
        self._hidden: list[str] = []
        self._run_after_opening = False
        self.pipeline = PipelinePresenter(
            self.jobs,
            self.window.pipeline,
            release=self._release,
            reload=self._reload,
            failed=self.show_error,
        )
        self._connect()
        self._show_recent()
        self.show_situation()

    def _connect(self) -> None:
        window = self.window
        for asked in (window.review.answered, window.pipeline.asked, window.start.asked):
            asked.connect(lambda command_id: self._run(by_id(command_id)))
        window.start.chosen.connect(self.open)
        window.history.chosen.connect(self._go_to)
        window.held.connect(self._hold)
        window.closing.connect(self._on_closing)
        window.sections.picked.connect(self._on_picked)
        window.scene.sections.cursor.events.position.connect(self._on_pointer)

    # -- commands -----------------------------------------------------------------------------------------------

    def _run(self, command: Command) -> None:
        if command.enabled(self.situation()):
            command.run(self)
            self.show_situation()

    def situation(self) -> Situation:
        """Return what commands are enabled by."""
        session = self.now.session if self.now else None
        review = self.now.review if self.now else None
        return Situation(
            project=self.now is not None,
            segmented=session is not None,
            candidate=review is not None and review.scene is not None,
            can_undo=session is not None and session.can_undo,
            can_redo=session is not None and session.can_redo,
            running=self.pipeline.running,
        )

    def show_situation(self) -> None:
        """Enable what can be done now."""
        self.window.show_situation(self.situation())

    def new_project(self) -> None:
        """Ask for volumes and make a project from them."""
        self._ask_for_project(NewProjectForm(folder=str(Path.home())))

    def _ask_for_project(self, form: NewProjectForm, error: str = "") -> None:
        dialog = dialogs.NewProjectDialog(self.window, form, error)
        if dialog.exec() != QDialog.DialogCode.Accepted:
            return
        typed = dialog.form
        try:
            new = understood(typed)
        except InputError as problem:
            self._ask_for_project(typed, str(problem))
            return
        self.window.start.show_note(f"Making {new.path.name}…")
        self.jobs.compute(
            partial(background.make_project, new),
            self.open,
            lambda problem: self._on_not_made(problem, typed),
        )

    def _on_not_made(self, problem: Exception, form: NewProjectForm) -> None:
        self.window.start.show_note("")
        if isinstance(problem, SegmendError):
            self._ask_for_project(form, str(problem))
        else:
            self.show_error(problem)

    def choose_project(self) -> None:
        """Ask for a project folder and open it."""
        if path := self._options.choices.project(self.window):
            self.open(path)

    def open_sample(self) -> None:
        """Make the sample where it is not there yet, and open it."""
        self.close_project()
        self.window.start.show_note("Making the sample, a few seconds…")
        self.jobs.compute(
            partial(background.make_sample, settings_folder() / "sample"),
            partial(self.open, run=True),
        )

    def open(self, path: Path, *, run: bool = False) -> None:
        """Open a project; with `run`, run the pipeline where there are no supervoxels yet."""
        self.close_project()
        self._run_after_opening = run
        self.window.start.show_note(f"Opening {Path(path).name}…")
        self.jobs.edit(partial(_open, Path(path), self._options.author), self._on_opened)

    def close_project(self) -> None:
        """Give the project back and show the start page."""
        self._release()
        self.now = None
        self.window.scene.close()
        self.window.start.show_note("")
        self._show_recent()
        self.window.show_start()
        self.show_situation()

    def export(self) -> None:
        """Ask for a file and write the segmentation to it."""
        if self.now is None:
            return
        project = self.now.project
        suggested = project.path.parent / f"{project.path.stem}-segmentation.h5"
        out = self._options.choices.export(self.window, suggested)
        if out is not None:
            self.window.review.show_note(f"Exporting to {out.name}…")
            self.jobs.compute(
                partial(background.export_segmentation, project.path, out),
                lambda _: self.window.review.show_note(f"Exported to {out}"),
            )

    def quit(self) -> None:
        """Close the window."""
        self.window.close()

    def undo(self) -> None:
        """Take the latest operation back."""
        if self.now and self.now.review:
            self.now.review.undo()

    def redo(self) -> None:
        """Carry out again what was undone."""
        if self.now and self.now.review:
            self.now.review.redo()

    def decide(self, verdict: str) -> None:
        """Answer the question on show."""
        if self.now and self.now.review:
            review = self.now.review
            {"accept": review.accept, "reject": review.reject, "unsure": review.skip}[verdict]()

    def recentre(self) -> None:
        """Go back to the candidate."""
        if self.now and self.now.review:
            self.now.review.recentre()

    def toggle_layer(self, name: str) -> None:
        """Show or hide a layer."""
        self.window.scene.toggle(name)

    def step_opacity(self, by: float) -> None:
        """Make the segments fainter or stronger."""
        layer = self.window.scene.layer(SEGMENTS)
        if layer is not None:
            layer.opacity = min(1.0, max(0.05, layer.opacity + by))

    def step_section(self, by: int) -> None:
        """Go to another section."""
        self.window.scene.step(by)

    def whole_view(self) -> None:
        """Zoom out."""
        self.window.scene.sections.reset_view()
        self.window.scene.solids.reset_view()

    def toggle_solids(self) -> None:
        """Show or hide the 3D view."""
        self.window.toggle_solids()

    def change_look(self) -> None:
        """Change between dark and light."""
        self.window.set_look("light" if self.window.look == "dark" else "dark")

    def run_pipeline(self) -> None:
        """Run all stages on the project."""
        if self.now is not None:
            session = self.now.session
            self.pipeline.run(self.now.project.path, session.edit_count if session else 0)

    def cancel_pipeline(self) -> None:
        """Stop the run after the blocks in work."""
        self.pipeline.cancel()

    def show_keys(self) -> None:
        """Show all keys on one page."""
        dialogs.KeysDialog(self.window).exec()

    def show_about(self) -> None:
        """Say what this is."""
        dialogs.MessageDialog(
            self.window,
            "Segmend",
            "Find and mend the errors in a connectomics segmentation. Free software under the GNU General Public "
            "License, version 3 or later.",
        ).exec()

    def show_error(self, error: Exception) -> None:
        """Show what went wrong in one line, with details on request."""
        self.window.start.show_note("")
        details = getattr(error, "details", "")
        if not isinstance(error, SegmendError):
            details = "".join(traceback.format_exception(error))
        text = str(error) or f"Something went wrong ({type(error).__name__})."
        dialogs.MessageDialog(self.window, "This did not work", text, details).open()

    # -- a project comes and goes -------------------------------------------------------------------------------

    def _on_opened(self, opened: OpenProject) -> None:
        self.now = opened
        project, session = opened.project, opened.session
        if self._options.recent:
            self._options.recent.remember(project.path)
        self.window.start.show_note("")
        self.window.show_workspace(project.path.stem, segmented=session is not None)
        self.window.scene.open(_volumes(project, session), session and session.segmentation)
        self.window.layers.bind()
        run, self._run_after_opening = self._run_after_opening, False
        if session is not None:
            self._start_review(opened, session)
        else:
            self.window.review.show_end(
                "Not segmented yet",
                "Run the pipeline (F5) to segment the volume and to find suspected errors.",
            )
            if run:
                self.run_pipeline()
        self._show_history()
        self.show_situation()

    def _show_recent(self) -> None:
        recent = self._options.recent
        self.window.start.show_recent(recent.paths() if recent else ())

    def _start_review(self, opened: OpenProject, session: Session) -> None:
        scene = self.window.scene
        shelf = MeshShelf(opened.project.generation_dir / "meshes")

        def mesher(supervoxels: Any, max_faces: int) -> Any:
            box = session.segmentation.box_of(supervoxels)
            return shelf.mesh(supervoxels, box, session.supervoxels, max_faces)

        opened.solids = SolidsPresenter(self.jobs, scene, mesher, session.segmentation.members)
        opened.review = ReviewPresenter(
            session,
            self.jobs,
            self.window.review,
            scene,
            shown=self._on_scene_shown,
            prepare=opened.solids.prepare,
        )
        session.edited.connect(self._on_edited, thread="main")
        opened.review.start()

    def _release(self, then: Callable[[], None] = lambda: None) -> None:
        """Close the session, so that another process may write to the project."""
        if self.now and self.now.session:
            session, self.now.session, self.now.review = self.now.session, None, None
            session.edited.disconnect()
            self.jobs.edit(session.close, lambda _: then())
        else:
            then()

    def _reload(self) -> None:
        if self.now is not None:
            path = self.now.project.path
            self.jobs.edit(partial(_open, path, self._options.author), self._on_opened)

    # -- what happens -------------------------------------------------------------------------------------------

    def _on_edited(self, changes: Changes) -> None:
        session = self.now.session if self.now else None
        divided = session is not None and bool(session.segmentation.chunks)
        self.window.scene.after_edit(voxels_changed=divided)

    def _on_scene_shown(self, scene: Any) -> None:
        if self.now and self.now.solids:
            self.now.solids.show(scene)
        self._show_history()
        self.show_situation()

    def _show_history(self) -> None:
        session = self.now.session if self.now else None
        if session is None:
            self.window.history.show_lines(())
            return
        self.jobs.edit(lambda: history_lines(session.log()), self.window.history.show_lines)

    def _go_to(self, place_nm: Any) -> None:
        if place_nm is not None:
            self.window.scene.frame(place_nm, 1000.0)

    def _on_picked(self, place_nm: Any) -> None:
        if self.now and self.now.solids:
            self.now.solids.pick(self.window.scene.segment_under(place_nm))

    def _on_pointer(self, event: Any = None) -> None:
        sections = self.window.scene.sections
        place = sections.cursor.position
        if self.now is None or len(place) != 3 or not sections.mouse_over_canvas:
            self.window.show_place("")
            return
        z, y, x = self.now.project.grid.to_index(place)
        text = f"z {z}   y {y}   x {x}"
        session = self.now.session
        if session is not None and (segment := self.window.scene.segment_under(place)):
            text += f"     segment {int(session.segmentation.export_ids(np.array([segment]))[0])}"
        self.window.show_place(text)

    def _hold(self, down: bool) -> None:
        """Hide all colours while Space is down."""
        scene = self.window.scene
        if down and not self._hidden:
            layers = ((name, scene.layer(name)) for name in OVERLAYS)
            self._hidden = [name for name, layer in layers if layer is not None and layer.visible]
            for name in self._hidden:
                scene.toggle(name)
        elif not down:
            for name in self._hidden:
                if (layer := scene.layer(name)) is not None:
                    layer.visible = True
            self._hidden = []

    def _on_closing(self) -> None:
        self.pipeline.cancel()
        self._release()
        self.jobs.shutdown()
        self.now = None


def _open(path: Path, author: str | None) -> OpenProject:
    project = open_project(path)
    if not project.generation:
        return OpenProject(project)
    return OpenProject(project, Session.open(path, author=author))


def _volumes(project: Project, session: Session | None) -> SceneVolumes:
    return SceneVolumes(
        image=project.image_pyramid or (),
        supervoxels=session.supervoxels if session else (),
        affinities=project.affinities,
        grid=project.grid,
    )


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
            window.scene.sections.reset_view()
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
