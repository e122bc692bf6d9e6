"""A run in the window leaves a page about its result, under the lock of the run; without a page it is still done."""

from functools import partial

import numpy as np
import pytest

from segmend.app import pipeline_process
from segmend.app.open_project import open_for_review
from segmend.app.pipeline_process import REPORT, PipelineRequest
from segmend.core.errors import ProjectError, ProjectLocked
from segmend.core.pipeline import runner
from segmend.core.pipeline.progress import CancelToken, RunReport, StageState
from segmend.core.project import open_project
from segmend.core.session import Session

RUN_PIPELINE = "segmend.core.pipeline.runner.run_pipeline"
WRITE = "segmend.core.report.page.write_report"


def run(path, told, **options):
    request = PipelineRequest(path, ("graph", "agglomeration"), **options)
    return pipeline_process._run(request, told.append, CancelToken())


def reported(told):
    return [(one.state, one.message) for one in told if one.stage == REPORT][-1]


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr(RUN_PIPELINE, partial(runner.run_pipeline, scheduler="synchronous"))


def opened_report(path):
    opened = open_for_review(path, None, look_only=True)
    opened.session.close()
    return opened.report


def test_the_page_lies_beside_the_result_with_scores_where_a_truth_is_shown(
    at_once, project_path, tmp_path
):
    assert opened_report(project_path) is None
    project = open_project(project_path)
    shape = project.shape_zyx
    np.save(tmp_path / "truth.npy", np.repeat(np.uint8([1, 2]), np.prod(shape) // 2).reshape(shape))
    told = []
    run(project_path, told)
    state, message = reported(told)
    assert state is StageState.FINISHED
    plain = (project_path / message).read_text(encoding="utf-8")
    assert "variation of information" not in plain.lower()
    told.clear()
    run(project_path, told, truth=str(tmp_path / "truth.npy"))
    page = project_path / reported(told)[1]
    assert "variation of information" in page.read_text(encoding="utf-8").lower()
    assert opened_report(project_path) == page


def test_a_page_that_cannot_be_written_is_told_in_one_line(project_path, monkeypatch):
    def fail(*_, **options):
        raise ProjectError("no room\nleft")

    monkeypatch.setattr(RUN_PIPELINE, lambda *_, **options: RunReport((), 1, 1, 1))
    monkeypatch.setattr(WRITE, fail)
    told = []
    assert run(project_path, told).supervoxels == 1
    assert reported(told) == (StageState.FAILED, "no room left")


def test_a_truth_that_is_gone_does_not_fail_the_run(project_path, monkeypatch, tmp_path):
    monkeypatch.setattr(RUN_PIPELINE, lambda *_, **options: RunReport((), 1, 1, 1))
    told = []
    assert run(project_path, told, truth=str(tmp_path / "gone.npy")).supervoxels == 1
    state, message = reported(told)
    assert state is StageState.FAILED
    assert "gone.npy" in message


def test_nobody_writes_while_the_page_is_made(project_path, monkeypatch):
    def look(project, *_, **options):
        with pytest.raises(ProjectLocked):
            Session.open(project.path)
        return project.path / "report.html"

    monkeypatch.setattr(RUN_PIPELINE, lambda *_, **options: RunReport((), 1, 1, 1))
    monkeypatch.setattr(WRITE, look)
    told = []
    run(project_path, told)
    assert reported(told) == (StageState.FINISHED, "report.html")
