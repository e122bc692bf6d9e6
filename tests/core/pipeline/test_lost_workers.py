"""Workers that hang, die again and again, or belong to a scheduler elsewhere; programs killed between two rounds."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import distributed
import numpy as np
import psutil
import pytest
from fake_stages import NegativeSettings, NegativeStage, TwiceStage, order, starts
from worker_watch import wait_for, wait_for_end, workers_of

from segmend.core.errors import Cancelled, InputError, StageError
from segmend.core.geometry import Box
from segmend.core.pipeline.progress import CancelToken, Progress
from segmend.core.pipeline.runner import run_pipeline
from segmend.core.pipeline.settings import PipelineSettings
from segmend.core.project import Project, open_project

SIXTH = Box((8, 0, 8), (16, 8, 16))
SIXTH_NAME = "8-0-8"


@pytest.fixture
def scheduler() -> Iterator[str]:
    """Address of a scheduler with one worker and its nanny, as a cluster has it."""
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, protocol="tcp://", dashboard_address="127.0.0.1:0",
        silence_logs=60,
    ) as cluster:  # fmt: skip
        yield cluster.scheduler_address


def undisturbed(project: Project) -> np.ndarray:
    whole = Box.of_shape(project.shape_zyx)
    return (255 - project.image.read(whole)).astype(np.uint8)


def result(project: Project) -> np.ndarray:
    return np.load(project.path / "negative.npy")


def times_begun(project: Project) -> Counter[str]:
    return Counter(name for name, *_ in starts(project.path))


def test_a_block_that_hangs_is_done_by_another_worker(image_project):
    order(image_project.path, "hang", SIXTH)
    told: list[Progress] = []
    report = run_pipeline(
        image_project,
        [NegativeStage(NegativeSettings())],
        device="cpu",
        workers=2,
        block_timeout=6.0,
        progress=told.append,
    )
    assert report.stages[0].retries == 1
    assert np.array_equal(result(image_project), undisturbed(image_project))
    assert times_begun(image_project) == {
        **dict.fromkeys(times_begun(image_project), 1), SIXTH_NAME: 2,
    }  # fmt: skip
    hung, second = (worker for name, worker, *_ in starts(image_project.path) if name == SIXTH_NAME)
    assert hung != second
    assert any("block 8:16,0:8,8:16 again: it took too long" in p.message for p in told)


def test_a_block_that_kills_every_worker_is_named(image_project):
    order(image_project.path, "kill", SIXTH)
    with pytest.raises(StageError, match="block 8:16,0:8,8:16: 4 workers died on it"):
        run_pipeline(image_project, [NegativeStage(NegativeSettings())], device="cpu", workers=2)
    assert times_begun(image_project)[SIXTH_NAME] == 4


@pytest.mark.parametrize(("what", "limit"), [("die", None), ("hang", 6.0)])
def test_the_only_worker_of_a_scheduler_comes_back(image_project, scheduler, what, limit):
    order(image_project.path, what, SIXTH)
    report = run_pipeline(
        image_project,
        [NegativeStage(NegativeSettings())],
        scheduler=scheduler,
        block_timeout=limit,
    )
    assert report.stages[0].retries >= 1  # what only waited at the worker goes to another one, too
    assert np.array_equal(result(image_project), undisturbed(image_project))
    begun = times_begun(image_project)
    assert begun.pop(SIXTH_NAME) == 2
    assert set(begun.values()) == {1}


def test_a_worker_without_a_nanny_cannot_be_ended(image_project):
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, protocol="tcp://",
            dashboard_address="127.0.0.1:0",
        ) as cluster,
        pytest.raises(StageError, match="has no nanny"),
    ):  # fmt: skip
        run_pipeline(
            image_project,
            [NegativeStage(NegativeSettings(seconds=3.0))],
            scheduler=cluster.scheduler_address,
            block_timeout=0.5,
        )


def stopped_at_the_first_block(project: Project, address: str, seconds: float) -> None:
    """Cancel a run on a scheduler as soon as its first block has begun."""
    token = CancelToken()

    def cancel_soon() -> None:
        wait_for(lambda: bool(starts(project.path)))
        token.cancel()

    stage = NegativeStage(NegativeSettings(seconds=seconds))
    with ThreadPoolExecutor(1) as pool:
        pool.submit(cancel_soon)
        with pytest.raises(Cancelled):
            run_pipeline(project, [stage], scheduler=address, cancel=token)


def test_a_cancelled_run_leaves_no_worker_of_a_scheduler_at_work(image_project, scheduler):
    stopped_at_the_first_block(image_project, scheduler, 60.0)
    for _, worker, *_ in starts(image_project.path):
        assert not psutil.pid_exists(int(worker))
    run_pipeline(image_project, [NegativeStage(NegativeSettings())], scheduler=scheduler)
    assert np.array_equal(result(image_project), undisturbed(image_project))


def test_a_worker_without_a_nanny_is_waited_for(image_project):
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp://",
        dashboard_address="127.0.0.1:0",
    ) as cluster:  # fmt: skip
        stopped_at_the_first_block(image_project, cluster.scheduler_address, 2.0)
        begun = {name for name, *_ in starts(image_project.path)}
        written = image_project.path.glob("marks/negative/*/scratch/*.npy")
        assert {path.stem for path in written} == begun
        assert len(begun) == 1


def test_a_program_killed_in_the_second_round_goes_on_there(image_project, tmp_path):
    path = image_project.path
    program = [sys.executable, str(Path(__file__).with_name("run_negative.py")), str(path), "0.3"]
    with subprocess.Popen([*program, "twice"], stderr=subprocess.DEVNULL) as child:
        wait_for(lambda: len(starts(path)) >= 8 + 3)
        workers = workers_of(psutil.Process(child.pid))
        child.send_signal(signal.SIGKILL)
    wait_for_end(workers)
    done = len([m for m in path.glob("marks/negative/*/round-1/*") if ".partial" not in m.name])
    begun = len(starts(path))
    assert 1 <= done < 8
    stage = TwiceStage(NegativeSettings(seconds=0.3))
    run_pipeline(image_project, [stage], scheduler="synchronous")
    assert len(starts(path)) == begun + 8 - done
    negative = undisturbed(image_project)
    assert np.array_equal(result(image_project), negative // 2 + negative.max())


@pytest.mark.parametrize(
    "options",
    [
        {"workers": 0},
        {"workers": 2, "scheduler": "tls://host:8786"},
        {"block_timeout": 0.0},
        {"block_timeout": 5.0, "scheduler": "synchronous"},
    ],
)
def test_options_that_make_no_sense_are_refused(image_project, options):
    with pytest.raises(InputError, match=r"--workers|--block-timeout"):
        run_pipeline(image_project, [NegativeStage(NegativeSettings())], **options)


def test_own_stages_give_the_same_after_a_worker_was_killed(make_project, near):
    """Twelve blocks, two rounds of the watershed, then what stands on it."""
    affinities = np.tile(near, (1, 2, 5, 4))
    image = affinities[0]
    settings = PipelineSettings.from_values({"watershed": {"block_zyx": [16, 128, 128]}})
    stages = ("watershed", "graph", "agglomeration")
    killed: list[int] = []

    def kill_one(progress: Progress) -> None:
        if progress.done >= 2 and not killed:
            worker = workers_of(psutil.Process())[0]
            killed.append(worker.pid)
            worker.kill()

    projects = []
    for name, options in (
        ("disturbed", {"workers": 2, "progress": kill_one}),
        ("undisturbed", {"scheduler": "synchronous"}),
    ):
        project = make_project(name, image=image, affinities=affinities)
        report = run_pipeline(project, stages, settings, device="cpu", **options)
        projects.append(open_project(project.path))
        assert report.supervoxels
    assert killed
    disturbed, undisturbed = (
        p.supervoxel_pyramid[0].read(Box.of_shape(p.shape_zyx)) for p in projects
    )
    assert np.array_equal(disturbed, undisturbed)
    for array in ("segment_of", "edges", "affinity", "merge_scores"):
        first, second = (np.load(p.graph_dir / f"{array}.npy") for p in projects)
        assert np.array_equal(first, second)
