"""Tasks in Dask worker processes: sent out, watched, given to another worker where one is lost or takes too long.

A block that takes too long is not merely tried elsewhere: its worker is killed first. One that went on in secret
could write over what a later round made of the block. For the same reason the workers of a scheduler that go on after
this run are ended and started again by their nannies where a run stops early: Dask takes back what has not begun, but
never stops a running block. A worker without a nanny is waited for. What nobody can reach any more, because the
scheduler is gone, may go on until its block is done: its files have names of their own until they are complete, and it
leaves no mark once another run has cleared its folder away.
"""

from __future__ import annotations

import contextlib
import queue
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

from dask.system import CPU_COUNT
from distributed.scheduler import KilledWorker

from segmend.core.pipeline.dask_cluster import ATTEMPTS, Cluster, LocalWorkers, RunningScheduler
from segmend.core.pipeline.dask_worker import BEGUN, STOPPED, perform_in_worker
from segmend.core.pipeline.devices import visible_gpus
from segmend.core.pipeline.executors import Told, raise_failure
from segmend.core.pipeline.progress import CancelToken
from segmend.core.pipeline.tasks import Action, Outcome, Task

_POLL_SECONDS = 0.1
_LATE_NEWS_SECONDS = 0.5
_PATIENCE_SECONDS = 30.0
_EVERYTHING = "all"
"""The topic under which Dask tells of workers that left."""


