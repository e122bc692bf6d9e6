"""Projects come and go: new, open, close, export, run. What the menus File and Pipeline do."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from qtpy.QtWidgets import QDialog

from segmend.app import background
from segmend.app.jobs import SynchronousJobs, ThreadJobs
from segmend.app.open_project import OpenProject
from segmend.app.opening import Opening
from segmend.app.options import Options
from segmend.app.presenters.pipeline import PipelinePresenter
from segmend.app.presenters.projects import NewProjectForm, settings_folder, understood
from segmend.app.presenters.settings_form import SettingsForm
from segmend.app.view_doors import ViewDoors
from segmend.app.widgets import dialogs
from segmend.app.widgets.main_window import MainWindow
from segmend.core.errors import InputError, ProjectLocked, SegmendError
from segmend.core.pipeline.last_settings import last_settings
from segmend.core.pipeline.runner import default_stages
from segmend.core.project import Project

_AFTER_THRESHOLD = ("agglomeration", "skeletons", "candidates")


class ProjectDoors(ViewDoors):
    """The doors of the menus File and Pipeline.

    Parameters
    ----------
    window : MainWindow
    jobs : ThreadJobs or SynchronousJobs
    options : Options
    """

    def __init__(
        self, window: MainWindow, jobs: ThreadJobs | SynchronousJobs, options: Options
    ) -> None:
        super().__init__(window)
        self.jobs = jobs
        self._options = options
        self.now: OpenProject | None = None
        self._opening: Opening | None = None
        self._look_only = False
        self._form: SettingsForm | None = None
        self._compared = ""  # with which truth the project was compared before a run
        self.pipeline = PipelinePresenter(
            jobs,
            window.pipeline,
            release=self._release,
            reload=self._reload,
            beside=lambda edits: options.choices.beside(window, edits),
            failed=self.show_error,
        )

    # -- what the desk does with it -----------------------------------------------------------------------------

    def show_error(self, error: Exception) -> None:
        """Show what went wrong."""
        raise NotImplementedError

    def show_situation(self) -> None:
        """Enable what can be done now."""
        raise NotImplementedError

    def _on_opened(self, opened: OpenProject, *, run: bool = False) -> None:
        raise NotImplementedError

    # -- doors --------------------------------------------------------------------------------------------------

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

    def choose_project(self, *, look_only: bool = False) -> None:
        """Ask for a project folder and open it."""
        if path := self._options.choices.project(self.window):
            self.open(path, look_only=look_only)

    def open_sample(self) -> None:
        """Make the sample where it is not there yet, and open it."""
        self.close_project()
        self.window.start.show_note("Making the sample, a few seconds…")
        self.jobs.compute(
            partial(background.make_sample, settings_folder() / "sample"),
            partial(self.open, run=True),
        )

    def open(self, path: Path, *, run: bool = False, look_only: bool = False) -> None:
        """Open a project; with `run`, run the pipeline where there are no supervoxels yet."""
        self.close_project()
        self._form = None
        self.window.start.show_note(f"Opening {Path(path).name}…")
        self._ask_for(Opening(Path(path), self._options.author, run=run, look_only=look_only))

    def close_project(self) -> None:
        """Give the project back and show the start page."""
        self._release()
        self._compared = ""
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
            self.window.notice.say(f"Exporting to {out.name}…")
            self.jobs.compute(
                partial(background.export_segmentation, project.path, out),
                lambda _: self.window.notice.say(f"Exported to {out}"),
            )

    def quit(self) -> None:
        """Close the window."""
        self.window.close()

    def run_pipeline(self) -> None:
        """Run the pipeline on the project, with the settings of the form."""
        if self.now is None:
            return
        form = self._settings(self.now.project)
        if form.obstacle:
            self.window.notice.say(form.obstacle, "warning")
        else:
            self._start_run(form, form.stages)

    def run_with_threshold(self, threshold: float) -> None:
        """Make the segments that a threshold gives, and what hangs on them; everything else as it was."""
        if self.now is not None:
            project = self.now.project
            self._form = form = _form_of(project)
            form.type("agglomeration", "threshold", f"{threshold:g}")
            usual = default_stages(project)
            self._start_run(form, tuple(s for s in _AFTER_THRESHOLD if s in usual))

    def _start_run(self, form: SettingsForm, stages: tuple[str, ...] | None) -> None:
        assert self.now is not None
        session = self.now.session
        edits = session.edit_count if session else 0
        truth = self.now.work.truth.path if self.now.work else self._compared
        self.pipeline.run(
            self.now.project.path, edits, stages=stages, settings=form.values(), truth=truth
        )

    def pipeline_settings(self) -> None:
        """Let the person change the settings of the next run."""
        if self.now is None:
            return
        form = self._settings(self.now.project).copy()
        outcome = self._options.choices.settings(self.window, form)
        if outcome:
            self._form = form
            self.window.pipeline.show_settings(form.words)
        if outcome == "run":
            self.run_pipeline()

    def _settings(self, project: Project) -> SettingsForm:
        if self._form is None:
            self._form = _form_of(project)
        return self._form

    def open_report(self) -> None:
        """Show the page about the result in the browser."""
        if self.now is None or self.now.report is None:
            return
        if not self._options.choices.browse(self.now.report):
            self.window.notice.say(
                f"No browser could be started: open {self.now.report}", "warning"
            )

    def cancel_pipeline(self) -> None:
        """Stop the run after the blocks in work."""
        self.pipeline.cancel()

    # -- a project comes and goes -------------------------------------------------------------------------------

    def _ask_for(self, opening: Opening) -> None:
        self._opening = opening
        self._look_only = opening.look_only
        self.jobs.edit(
            opening.load,
            lambda opened: self._on_loaded(opening, opened),
            lambda error: self._on_not_loaded(opening, error),
        )

    def _on_loaded(self, opening: Opening, opened: OpenProject | None) -> None:
        if opening is self._opening and opened is not None:
            self._opening = None
            if self._options.recent:
                self._options.recent.remember(opened.project.path)
            self.window.start.show_note("")
            self._on_opened(opened, run=opening.run)

    def _on_not_loaded(self, opening: Opening, error: Exception) -> None:
        if opening is not self._opening:
            return
        self._opening = None
        self.show_error(error)
        if isinstance(error, ProjectLocked):
            self.window.start.show_note(
                "You can open it to look only meanwhile: menu File, Ctrl+Shift+O."
            )

    def _release(self, then: Callable[[], None] = lambda: None) -> None:
        """Close the session, also one on its way, so that another process may write to the project."""
        closing: list[Callable[[], None]] = []
        if self._opening is not None:
            opening, self._opening = self._opening, None
            opening.overtaken = True
            closing.append(opening.close)
        if self.now and self.now.session:
            session, work = self.now.session, self.now.work
            self.now.session = self.now.work = None
            if work is not None:
                self._compared = work.truth.path
                work.stop()
            closing.append(work.close if work is not None else session.close)
        if closing:
            self.jobs.edit(lambda: [close() for close in closing], lambda _: then())
        else:
            then()

    def _reload(self) -> None:
        if self.now is not None and self.now.session is None and self._opening is None:
            path = self.now.project.path
            self._ask_for(Opening(path, self._options.author, look_only=self._look_only))

    def _show_recent(self) -> None:
        recent = self._options.recent
        self.window.start.show_recent(recent.paths() if recent else ())


def _form_of(project: Project) -> SettingsForm:
    return SettingsForm(last_settings(project).model_dump(mode="json"), default_stages(project))
