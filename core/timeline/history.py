"""Which operations are on, told from the journal alone.

Every operation is on or off. The segmentation is the base with the operations that are on, always in the order of
their numbers, so switching one off and on again leads back.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from segmend.core.edits.numbering import NextIds
from segmend.core.errors import JournalError
from segmend.core.journal.operation import Operation, Problem
from segmend.core.segmentation.graph_files import GraphArrays

_SWITCHING = ("undo", "redo", "switch")
_TELLING = ("run", "note")  # they change nothing
_NO_EDIT = (*_TELLING, *_SWITCHING)


@dataclass(frozen=True, slots=True)
class History:
    """The operations of one generation.

    Parameters
    ----------
    done : tuple of Operation
        On, in the order of their numbers.
    undone : tuple of Operation
        Taken back; the last one is redone first.
    off : tuple of Operation
        Off and not among those that can be redone.
    problems : tuple of Problem
        Rows that cannot be used.
    """

    done: tuple[Operation, ...]
    undone: tuple[Operation, ...]
    off: tuple[Operation, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Switched:
    """Numbers of operations that a row turned off or on; a new operation is turned on."""

    off: tuple[int, ...] = ()
    on: tuple[int, ...] = ()


class Ledger:
    """The rows of one generation as they come in, and what is on after each.

    Parameters
    ----------
    generation : int
        Rows of others are not looked at.
    team : bool
        Whether several people write: then an edit ends only its own author's chance to redo.
    """

    def __init__(self, generation: int, *, team: bool = False) -> None:
        self._generation = generation
        self._team = team
        self.operations: dict[int, Operation] = {}
        self.on: list[int] = []
        """Numbers, sorted."""
        self.undone: list[tuple[int, str]] = []
        """Number and who took it back, the last one redone first."""
        self.problems: list[Problem] = []
        self.given: list[References] = []
        """Ids that rows gave away."""
        self._ids: set[tuple[bool, int]] = set()

    def add(self, row: Operation) -> Switched | None:
        """Take one row in; None if it changes nothing (of no edit, or damaged, which is noted)."""
        if row.generation != self._generation or row.kind in _TELLING:
            return None
        try:
            return self._switch(row) if row.kind in _SWITCHING else self._begin(row)
        except JournalError as error:
            self.problems.append(Problem(row.number, str(error)))
            return None

    def check(self, row: Operation) -> None:
        """Make sure of a row that is about to be committed that it will be taken in.

        Raises
        ------
        JournalError
            If it would be left out when the journal is read again.
        """
        if row.generation != self._generation or row.kind in _TELLING:
            return
        try:
            (self._targets if row.kind in _SWITCHING else self._named)(row)
        except JournalError as error:
            raise JournalError(
                f"nothing was changed, because the journal would not read it again ({error}): open the project anew"
            ) from None

    def free_ids(self, base: GraphArrays) -> NextIds:
        """Return the ids that no row has given away, in effect or not."""
        return NextIds.after(base, ((g.new_segments, g.children) for g in self.given))

    def is_on(self, number: int) -> bool:
        """Say whether an operation is on."""
        place = bisect_left(self.on, number)
        return place < len(self.on) and self.on[place] == number

    def to_redo(self, author: str) -> int | None:
        """Return the operation that a redo by this author would turn on."""
        for number, who in reversed(self.undone):
            if not self._team or who == author:
                return number
        return None

    def history(self) -> History:
        """Return what is on and off now."""
        undone = [number for number, _ in self.undone]
        gone = self.operations.keys() - set(self.on) - set(undone)
        return History(
            tuple(self.operations[n] for n in self.on),
            tuple(self.operations[n] for n in undone),
            tuple(self.operations[n] for n in sorted(gone)),
            tuple(self.problems),
        )

    def _begin(self, row: Operation) -> Switched:
        named = self._named(row)
        if named != _NOTHING:
            self._ids.update(named.tagged())
            self.given.append(named)
        self.operations[row.number] = row
        insort(self.on, row.number)
        if self.undone:
            self.undone = [u for u in self.undone if self._team and u[1] != row.author]
        return Switched(on=(row.number,))

    def _named(self, row: Operation) -> References:
        """Return the ids that an edit gives away; nobody did before."""
        named = references(row)
        ids = named.tagged()
        if len(set(ids)) < len(ids) or not self._ids.isdisjoint(ids):
            raise _damaged(row, "new ids, which another row uses too,")
        if row.number in self.operations:
            raise _damaged(row, "number, which another row has too,")
        return named

    def _targets(self, row: Operation) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return what a row turns off and on; it is the other way before."""
        off, on = targets(row)
        known = all(n in self.operations and n < row.number for n in (*off, *on))
        if not known or len({*off, *on}) < len(off) + len(on) or not (off or on):
            raise JournalError(
                f"journal row {row.number} ({row.kind}) names operations that are not there; it is left out"
            )
        if not all(map(self.is_on, off)) or any(map(self.is_on, on)):
            raise JournalError(
                f"journal row {row.number} ({row.kind}) turns operations off or on that are so already; it is left out"
            )
        return off, on

    def _switch(self, row: Operation) -> Switched:
        off, on = self._targets(row)
        for number in off:
            del self.on[bisect_left(self.on, number)]
        for number in on:
            insort(self.on, number)
        if on:
            self.undone = [u for u in self.undone if u[0] not in on]
        if row.kind == "undo":
            self.undone.append((off[0], row.author))
        return Switched(off, on)


