"""Skip, resume, cancel and fail, one block at a time in this thread."""

from __future__ import annotations

import numpy as np
import pytest
from fake_stages import NegativeSettings, NegativeStage, TwiceStage, name_of, order, starts

from segmend.core.errors import Cancelled, InputError, StageError
from segmend.core.geometry import Box
from segmend.core.pipeline.executors import InlineExecutor
from segmend.core.pipeline.last_settings import last_settings
from segmend.core.pipeline.marks import StageMarks
from segmend.core.pipeline.progress import CancelToken, Progress, StageState
from segmend.core.pipeline.runner import run_pipeline
from segmend.core.pipeline.settings import PipelineSettings
from segmend.core.project import Project, open_project

FIRST = Box((0, 0, 0), (8, 8, 8))
SIXTH = Box((8, 0, 8), (16, 8, 16))


def run(project: Project, **options):
    stage = options.pop("stage", NegativeStage(NegativeSettings()))
    return run_pipeline(open_project(project.path), [stage], scheduler="synchronous", **options)


def result(project: Project) -> np.ndarray:
    return np.load(project.path / "negative.npy")


def blocks_started(project: Project) -> list[str]:
    return [line[0] for line in starts(project.path)]


def test_a_stage_runs_all_blocks_and_writes_its_result(image_project):
    report = run(image_project)
    image = image_project.image.read(Box.of_shape((16, 16, 16)))
    assert np.array_equal(result(image_project), 255 - image)
    assert len(blocks_started(image_project)) == 8
    assert [(s.name, s.skipped) for s in report.stages] == [("negative", False)]


def test_a_finished_stage_is_skipped(image_project):
    run(image_project)
    report = run(image_project)
    assert report.stages[0].skipped
    assert report.stages[0].seconds == 0
    assert len(blocks_started(image_project)) == 8


def test_changed_settings_run_it_again(image_project):
    run(image_project)
    report = run(image_project, stage=NegativeStage(NegativeSettings(level=254)))
    assert not report.stages[0].skipped
    assert len(blocks_started(image_project)) == 16


def test_a_changed_input_runs_it_again(image_project):
    from segmend.core.volumes.zarr import open_zarr

    run(image_project)
    image = open_zarr(image_project.path / "image.zarr", writable=True)
    voxel = Box((3, 3, 3), (4, 4, 4))
    image.write(voxel, image.read(voxel) ^ 1)
    assert not run(image_project).stages[0].skipped


def test_a_result_that_was_removed_is_made_again(image_project):
    run(image_project)
    (image_project.path / "negative.npy").unlink()
    assert not run(image_project).stages[0].skipped
    assert result(image_project).shape == (16, 16, 16)


def test_a_failed_block_stops_the_run_and_keeps_the_finished_ones(image_project):
    order(image_project.path, "fail", SIXTH)
    told: list[Progress] = []
    with pytest.raises(
        StageError, match="negative, block 8:16,0:8,8:16: ValueError: this"
    ) as caught:
        run(image_project, progress=told.append)
    assert "obey" in caught.value.details  # the worker's traceback
    assert "\n" not in str(caught.value)
    assert told[-1].state is StageState.FAILED
    assert not (image_project.path / "negative.npy").exists()
    (image_project.path / f"fail-{name_of(SIXTH)}").unlink()
    run(image_project)
    assert len(blocks_started(image_project)) == 6 + 3
    assert (result(image_project) > 0).any()


def test_changed_settings_forget_the_finished_blocks(image_project):
    order(image_project.path, "fail", SIXTH)
    with pytest.raises(StageError):
        run(image_project)
    (image_project.path / f"fail-{name_of(SIXTH)}").unlink()
    run(image_project, stage=NegativeStage(NegativeSettings(level=254)))
    assert len(blocks_started(image_project)) == 6 + 8
    image = image_project.image.read(Box.of_shape((16, 16, 16)))
    assert np.array_equal(result(image_project), (254 - image).astype(np.uint8))


