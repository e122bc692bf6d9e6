"""The journal as a list with switches: what was done, by whom, and what of it is in effect. No Qt, no napari."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

import numpy as np

from segmend.app.presenters.edit_words import done_words, kind_title, undo_words
from segmend.app.presenters.ports import Jobs
from segmend.core.geometry import Grid, ZyxNm

_PREAMBLE = re.compile(r"^operation \d+ \(\w+\) does not fit any more: ")


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One operation.

    Parameters
    ----------
    number : int
    title : str
        What was done.
    by, when, where : str
    kind : str
        In words, to filter by.
    place_nm : tuple of 3 float, optional
    on : bool, optional
        In effect; None where it cannot be switched.
    problem : str
        Why it has no effect though it is on; empty where it has.
    details : str
        For the tooltip.
    """

    number: int
    title: str
    by: str = ""
    when: str = ""
    where: str = ""
    kind: str = ""
    place_nm: ZyxNm | None = None
    on: bool | None = True
    problem: str = ""
    details: str = ""

    def matches(self, wanted: HistoryFilter) -> bool:
        """Say whether a filter lets it through."""
        if (wanted.author and wanted.author != self.by) or (
            wanted.kind and wanted.kind != self.kind
        ):
            return False
        text = wanted.text.lower()
        return not text or text in f"{self.number} {self.title} {self.by} {self.details}".lower()


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """What the list is narrowed to; empty texts let everything through."""

    text: str = ""
    author: str = ""
    kind: str = ""


class HistoryView(Protocol):
    """The history panel."""

    def show_rows(self, rows: Sequence[HistoryRow], *, total: int) -> None:
        """Show operations, newest first; `total` counts those too that the filter holds back."""

    def offer(self, authors: Sequence[str], kinds: Sequence[str]) -> None:
        """Offer what can be filtered by."""


class HistoryRows:
    """Puts operations into words, each once; journals only grow.

    Parameters
    ----------
    grid : Grid
        Of the volume, to speak of voxels.
    """

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._known: dict[int, HistoryRow] = {}

    def of(self, history: Any, problems: Iterable[Any]) -> tuple[HistoryRow, ...]:
        """Return the rows of a history, newest first.

        Parameters
        ----------
        history : History
            Its `done` are on, its `undone` and `off` are off.
        problems : iterable of Problem
            Rows and operations that have no effect.
        """
        reasons = {problem.number: problem_words(problem) for problem in problems}
        rows = [self._row(op, on=True, reasons=reasons) for op in history.done]
        off = (*history.undone, *history.off)
        rows += [self._row(op, on=False, reasons=reasons) for op in off]
        shown = {row.number for row in rows}
        rows += [_damaged(n, reason) for n, reason in reasons.items() if n not in shown]
        return tuple(sorted(rows, key=lambda row: -row.number))

    def _row(self, operation: Any, *, on: bool, reasons: Mapping[int, str]) -> HistoryRow:
        row = self._known.get(operation.number)
        if row is None:
            row = self._known[operation.number] = history_row(operation, self._grid)
        problem = reasons.get(operation.number, "") if on else ""
        if row.on != on or row.problem != problem:
            row = self._known[operation.number] = replace(row, on=on, problem=problem)
        return row


def history_row(operation: Any, grid: Grid) -> HistoryRow:
    """Put one operation into words; it counts as on."""
    place = operation.place_nm
    where = "z {} y {} x {}".format(*grid.to_index(place)) if place else ""
    details = [f"Operation {operation.number} by {operation.author}"]
    details += filter(None, [_when(operation.time, "%Y-%m-%d %H:%M"), where])
    if operation.milliseconds:
        details.append(f"decided in {operation.milliseconds / 1000:.1f} s")
    if operation.reason:
        details.append(operation.reason)
    return HistoryRow(
        operation.number,
        done_words(operation.kind, operation.verdict, operation.payload),
        operation.author,
        _when(operation.time, "%H:%M" if _is_today(operation.time) else "%d %b %H:%M"),
        where,
        kind_title(operation.kind),
        place,
        details=", ".join(details),
    )


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read off the window's thread."""

    rows: tuple[HistoryRow, ...]
    undo_words: str
    redo_words: str


