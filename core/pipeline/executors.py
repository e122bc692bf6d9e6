"""Where tasks run: in Dask worker processes, or in this thread for tests and debugging."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from segmend.core.errors import InputError, StageError
from segmend.core.pipeline.progress import CancelToken
from segmend.core.pipeline.tasks import Outcome, Task, perform


def _nothing(*_: object) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told what becomes of tasks, all from the thread that runs them.

    Parameters
    ----------
    done : callable
        A task and its outcome, once per task.
    again : callable
        A task that goes to another worker, and why.
    notice : callable
        A few words about the whole, such as that no worker is there.
    """

    done: Callable[[Task, Outcome], None]
    again: Callable[[Task, str], None] = _nothing
    notice: Callable[[str], None] = _nothing


class Executor(Protocol):
    """Runs tasks that do not depend on each other; a context manager that leaves nothing running."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def run(self, tasks: Sequence[Task], told: Told, cancel: CancelToken) -> None:
        """Run all tasks, in any order, and report each as it ends.

        Raises
        ------
        StageError
            At the first task that fails; tasks that have not begun are dropped.
        Cancelled
            If `cancel` is set before the last task has ended.
        """


class InlineExecutor:
    """Runs tasks one after the other in the caller's thread."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to close."""

    def run(self, tasks: Sequence[Task], told: Told, cancel: CancelToken) -> None:
        """Run the tasks in order; see `Executor.run`."""
        for task in tasks:
            cancel.check()
            outcome = perform(task)
            raise_failure(task, outcome)
            told.done(task, outcome)


def raise_failure(task: Task, outcome: Outcome) -> None:
    """Raise what went wrong in a task, if anything did.

    Raises
    ------
    StageError
        One line; the traceback is in ``details``.
    """
    if outcome.error:
        raise StageError(f"stage {task.title}: {outcome.error}", details=outcome.details)


def executor_for(
    scheduler: str | None,
    most: int,
    *,
    workers: int | None = None,
    use_gpus: bool = True,
    block_timeout: float | None = None,
) -> Executor:
    """Choose where to run.

    Parameters
    ----------
    scheduler : str, optional
        None for worker processes on this machine, ``synchronous`` for this thread, else the address of a Dask
        scheduler whose workers see the project under the same path.
    most : int
        Upper bound on worker processes on this machine.
    workers : int, optional
        How many of them are wanted; by default as many as the machine can spare.
    use_gpus : bool
        Start one worker per GPU, where there are any.
    block_timeout : float, optional
        Seconds after which a block is taken from its worker and given to another one.

    Raises
    ------
    InputError
        If `workers` or `block_timeout` is not positive, or does not go with the scheduler.
    """
    if workers is not None and (workers < 1 or scheduler is not None):
        raise InputError(
            "--workers is for worker processes of this machine: expected at least 1, without --scheduler; a "
            "scheduler has the workers that were started for it"
        )
    if block_timeout is not None and (not block_timeout > 0 or scheduler == "synchronous"):
        raise InputError(
            "--block-timeout expects seconds above 0 and workers that can be ended: not --scheduler synchronous"
        )
    if scheduler == "synchronous":
        return InlineExecutor()
    from segmend.core.pipeline.dask_executor import DaskExecutor

    return DaskExecutor(
        scheduler, most, workers=workers, use_gpus=use_gpus, block_timeout=block_timeout
    )
