"""``segmend run``: what its options hand on, and what it leaves beside the result. The pipeline itself is not run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from segmend.app.cli.main import run
from segmend.core.errors import ProjectError
from segmend.core.pipeline.progress import Progress, RunReport, StageReport, StageState
from segmend.core.pipeline.specification import load_specification

RUN_PIPELINE = "segmend.core.pipeline.runner.run_pipeline"
WRITE_REPORT = "segmend.core.report.page.write_report"


@pytest.fixture
def handed_on(monkeypatch):
    """What the pipeline was called with; it reports one stage with two retries."""
    calls = []

    def pipeline(project, stages, settings, **options):
        calls.append({"stages": stages, "settings": settings, **options})
        return RunReport((StageReport("watershed", 3.0, False, 2),), 10, 5, 42, 1)

    monkeypatch.setattr(RUN_PIPELINE, pipeline)
    return calls


def answer(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_single_options_win_over_the_settings_file(project_path, tmp_path, handed_on, capsys):
    file = tmp_path / "settings.toml"
    file.write_text("[agglomeration]\nthreshold = 0.3\n[watershed]\ndust = 7\n")
    words = ["--settings", str(file), "--threshold", "0.6", "--model", "mine", "--no-report"]
    assert run(["run", str(project_path), *words]) == 0
    settings = handed_on[0]["settings"]
    assert settings.agglomeration.threshold == 0.6
    assert settings.watershed.dust == 7
    assert settings.affinities.model == "mine"
    assert "3.0 s, 2 done again" in capsys.readouterr().out


def test_settings_are_written_with_the_options_and_nothing_runs(
    project_path, tmp_path, handed_on, capsys
):
    file = tmp_path / "settings.yaml"
    words = ["run", str(project_path), "--threshold", "0.6", "--write-settings", str(file)]
    assert run([*words, "--json"]) == 0
    assert answer(capsys) == {"settings": str(file)}
    assert load_specification(file).agglomeration.threshold == 0.6
    assert run(words) == 2
    assert "exists already" in capsys.readouterr().err
    assert not handed_on


def test_workers_and_their_time_limit_reach_the_pipeline(project_path, handed_on, capsys):
    words = ["--workers", "3", "--block-timeout", "90", "--no-report", "--json"]
    assert run(["run", str(project_path), *words]) == 0
    assert handed_on[0]["workers"] == 3
    assert handed_on[0]["block_timeout"] == 90.0
    found = answer(capsys)
    assert found["stages"] == [{"name": "watershed", "seconds": 3.0, "retries": 2}]
    assert found["report"] is None


def test_a_page_is_left_in_the_generation(project_path, handed_on, capsys):
    assert run(["run", str(project_path), "--json"]) == 0
    page = answer(capsys)["report"]
    assert page == str(project_path / "generation-1" / "report.html")
    assert "<!DOCTYPE html>" in (project_path / "generation-1" / "report.html").read_text()


@pytest.mark.parametrize("error", [ProjectError("the disk is full"), KeyError("bins")])
def test_a_page_that_cannot_be_written_does_not_fail_the_run(
    project_path, handed_on, capsys, monkeypatch, error
):
    def fails(*_, **options):
        raise error

    monkeypatch.setattr(WRITE_REPORT, fails)
    assert run(["run", str(project_path), "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out.splitlines()[-1])["report"] is None
    assert told.err.count("\n") == 1
    assert "its report was not written" in told.err


def test_a_truth_of_another_shape_is_refused_before_anything_runs(
    project_path, tmp_path, handed_on, capsys
):
    np.save(tmp_path / "truth.npy", np.ones((3, 4, 5), np.uint8))
    assert run(["run", str(project_path), "--truth", str(tmp_path / "truth.npy")]) == 2
    assert "3 x 4 x 5 voxels" in capsys.readouterr().err
    assert not handed_on


def test_news_of_workers_is_said_at_once(project_path, monkeypatch, capsys):
    def pipeline(project, stages, settings, *, progress, **_):
        for number, message in enumerate(["preparing", "block 1 again: it took too long"]):
            progress(Progress("watershed", StageState.RUNNING, message=message, is_news=number > 0))
        return RunReport((), 0, 0, 0, 1)

    monkeypatch.setattr(RUN_PIPELINE, pipeline)
    assert run(["run", str(project_path), "--no-report"]) == 0
    assert capsys.readouterr().err == "watershed: block 1 again: it took too long\n"


def test_a_run_starts_from_the_settings_of_the_last_one(project_path, handed_on, capsys):
    from segmend.core.pipeline.last_settings import keep_settings
    from segmend.core.pipeline.settings import PipelineSettings

    last = PipelineSettings.from_values({"watershed": {"dust": 7}})
    keep_settings(project_path, last)
    assert run(["run", str(project_path), "--no-report"]) == 0
    assert handed_on[-1]["settings"] == last
    assert "settings are those of the last run" in capsys.readouterr().err
    assert run(["run", str(project_path), "--no-report", "--defaults"]) == 0
    assert handed_on[-1]["settings"] == PipelineSettings()
    assert run(["run", str(project_path), "--defaults", "--settings", "x.toml"]) == 2


def test_what_is_not_there_yet_is_not_counted(project_path, monkeypatch, capsys):
    report = RunReport((StageReport("affinities", 3.0, False),), None, None, None, None)
    monkeypatch.setattr(RUN_PIPELINE, lambda *_, **__: report)
    assert run(["run", str(project_path), "--no-report"]) == 0
    told = capsys.readouterr().out
    assert "None" not in told
    assert "next:" not in told


def test_a_page_with_scores_outlasts_a_run_that_had_nothing_to_do(
    project_path, tmp_path, monkeypatch, capsys
):
    report = RunReport((StageReport("watershed", 0.0, True),), 10, 5, 42, 1)
    monkeypatch.setattr(RUN_PIPELINE, lambda *_, **__: report)
    assert run(["run", str(project_path), "--json"]) == 0
    page = Path(answer(capsys)["report"])
    page.write_text("scores")
    assert run(["run", str(project_path), "--json"]) == 0
    assert answer(capsys)["report"] == str(page)
    assert page.read_text() == "scores"
