"""The journal in words. No Qt, no napari."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from segmend.core.geometry import ZyxNm

_FIGURE_SPACE = "\u2007"
_VERBS = {
    "merge": "Joined two segments",
    "split": "Cut a segment",
    "divide": "Divided a supervoxel",
}
_VERDICTS = {"reject": "Rejected", "unsure": "Skipped"}


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One row of the history.

    Parameters
    ----------
    text, details : str
    place_nm : tuple of 3 float, optional
        Where it happened.
    undone : bool
        It is not in effect.
    """

    text: str
    details: str
    place_nm: ZyxNm | None
    undone: bool


def history_lines(operations: Sequence[Any], limit: int = 200) -> tuple[HistoryLine, ...]:
    """Put operations into words, latest first; undo and redo show as struck-out lines.

    Parameters
    ----------
    operations : sequence of Operation
        Oldest first.
    limit : int
        No more lines than this.
    """
    undone: set[int] = set()
    for operation in operations:
        if operation.kind == "undo":
            undone.add(int(operation.payload["target"]))
        elif operation.kind == "redo":
            undone.discard(int(operation.payload["target"]))
    shown = [op for op in operations if op.kind not in ("undo", "redo")]
    digits = len(str(shown[-1].number)) if shown else 0
    return tuple(_line(op, op.number in undone, digits) for op in reversed(shown[-limit:]))


def _line(operation: Any, undone: bool, digits: int) -> HistoryLine:
    text = _VERDICTS.get(operation.verdict or "") if operation.kind == "verdict" else None
    text = text or _VERBS.get(operation.kind, operation.kind.capitalize())
    details = [f"Operation {operation.number} by {operation.author}"]
    if when := _when(getattr(operation, "time", None)):
        details.append(when)
    if operation.milliseconds:
        details.append(f"decided in {operation.milliseconds / 1000:.1f} s")
    if undone:
        details.append("undone")
    return HistoryLine(
        f"{str(operation.number).rjust(digits, _FIGURE_SPACE)}   {text}",
        ", ".join(details),
        operation.place_nm,
        undone,
    )


def _when(time: Any) -> str:
    if isinstance(time, (int, float)):
        time = datetime.fromtimestamp(time)
    return time.strftime("%Y-%m-%d %H:%M") if isinstance(time, datetime) else str(time or "")
