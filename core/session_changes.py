"""What views are told after an edit: which segments are different, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from segmend.core.edits.timeline import Step
from segmend.core.geometry import Box
from segmend.core.segmentation.segmentation import Segmentation


@dataclass(frozen=True, slots=True)
class Changes:
    """The visible effect of one operation.

    Parameters
    ----------
    operation : int
        Number of its journal row.
    old_ids, new_ids : tuple of int
        Dense segments before and after.
    old_export_ids, new_export_ids : tuple of int
        What files and people call them.
    box : Box
        Voxels outside it show what they showed before.
    """

    operation: int
    old_ids: tuple[int, ...]
    new_ids: tuple[int, ...]
    old_export_ids: tuple[int, ...]
    new_export_ids: tuple[int, ...]
    box: Box

    def to_json(self) -> dict[str, Any]:
        """Return what `segmend edit --json` prints."""
        return {
            "operation": self.operation,
            "old_ids": list(self.old_export_ids),
            "new_ids": list(self.new_export_ids),
            "box_zyx": [list(self.box.start_zyx), list(self.box.stop_zyx)],
        }


def changes_of(step: Step, segmentation: Segmentation) -> Changes:
    """Describe a step in time after it was carried out."""
    old, new = step.change.old_ids, step.change.new_ids
    if step.backwards:
        old, new = new, old
    return Changes(
        step.row.number,
        old,
        new,
        _names(old, segmentation),
        _names(new, segmentation),
        step.change.box,
    )


def _names(segments: tuple[int, ...], segmentation: Segmentation) -> tuple[int, ...]:
    return tuple(segmentation.export_ids(np.array(segments, np.int64)).tolist())
