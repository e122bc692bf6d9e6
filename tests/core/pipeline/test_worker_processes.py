"""Real worker processes: lost workers, killed programs, cancelled runs, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import distributed
import numpy as np
import psutil
import pytest
from fake_stages import DeviceStage, NegativeSettings, NegativeStage, order, starts
from worker_watch import wait_for, wait_for_end, workers_of

from segmend.core.errors import Cancelled, StageError
from segmend.core.geometry import Box
from segmend.core.pipeline.progress import CancelToken, Progress
from segmend.core.pipeline.runner import run_pipeline
from segmend.core.project import Project

FIRST = Box((0, 0, 0), (8, 8, 8))
SIXTH = Box((8, 0, 8), (16, 8, 16))


def expected(project: Project, level: int = 255) -> np.ndarray:
    return (level - project.image.read(Box.of_shape(project.shape_zyx))).astype(np.uint8)


@pytest.mark.parametrize(
    ("form", "device", "gpus"), [(NegativeStage, "cpu", {"5,7"}), (DeviceStage, "auto", {"5", "7"})]
)
def test_a_killed_worker_costs_its_block_only(
    image_project, capfd, monkeypatch, form, device, gpus
):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7")
    order(image_project.path, "die", SIXTH)
    before = dict(os.environ)
    report = run_pipeline(image_project, [form(NegativeSettings())], device=device)
    assert report.stages[0].retries == 1
    assert np.array_equal(np.load(image_project.path / "negative.npy"), expected(image_project))
    began = starts(image_project.path)
    assert len(began) == 9  # eight blocks, the sixth one twice
    assert len({worker for _, worker, *_ in began}) > 1
    assert all(int(niceness) >= 10 and threads == "1" for _, _, niceness, threads, _ in began)
    assert {used for *_, used in began} <= gpus
    assert not workers_of(psutil.Process())
    assert dict(os.environ) == before
    assert capfd.readouterr().err == ""


def test_a_worker_error_brings_its_traceback_and_leaves_nothing_running(image_project):
    order(image_project.path, "fail", SIXTH)
    with pytest.raises(StageError, match="block 8:16,0:8,8:16: ValueError") as caught:
        run_pipeline(image_project, [NegativeStage(NegativeSettings())], device="cpu")
    assert "Traceback" in caught.value.details
    assert not workers_of(psutil.Process())


def test_cancel_ends_the_workers_at_once_and_quietly(image_project, capfd):
    token = CancelToken()

    def progress(report: Progress) -> None:
        if report.total:
            began.append(time.monotonic())
            token.cancel()

    began: list[float] = []
    with pytest.raises(Cancelled):
        run_pipeline(
            image_project,
            [NegativeStage(NegativeSettings(seconds=60))],
            device="cpu",
            progress=progress,
            cancel=token,
        )
    assert time.monotonic() - began[0] < 15
    assert capfd.readouterr().err == ""
    assert not workers_of(psutil.Process())


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_program_leaves_no_workers_and_the_next_run_goes_on(image_project, how):
    program = Path(__file__).with_name("run_negative.py")
    path = image_project.path
    with subprocess.Popen(
        [sys.executable, str(program), str(path), "0.4"], stderr=subprocess.PIPE
    ) as child:
        wait_for(lambda: len(starts(path)) >= 4)  # by two workers, so two blocks are done
        workers = workers_of(psutil.Process(child.pid))
        assert workers
        child.send_signal(how)
        child.wait(timeout=30)
    wait_for_end(workers)
    marks = [m for m in path.glob("marks/negative/*/round-0/[0-9]*") if ".partial" not in m.name]
    assert 2 <= len(marks) < 8
    begun = len(starts(path))
    assert not (path / "negative.npy").exists()
    run_pipeline(
        image_project, [NegativeStage(NegativeSettings(seconds=0.4))], scheduler="synchronous"
    )
    assert len(starts(path)) == begun + 8 - len(marks)
    assert np.array_equal(np.load(path / "negative.npy"), expected(image_project))


@pytest.mark.parametrize("blocks_begun", [0, 2])
def test_control_c_says_nothing_whenever_it_comes(image_project, blocks_begun):
    """A terminal sends it to the workers, too; with no block begun they are just starting."""
    program = Path(__file__).with_name("run_negative.py")
    path = image_project.path
    with subprocess.Popen(
        [sys.executable, str(program), str(path), "1"],
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as child:
        wait_for(lambda: bool(workers_of(psutil.Process(child.pid))))
        wait_for(lambda: len(starts(path)) >= blocks_begun)
        os.killpg(child.pid, signal.SIGINT)
        assert child.communicate(timeout=30)[1] == b""
    assert child.returncode == 130


def test_a_running_scheduler_is_used_and_left_running(image_project):
    with distributed.LocalCluster(
        n_workers=0, processes=False, protocol="tcp://", dashboard_address="127.0.0.1:0"
    ) as cluster:
        address = cluster.scheduler_address
        stage = NegativeStage(NegativeSettings())
        with pytest.raises(StageError, match="has no workers"):
            run_pipeline(image_project, [stage], scheduler=address)
        cluster.scale(1)
        wait_for(lambda: bool(cluster.scheduler.workers))
        run_pipeline(image_project, [stage], scheduler=address)
        assert cluster.scheduler.workers
    assert {worker for _, worker, *_ in starts(image_project.path)} == {str(os.getpid())}
    assert np.array_equal(np.load(image_project.path / "negative.npy"), expected(image_project))