def test_cancel_between_blocks_keeps_the_finished_ones(image_project):
    token = CancelToken()
    told: list[Progress] = []

    def progress(report: Progress) -> None:
        told.append(report)
        if report.done == 3:
            token.cancel()

    with pytest.raises(Cancelled):
        run(image_project, progress=progress, cancel=token)
    assert told[-1].state is StageState.CANCELLED
    assert len(blocks_started(image_project)) == 3
    run(image_project)
    assert len(blocks_started(image_project)) == 8


def test_progress_counts_blocks_up(image_project):
    told: list[Progress] = []
    run(image_project, progress=told.append)
    counted = [report.done for report in told if report.total]
    assert counted == sorted(counted)
    assert counted[0] == 0
    assert told[-1] == Progress("negative", StageState.FINISHED, 8, 8)


def test_an_unknown_device_is_refused(image_project):
    with pytest.raises(InputError, match="device 'tpu' is unknown"):
        run(image_project, device="tpu")


def test_a_missing_input_is_refused_before_anything_runs(image_project):
    with pytest.raises(StageError, match="stage watershed needs affinities"):
        run_pipeline(image_project, ["watershed"], scheduler="synchronous")


def test_no_scheduler_at_the_address_is_said(image_project):
    with pytest.raises(StageError, match="no Dask scheduler answers at"):
        run_pipeline(
            image_project,
            [NegativeStage(NegativeSettings())],
            scheduler="nonsense-address",
        )


def test_a_stage_of_two_rounds_joins_in_between(image_project):
    told: list[Progress] = []
    run(image_project, stage=TwiceStage(NegativeSettings(level=200)), progress=told.append)
    negative = 200 - image_project.image.read(Box.of_shape((16, 16, 16)))
    assert np.array_equal(result(image_project), negative // 2 + negative.max())
    assert (told[-1].done, told[-1].total) == (16, 16)


def test_an_interrupted_second_round_goes_on_there(image_project):
    cancel = CancelToken()

    def stop_in_second_round(progress: Progress) -> None:
        if progress.done == 11:
            cancel.cancel()

    stage = TwiceStage(NegativeSettings(level=200))
    with pytest.raises(Cancelled):
        run(image_project, stage=stage, progress=stop_in_second_round, cancel=cancel)
    begun = len(blocks_started(image_project))
    run(image_project, stage=stage)
    negative = 200 - image_project.image.read(Box.of_shape((16, 16, 16)))
    assert np.array_equal(result(image_project), negative // 2 + negative.max())
    assert (begun, len(blocks_started(image_project))) == (11, 16)


def test_every_part_that_is_done_again_is_counted_and_told(image_project, monkeypatch):
    """Also what is no block: preparing, joining and putting together."""

    class Unlucky(InlineExecutor):
        def run(self, tasks, told, cancel):
            for task in tasks:
                told.notice("waiting for a worker")
                told.again(task, "its worker was lost")
            super().run(tasks, told, cancel)

    monkeypatch.setattr("segmend.core.pipeline.runner.executor_for", lambda *_, **__: Unlucky())
    told: list[Progress] = []
    stage = TwiceStage(NegativeSettings())
    report = run_pipeline(image_project, [stage], progress=told.append)
    news = [p.message for p in told if p.is_news]
    assert report.stages[0].retries == 8 + 8 + 3
    for part in ("prepare", "block 0:8,0:8,0:8", "join", "finish"):
        assert f"{part} again: its worker was lost" in news
    assert news.count("waiting for a worker") == 19
    done = StageMarks(image_project.path / "marks" / "negative").done()
    assert done is not None
    assert done.retries == 19


def test_a_run_keeps_the_settings_it_was_given(image_project):
    settings = PipelineSettings.from_values({"watershed": {"dust": 7}})
    run(image_project, settings=settings)
    assert last_settings(image_project) == settings
