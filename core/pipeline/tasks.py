"""One unit of work for a worker process, and the function that does it there."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from segmend.core.errors import SegmendError, StageError
from segmend.core.geometry import Box
from segmend.core.pipeline.marks import write_mark
from segmend.core.pipeline.stage import Stage, StageContext, Summary
from segmend.core.project import open_project


class Action(StrEnum):
    """Which function of the stage to call."""

    PREPARE = "prepare"
    BLOCK = "block"
    JOIN = "join"
    FINISH = "finish"


@dataclass(frozen=True)
class Place:
    """Folders, device and round of a stage's work; paths must mean the same to every worker."""

    project: Path
    generation_dir: Path
    scratch_dir: Path
    device: str = "auto"
    round: int = 0


@dataclass(frozen=True)
class Task:
    """A call of one function of a stage.

    Parameters
    ----------
    stage : Stage
    place : Place
    action : Action
    box : Box, optional
        For blocks.
    mark : Path, optional
        Written when the work is done.
    """

    stage: Stage
    place: Place
    action: Action
    box: Box | None = None
    mark: Path | None = None

    @property
    def title(self) -> str:
        """A few words that say what this is, for messages."""
        return f"{self.stage.name}, {self.part}"

    @property
    def part(self) -> str:
        """Which part of the stage's work it is."""
        if self.box is None or self.action is not Action.BLOCK:
            return str(self.action)
        pairs = zip(self.box.start_zyx, self.box.stop_zyx, strict=True)
        return "block " + ",".join(f"{a}:{b}" for a, b in pairs)


@dataclass(frozen=True)
class Outcome:
    """What came of a task. An error travels as text: its class may not exist where it is read."""

    summary: Summary | None = None
    error: str = ""
    details: str = ""


def perform(task: Task) -> Outcome:
    """Do a task; every failure becomes an outcome with one line and the traceback."""
    if task.mark is not None and task.mark.is_file():
        return Outcome()  # a worker did it and was lost before it could say so
    try:
        summary = _call(task)
        if task.mark is not None:
            _mark(task.mark)
    except SegmendError as error:
        return Outcome(error=str(error), details=error.details or traceback.format_exc())
    except MemoryError:
        line = "not enough memory; close other programs or use smaller blocks"
        return Outcome(error=line, details=traceback.format_exc())
    except Exception as error:  # noqa: BLE001  the boundary of the worker: nothing may pass it unsaid
        line = " ".join(f"{type(error).__name__}: {error}".split())
        return Outcome(error=line, details=traceback.format_exc())
    return Outcome(summary=summary)


def _mark(path: Path) -> None:
    """Say on disk that the work is done, unless its folder was cleared away: then what it made is gone, too."""
    if not path.parent.is_dir():
        raise StageError("another run has cleared this one's folder away; run again")
    write_mark(path)


def _call(task: Task) -> Summary | None:
    place = task.place
    project = open_project(place.project)
    context = StageContext(
        project, place.generation_dir, place.scratch_dir, place.device, place.round
    )
    if task.action is Action.FINISH:
        return task.stage.finish(context)
    if task.action is Action.PREPARE:
        place.scratch_dir.mkdir(parents=True, exist_ok=True)
        task.stage.prepare(context)
    elif task.action is Action.JOIN:
        task.stage.join(context)
    elif task.box is not None:
        task.stage.run_block(context, task.box)
    return None
