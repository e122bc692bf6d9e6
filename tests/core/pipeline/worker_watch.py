"""Looking at worker processes from outside."""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil


def workers_of(process: psutil.Process) -> list[psutil.Process]:
    """Leave out what Python keeps beside them for itself, also for other tests in this process."""
    kept = ("resource_tracker", "multiprocessing.forkserver")
    children = process.children(recursive=True)
    return [p for p in children if not any(name in " ".join(p.cmdline()) for name in kept)]


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.05)


def wait_for_end(workers: list[psutil.Process]) -> None:
    wait_for(lambda: not any(w.is_running() and w.status() != "zombie" for w in workers), 15)
