"""The only file that knows threads: work leaves the window's thread here and answers come back here.

A *query* reads and may run beside others; an *edit* changes the session, and edits run one after the other in the
order they were asked for, on the thread that opened the session; a *computation* runs in a worker process. Answers
and errors are always delivered on the window's thread. `SynchronousJobs` does the same at once, for tests and pictures.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

from psygnal.qt import start_emitting_from_queue
from qtpy.QtCore import QCoreApplication, QObject, Qt, Signal

from segmend.app.pipeline_process import PipelineProcess, PipelineRequest, PipelineWatch

Work = Callable[[], Any]
Then = Callable[[Any], None]
Failed = Callable[[Exception], None]

_QUERY_THREADS = 2
_POLL_SECONDS = 0.02


@dataclass
class _Topics:
    """Counts the questions asked on each topic, so that an overtaken answer is dropped."""

    latest: dict[str, int] = field(default_factory=dict)

    def ask(self, topic: str) -> int:
        self.latest[topic] = self.latest.get(topic, 0) + 1
        return self.latest[topic]

    def is_current(self, topic: str, number: int) -> bool:
        return not topic or self.latest.get(topic) == number


class ThreadJobs(QObject):
    """Runs work on threads and delivers the answers on the thread that made this object.

    Parameters
    ----------
    failed : callable, optional
        Gets the error of work that came without a `failed` of its own.
    """

    _answered = Signal(object)

    def __init__(self, failed: Failed | None = None) -> None:
        super().__init__()
        self._failed: Failed = failed or _raise
        self._queries = ThreadPoolExecutor(_QUERY_THREADS, thread_name_prefix="segmend-query")
        self._edits = ThreadPoolExecutor(1, thread_name_prefix="segmend-edit")
        self._processes: ProcessPoolExecutor | None = None
        self._topics = _Topics()
        self._pending = 0
        self._closed = False
        self._answered.connect(_call, Qt.ConnectionType.QueuedConnection)
        start_emitting_from_queue(msec=8)

    @property
    def busy(self) -> bool:
        """Whether an answer is still to come."""
        return self._pending > 0

    def query(self, work: Work, then: Then, failed: Failed | None = None, topic: str = "") -> None:
        """Read something; with a topic, only the answer to its latest question arrives."""
        self._submit(self._queries, work, then, failed, topic)

    def edit(self, work: Work, then: Then, failed: Failed | None = None, topic: str = "") -> None:
        """Change the session; edits keep their order. With a topic, only the latest of what waits is done."""
        self._submit(self._edits, work, then, failed, topic)

    def compute(self, work: Work, then: Then, failed: Failed | None = None) -> None:
        """Do something long in a worker process; `work` and its answer must be picklable."""
        try:
            self._submit(self._workers(), work, then, failed, "")
        except (
            BrokenProcessPool
        ):  # an earlier worker died, and a pool never recovers: take a new one
            self._processes = None
            self._submit(self._workers(), work, then, failed, "")

    def _workers(self) -> ProcessPoolExecutor:
        if self._processes is None:
            self._processes = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
        return self._processes

    def pipeline(
        self, request: PipelineRequest, watch: PipelineWatch, failed: Failed | None = None
    ) -> PipelineProcess:
        """Run stages in a process of their own; progress and the report arrive through `watch`."""
        process = PipelineProcess(request)

        def follow() -> Any:
            return process.follow(lambda event: self._answered.emit(lambda: watch.progress(event)))

        executor = ThreadPoolExecutor(1, thread_name_prefix="segmend-pipeline")
        self._submit(executor, follow, watch.finished, failed, "")
        executor.shutdown(wait=False)
        return process

    def _submit(
        self, executor: Executor, work: Work, then: Then, failed: Failed | None, topic: str
    ) -> None:
        if self._closed:
            return
        number = self._topics.ask(topic) if topic else 0
        if topic and executor is not self._processes:
            work = self._unless_overtaken(work, topic, number)
        future = executor.submit(work)
        self._pending += 1  # only now: what could not be submitted has no answer to wait for

        def deliver() -> None:
            self._pending -= 1
            if self._closed or future.cancelled():
                return
            error = future.exception()
            if not self._topics.is_current(topic, number):
                return
            if error is None:
                then(future.result())
            elif isinstance(error, Exception):
                (failed or self._failed)(error)
            else:
                raise error

        future.add_done_callback(lambda _: self._answered.emit(deliver))

    def _unless_overtaken(self, work: Work, topic: str, number: int) -> Work:
        """Return work that is left undone where a later question came while it waited for its turn."""

        def latest() -> Any:
            return work() if self._topics.is_current(topic, number) else None

        return latest

    def join(self, seconds: float = 30.0) -> bool:
        """Handle events until all answers have arrived; say whether they did in time."""
        end = time.monotonic() + seconds
        while self.busy and time.monotonic() < end:
            QCoreApplication.processEvents()
            time.sleep(_POLL_SECONDS / 10)
        QCoreApplication.processEvents()
        return not self.busy

    def shutdown(self) -> None:
        """Let running work end, deliver nothing more and take no more work."""
        self._closed = True
        self._queries.shutdown(wait=True, cancel_futures=True)
        self._edits.shutdown(wait=True)  # the last one gives the project back
        if self._processes is not None:
            self._processes.shutdown(wait=False, cancel_futures=True)


class SynchronousJobs:
    """The same verbs, done at once on the caller's thread."""

    busy = False

    def __init__(self, failed: Failed | None = None) -> None:
        self._failed: Failed = failed or _raise

    def query(self, work: Work, then: Then, failed: Failed | None = None, topic: str = "") -> None:
        """Read something now."""
        self._do(work, then, failed)

    def edit(self, work: Work, then: Then, failed: Failed | None = None, topic: str = "") -> None:
        """Change the session now."""
        self._do(work, then, failed)

    def compute(self, work: Work, then: Then, failed: Failed | None = None) -> None:
        """Do something long, here and now."""
        self._do(work, then, failed)

    def pipeline(
        self, request: PipelineRequest, watch: PipelineWatch, failed: Failed | None = None
    ) -> PipelineProcess:
        """Run stages in a process and wait for them."""
        process = PipelineProcess(request)
        self._do(lambda: process.follow(watch.progress), watch.finished, failed)
        return process

    def _do(self, work: Work, then: Then, failed: Failed | None) -> None:
        try:
            answer = work()
        except Exception as error:  # noqa: BLE001 - every error is delivered, as on the threads
            (failed or self._failed)(error)
            return
        then(answer)

    def join(self, seconds: float = 0.0) -> bool:
        """Return True: nothing is ever pending."""
        return True

    def shutdown(self) -> None:
        """Do nothing."""


def _call(deliver: Callable[[], None]) -> None:
    deliver()


def _raise(error: Exception) -> None:
    raise error
