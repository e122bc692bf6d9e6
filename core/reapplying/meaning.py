"""Which decisions are still meant, and what became of them on another segmentation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from segmend.core.edits.model import Erase, Lock, MarkFinished, Paint
from segmend.core.geometry import ZyxNm
from segmend.core.reapplying.constraints import Constraint, Decision
from segmend.core.reapplying.tissue import Tissue
from segmend.core.timeline.history import History


@dataclass(frozen=True, slots=True)
class ConflictingDecision:
    """A decision that the new segmentation does not keep.

    Parameters
    ----------
    generation, operation : int
        Where it was decided.
    kind, author : str
    place_nm : tuple of 3 float, optional
    reason : str
        Why it could not be made good.
    """

    generation: int
    operation: int
    kind: str
    author: str
    place_nm: ZyxNm | None
    reason: str


@dataclass(frozen=True, slots=True)
class Reapplied:
    """What became of the decisions.

    Parameters
    ----------
    decisions : int
        In effect; each is satisfied, applied, overruled or in conflict.
    satisfied : int
        Kept by the new segmentation as it came, or re-applied to it before.
    applied : int
        Made good by edits.
    superseded : int
        Not counted above: later decisions say the opposite.
    conflicts : tuple of ConflictingDecision
        For a person to look at.
    overruled : tuple of ConflictingDecision
        Superseded by newer work of the present generation, which wins.
    """

    decisions: int
    satisfied: int
    applied: int
    superseded: int
    conflicts: tuple[ConflictingDecision, ...]
    overruled: tuple[ConflictingDecision, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def still_meant(decisions: Iterable[Decision], tissue: Tissue) -> tuple[list[Decision], int]:
    """Leave out what later decisions took back.

    Parameters
    ----------
    decisions : iterable of Decision
    tissue : Tissue
        The segmentation that all decisions of a generation left behind, or that of a later one.

    Returns
    -------
    list of Decision
        With those constraints that agree with it.
    int
        How many were left out altogether.
    """
    kept, superseded = [], 0
    for decision in decisions:
        agreeing = tuple(c for c in decision.constraints if _agrees(c, tissue))
        mark = decision.edit if isinstance(decision.edit, MarkFinished | Lock) else None
        unmarked = mark is not None and not is_marked(mark, tissue)
        if unmarked or (decision.constraints and not agreeing):
            superseded += 1
        else:
            kept.append(replace(decision, constraints=agreeing))
    return kept, superseded


def without_undone(decisions: Iterable[Decision], history: History) -> tuple[list[Decision], int]:
    """Leave out strokes that were re-applied to a later generation and taken back there.

    Parameters
    ----------
    decisions : iterable of Decision
    history : History
        Of the later generation.

    Returns
    -------
    list of Decision
    int
        How many were left out.
    """
    gone = {(row.author, row.reason) for row in (*history.undone, *history.off)}
    gone -= {(row.author, row.reason) for row in history.done}
    found = list(decisions)
    kept = [
        d
        for d in found
        if not isinstance(d.edit, Paint | Erase) or (d.author, d.because) not in gone
    ]
    return kept, len(found) - len(kept)


def _agrees(constraint: Constraint, tissue: Tissue) -> bool:
    first, second = tissue.segment_at(constraint.first), tissue.segment_at(constraint.second)
    return bool(first and second) and (first == second) == constraint.together


def is_marked(edit: MarkFinished | Lock, tissue: Tissue) -> bool:
    """Say whether a segment has the mark that an edit sets."""
    s = tissue.segmentation
    marked = s.finished if isinstance(edit, MarkFinished) else s.locked
    return tissue.segment_at(edit.spot.place_nm) in marked
