"""What runs inside a Dask worker process."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import distributed

from segmend.core.pipeline.tasks import Outcome, Task, perform

BEGUN = "segmend-begun"
STOPPED = "segmend-stopped"
"""Topics under which a worker says that it begins with a task, and that it does no more on it."""
_NICENESS = 10


class Courtesy(distributed.WorkerPlugin):
    """Makes a worker a quiet neighbour: low priority, and a GPU of its own where there is one."""

    name = "segmend-courtesy"

    def __init__(self, gpus: Sequence[str]) -> None:
        self.gpus = tuple(gpus)

    def setup(self, worker: Any) -> None:
        """Run in the worker before its first task, and in every worker that comes for a lost one."""
        with contextlib.suppress(OSError, AttributeError):
            os.nice(_NICENESS)
        if self.gpus:
            os.environ["CUDA_VISIBLE_DEVICES"] = self.gpus[int(worker.name) % len(self.gpus)]


def perform_in_worker(task: Task, key: str) -> Outcome:
    """Do a task in a worker, and say that it began there: only then does its time count."""
    worker: Any = distributed.get_worker()
    worker.log_event(BEGUN, {"key": key, "worker": worker.address})
    try:
        return perform(task)
    finally:
        _give_memory_back()
        worker.log_event(STOPPED, {"key": key})


def _give_memory_back() -> None:
    """Return to the system what a block left in scattered pieces; without it a worker grows from block to block."""
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    """Return the function of the GNU C library that gives memory back; None where there is none."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        found: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):  # another C library
        return None
    return found
