"""Where tasks run: in Dask worker processes, or in this thread for tests and debugging."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Protocol, Self

from segmend.core.errors import StageError
from segmend.core.pipeline.progress import CancelToken
from segmend.core.pipeline.tasks import Outcome, Task, perform

Done = Callable[[Task, Outcome], None]


class Executor(Protocol):
    """Runs tasks that do not depend on each other; a context manager that leaves nothing running."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def run(self, tasks: Sequence[Task], done: Done, cancel: CancelToken) -> None:
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

    def run(self, tasks: Sequence[Task], done: Done, cancel: CancelToken) -> None:
        """Run the tasks in order; see `Executor.run`."""
        for task in tasks:
            cancel.check()
            outcome = perform(task)
            raise_failure(task, outcome)
            done(task, outcome)


def raise_failure(task: Task, outcome: Outcome) -> None:
    """Raise what went wrong in a task, if anything did.

    Raises
    ------
    StageError
        One line; the traceback is in ``details``.
    """
    if outcome.error:
        raise StageError(f"stage {task.title}: {outcome.error}", details=outcome.details)


def executor_for(scheduler: str | None, workers: int, *, use_gpus: bool = True) -> Executor:
    """Choose where to run.

    Parameters
    ----------
    scheduler : str, optional
        None for worker processes on this machine, ``synchronous`` for this thread, else the address of a Dask
        scheduler whose workers see the project under the same path.
    workers : int
        Upper bound on worker processes on this machine.
    use_gpus : bool
        Start one worker per GPU, where there are any.

    Raises
    ------
    StageError
        If no scheduler answers at the address.
    """
    if scheduler == "synchronous":
        return InlineExecutor()
    from segmend.core.pipeline.dask_executor import DaskExecutor

    return DaskExecutor(scheduler, workers, use_gpus=use_gpus)
