"""What an edit, a preview and the journal are told as."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from segmend.core.geometry import Box

if TYPE_CHECKING:
    from segmend.core.edits.model import Edit
    from segmend.core.journal.operation import Operation
    from segmend.core.session import Session
    from segmend.core.session_changes import Changes

_MOST_IDS = 20


def answer_of(changes: Sequence[Changes]) -> dict[str, Any]:
    """Return what changed, as one JSON answer; several steps are told as one."""
    last = changes[-1]
    boxes = [change.box for change in changes if change.box.size] or [last.box]
    box = reduce(Box.union, boxes)
    old = {int(i) for change in changes for i in change.old_export_ids}
    new = {int(i) for change in changes for i in change.new_export_ids}
    return {
        "operation": int(last.operation),
        "old_ids": sorted(old),
        "new_ids": sorted(new),
        "box_zyx": [list(box.start_zyx), list(box.stop_zyx)],
    }


def answer_of_switch(changes: Changes) -> dict[str, Any]:
    """Return what a switch changed, and which operations do not fit any more."""
    conflicts = [{"operation": c.number, "reason": c.reason} for c in changes.conflicts]
    return answer_of([changes]) | {"conflicts": conflicts}


def preview_of(edit: Edit, session: Session) -> dict[str, Any]:
    """Return the pieces that an edit would make; nothing is changed.

    Raises
    ------
    EditRefused
        If the edit does not fit.
    """
    from segmend.core.edits.preview import pieces_of, sizes_of_children

    resolved = session.preview(edit)
    divided = [parent for patch in resolved.patches for parent in patch.parents]
    if not resolved.sides:
        parts = sizes_of_children(resolved).items()
        pieces = [{"supervoxel": child, "voxels": voxels} for child, voxels in parts]
        return {"pieces": pieces, "divided": divided}
    found = pieces_of(resolved, session.segmentation)
    names = session.segmentation.export_ids(np.array([piece.segment for piece in found]))
    pieces = [
        {"segment": int(name), "supervoxels": piece.supervoxels, "voxels": piece.voxels}
        for name, piece in zip(names, found, strict=True)
    ]
    return {"pieces": pieces, "divided": divided}


def describe_log(session: Session) -> list[dict[str, Any]]:
    """Return every operation of the journal as plain values, with whether it is in effect."""
    operations, past = session.log(), session.past
    states = {o.number: "in effect" for o in past.done}
    states |= {o.number: "undone" for o in past.undone} | {o.number: "off" for o in past.off}
    states |= {problem.number: "conflict" for problem in session.problems}
    return [
        {
            "operation": operation.number,
            "kind": _kind(operation),
            "state": states.get(operation.number, ""),
            "author": operation.author,
            "time": operation.time,
            "generation": operation.generation,
            "place_nm": operation.place_nm,
            "candidate": operation.candidate,
            "verdict": operation.verdict,
            "reason": operation.reason,
            "milliseconds": operation.milliseconds,
        }
        for operation in operations
    ]


def _kind(operation: Operation) -> str:
    """Return what was done: locking and unlocking are one kind of edit."""
    if operation.kind == "lock" and operation.payload.get("locked") is False:
        return "unlock"
    if operation.kind == "mark" and operation.payload.get("finished") is False:
        return "unmark"
    return operation.kind


def in_words(values: dict[str, Any]) -> str:
    """Return an answer for a person to read."""
    if "pieces" in values:
        lines = [
            f"{key} {piece[key]}: {piece['voxels']} voxels"
            for piece in values["pieces"]
            for key in ("segment", "supervoxel")
            if key in piece
        ]
        return "\n".join([*lines, f"supervoxels divided: {len(values['divided'])}"])
    lines = [
        f"operation {values['operation']}: {_ids(values['old_ids'])} -> {_ids(values['new_ids'])}"
    ]
    conflicts = values.get("conflicts", ())
    return "\n".join([*lines, *(f"conflict: {c['operation']}: {c['reason']}" for c in conflicts)])


def _ids(ids: list[int]) -> str:
    """Return the first few ids; a stroke may touch hundreds."""
    shown = [
        *map(str, ids[:_MOST_IDS]),
        *([f"and {len(ids) - _MOST_IDS} more"] if len(ids) > _MOST_IDS else []),
    ]
    return " ".join(shown) or "nothing"