class HistoryPresenter:
    """Keeps the list true and switches operations.

    Parameters
    ----------
    session : Session
    jobs : Jobs
    view : HistoryView
    changed : callable
        Told when the words of undo and redo may be different.
    switched : callable
        Told, in one line, what was switched, and in more lines which operations do not fit any more.
    failed : callable
        Gets what could not be switched.
    """

    def __init__(
        self,
        session: Any,
        jobs: Jobs,
        view: HistoryView,
        *,
        changed: Callable[[], None],
        switched: Callable[[str, str], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._session = session
        self._jobs = jobs
        self._view = view
        self._changed = changed
        self._switched = switched
        self._failed = failed
        self._words = HistoryRows(session.project.grid)
        self._names: dict[int, list[int]] = {}  # of what is undone, nobody else knows them any more
        self.undo_words = self.redo_words = ""
        self._rows: tuple[HistoryRow, ...] = ()
        self._filter = HistoryFilter()

    def refresh(self) -> None:
        """Read the journal's state again."""
        self._jobs.edit(self._read, self._show, topic="history")

    def narrow(self, wanted: HistoryFilter) -> None:
        """Show only some of the list."""
        self._filter = wanted
        self._show_filtered()

    def switch(self, number: int, on: bool) -> None:
        """Put an operation into effect, or out of it; later ones stay where they can."""
        numbers = {"on": (number,)} if on else {"off": (number,)}

        def done(changes: Any) -> None:
            conflicts = "\n".join(f"{c.number}: {problem_words(c)}" for c in changes.conflicts)
            self._switched(switched_words(number, on, len(changes.conflicts)), conflicts)

        self._jobs.edit(lambda: self._session.switch(**numbers), done, self._on_failure)

    def _on_failure(self, error: Exception) -> None:
        self._show_filtered()  # the switch goes back to where it was
        self._failed(error)

    def _read(self) -> _Read:
        past, problems = self._session.past, self._session.problems
        mine = self._session.author if self._session.journal.shared else ""
        stuck = {problem.number for problem in problems}
        done = (op for op in reversed(past.done) if op.number not in stuck)
        return _Read(
            self._words.of(past, problems),
            self._words_for(done, mine),
            self._words_for(reversed(past.undone), mine),
        )

    def _words_for(self, operations: Iterable[Any], mine: str) -> str:
        """Put the operation into words that undo or redo would find: the first, in a team one's own first."""
        operation = next((op for op in operations if not mine or op.author == mine), None)
        if operation is None:
            return ""
        segments = np.array(self._session.timeline.segments_of(operation.number), np.int64)
        found = self._session.segmentation.export_ids(segments).tolist()
        names = self._names[operation.number] = found or self._names.get(operation.number, [])
        return undo_words(operation.kind, operation.verdict, names, operation.payload)

    def _show(self, read: _Read) -> None:
        rows = self._rows = read.rows
        self.undo_words, self.redo_words = read.undo_words, read.redo_words
        authors = sorted({row.by for row in rows if row.by})
        self._view.offer(authors, sorted({row.kind for row in rows if row.kind}))
        self._show_filtered()
        self._changed()

    def _show_filtered(self) -> None:
        rows: Sequence[HistoryRow] = self._rows
        if self._filter != HistoryFilter():
            rows = [row for row in rows if row.matches(self._filter)]
        self._view.show_rows(rows, total=len(self._rows))


def switched_words(number: int, on: bool, conflicts: int) -> str:
    """Say what became of an operation that was switched, and of those that depend on it."""
    state = f"Operation {number} is in effect again" if on else f"Operation {number} is off"
    if not conflicts:
        return state
    others = "a later one does" if conflicts == 1 else f"{conflicts} later ones do"
    return f"{state}; {others} not fit any more and {'has' if conflicts == 1 else 'have'} no effect"


def problem_words(problem: Any) -> str:
    """Return why an operation has no effect, without what its line says already."""
    return _PREAMBLE.sub("", problem.reason)


def _damaged(number: int, reason: str) -> HistoryRow:
    return HistoryRow(number, "Cannot be used", kind="Damaged", on=None, problem=reason)


def _moment(time: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(time)).astimezone()
    except ValueError:  # journals from outside may say anything
        return None


def _is_today(time: Any) -> bool:
    moment = _moment(time)
    return moment is not None and moment.date() == datetime.now().astimezone().date()


def _when(time: Any, form: str) -> str:
    moment = _moment(time)
    return moment.strftime(form) if moment else ""
