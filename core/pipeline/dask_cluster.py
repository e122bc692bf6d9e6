"""Where Dask workers come from: processes of this machine that a run starts, or a scheduler that already runs.

The local cluster is encrypted with credentials of its own: without them any user of a shared workstation could send
code to the workers. Workers end when the process that started them ends, however it ends, because each watches a
pipe that only that process holds open.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Protocol

import dask
import distributed
from distributed.system import MEMORY_LIMIT

from segmend.core.errors import StageError
from segmend.core.pipeline.dask_worker import Courtesy
from segmend.core.pipeline.interrupts import interrupts_held
from segmend.core.volumes.zarr_store import CACHE_VARIABLE

_DASK: Any = distributed  # its functions carry no types
ATTEMPTS = 4
_WITHOUT_WORKERS_SECONDS = 120
_RESTART_SECONDS = 30
_LOOK_SECONDS = 1.0
_CONNECT_SECONDS = 10
_SILENCE = (
    logging.CRITICAL + 1
)  # Dask calls a connection critical that closes while it still has something to say
_ALSO_WRITTEN = ("PYTHONHASHSEED", "__DASK_PARENT_PID")
_SINGLE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
_CACHE_MB = "64"
_CONFIG: dict[str, Any] = {
    # A numba kernel may hold the interpreter for minutes: silence is no death. The nanny sees real deaths.
    "distributed.scheduler.worker-ttl": None,
    "distributed.scheduler.allowed-failures": ATTEMPTS - 1,
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.limit": "1h",
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}


class Cluster(Protocol):
    """Workers and the client that reaches them."""

    client: Any
    ahead: int
    """Tasks that are sent to a worker beyond those it can do at once."""
    lasting: bool
    """Whether the workers stay when the run is over, and would go on with what they do."""

    def slots(self) -> int:
        """Return how many tasks the workers do at once; 0 while there is no worker."""

    def end_worker(self, address: str) -> None:
        """Kill a worker whatever it does; its tasks go to others. `StageError` if it cannot be reached."""

    def end_workers(self, addresses: Collection[str]) -> None:
        """Kill workers that have a nanny, and leave the others."""

    def close(self, *, at_once: bool) -> None:
        """Let go of the workers; `at_once` kills what still runs."""


class LocalWorkers:
    """Worker processes of this machine, one thread each.

    Parameters
    ----------
    count : int
    gpus : sequence of str
        Dealt out to the workers in turn.

    Raises
    ------
    StageError
        If they do not start.
    """

    ahead = 0  # a task that only waits at a dying worker would be blamed for its death
    lasting = False

    def __init__(self, count: int, gpus: Sequence[str]) -> None:
        self._count = count
        self._environment = _written_environment()
        self._alive = time.monotonic()
        self._cluster: Any = None
        self.client: Any = None
        try:
            with interrupts_held(), quiet(), dask.config.set(_CONFIG):
                self._cluster = _local_cluster(count)
                self.client = _DASK.Client(self._cluster, set_as_default=False)
                self.client.register_plugin(Courtesy(gpus))
        except BaseException:
            self.close(at_once=True)
            raise

    def slots(self) -> int:
        """Return the number of workers; gives up where lost ones do not come back."""
        now = time.monotonic()
        if self._cluster.scheduler.workers:
            self._alive = now
        elif now - self._alive > _WITHOUT_WORKERS_SECONDS:
            raise StageError(
                f"all worker processes are gone and none came back within {_WITHOUT_WORKERS_SECONDS} "
                "seconds; free memory, then run again to go on"
            )
        return self._count

    def end_worker(self, address: str) -> None:
        """Kill the process; its nanny starts another one."""
        for nanny in self._cluster.workers.values():
            if nanny.worker_address == address:
                _kill(nanny)

    def end_workers(self, addresses: Collection[str]) -> None:
        """Kill the processes."""
        for address in addresses:
            self.end_worker(address)

    def close(self, *, at_once: bool) -> None:
        """Close the connection and end the processes; with `at_once` what they do now is not waited for."""
        with interrupts_held(), quiet():
            if at_once and self._cluster is not None:
                for nanny in self._cluster.workers.values():
                    nanny.auto_restart = False
                    _kill(nanny)  # what it does now is not wanted, and block writes are by rename
            if self.client is not None:
                self.client.close(timeout=5)
            if self._cluster is not None:
                self._cluster.close(timeout=20)
        _restore_environment(self._environment)


class RunningScheduler:
    """The workers of a scheduler that somebody else started and keeps.

    Parameters
    ----------
    address : str

    Raises
    ------
    StageError
        If none answers there, or it has no workers.
    """

    ahead = 1  # a queue is what lets an adaptive cluster grow
    lasting = True

    def __init__(self, address: str) -> None:
        self._address = address
        self._seen = (-_LOOK_SECONDS, 0)
        try:
            with interrupts_held(), quiet(), dask.config.set(_CONFIG):
                asyncio.run(
                    _knock(address)
                )  # a client that fails complains again when it is forgotten
                self.client = _DASK.Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError, TypeError, RuntimeError) as error:
            raise StageError(
                f"no Dask scheduler answers at {address}: expected an address such as "
                "tls://host:8786; start one there or leave --scheduler out",
                details=str(error),
            ) from error
        if not self.slots():
            self.close(at_once=False)
            raise StageError(
                f"the Dask scheduler at {address} has no workers: start some that see the "
                "project under the same path, or leave --scheduler out"
            )

    def slots(self) -> int:
        """Return the threads of all workers, asked at most once a second."""
        now = time.monotonic()
        if now - self._seen[0] >= _LOOK_SECONDS:
            with self._answering():
                self._seen = (now, sum(self.client.nthreads().values()))
        return self._seen[1]

    def end_worker(self, address: str) -> None:
        """Have the nanny of the worker kill it and start another one."""
        try:
            with self._answering():
                self.client.restart_workers(
                    [address], timeout=_RESTART_SECONDS, raise_for_error=False
                )
        except ValueError as error:
            raise StageError(
                f"a block took longer than --block-timeout in the worker {address}, which has no nanny that could "
                "end it; start workers with a nanny, or leave --block-timeout out",
                details=str(error),
            ) from error
        except KeyError:
            return  # it left by itself

    def end_workers(self, addresses: Collection[str]) -> None:
        """Have the nannies of workers that have one kill them and start others."""
        with contextlib.suppress(KeyError, ValueError), self._answering():  # one left meanwhile
            known = self.client.scheduler_info(n_workers=-1)["workers"]
            nannied = [a for a in addresses if known.get(a, {}).get("nanny")]
            if nannied:
                self.client.restart_workers(
                    nannied, timeout=_RESTART_SECONDS, raise_for_error=False
                )

    def close(self, *, at_once: bool) -> None:
        """Close the connection; the workers stay."""
        with interrupts_held(), quiet():
            self.client.close(timeout=5)

    @contextlib.contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except (OSError, TimeoutError) as error:
            raise StageError(
                f"the Dask scheduler at {self._address} does not answer any more; finished blocks are kept: start it, "
                "then run again to go on",
                details=str(error),
            ) from error


async def _knock(address: str) -> None:
    options = _DASK.Security().get_connection_args("client")
    connection = await _DASK.comm.connect(address, timeout=_CONNECT_SECONDS, **options)
    await connection.close()


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
            env={**_SINGLE_THREAD, CACHE_VARIABLE: _CACHE_MB},
        )
    except (RuntimeError, OSError) as error:
        raise StageError(
            "the worker processes did not start; close other programs and run again, or try one "
            "thread with --scheduler synchronous",
            details=f"{type(error).__name__}: {error}",
        ) from error


def _kill(nanny: Any) -> None:
    with contextlib.suppress(OSError, AttributeError):
        pid = nanny.process.process.pid
        if pid is not None:  # between two processes there is none
            os.kill(pid, 9)


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
def quiet() -> Iterator[None]:
    """Keep the log lines of a cluster that starts or ends out of the program's output."""
    loggers = [logging.getLogger(name) for name in ("distributed", "tornado", "asyncio")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(_SILENCE)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
