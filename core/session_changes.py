"""What views are told after a step in time: which segments are different, and where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from segmend.core.geometry import Box
from segmend.core.journal.operation import Problem
from segmend.core.segmentation.segmentation import Segmentation
from segmend.core.timeline.present import Part
from segmend.core.timeline.timeline import Step

_NOWHERE = Box((0, 0, 0), (0, 0, 0))


@dataclass(frozen=True, slots=True)
class Changes:
    """The visible effect of one row of the journal.

    Parameters
    ----------
    operation : int
        Number of the row.
    old_ids, new_ids : tuple of int
        Dense segments before and after.
    old_export_ids, new_export_ids : tuple of int
        What files and people call them.
    box : Box
        Voxels outside it show what they showed before.
    conflicts : tuple of Problem
        Operations that do not fit any more since then.
    author : str
        Whose row it is.
    """

    operation: int
    old_ids: tuple[int, ...]
    new_ids: tuple[int, ...]
    old_export_ids: tuple[int, ...]
    new_export_ids: tuple[int, ...]
    box: Box
    conflicts: tuple[Problem, ...] = ()
    author: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return what `segmend edit --json` prints."""
        return {
            "operation": self.operation,
            "old_ids": list(self.old_export_ids),
            "new_ids": list(self.new_export_ids),
            "box_zyx": [list(self.box.start_zyx), list(self.box.stop_zyx)],
            "conflicts": [
                {"operation": problem.number, "reason": problem.reason}
                for problem in self.conflicts
            ],
        }


def changes_of(step: Step, segmentation: Segmentation) -> Changes:
    """Describe a step in time after it was carried out."""
    old, new = _old_and_new(step.parts)
    boxes = [part.change.box for part in step.parts if part.change.box.size]
    return Changes(
        step.row.number,
        old,
        new,
        _names(old, segmentation),
        _names(new, segmentation),
        reduce(Box.union, boxes) if boxes else _NOWHERE,
        step.conflicts,
        step.row.author,
    )


def verdicts_after(step: Step) -> Iterator[tuple[str, str]]:
    """Yield the candidates that a step decided or opened again, each with its verdict or "open".

    A part that was taken back and carried out again decides nothing.
    """
    balance: dict[int, int] = {}
    for part in step.parts:
        balance[part.target.number] = balance.get(part.target.number, 0) + (
            -1 if part.backwards else 1
        )
    for part in step.parts:
        target = part.target
        sign = balance.pop(target.number, 0)
        if sign and target.candidate and target.verdict:
            yield target.candidate, target.verdict if sign > 0 else "open"


def _old_and_new(parts: tuple[Part, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the segments that were there before the first part and those that are after the last, of all touched."""
    before: dict[int, bool] = {}
    after: dict[int, bool] = {}
    for part in parts:
        old, new = part.change.old_ids, part.change.new_ids
        if part.backwards:
            old, new = new, old
        for segment in (*old, *new):
            before.setdefault(segment, segment in old)
            after.pop(segment, None)
            after[segment] = segment in new
    return _chosen(before), _chosen(after)


def _chosen(segments: dict[int, bool]) -> tuple[int, ...]:
    return tuple(segment for segment, there in segments.items() if there)


def _names(segments: tuple[int, ...], segmentation: Segmentation) -> tuple[int, ...]:
    return tuple(segmentation.export_ids(np.array(segments, np.int64)).tolist())
