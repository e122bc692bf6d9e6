"""Which operations are in effect, told from the journal alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from segmend.core.edits.journal import Operation
from segmend.core.errors import JournalError


@dataclass(frozen=True, slots=True)
class History:
    """The operations in effect and those that can be redone.

    Parameters
    ----------
    done : tuple of Operation
        In effect, in order.
    undone : tuple of Operation
        Taken back; the last one is redone first.
    """

    done: tuple[Operation, ...]
    undone: tuple[Operation, ...]


def history(operations: Iterable[Operation], generation: int) -> History:
    """Walk through the rows of one generation.

    Raises
    ------
    JournalError
        If an undo or redo does not name the operation that is next in line.
    """
    done: list[Operation] = []
    undone: list[Operation] = []
    for operation in operations:
        if operation.generation != generation or operation.kind == "run":
            continue
        if operation.kind == "undo":
            undone.append(_taken(done, operation))
        elif operation.kind == "redo":
            done.append(_taken(undone, operation))
        else:
            done.append(operation)
            undone.clear()
    return History(tuple(done), tuple(undone))


def _taken(stack: list[Operation], operation: Operation) -> Operation:
    target = operation.payload.get("target")
    if not stack or stack[-1].number != target:
        raise JournalError(
            f"journal row {operation.number} ({operation.kind}) names operation {target}, which is not next in "
            "line; run `segmend check`"
        )
    return stack.pop()
