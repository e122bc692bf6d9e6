"""A run in the window or on the command line writes alone, and leaves no edits behind."""

from __future__ import annotations

import argparse
from functools import partial

import pytest

from segmend.app import pipeline_process
from segmend.app.cli import run as run_command
from segmend.app.pipeline_process import EDITS, PipelineRequest
from segmend.core.candidates.store import load_candidates
from segmend.core.errors import ProjectError, ProjectLocked
from segmend.core.pipeline import runner
from segmend.core.pipeline.progress import CancelToken, RunReport
from segmend.core.project_lock import ProjectLock
from segmend.core.session import Session
from segmend.core.session_counts import recorded_edits

RUN_PIPELINE = "segmend.core.pipeline.runner.run_pipeline"


def run_in_window(path):
    request = PipelineRequest(path, stages=("watershed",))
    return pipeline_process._run(request, lambda progress: None, CancelToken())


def run_on_command_line(path):
    parser = argparse.ArgumentParser()
    run_command.add_arguments(parser)
    return run_command.execute(
        parser.parse_args([str(path), "--stages", "watershed", "--no-report"])
    )


ways = pytest.mark.parametrize("start", [run_in_window, run_on_command_line])


def merge_once(session):
    candidates = load_candidates(
        session.project.candidates_path, session.segmentation.supervoxel_count
    )
    session.apply(next(one.edit for one in candidates if one.kind == "merge"))


@ways
def test_nobody_else_writes_during_a_run(start, project_path, monkeypatch):
    tried = []

    def attempt(project, *_, **options):
        with pytest.raises(ProjectLocked):
            Session.open(project.path)
        tried.append(project.path)
        return RunReport((), 0, 0, 0)

    monkeypatch.setattr(RUN_PIPELINE, attempt)
    start(project_path)
    assert tried == [project_path]
    Session.open(project_path).close()


@ways
def test_a_run_waits_for_no_writer(start, project_path, monkeypatch):
    monkeypatch.setattr(RUN_PIPELINE, lambda *_, **options: pytest.fail("ran beside a writer"))
    with Session.open(project_path), pytest.raises(ProjectLocked):
        start(project_path)


@ways
def test_a_run_refuses_an_edited_project(start, project_path):
    with Session.open(project_path) as session:
        merge_once(session)
    with pytest.raises(ProjectError, match="1 edits"):
        start(project_path)


@ways
def test_the_project_is_read_under_the_lock(start, project_path, monkeypatch):
    acquire, seen = ProjectLock.acquire, []

    def after_another_writer(lock):
        text = (project_path / "project.toml").read_text(encoding="utf-8")
        (project_path / "project.toml").write_text(
            text.replace("generation = 1", "generation = 2"), encoding="utf-8"
        )
        acquire(lock)

    def note(project, *_, **options):
        seen.append(project.generation)
        return RunReport((), 0, 0, 0)

    monkeypatch.setattr(ProjectLock, "acquire", after_another_writer)
    monkeypatch.setattr(RUN_PIPELINE, note)
    start(project_path)
    assert seen == [2]


def test_edits_count_also_when_they_were_undone(project_path):
    with Session.open(project_path) as session:
        assert recorded_edits(session.project) == 0
        merge_once(session)
    assert recorded_edits(session.project) == 1
    with Session.open(project_path) as session:
        session.undo()
    assert (
        recorded_edits(session.project) == 1
    )  # a run may not take the chance to redo away unasked


@pytest.mark.parametrize("keep", [True, False])
def test_a_run_beside_edits_brings_them_over_or_leaves_them(project_path, monkeypatch, keep):
    with Session.open(project_path) as session:
        merge_once(session)
        merged = session.segmentation.segment_of.copy()
    monkeypatch.setattr(RUN_PIPELINE, partial(runner.run_pipeline, scheduler="synchronous"))
    request = PipelineRequest(
        project_path, ("graph", "agglomeration"), new_generation=True, keep_edits=keep
    )
    told = []
    report = pipeline_process._run(request, told.append, CancelToken())
    assert report.generation == 2
    with Session.open(project_path, read_only=True) as session:
        assert session.project.generation == 2
        assert session.edit_count == int(keep)
        assert (session.segmentation.segment_of == merged).all() == keep
    words = [one.message for one in told if one.stage == EDITS]
    assert words[-1:] == (["1 of 1 decisions kept"] if keep else [])
