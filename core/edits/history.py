"""Which operations are in effect, told from the journal alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

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


def count_edits(operations: Iterable[Operation]) -> int:
    """Return how many operations change the segmentation; verdicts without an edit do not."""
    return sum(operation.kind != "verdict" for operation in operations)


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


@dataclass(frozen=True, slots=True)
class References:
    """What a journal row names.

    Parameters
    ----------
    chunks : tuple of (int, int, int, int, str)
        Level, chunk z, y, x, overlay file.
    tables : str
        Overlay file of a division's tables; empty if there is none.
    new_segments, children : tuple of int
        Ids it gave to segments and supervoxels.
    target : int, optional
        The operation that an undo or redo is about.
    """

    chunks: tuple[tuple[int, int, int, int, str], ...] = ()
    tables: str = ""
    new_segments: tuple[int, ...] = ()
    children: tuple[int, ...] = ()
    target: int | None = None


def references(operation: Operation) -> References:
    """Return what a row names, checked; a journal from outside may say anything.

    Raises
    ------
    JournalError
        If a field of the payload is not what it should be; the row is named.
    """
    if operation.kind == "run":  # its payload belongs to the stage
        return References()
    payload = operation.payload
    chunks = _items(operation, "chunks")
    segments, children = _items(operation, "new_segments"), _items(operation, "children")
    tables, target = payload.get("tables", ""), payload.get("target")
    good = {
        "chunks": all(map(_is_chunk, chunks)),
        "tables": isinstance(tables, str),
        "new_segments": all(map(_is_id, segments)),
        "children": all(map(_is_id, children)),
        "target": _is_id(target) or (target is None and operation.kind not in ("undo", "redo")),
    }
    for name, fits in good.items():
        if not fits:
            raise _damaged(operation, name)
    return References(
        tuple(tuple(chunk) for chunk in chunks), tables, tuple(segments), tuple(children), target
    )


def _items(operation: Operation, name: str) -> list[Any]:
    value = operation.payload.get(name, [])
    if not isinstance(value, list):
        raise _damaged(operation, name)
    return value


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32


def _is_chunk(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 5
        and all(map(_is_id, value[:4]))
        and isinstance(value[4], str)
    )


def _damaged(operation: Operation, name: str) -> JournalError:
    return JournalError(
        f"journal row {operation.number} is damaged (its {name} cannot be read); run `segmend check`"
    )


def _taken(stack: list[Operation], operation: Operation) -> Operation:
    target = references(operation).target
    if not stack or stack[-1].number != target:
        raise JournalError(
            f"journal row {operation.number} ({operation.kind}) names operation {target}, which is not next in "
            "line; run `segmend check`"
        )
    return stack.pop()
