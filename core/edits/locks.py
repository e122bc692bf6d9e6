"""Locked segments are not changed."""

from __future__ import annotations

import numpy as np

from segmend.core.edits.model import Edit, Lock, MarkFinished
from segmend.core.errors import SegmentLocked
from segmend.core.segmentation.segmentation import Change, Segmentation


def refuse_locked(edit: Edit, change: Change, segmentation: Segmentation) -> None:
    """Refuse an edit that would change a locked segment; asked when an edit is made, not when it is replayed.

    Parameters
    ----------
    edit : Edit
        Marking and unlocking are always allowed.
    change : Change
        What it would do.
    segmentation : Segmentation
        As it is.

    Raises
    ------
    SegmentLocked
        Naming the segment.
    """
    if isinstance(edit, Lock | MarkFinished):
        return
    locked = sorted(change.segments & segmentation.locked)
    if locked:
        raise SegmentLocked(int(segmentation.export_ids(np.array(locked))[0]))