def history(operations: Iterable[Operation], generation: int, *, team: bool = False) -> History:
    """Walk through the rows of one generation; rows that cannot be used are listed and left out."""
    ledger = Ledger(generation, team=team)
    for operation in operations:
        ledger.add(operation)
    return ledger.history()


def count_edits(operations: Iterable[Operation]) -> int:
    """Return how many operations change the segmentation; verdicts without an edit do not."""
    return sum(operation.kind != "verdict" for operation in operations)


@dataclass(frozen=True, slots=True)
class References:
    """Ids that a journal row gave away.

    Parameters
    ----------
    new_segments, children : tuple of int
        Segments and supervoxels.
    """

    new_segments: tuple[int, ...] = ()
    children: tuple[int, ...] = ()

    def tagged(self) -> list[tuple[bool, int]]:
        """Return all of them, supervoxels told from segments."""
        return [(False, s) for s in self.new_segments] + [(True, s) for s in self.children]


_NOTHING = References()


def references(operation: Operation) -> References:
    """Return the ids that a row gave away, checked; a journal from outside may say anything.

    Raises
    ------
    JournalError
        If a field of the payload is not what it should be; the row is named.
    """
    if operation.kind in _NO_EDIT:
        return _NOTHING
    payload = operation.payload
    if "new_segments" not in payload and "patches" not in payload:
        return _NOTHING
    segments = _ids(operation, payload.get("new_segments", []), "new_segments")
    children: list[int] = []
    for patch in _items(operation, payload.get("patches", []), "patches"):
        if not isinstance(patch, dict):
            raise _damaged(operation, "patches")
        children += (i for i in _ids(operation, patch.get("ids"), "patches") if i)
    return References(tuple(segments), tuple(children))


def targets(row: Operation) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the numbers that an undo, redo or switch turns off and on.

    Raises
    ------
    JournalError
        If they cannot be read; the row is named.
    """
    payload = row.payload
    if row.kind == "switch":
        off, on = (_ids(row, payload.get(name, []), name) for name in ("off", "on"))
        return tuple(off), tuple(on)
    number = tuple(_ids(row, [payload.get("target")], "target"))
    return (number, ()) if row.kind == "undo" else ((), number)


def _items(operation: Operation, value: Any, name: str) -> Iterator[Any]:
    if not isinstance(value, list):
        raise _damaged(operation, name)
    return iter(value)


def _ids(operation: Operation, value: Any, name: str) -> list[int]:
    if not isinstance(value, list) or not all(
        type(item) is int and 0 <= item < 2**32 for item in value
    ):
        raise _damaged(operation, name)
    return value


def _damaged(operation: Operation, name: str) -> JournalError:
    return JournalError(
        f"journal row {operation.number} is damaged (its {name} cannot be used); it is left out, the rest is in effect"
    )
