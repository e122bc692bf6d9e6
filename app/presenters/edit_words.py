"""Edits in words: what was done, what would be undone, what a colleague did. No Qt, no napari."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from segmend.core.errors import SegmentLocked

_DONE = {
    "merge": "Joined segments",
    "split": "Cut a segment",
    "cleave": "Cleaved a segment",
    "detach": "Detached a supervoxel",
    "paint": "Painted voxels",
    "erase": "Erased voxels",
    "divide": "Divided a supervoxel",
    "run": "Ran the pipeline",
}
_NOUNS = {
    "merge": "merge",
    "split": "split",
    "cleave": "cleave",
    "detach": "detaching",
    "paint": "painting",
    "erase": "erasing",
    "divide": "division",
}
_PAST = {
    "merge": "merged",
    "split": "split",
    "cleave": "cleaved",
    "detach": "detached a supervoxel of",
    "paint": "painted",
    "erase": "erased voxels of",
    "divide": "divided a supervoxel of",
}
_TITLES = {"verdict": "Rejected, skipped", "divide": "Division", "mark": "Finished mark"}
_COUNTS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight", 9: "nine"}
_APART = ("split", "cleave", "detach")
_NAMED = 3


def kind_title(kind: str) -> str:
    """Return what a kind of operation is called in a list to choose from."""
    return _TITLES.get(kind) or kind.replace("_", " ").capitalize()


def done_words(
    kind: str, verdict: str | None = None, payload: Mapping[str, Any] | None = None
) -> str:
    """Say what an operation did: "Joined two segments"."""
    payload = payload or {}
    if kind == "verdict":
        return {"reject": "Rejected", "unsure": "Skipped"}.get(verdict or "", "Decided")
    if kind == "merge" and (count := _length(payload.get("spots"))):
        return f"Joined {_count(count)} segments"
    if (
        kind in ("split", "cleave")
        and (count := _length(payload.get("sides") or payload.get("groups"))) > 2
    ):
        return f"{'Cut' if kind == 'split' else 'Cleaved'} into {_count(count)}"
    if kind == "mark":
        return "Marked finished" if payload.get("finished", True) else "Marked unfinished"
    if kind == "lock":
        return "Locked" if payload.get("locked", True) else "Unlocked"
    return _DONE.get(kind) or kind.replace("_", " ").capitalize()


def undo_words(
    kind: str,
    verdict: str | None = None,
    names: Sequence[int] = (),
    payload: Mapping[str, Any] | None = None,
) -> str:
    """Say what undo would take back, to stand behind "Undo": "merge of 12 and 40"."""
    payload = payload or {}
    if kind == "verdict":
        return {"reject": "rejection", "unsure": "skipping"}.get(verdict or "", "decision")
    if kind == "mark":
        noun = "finished mark" if payload.get("finished", True) else "unfinished mark"
    elif kind == "lock":
        noun = "lock" if payload.get("locked", True) else "unlocking"
    else:
        noun = _NOUNS.get(kind) or kind.replace("_", " ")
    if not names:
        return noun
    return f"{noun} {'into' if kind in _APART and len(names) > 1 else 'of'} {listed(names)}"


def applied_words(kind: str, before: Sequence[int], after: Sequence[int]) -> str:
    """Say what a split or a cleave did: "Split 12 into 12 and 87"."""
    return f"{'Split' if kind == 'split' else 'Cleaved'} {listed(before)} into {listed(after)}"


def foreign_words(
    author: str, kind: str, names: Sequence[int] = (), verdict: str | None = None
) -> str:
    """Say what a colleague did: "Ada merged 12 and 40"."""
    who = author[:1].upper() + author[1:]
    if kind == "verdict":
        return f"{who} {'rejected' if verdict == 'reject' else 'skipped'} a candidate"
    if kind in ("undo", "redo", "switch"):
        verb = {"undo": "undid", "redo": "did again", "switch": "switched"}[kind]
        return f"{who} {verb} an operation" + (f" on {listed(names)}" if names else "")
    if kind in ("mark", "lock"):
        return f"{who} marked {listed(names)}" if names else f"{who} marked a segment"
    return f"{who} {_PAST.get(kind, 'edited')} {listed(names) if names else 'a segment'}"


def refused_words(error: Exception) -> str:
    """Say why an edit is refused, and what a person at the window can do about it."""
    if isinstance(error, SegmentLocked):
        return f"Segment {error.name} is locked: point at it and press L to unlock it."
    return str(error)


def listed(names: Sequence[int]) -> str:
    """Return "12", "12 and 40", "12, 40 and 7", or "12, 40, 7 and 4 more"."""
    words = [str(name) for name in names]
    if len(words) > _NAMED + 1:
        words = [*words[:_NAMED], f"{len(words) - _NAMED} more"]
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def _length(items: Any) -> int:
    return len(items) if isinstance(items, (list, tuple)) else 0


def _count(number: int) -> str:
    return _COUNTS.get(number, f"{number:,}")
