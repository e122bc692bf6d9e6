"""Watershed, graph and agglomeration block by block: growth, memory, workers; prints one JSON object.

Data: the affinities of the shipped network on fib25_raw_256.h5 (real tissue), continued by reflection to the size
wanted and written to a project on disk, so that no run holds them in memory. Every run has a process of its own and
all its kernels compiled before.

growth   the chain in one thread from 128^3 to 512^3: CPU seconds of each stage, per voxel, and the ratio of both ends
memory   one worker process from 256^3 to 1024 x 512 x 512, in blocks of 128^3: its highest resident memory in each
         stage (Linux)
workers  wall seconds of the chain on 512^3 with one worker and with two

    python tests/benchmarks/bench_blocks.py [--part growth memory workers] [--quick] [--cache FOLDER] [--scratch FOLDER]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bench_segmentation  # sets one thread per library before numpy is there
import numpy as np
import psutil

from segmend.core.geometry import Box, Grid
from segmend.core.pipeline.progress import Progress, StageState
from segmend.core.pipeline.runner import run_pipeline
from segmend.core.pipeline.settings import PipelineSettings
from segmend.core.project import create_project, open_project

Zyx = tuple[int, int, int]
STAGES = ("watershed", "graph", "agglomeration")
GRID = Grid((8.0, 8.0, 8.0))
WARM_UP: Zyx = (48, 48, 48)
BLOCK: Zyx = (128, 128, 128)
SIZES: dict[str, list[Zyx]] = {
    "growth": [(128,) * 3, (256,) * 3, (384,) * 3, (512,) * 3],
    "memory": [(256,) * 3, (512,) * 3, (1024, 512, 512)],
    "workers": [(512,) * 3],
}
QUICK: dict[str, list[Zyx]] = {
    "growth": [(64,) * 3, (96,) * 3],
    "memory": [(128,) * 3, (256, 128, 128)],
    "workers": [(256, 128, 128)],
}


@dataclass(frozen=True)
class Reflected:
    """Real affinities or an image of them, continued by reflection at the ends, (3, z, y, x) or (z, y, x) uint8."""

    values: np.ndarray
    shape_zyx: Zyx
    channels: int | None
    grid: Grid = GRID
    source: str = "fib25_raw_256, reflected"
    dtype: np.dtype = field(default_factory=lambda: np.dtype(np.uint8))

    def read(self, box: Box) -> np.ndarray:
        if self.channels is None:
            return self._channel(0, box)
        return np.stack([self._channel(c, box) for c in range(self.channels)])

    def _channel(self, channel: int, box: Box) -> np.ndarray:
        """A reflected face lies between a voxel and the one after it; one that meets its own image is inside."""
        places, joints = [], []
        for axis, part in enumerate(box.slices):
            length = self.values.shape[1 + axis]
            index = np.arange(part.start, part.stop)
            place = index % (2 * length)
            turned = place >= length
            place[turned] = 2 * length - 1 - place[turned]
            along = axis == channel and self.channels is not None
            joint = (index > 0) & (index % length == 0) & along
            place[turned & ~joint & along] += 1
            places.append(place)
            joints.append(joint)
        found = np.ascontiguousarray(self.values[channel][np.ix_(*places)])
        for axis, joint in enumerate(joints):
            found[(slice(None),) * axis + (joint,)] = 255
        return found


def make_project(path: Path, shape: Zyx, cache: Path) -> Path:
    """Make a project with affinities of a shape, unless an earlier run left it."""
    if not (path / "project.toml").is_file():
        values = bench_segmentation.affinities_of("fib25_raw_256", cache)
        create_project(
            path, image=Reflected(values, shape, None), affinities=Reflected(values, shape, 3)
        )
    return path


def forget_results(project: Path) -> None:
    """Leave image and affinities alone in a project."""
    for folder in project.glob("generation-*"):
        shutil.rmtree(folder)
    open_project(project).with_config(generation=0)


class Clock:
    """Notes, for every stage, its CPU time in this process and its wall time."""

    def __init__(self) -> None:
        self.stages: dict[str, dict[str, float]] = {}
        self.now: str | None = None
        self._began = (0.0, 0.0)

    def __call__(self, progress: Progress) -> None:
        if progress.state is StageState.RUNNING and progress.stage != self.now:
            self.now, self._began = progress.stage, (time.process_time(), time.perf_counter())
        elif progress.state is StageState.FINISHED:
            cpu, wall = self._began
            self.stages[progress.stage] = {
                "cpu_s": time.process_time() - cpu,
                "wall_s": time.perf_counter() - wall,
            }


@contextmanager
def watched_memory(clock: Clock) -> Iterator[dict[str, float]]:
    """Give the highest resident memory, MB, of any child process in each stage; filled as the run goes on."""
    peaks: dict[str, float] = {}
    ended = threading.Event()

    def watch() -> None:
        stage = None
        while not ended.wait(0.05):
            for child in psutil.Process().children(recursive=True):
                if clock.now != stage:
                    forget_peak(child.pid)
                elif clock.now is not None:
                    peaks[clock.now] = max(peaks.get(clock.now, 0.0), peak_mb(child.pid))
            stage = clock.now

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    yield peaks
    ended.set()
    thread.join()


def forget_peak(pid: int) -> None:
    try:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    except OSError:
        return  # it has just ended


def peak_mb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def run_chain(project: Path, workers: int, options: argparse.Namespace) -> dict[str, Any]:
    """Run the stages once from affinities on; 0 workers: in this process."""
    forget_results(project)
    values: dict[str, Any] = {"watershed": {"method": options.method}}
    if options.block:
        values["watershed"]["block_zyx"] = options.block
        values["graph"] = {"block_zyx": options.block}
    settings = PipelineSettings.from_values(values)
    how: dict[str, Any] = {"workers": workers} if workers else {"scheduler": "synchronous"}
    clock = Clock()
    began = time.perf_counter()
    with watched_memory(clock) as peaks:
        report = run_pipeline(
            open_project(project), STAGES, settings, device="cpu", progress=clock, **how
        )
    return {
        "wall_s": time.perf_counter() - began,
        "stages": clock.stages,
        "peak_worker_mb": peaks,
        "supervoxels": report.supervoxels,
        "segments": report.segments,
    }


def one_run(options: argparse.Namespace) -> dict[str, Any]:
    """What a process of its own does: compile, then measure."""
    small = make_project(options.scratch / "warm-up.segmend", WARM_UP, options.cache)
    shape: Zyx = tuple(options.shape)
    project = make_project(options.scratch / f"{name_of(shape)}.segmend", shape, options.cache)
    run_chain(small, 0, options)
    return run_chain(project, options.workers, options)


def in_process(
    shape: Zyx, workers: int, options: argparse.Namespace, block: Zyx | None = None
) -> dict[str, Any]:
    command = [sys.executable, __file__, "--shape", *map(str, shape), "--workers", str(workers)]
    command += ["--cache", str(options.cache), "--scratch", str(options.scratch)]
    command += ["--method", options.method]
    command += ["--block", *map(str, block)] if block else []
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def name_of(shape: Zyx) -> str:
    return "x".join(map(str, shape))


def growth(shapes: list[Zyx], options: argparse.Namespace) -> dict[str, Any]:
    per_voxel, stages, speed = {}, {}, {}
    for shape in shapes:
        found = in_process(shape, 0, options)
        voxels = float(np.prod(shape))
        cpu = {name: times["cpu_s"] for name, times in found["stages"].items()}
        per_voxel[name_of(shape)] = sum(cpu.values()) / voxels * 1e9
        stages[name_of(shape)] = {**cpu, "supervoxels": found["supervoxels"]}
        speed = {name: voxels / seconds for name, seconds in cpu.items()}
    first, *_, last = per_voxel.values()
    return {
        "cpu_ns_per_voxel": per_voxel,
        "growth": last / first,
        "cpu_s": stages,
        "voxels_per_s": {**speed, "chain": 1e9 / last},
        "voxels_per_s_at": name_of(shapes[-1]),
    }


def memory(shapes: list[Zyx], options: argparse.Namespace) -> dict[str, Any]:
    """The same blocks in all volumes: by default they are cut evenly, larger in some volumes than in others."""
    peaks = {name_of(s): in_process(s, 1, options, BLOCK)["peak_worker_mb"] for s in shapes}
    highest = [max(peak.values()) for peak in peaks.values()]
    return {"peak_worker_mb": peaks, "peak_growth": highest[-1] / highest[0]}


def workers(shapes: list[Zyx], options: argparse.Namespace) -> dict[str, Any]:
    shape = shapes[-1]
    block = BLOCK if options.quick else None  # one block would be all
    wall = {count: in_process(shape, count, options, block)["wall_s"] for count in (1, 2)}
    return {"wall_s_workers": wall, "two_workers_over_one": wall[2] / wall[1]}


PARTS = {"growth": growth, "memory": memory, "workers": workers}


def report(options: argparse.Namespace) -> dict[str, Any]:
    sizes = QUICK if options.quick else SIZES
    out: dict[str, Any] = {"method": options.method, "load": os.getloadavg()}
    for name in options.part:
        out |= PARTS[name](sizes[name], options)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", nargs="+", choices=tuple(PARTS), default=tuple(PARTS))
    parser.add_argument("--quick", action="store_true", help="small volumes, to try it out")
    parser.add_argument("--method", default="fragments", help="of the watershed stage")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "segmend-bench")
    parser.add_argument(
        "--scratch", type=Path, help="folder for projects, kept; else a temporary one"
    )
    parser.add_argument("--shape", nargs=3, type=int, help=argparse.SUPPRESS)
    parser.add_argument("--workers", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--block", nargs=3, type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.shape:
        print("\n" + json.dumps(one_run(options)), flush=True)
        return
    with tempfile.TemporaryDirectory(prefix="segmend-blocks-") as temporary:
        options.scratch = options.scratch or Path(temporary)
        options.scratch.mkdir(parents=True, exist_ok=True)
        print(json.dumps(report(options)))


if __name__ == "__main__":
    main()
