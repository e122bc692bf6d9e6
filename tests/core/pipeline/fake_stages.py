"""A block-wise stage whose blocks can be told to fail, to be slow, or to kill their worker."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from segmend.core.geometry import Box
from segmend.core.pipeline.settings import StageSettings
from segmend.core.pipeline.stage import BaseStage, Scope, StageContext, Summary
from segmend.core.project import Project


class NegativeSettings(StageSettings):
    stage: Literal["negative"] = "negative"
    level: int = 255
    seconds: float = 0.0


@dataclass(frozen=True)
class NegativeStage(BaseStage):
    """Writes ``negative.npy``, the image turned round, by way of one file per block."""

    settings: NegativeSettings

    name: ClassVar[str] = "negative"
    settings_form: ClassVar[type[StageSettings]] = NegativeSettings
    inputs: ClassVar[tuple[str, ...]] = ("image",)
    outputs: ClassVar[Mapping[str, tuple[str, ...]]] = {"negative": ("negative.npy",)}
    scope: ClassVar[Scope] = "project"

    def blocks(self, project: Project) -> Sequence[Box]:
        return list(Box.of_shape(project.shape_zyx).blocks((8, 8, 8)))

    def run_block(self, context: StageContext, box: Box) -> None:
        note(context.project.path, box)
        obey(context.project.path, box)
        time.sleep(self.settings.seconds)
        voxels = self.settings.level - context.project.image.read(box)
        np.save(context.scratch_dir / f"{name_of(box)}.npy", voxels)

    def finish(self, context: StageContext) -> Summary:
        out = np.zeros(context.project.shape_zyx, np.uint8)
        for box in self.blocks(context.project):
            out[box.slices] = np.load(context.scratch_dir / f"{name_of(box)}.npy")
        np.save(context.project.path / "negative.npy", out)
        return {"voxels": int(out.size)}


class DeviceStage(NegativeStage):
    """The same on GPUs."""

    uses_device: ClassVar[bool] = True


def name_of(box: Box) -> str:
    return "-".join(map(str, box.start_zyx))


def note(folder: Path, box: Box) -> None:
    """Leave a trace of every start of a block: worker, niceness, threads."""
    threads = os.environ.get("OMP_NUM_THREADS", "")
    gpu = os.environ.get("CUDA_VISIBLE_DEVICES", "-")
    line = f"{name_of(box)} {os.getpid()} {os.nice(0)} {threads} {gpu}\n"
    with (folder / "starts.log").open("a") as file:
        file.write(line)


def starts(folder: Path) -> list[list[str]]:
    """Return block, worker, niceness, threads and GPU of every start."""
    path = folder / "starts.log"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def order(folder: Path, what: str, box: Box, then: str = "") -> None:
    """Tell one block what to do when it runs next, ``die`` or ``hang``, or always: ``fail``, ``kill``."""
    (folder / f"{what}-{name_of(box)}{then}").touch()


def obey(folder: Path, box: Box, then: str = "") -> None:
    name = f"{name_of(box)}{then}"
    if (folder / f"fail-{name}").exists():
        raise ValueError("this block was told to fail")
    if (folder / f"kill-{name}").exists() or taken(folder / f"die-{name}"):
        os.kill(os.getpid(), signal.SIGKILL)
    if taken(folder / f"hang-{name}"):
        time.sleep(600)


def taken(path: Path) -> bool:
    """Whether an order is there, for the first one who asks."""
    there = path.exists()
    path.unlink(missing_ok=True)
    return there


class TwiceStage(NegativeStage):
    """Goes through its blocks twice: the second time it halves them and adds the largest voxel of the first."""

    name: ClassVar[str] = "negative"
    rounds: ClassVar[int] = 2

    def run_block(self, context: StageContext, box: Box) -> None:
        path = context.scratch_dir / f"{name_of(box)}.npy"
        if context.round == 0:
            super().run_block(context, box)
            path.rename(first_of(path))
            return
        note(context.project.path, box)
        obey(context.project.path, box, "-twice")
        time.sleep(self.settings.seconds)
        top = np.load(context.scratch_dir / "top.npy")
        np.save(path, np.load(first_of(path)) // 2 + top)

    def join(self, context: StageContext) -> None:
        paths = [
            context.scratch_dir / f"{name_of(box)}.npy" for box in self.blocks(context.project)
        ]
        top = max(np.load(first_of(path)).max() for path in paths)
        np.save(context.scratch_dir / "top.npy", top)


def first_of(path: Path) -> Path:
    """Where the first round leaves what the second one reads: it must find it again after an interruption."""
    return path.with_name(f"first-{path.name}")
