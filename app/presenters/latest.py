"""One question at a time, for what a slider or a row of edits asks faster than it can be answered. No Qt, no napari."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from segmend.app.presenters.ports import Jobs

Work = Callable[[], Any]
Then = Callable[[Any], None]


class Latest:
    """Asks on one after the other; of the questions that come meanwhile only the newest is asked.

    Every answer is delivered, also where a newer question waits: with answers that are dropped as soon as they are
    overtaken, nothing would be seen while a slider moves.

    Parameters
    ----------
    jobs : Jobs
    failed : callable
        Gets errors.
    """

    def __init__(self, jobs: Jobs, failed: Callable[[Exception], None]) -> None:
        self._jobs = jobs
        self._failed = failed
        self._asked = 0
        self._since = 0
        self._busy = False
        self._next: tuple[Work, Then] | None = None

    def ask(self, work: Work, then: Then) -> None:
        """Have something worked out now, or when the answer that is under way is there."""
        if self._busy:
            self._next = work, then
            return
        self._busy = True
        self._asked += 1
        number = self._asked
        self._jobs.query(
            work,
            lambda answer: self._deliver(number, lambda: then(answer)),
            lambda error: self._deliver(number, lambda: self._failed(error)),
        )

    def drop(self) -> None:
        """Deliver nothing of what was asked so far."""
        self._since = self._asked
        self._next = None

    def _deliver(self, number: int, tell: Callable[[], None]) -> None:
        if number > self._since:
            tell()
        self._busy = False
        if self._next is not None:
            waiting, self._next = self._next, None
            self.ask(*waiting)
