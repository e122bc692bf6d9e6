"""Puts the window together: session, jobs, presenters and widgets."""

from __future__ import annotations

import traceback
from typing import Any

import numpy as np

from segmend.app.commands.table import Command, Situation, by_id
from segmend.app.edit_doors import EditDoors
from segmend.app.jobs import SynchronousJobs, ThreadJobs
from segmend.app.open_project import OpenProject, scene_volumes
from segmend.app.options import Options
from segmend.app.presenters.edit_words import refused_words
from segmend.app.project_doors import ProjectDoors
from segmend.app.proofreading import Proofreading
from segmend.app.widgets import dialogs
from segmend.app.widgets.main_window import MainWindow
from segmend.core.errors import EditRefused, InputError, SegmendError
from segmend.core.session import Session


class Application(EditDoors, ProjectDoors):
    """What a person can do with the window; implements the `Doors` of the table of commands.

    Parameters
    ----------
    options : Options
    synchronous : bool
        Do all work at once, for tests and pictures.
    """

    def __init__(self, options: Options, *, synchronous: bool = False) -> None:
        jobs = SynchronousJobs(self.show_error) if synchronous else ThreadJobs(self.show_error)
        super().__init__(MainWindow(self._run, options.look), jobs, options)
        self._pointed: tuple[int, bool, bool] | None = None
        self._truth = ""
        self._connect()
        self._show_recent()
        self.show_situation()

    def _connect(self) -> None:
        window = self.window
        asking = (window.review.answered, window.pipeline.asked, window.start.asked)
        for asked in (*asking, window.seeds.asked, window.threshold.asked, window.truth.asked):
            asked.connect(lambda command_id: self._run(by_id(command_id)))
        window.start.chosen.connect(self.open)
        window.history.chosen.connect(lambda place: self._work and self._work.go_to(place))
        window.history.switched.connect(self._on_switched)
        window.history.narrowed.connect(
            lambda wanted: self._work and self._work.history.narrow(wanted)
        )
        window.closing.connect(self._on_closing)
        window.sections.picked.connect(self._on_picked)
        window.scene.sections.cursor.events.position.connect(self._on_pointer)

    # -- commands -----------------------------------------------------------------------------------------------

    def _run(self, command: Command) -> None:
        if obstacle := command.obstacle(self.situation()):
            self.window.notice.say(f"{command.title}: {obstacle}", "warning")
            return
        command.run(self)
        self.show_situation()

    def situation(self) -> Situation:
        """Return what commands are enabled by."""
        plain = Situation(
            project=self.now is not None,
            running=self.pipeline.running,
            report=self.now is not None and self.now.report is not None,
        )
        return self._work.situation(plain) if self._work else plain

    def show_situation(self) -> None:
        """Enable what can be done now."""
        if not self.window.scene.sections.mouse_over_canvas:
            self._pointed = (
                None  # what is shown now is for no segment: the next one pointed at is news
            )
        self.window.show_situation(self.situation())

    def show_history(self) -> None:
        """Go to the list of operations."""
        self.window.show_history()

    def compare_with_truth(self, typed: str = "", error: str = "") -> None:
        """Ask for labels and compare the segmentation with them."""
        if (work := self._work) is None:
            return
        path = self._options.choices.truth(self.window, typed or self._truth, error)
        if path is not None:
            self._truth = path
            work.truth.open(path, lambda problem: self._on_no_truth(path, problem))

    def _on_no_truth(self, path: str, problem: Exception) -> None:
        if isinstance(problem, SegmendError):
            self.compare_with_truth(path, str(problem))
        else:
            self.show_error(problem)

    def show_error(self, error: Exception) -> None:
        """Show what went wrong in one line, with details on request."""
        self.window.start.show_note("")
        details = getattr(error, "details", "")
        if self._work is not None and isinstance(error, (EditRefused, InputError)):
            self.window.notice.say(refused_words(error), "warning", details)
            return
        if not isinstance(error, SegmendError):
            details = "".join(traceback.format_exception(error))
        text = str(error) or f"Something went wrong ({type(error).__name__})."
        dialogs.MessageDialog(self.window, "This did not work", text, details).open()

    # -- a project comes ----------------------------------------------------------------------------------------

    def _on_opened(self, opened: OpenProject, *, run: bool = False) -> None:
        self.now = opened
        project, session = opened.project, opened.session
        self.window.show_workspace(project.path.stem, segmented=session is not None)
        self.window.scene.open(scene_volumes(project, session), session and session.segmentation)
        self.window.layers.bind()
        self.window.pipeline.show_settings(self._settings(project).words)
        if session is not None:
            self._start_work(opened, session)
        else:
            self.window.history.show_rows((), total=0)
            self.window.review.show_end(
                "Not segmented yet",
                "Run the pipeline (F5) to segment the volume and to find suspected errors.",
            )
            if run:
                self.run_pipeline()
        self.show_situation()

    def _start_work(self, opened: OpenProject, session: Session) -> None:
        opened.work = Proofreading(
            session,
            self.jobs,
            self.window,
            no_edit=opened.no_edit,
            changed=self.show_situation,
            use_threshold=self.run_with_threshold,
            failed=self.show_error,
        )
        self.window.show_team(opened.work.team.shared)
        self.window.show_mode(opened.no_edit)
        if opened.no_edit:
            self.window.notice.say(f"Nothing can be changed: {opened.no_edit}", "news")
        opened.work.start()
        if self._compared:
            opened.work.truth.open(self._compared, self.show_error)

    # -- what happens -------------------------------------------------------------------------------------------

    def _on_switched(self, number: int, on: bool) -> None:
        if self._work is None:
            return
        if no_edit := self.situation().no_edit:
            self.window.notice.say(f"Operation {number} cannot be switched: {no_edit}", "warning")
        else:
            self._work.history.switch(number, on)

    def _on_picked(self, place_nm: Any) -> None:
        if self._work is not None and not self._work.seeding.active:
            self._work.pick_at(place_nm)

    def _on_pointer(self, event: Any = None) -> None:
        work, sections = self._work, self.window.scene.sections
        place = sections.cursor.position
        if self.now is None or len(place) != 3 or not sections.mouse_over_canvas:
            self.window.show_place("")
            return
        z, y, x = self.now.project.grid.to_index(place)
        text = f"z {z}   y {y}   x {x}"
        segment = self.window.scene.segment_under(place) if work else 0
        if work and segment:
            text += f"     {_segment_words(segment, work.session)}"
        self.window.show_place(text)
        self._on_pointed_at(segment)

    def _on_pointed_at(self, segment: int) -> None:
        """Offer what can be done with the segment under the pointer, when it is another kind of segment."""
        work = self._work
        if work is None:
            return
        segmentation = work.session.segmentation
        pointed = (
            min(segment, 1),
            segment in segmentation.locked,
            segment in segmentation.finished,
        )
        if pointed != self._pointed:
            self._pointed = pointed
            self.show_situation()

    def _on_closing(self) -> None:
        self.pipeline.cancel()
        self._release()
        self.jobs.shutdown()
        self.now = None


def _segment_words(segment: int, session: Session) -> str:
    segmentation = session.segmentation
    words = [f"segment {int(segmentation.export_ids(np.array([segment]))[0])}"]
    words += ["locked"] * (segment in segmentation.locked)
    words += ["finished"] * (segment in segmentation.finished)
    return "   ".join(words)
