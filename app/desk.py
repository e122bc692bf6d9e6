"""Puts the window together: session, jobs, presenters and widgets."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtWidgets import QDialog

from segmend.app import background
from segmend.app.commands.table import Command, Situation, by_id
from segmend.app.jobs import SynchronousJobs, ThreadJobs
from segmend.app.meshing import mesher_for
from segmend.app.open_project import OpenProject, scene_volumes
from segmend.app.opening import Opening
from segmend.app.options import Options
from segmend.app.presenters.history import history_lines
from segmend.app.presenters.pipeline import PipelinePresenter
from segmend.app.presenters.projects import (
    NewProjectForm,
    settings_folder,
    understood,
)
from segmend.app.presenters.review import ReviewPresenter
from segmend.app.presenters.solids import SolidsPresenter
from segmend.app.view_doors import ViewDoors
from segmend.app.widgets import dialogs
from segmend.app.widgets.main_window import MainWindow
from segmend.core.errors import InputError, SegmendError
from segmend.core.session import Session
from segmend.core.session_changes import Changes

AnyJobs = ThreadJobs | SynchronousJobs


class Application(ViewDoors):
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
        super().__init__(MainWindow(self._run, options.look))
        self.now: OpenProject | None = None
        self._opening: Opening | None = None
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
        self.window.start.show_note(f"Opening {Path(path).name}…")
        self._ask_for(Opening(Path(path), self._options.author, run=run))

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

    def run_pipeline(self) -> None:
        """Run all stages on the project."""
        if self.now is not None:
            session = self.now.session
            self.pipeline.run(self.now.project.path, session.edit_count if session else 0)

    def cancel_pipeline(self) -> None:
        """Stop the run after the blocks in work."""
        self.pipeline.cancel()

    def show_error(self, error: Exception) -> None:
        """Show what went wrong in one line, with details on request."""
        self.window.start.show_note("")
        details = getattr(error, "details", "")
        if not isinstance(error, SegmendError):
            details = "".join(traceback.format_exception(error))
        text = str(error) or f"Something went wrong ({type(error).__name__})."
        dialogs.MessageDialog(self.window, "This did not work", text, details).open()

    # -- a project comes and goes -------------------------------------------------------------------------------

    def _ask_for(self, opening: Opening) -> None:
        self._opening = opening
        self.jobs.edit(
            opening.load,
            lambda opened: self._on_loaded(opening, opened),
            lambda error: self._on_not_loaded(opening, error),
        )

    def _on_loaded(self, opening: Opening, opened: OpenProject | None) -> None:
        if opening is self._opening and opened is not None:
            self._opening = None
            self._on_opened(opened, run=opening.run)

    def _on_not_loaded(self, opening: Opening, error: Exception) -> None:
        if opening is self._opening:
            self._opening = None
            self.show_error(error)

    def _on_opened(self, opened: OpenProject, *, run: bool = False) -> None:
        self.now = opened
        project, session = opened.project, opened.session
        if self._options.recent:
            self._options.recent.remember(project.path)
        self.window.start.show_note("")
        self.window.show_workspace(project.path.stem, segmented=session is not None)
        self.window.scene.open(scene_volumes(project, session), session and session.segmentation)
        self.window.layers.bind()
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
        opened.solids = SolidsPresenter(
            self.jobs, scene, mesher_for(session), session.segmentation.members
        )
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
        """Close the session, also one on its way, so that another process may write to the project."""
        closing: list[Callable[[], None]] = []
        if self._opening is not None:
            opening, self._opening = self._opening, None
            opening.overtaken = True
            closing.append(opening.close)
        if self.now and self.now.session:
            session, self.now.session, self.now.review = self.now.session, None, None
            session.edited.disconnect()
            closing.append(session.close)
        if closing:
            self.jobs.edit(lambda: [close() for close in closing], lambda _: then())
        else:
            then()

    def _reload(self) -> None:
        if self.now is not None and self.now.session is None and self._opening is None:
            self._ask_for(Opening(self.now.project.path, self._options.author))

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

    def _on_closing(self) -> None:
        self.pipeline.cancel()
        self._release()
        self.jobs.shutdown()
        self.now = None
