"""The operations of a project as a list for people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from segmend.core.geometry import ZyxNm
from segmend.core.journal.operation import Operation
from segmend.core.timeline.timeline import Timeline

EntryState = Literal["in effect", "undone", "off", "conflict"]


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One operation and what became of it.

    Parameters
    ----------
    number : int
        Of its journal row; what `Session.switch` takes.
    kind, author, time : str
        Time in UTC in ISO form.
    state : {"in effect", "undone", "off", "conflict"}
        "undone" where the next redo may bring it back; "conflict" where it is on and does not fit.
    place_nm : tuple of 3 float, optional
    segments : tuple of int
        What people call the segments that it touched, while it is in effect.
    reason : str
        What its author wrote; of a conflict, why it does not fit.
    """

    number: int
    kind: str
    author: str
    time: str
    state: EntryState
    place_nm: ZyxNm | None
    segments: tuple[int, ...]
    reason: str


def entries_of(timeline: Timeline) -> tuple[HistoryEntry, ...]:
    """Return every edit and verdict of the generation, the newest last."""
    past = timeline.history
    reasons = {problem.number: problem.reason for problem in timeline.problems}
    states: dict[int, EntryState] = {o.number: "undone" for o in past.undone}
    states |= {o.number: "off" for o in past.off}
    every = sorted((*past.done, *past.undone, *past.off), key=lambda o: o.number)
    names = _segment_names(every, timeline)
    entries = []
    for o in every:
        state = states.get(o.number) or ("conflict" if o.number in reasons else "in effect")
        reason = reasons[o.number] if state == "conflict" else o.reason
        entries.append(
            HistoryEntry(
                o.number, o.kind, o.author, o.time, state, o.place_nm, names[o.number], reason
            )
        )
    return tuple(entries)


def _segment_names(
    operations: Iterable[Operation], timeline: Timeline
) -> dict[int, tuple[int, ...]]:
    touched = {o.number: timeline.segments_of(o.number) for o in operations}
    segments = np.unique([s for named in touched.values() for s in named]).astype(np.int64)
    names = timeline.segmentation.export_ids(segments).tolist()
    name = dict(zip(segments.tolist(), names, strict=True))
    return {number: tuple(name[s] for s in named) for number, named in touched.items()}
