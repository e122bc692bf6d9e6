"""Tasks in Dask worker processes: on this machine, or on a scheduler that already runs.

The local cluster is encrypted with credentials of its own: without them any user of a shared workstation could send
code to the workers. Workers end when the process that started them ends, however it ends, because each watches a
pipe that only that process holds open.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import time
from collections import deque
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

import dask
import distributed
from dask.system import CPU_COUNT
from distributed.scheduler import KilledWorker
from distributed.system import MEMORY_LIMIT

from segmend.core.errors import StageError
from segmend.core.pipeline.devices import visible_gpus
from segmend.core.pipeline.executors import Done, raise_failure
from segmend.core.pipeline.progress import CancelToken
from segmend.core.pipeline.tasks import Outcome, Task, perform

_DASK: Any = distributed  # its functions carry no types
_ATTEMPTS_AFTER_LOSS = 3
_POLL_SECONDS = 0.1
_WITHOUT_WORKERS_SECONDS = 120
_NICENESS = 10
_ALSO_WRITTEN = ("PYTHONHASHSEED", "__DASK_PARENT_PID")
_SINGLE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
_CONFIG: dict[str, Any] = {
    # A numba kernel may hold the interpreter for minutes: silence is no death. The nanny sees real deaths.
    "distributed.scheduler.worker-ttl": None,
    "distributed.scheduler.allowed-failures": _ATTEMPTS_AFTER_LOSS,
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.limit": "1h",
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}


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


class DaskExecutor:
    """Runs tasks on Dask; starts nothing before the first task.

    Parameters
    ----------
    address : str, optional
        Of a running scheduler; None starts worker processes here.
    workers : int
        Worker processes at most: never more than one per GPU, or one less than the cores without GPUs.
    use_gpus : bool
        Whether the run has work for GPUs.
    """

    def __init__(self, address: str | None, workers: int, *, use_gpus: bool = True) -> None:
        self._address = address
        self._gpus = visible_gpus() if use_gpus and not address else ()
        self._workers = max(1, min(workers, len(self._gpus) or CPU_COUNT - 1))
        self._cluster: Any = None
        self._client: Any = None
        self._environment: dict[str, str | None] = {}
        self._alive = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection and end the local workers; running tasks are not waited for after an error."""
        client, cluster = self._client, self._cluster
        self._client = self._cluster = None
        with _quiet():
            if cluster is not None and kind is not None:
                _kill_workers(cluster)
            if client is not None:
                client.close(timeout=5)
            if cluster is not None:
                cluster.close(timeout=20)
        _restore_environment(self._environment)

    def run(self, tasks: Sequence[Task], done: Done, cancel: CancelToken) -> None:
        """Run the tasks on any free worker; see `Executor.run`."""
        cancel.check()
        client = self._started()
        self._alive = time.monotonic()
        waiting = deque(tasks)
        running: dict[Any, Task] = {}
        ended: queue.SimpleQueue[Any] = queue.SimpleQueue()
        try:
            while waiting or running:
                cancel.check()
                while waiting and len(running) < 2 * self._slots(client):
                    task = waiting.popleft()
                    future = client.submit(perform, task, pure=False)
                    running[future] = task
                    future.add_done_callback(ended.put)
                try:
                    future = ended.get(timeout=_POLL_SECONDS)
                except queue.Empty:
                    self._check_alive()
                    continue
                task = running.pop(future)
                outcome = _outcome(future)
                raise_failure(task, outcome)
                done(task, outcome)
        finally:
            if running:
                client.cancel(list(running), force=True)

    def _check_alive(self) -> None:
        """Give up where lost workers do not come back, instead of waiting for ever."""
        now = time.monotonic()
        if self._cluster is None or self._cluster.scheduler.workers:
            self._alive = now
        elif now - self._alive > _WITHOUT_WORKERS_SECONDS:
            raise StageError(
                f"all worker processes are gone and none came back within {_WITHOUT_WORKERS_SECONDS} "
                "seconds; free memory, then run again to go on"
            )

    def _slots(self, client: Any) -> int:
        if self._cluster is not None:
            return self._workers
        return max(1, sum(client.nthreads().values()))

    def _started(self) -> Any:
        if self._client is None:
            self._environment = _written_environment()
            with _quiet(), dask.config.set(_CONFIG):
                self._client = self._connect() if self._address else self._start_cluster()
        return self._client

    def _connect(self) -> Any:
        try:
            client = _DASK.Client(self._address, timeout=10, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            raise StageError(
                f"no Dask scheduler answers at {self._address}: expected an address such as "
                "tls://host:8786; start one there or leave --scheduler out",
                details=str(error),
            ) from error
        if not client.nthreads():
            client.close(timeout=5)
            raise StageError(
                f"the Dask scheduler at {self._address} has no workers: start some that see the "
                "project under the same path, or leave --scheduler out"
            )
        return client

    def _start_cluster(self) -> Any:
        self._cluster = _local_cluster(self._workers)
        client = self._client = _DASK.Client(self._cluster, set_as_default=False)
        client.register_plugin(Courtesy(self._gpus))
        return client


def _local_cluster(workers: int) -> Any:
    try:
        return _DASK.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            security=True,
            # Dask always opens an HTTP port: a free one of this machine alone, with nothing behind it.
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            silence_logs=logging.CRITICAL,
            memory_limit=int(0.9 * MEMORY_LIMIT),
            death_timeout=120,
            env=_SINGLE_THREAD,
        )
    except (RuntimeError, OSError) as error:
        raise StageError(
            "the worker processes did not start; close other programs and run again, or try one "
            "thread with --scheduler synchronous",
            details=f"{type(error).__name__}: {error}",
        ) from error


def _outcome(future: Any) -> Outcome:
    """Return the result of an ended future; a lost worker or a failed transfer becomes an error line."""
    if future.status == "finished":
        return future.result()
    if future.status in ("cancelled", "lost"):
        return Outcome(error="the scheduler dropped this work; run again to go on")
    error = future.exception()
    if isinstance(error, KilledWorker):
        line = (
            f"{_ATTEMPTS_AFTER_LOSS + 1} workers died on it, most likely for lack of memory; "
            "free memory or use smaller blocks, then run again to go on"
        )
        return Outcome(error=line, details=str(error))
    return Outcome(error=f"{type(error).__name__}: {error}", details=repr(error))


def _kill_workers(cluster: Any) -> None:
    """End worker processes at once: what they do now is not wanted, and block writes are by rename."""
    for nanny in cluster.workers.values():
        nanny.auto_restart = False
        with contextlib.suppress(OSError, AttributeError):
            os.kill(nanny.process.process.pid, 9)


def _written_environment() -> dict[str, str | None]:
    """Return the variables that starting a worker overwrites in this process, as they are now."""
    names = {*dask.config.get("distributed.nanny.pre-spawn-environ"), *_ALSO_WRITTEN}
    return {name: os.environ.get(name) for name in names}


def _restore_environment(before: dict[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the log lines of a cluster that starts or ends out of the program's output."""
    loggers = [logging.getLogger(name) for name in ("distributed", "tornado", "asyncio")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
