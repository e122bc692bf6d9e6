"""What a pipeline run tells while it works, and how it is asked to stop.

Plain values without Dask or Qt: the window, the command line and tests read the same ones.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from segmend.core.errors import Cancelled


class StageState(StrEnum):
    """Where a stage stands."""

    WAITING = "waiting"
    RUNNING = "running"
    SKIPPED = "skipped"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Progress:
    """One stage's progress.

    Parameters
    ----------
    stage : str
        Name of the stage.
    state : StageState
    done, total : int
        Finished blocks and all blocks; ``total`` is 0 before the stage has counted them.
    message : str
        A few words for a person, may be empty.
    is_news : bool
        Whether a person should see the message now: a part is done again, or nobody works.
    """

    stage: str
    state: StageState = StageState.WAITING
    done: int = 0
    total: int = 0
    message: str = ""
    is_news: bool = False

    @property
    def fraction(self) -> float:
        """Share of the stage that is done, 0..1."""
        if self.state in (StageState.FINISHED, StageState.SKIPPED):
            return 1.0
        return self.done / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class RunState:
    """All stages of a run, as the latest `Progress` of each; a new value after every report."""

    stages: tuple[Progress, ...]

    @classmethod
    def waiting(cls, names: Sequence[str]) -> RunState:
        """Return the state before anything ran."""
        return cls(tuple(Progress(name) for name in names))

    def updated(self, progress: Progress) -> RunState:
        """Return the state after one more report; stages that are new are added at the end."""
        if all(stage.stage != progress.stage for stage in self.stages):
            return replace(self, stages=(*self.stages, progress))
        changed = (progress if s.stage == progress.stage else s for s in self.stages)
        return replace(self, stages=tuple(changed))

    @property
    def fraction(self) -> float:
        """Mean share done over the stages, 0..1."""
        if not self.stages:
            return 1.0
        return sum(stage.fraction for stage in self.stages) / len(self.stages)


class NullProgress:
    """Takes progress and says nothing."""

    def __call__(self, progress: Progress) -> None:
        """Ignore the report."""


class CancelToken:
    """Asks a run to stop; may be set from any thread."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the run to stop; finished blocks are kept."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked to stop."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise if somebody asked to stop.

        Raises
        ------
        Cancelled
        """
        if self.cancelled:
            raise Cancelled("the run was cancelled; finished blocks are kept, run again to go on")


@dataclass(frozen=True, slots=True)
class StageReport:
    """What one stage of a run did.

    Parameters
    ----------
    name : str
    seconds : float
        Wall time of this run; 0 where the stage was skipped.
    skipped : bool
        Whether the result of an earlier run was still valid.
    retries : int
        How often a part of the work went to another worker, because its own was lost or took too long.
    """

    name: str
    seconds: float
    skipped: bool
    retries: int = 0


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run made; counts are None where no stage that counts them was ever run."""

    stages: tuple[StageReport, ...]
    supervoxels: int | None = None
    segments: int | None = None
    candidates: int | None = None
    generation: int | None = None