class DaskExecutor:
    """Runs tasks on Dask; starts nothing before the first task.

    Parameters
    ----------
    address : str, optional
        Of a running scheduler; None starts worker processes here.
    most : int
        Worker processes at most, because there is no more to do at once.
    workers : int, optional
        Worker processes wanted; by default one per GPU, or one less than the cores without GPUs.
    use_gpus : bool
        Whether the run has work for GPUs.
    block_timeout : float, optional
        Seconds after which a block is taken from its worker.
    """

    def __init__(
        self,
        address: str | None,
        most: int,
        *,
        workers: int | None = None,
        use_gpus: bool = True,
        block_timeout: float | None = None,
    ) -> None:
        self._address = address
        self._gpus = visible_gpus() if use_gpus and not address else ()
        self._workers = max(1, min(most, workers or len(self._gpus) or CPU_COUNT - 1))
        self._block_timeout = block_timeout
        self._cluster: Cluster | None = None
        self._inbox: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection and end the local workers; running tasks are not waited for after an error."""
        cluster, self._cluster = self._cluster, None
        if cluster is not None:
            cluster.close(at_once=kind is not None)

    def run(self, tasks: Sequence[Task], told: Told, cancel: CancelToken) -> None:
        """Run the tasks on any free worker; see `Executor.run`."""
        cancel.check()
        dispatch = _Dispatch(self._started(), self._inbox, tasks, told, self._block_timeout)
        try:
            while dispatch.unfinished:
                cancel.check()
                dispatch.step()
        finally:
            dispatch.drop()

    def _started(self) -> Cluster:
        if self._cluster is None:
            cluster: Cluster = (
                RunningScheduler(self._address)
                if self._address
                else LocalWorkers(self._workers, self._gpus)
            )
            self._cluster = cluster
            inbox = self._inbox  # filled by the client's own thread
            for topic, kind in (
                (BEGUN, _Dispatch.begun),
                (STOPPED, _Dispatch.stopped),
                (_EVERYTHING, _Dispatch.changed),
            ):
                cluster.client.subscribe_topic(
                    topic, lambda event, kind=kind: inbox.put((kind, event[1]))
                )
        return self._cluster


@dataclass
class _Attempt:
    """A task that was sent out, and what is known of it."""

    task: Task
    future: Any
    worker: str = ""
    began: float | None = None
    starts: int = 0
    timeouts: int = 0
    sent: int = 1


class _Dispatch:
    """The tasks of one call of `DaskExecutor.run`."""

    def __init__(
        self,
        cluster: Cluster,
        inbox: queue.SimpleQueue[tuple[Any, ...]],
        tasks: Sequence[Task],
        told: Told,
        block_timeout: float | None,
    ) -> None:
        self._cluster = cluster
        self._inbox = inbox
        self._waiting = deque(tasks)
        self._told = told
        self._running: dict[str, _Attempt] = {}
        self._block_timeout = block_timeout
        self._alone = False
        self._looked = time.monotonic()

    @property
    def unfinished(self) -> bool:
        return bool(self._waiting or self._running)

    def step(self) -> None:
        """Send what there is room for, take in one piece of news, look for blocks that take too long."""
        slots = self._cluster.slots()
        if not slots and not self._alone:
            self._told.notice("waiting for a worker")
        self._alone = not slots
        while self._waiting and len(self._running) < max(1, slots) * (1 + self._cluster.ahead):
            self._send(self._waiting.popleft())
        with contextlib.suppress(queue.Empty):
            kind, news = self._inbox.get(timeout=_POLL_SECONDS)
            kind(self, news)
        if time.monotonic() - self._looked >= _POLL_SECONDS:
            self._end_overdue()
            self._looked = time.monotonic()

    def drop(self) -> None:
        """Forget what still runs, and have workers that outlive the run stop doing it."""
        if not self._running:
            return
        with contextlib.suppress(OSError, TimeoutError):
            futures = [attempt.future for attempt in self._running.values()]
            self._cluster.client.cancel(futures, force=True)
            if self._cluster.lasting:
                self._stop_busy()

    def _stop_busy(self) -> None:
        self._hear_of_workers(_LATE_NEWS_SECONDS, until=lambda: False)
        self._cluster.end_workers(self._busy())
        self._hear_of_workers(_PATIENCE_SECONDS, until=lambda: not self._busy())
        if self._busy():
            workers = ", ".join(sorted(self._busy()))
            self._told.notice(
                f"cannot be ended and still at work: {workers}; let them finish before you run again"
            )

    def _busy(self) -> set[str]:
        return {a.worker for a in self._running.values() if a.began is not None}

    def _hear_of_workers(self, seconds: float, until: Callable[[], bool]) -> None:
        """Take in what workers do, but no more results."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit and not until():
            with contextlib.suppress(queue.Empty):
                kind, news = self._inbox.get(timeout=_POLL_SECONDS)
                if kind is _Dispatch.changed:
                    self._forget_lost(news)
                elif kind is not _Dispatch.ended:
                    kind(self, news)

    def ended(self, future: Any) -> None:
        """Take in the end of a task."""
        attempt = self._running.pop(future.key, None)
        if attempt is None:
            return
        error = future.exception() if future.status == "error" else None
        if isinstance(error, KilledWorker) and self._is_innocent(attempt):
            self._told.again(attempt.task, "its worker was lost")
            self._send(attempt.task, attempt)
            return
        outcome = _outcome(future, error, attempt, self._block_timeout)
        raise_failure(attempt.task, outcome)
        self._told.done(attempt.task, outcome)

    def begun(self, news: dict[str, Any]) -> None:
        """Take in that a worker began with a task."""
        attempt = self._running.get(news["key"])
        if attempt is not None:
            attempt.worker, attempt.began = news["worker"], time.monotonic()
            attempt.starts += 1

    def stopped(self, news: dict[str, Any]) -> None:
        """Take in that a worker does no more on a task, whether or not its result is wanted."""
        attempt = self._running.get(news["key"])
        if attempt is not None:
            attempt.began = None

    def _forget_lost(self, news: dict[str, Any]) -> None:
        """Take in that a worker left, when its tasks go to nobody any more."""
        if news.get("action") == "remove-worker":
            for attempt in self._running.values():
                if attempt.worker == news.get("worker"):
                    attempt.began = None

    def changed(self, news: dict[str, Any]) -> None:
        """Take in a change of the cluster: where a worker left, its tasks go to others."""
        if news.get("action") != "remove-worker":
            return
        for key in news["processing-tasks"]:
            attempt = self._running.get(key)
            if attempt is not None:
                attempt.began = None
                why = "it took too long" if attempt.timeouts else "its worker was lost"
                self._told.again(attempt.task, why)

    def _send(self, task: Task, earlier: _Attempt | None = None) -> None:
        key = f"segmend-{uuid.uuid4().hex}"
        future = self._cluster.client.submit(perform_in_worker, task, key, key=key, pure=False)
        attempt = _Attempt(task, future)
        if earlier is not None:
            attempt = replace(earlier, future=future, began=None, sent=earlier.sent + 1)
        self._running[key] = attempt
        inbox = self._inbox
        future.add_done_callback(lambda ended: inbox.put((_Dispatch.ended, ended)))

    def _is_innocent(self, attempt: _Attempt) -> bool:
        """Whether Dask blames a task that mostly just waited at workers which were lost, as preempted ones are."""
        return self._cluster.ahead > 0 and attempt.starts < ATTEMPTS and attempt.sent < ATTEMPTS

    def _end_overdue(self) -> None:
        if self._block_timeout is None:
            return
        for attempt in self._running.values():
            if attempt.began is None or attempt.task.action is not Action.BLOCK:
                continue
            if time.monotonic() - attempt.began > self._block_timeout:
                attempt.timeouts += 1
                self._cluster.end_worker(attempt.worker)
                attempt.began = None


def _outcome(future: Any, error: Any, attempt: _Attempt, block_timeout: float | None) -> Outcome:
    """Return the result of an ended future; a lost worker or a failed transfer becomes an error line."""
    if future.status == "finished":
        result: Outcome = future.result()
        return result
    if future.status in ("cancelled", "lost"):
        return Outcome(error="the scheduler dropped this work; run again to go on")
    if not isinstance(error, KilledWorker):
        return Outcome(error=f"{type(error).__name__}: {error}", details=repr(error))
    if attempt.timeouts:
        line = (
            f"it took longer than {block_timeout:g} seconds, {attempt.timeouts} times; give a longer "
            "--block-timeout or use smaller blocks, then run again to go on"
        )
        return Outcome(error=line, details=str(error))
    line = (
        f"{error.allowed_failures + 1} workers died on it, most likely for lack of memory; "
        "free memory or use smaller blocks, then run again to go on"
    )
    return Outcome(error=line, details=str(error))
