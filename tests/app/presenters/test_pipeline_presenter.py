"""The pipeline panel follows the run; the session is given back before it and loaded after it."""

from pathlib import Path
from unittest.mock import MagicMock

import pytest

from segmend.app.commands.table import by_id
from segmend.app.pipeline_process import EDITS, REPORT
from segmend.app.presenters.pipeline import STAGES, PipelinePresenter, PipelineView, stage_lines
from segmend.core.errors import Cancelled, StageError
from segmend.core.pipeline.progress import Progress, RunReport, RunState, StageReport, StageState

PATH = Path("p.segmend")


class Runner:
    def pipeline(self, request, watch, failed=None):
        self.request, self.watch, self.failed = request, watch, failed
        self.process = MagicMock()
        return self.process


@pytest.fixture
def runner():
    return Runner()


@pytest.fixture
def calls():
    calls = MagicMock()
    calls.release.side_effect = lambda then: then()
    return calls


@pytest.fixture
def view():
    return MagicMock(spec=PipelineView)


@pytest.fixture
def presenter(runner, view, calls):
    return PipelinePresenter(
        runner,
        view,
        release=calls.release,
        reload=calls.reload,
        beside=calls.beside,
        failed=calls.failed,
    )


def test_session_is_released_before_the_run(presenter, runner, calls, view):
    presenter.run(PATH)
    assert presenter.running
    calls.release.assert_called_once()
    assert runner.request.project_path == PATH
    view.show_running.assert_called_with(True)


def test_process_starts_only_when_the_session_is_closed(runner, view, calls):
    waiting = []
    presenter = PipelinePresenter(
        runner,
        view,
        release=waiting.append,
        reload=calls.reload,
        beside=calls.beside,
        failed=calls.failed,
    )
    presenter.run(PATH)
    assert presenter.running
    assert not hasattr(runner, "request")
    waiting[0]()
    assert runner.request.project_path == PATH


def test_second_run_is_not_started(presenter, runner):
    presenter.run(PATH)
    first = runner.process
    presenter.run(PATH)
    assert runner.process is first


def test_project_with_edits_is_left_as_it_is_unless_the_person_agrees(presenter, view, calls):
    calls.beside.return_value = None
    presenter.run(PATH, edits=3)
    calls.beside.assert_called_once_with(3)
    assert not presenter.running
    calls.release.assert_not_called()
    assert "3 edits" in view.show_note.call_args.args[0]


@pytest.mark.parametrize("keep", [True, False])
def test_a_run_beside_edits_makes_a_new_generation(presenter, runner, calls, keep):
    calls.beside.return_value = keep
    presenter.run(PATH, edits=3)
    assert runner.request.new_generation
    assert runner.request.keep_edits is keep


def test_affinities_alone_disturb_no_edit(presenter, runner, calls):
    presenter.run(PATH, edits=3, stages=("affinities",))
    calls.beside.assert_not_called()
    assert not runner.request.new_generation


def test_settings_and_stages_are_passed_on(presenter, runner, view):
    settings = {"agglomeration": {"threshold": 0.3}}
    presenter.run(PATH, stages=("agglomeration", "candidates"), settings=settings)
    assert runner.request.settings == settings
    assert runner.request.stages == ("agglomeration", "candidates")
    assert not runner.request.new_generation
    titles = [line.title for line in view.show_stages.call_args.args[0]]
    assert titles == ["Agglomeration", "Suspected errors"]


def test_what_became_of_the_edits_is_told_at_the_end(presenter, runner, view, calls):
    calls.beside.return_value = True
    presenter.run(PATH, edits=3)
    runner.watch.progress(Progress(EDITS, StageState.FINISHED, message="3 of 3 decisions kept"))
    assert view.show_stages.call_args.args[0][-1].title == "Your edits"
    runner.watch.finished(RunReport(()))
    assert "3 of 3 decisions kept" in view.show_note.call_args.args[0]


def test_the_truth_goes_to_the_run_for_the_scores_of_the_report(presenter, runner):
    presenter.run(PATH, truth="truth.h5:/labels")
    assert runner.request.truth == "truth.h5:/labels"


def test_the_note_names_the_report_and_its_key(presenter, runner, view):
    presenter.run(PATH)
    runner.watch.progress(Progress(REPORT, StageState.FINISHED, message="generation-2/report.html"))
    runner.watch.finished(RunReport(()))
    note = view.show_note.call_args
    assert "generation-2/report.html" in note.args[0]
    assert by_id("pipeline.report").keys[0] in note.args[0]
    assert not note.kwargs["warning"]


def test_a_report_that_was_not_written_is_told_and_the_run_is_done(presenter, runner, view, calls):
    presenter.run(PATH)
    runner.watch.progress(Progress(REPORT, StageState.FAILED, message="the disk is full"))
    assert view.show_stages.call_args.args[0][-1].state == "failed"
    runner.watch.finished(RunReport((), 10, 5, 42))
    note = view.show_note.call_args
    assert "42 suspected errors" in note.args[0]
    assert "the disk is full" in note.args[0]
    assert note.kwargs["warning"]
    calls.failed.assert_not_called()
    presenter.run(PATH)
    runner.watch.finished(RunReport(()))
    assert not view.show_note.call_args.kwargs["warning"]


def test_progress_is_shown(presenter, runner, view):
    presenter.run(PATH)
    runner.watch.progress(Progress("affinities", StageState.RUNNING, 3, 12))
    line = view.show_stages.call_args.args[0][0]
    assert (line.state, line.words, line.percent) == ("running", "block 3 of 12", 25)


def test_end_reloads_and_says_what_was_found(presenter, runner, view, calls):
    presenter.run(PATH)
    runner.watch.finished(RunReport((StageReport("graph", 2.0, False),), 10, 5, 42))
    assert not presenter.running
    calls.reload.assert_called_once()
    assert "42 suspected errors" in view.show_note.call_args.args[0]


def test_cancel_asks_the_process_and_reloads_at_the_end(presenter, runner, view, calls):
    presenter.run(PATH)
    presenter.cancel()
    runner.process.cancel.assert_called_once()
    assert presenter.running
    runner.failed(Cancelled("cancelled"))
    assert not presenter.running
    calls.reload.assert_called_once()
    calls.failed.assert_not_called()


def test_failure_is_shown_and_reloads(presenter, runner, calls):
    presenter.run(PATH)
    error = StageError("out of memory")
    runner.failed(error)
    calls.failed.assert_called_once_with(error)
    calls.reload.assert_called_once()


def test_every_stage_has_a_title():
    titles = [line.title for line in stage_lines(RunState.waiting(STAGES))]
    assert len(set(titles)) == len(STAGES)
    assert not set(titles) & set(STAGES)


def test_stages_of_third_parties_are_shown_too():
    state = RunState.waiting(STAGES).updated(Progress("vesicles", StageState.FINISHED))
    assert stage_lines(state)[-1].title == "Vesicles"
