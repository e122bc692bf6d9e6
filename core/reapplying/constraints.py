"""Decisions as what they say about places: these belong together, those do not.

Supervoxels and segments are those of one run of the pipeline. What a person decided is about the tissue, so it is kept
as pairs of places, and holds for every other segmentation of the same volume.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise

from segmend.core.edits.codec import resolved_from_json
from segmend.core.edits.model import (
    Cleave,
    Detach,
    Edit,
    Erase,
    Lock,
    MarkFinished,
    Merge,
    Paint,
    Resolved,
    Split,
    Spot,
    Spots,
    Verdict,
)
from segmend.core.edits.numbering import most_supervoxels
from segmend.core.errors import SegmendError
from segmend.core.geometry import ZyxNm
from segmend.core.journal.operation import Operation
from segmend.core.reapplying.tissue import Tissue

MOST_PAIRS = 16
"""Pairs of places kept of two sides that have many."""
MOST_NEIGHBOURS = 8
MOST_REASON = 1000
_REAPPLIED = re.compile(r"re-applied operation [0-9]+ of generation [0-9]+ \(")


@dataclass(frozen=True, slots=True)
class Constraint:
    """Two places that belong together, or do not.

    Parameters
    ----------
    first, second : tuple of 3 float
        z, y, x in nm, inside the supervoxels that were meant.
    together : bool
    """

    first: ZyxNm
    second: ZyxNm
    together: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody decided about a segmentation, ready to be made good on another.

    Parameters
    ----------
    generation, number : int
        Where it was decided.
    kind, author, reason : str
        Of the operation.
    place_nm : tuple of 3 float, optional
    constraints : tuple of Constraint
    edit : Edit, optional
        To be made again at its place: painting, erasing, marking, locking.
    candidate : str, optional
        That was rejected.
    problem : str
        Why nothing can be told about it; empty otherwise.
    """

    generation: int
    number: int
    kind: str
    author: str
    reason: str
    place_nm: ZyxNm | None
    constraints: tuple[Constraint, ...] = ()
    edit: Edit | None = None
    candidate: str | None = None
    problem: str = ""

    @property
    def because(self) -> str:
        """Reason of the edits that make it good elsewhere."""
        said = f": {self.reason}" if self.reason else ""
        name = f"operation {self.number} of generation {self.generation} ({self.kind})"
        return f"re-applied {name}{said}"[:MOST_REASON]


def decisions_of(
    operations: Sequence[Operation], tissue: Tissue, candidates: Mapping[str, Merge | Split]
) -> list[Decision]:
    """Return what the operations in effect decided; those that only re-applied an older decision are no new ones.

    Parameters
    ----------
    operations : sequence of Operation
        In effect, in order.
    tissue : Tissue
        What they left behind.
    candidates : mapping of str to Merge or Split
        What was asked, by candidate id; a rejection says no more.
    """
    new = (operation for operation in operations if not _REAPPLIED.match(operation.reason))
    found = (_decision(operation, tissue, candidates) for operation in new)
    return [decision for decision in found if decision is not None]


def _decision(
    operation: Operation, tissue: Tissue, candidates: Mapping[str, Merge | Split]
) -> Decision | None:
    """Return the decision of an operation; None if it says nothing that another segmentation could keep."""
    o = operation
    blank = Decision(o.generation, o.number, o.kind, o.author, o.reason, o.place_nm)
    try:
        most = most_supervoxels(tissue.segmentation.base)
        resolved = resolved_from_json(operation.payload, operation.kind, most)
    except SegmendError as error:
        return replace(blank, problem=f"its row is damaged: {error}")
    edit = resolved.edit
    if isinstance(edit, Paint | Erase):
        return replace(blank, edit=_placed_stroke(edit, tissue))
    if isinstance(edit, MarkFinished | Lock):
        wanted = edit.finished if isinstance(edit, MarkFinished) else edit.locked
        placed = replace(edit, spot=_placed(edit.spot, tissue))
        return replace(blank, edit=placed) if wanted else None
    if isinstance(edit, Verdict):
        return _rejection(blank, edit, tissue, candidates) if edit.verdict == "reject" else None
    constraints = tuple(_constraints(resolved, operation.candidate, tissue))
    return replace(blank, constraints=constraints) if constraints else None


def _placed_stroke(edit: Paint | Erase, tissue: Tissue) -> Paint | Erase:
    if isinstance(edit, Paint):
        return edit if edit.target is None else replace(edit, target=_placed(edit.target, tissue))
    return edit if edit.only is None else replace(edit, only=_placed(edit.only, tissue))


def _placed(spot: Spot, tissue: Tissue) -> Spot:
    return Spot(spot.supervoxel, tissue.place_of(spot))


def _rejection(
    blank: Decision, edit: Verdict, tissue: Tissue, candidates: Mapping[str, Merge | Split]
) -> Decision:
    asked = candidates.get(edit.candidate)
    if asked is None:
        return replace(blank, problem=f"its candidate {edit.candidate} is not known any more")
    if isinstance(asked, Merge):
        first, second = asked.spots[:2]
    else:
        first, second = asked.sides[0][0], asked.sides[1][0]
    kept = Constraint(
        tissue.place_of(first), tissue.place_of(second), together=isinstance(asked, Split)
    )
    return replace(blank, constraints=(kept,), candidate=edit.candidate)


def _constraints(resolved: Resolved, candidate: str | None, tissue: Tissue) -> Iterator[Constraint]:
    edit = resolved.edit
    if isinstance(edit, Merge):
        yield from _together(_places(edit.spots, tissue))
    elif isinstance(edit, Split | Cleave):
        named = edit.sides if isinstance(edit, Split) else edit.groups
        sides = [_places(side, tissue) for side in named]
        for first, second in combinations(sides, 2):
            yield from _apart(first, second)
        if candidate is None:  # a candidate's seeds are the program's, not what a person pointed at
            for side in sides:
                yield from _together(side)
    elif isinstance(edit, Detach):
        yield from _apart(_places(edit.spots, tissue), _around(edit.spots, tissue))


def _places(spots: Spots, tissue: Tissue) -> list[ZyxNm]:
    return list(dict.fromkeys(tissue.place_of(spot) for spot in spots))


def _together(places: Sequence[ZyxNm]) -> Iterator[Constraint]:
    return (Constraint(a, b, together=True) for a, b in pairwise(places))


def _apart(first: Sequence[ZyxNm], second: Sequence[ZyxNm]) -> Iterator[Constraint]:
    """Pair the places of two sides, the shorter one going round."""
    if not first or not second:
        return
    for i in range(min(MOST_PAIRS, max(len(first), len(second)))):
        yield Constraint(first[i % len(first)], second[i % len(second)], together=False)


def _around(spots: Spots, tissue: Tissue) -> list[ZyxNm]:
    """Return places in the neighbours that what was detached touches most."""
    s = tissue.segmentation
    inside = {part for spot in spots for part in s.living(spot.supervoxel)}
    contact: dict[int, int] = {}
    for segment in {int(s.segment_of[part]) for part in inside}:
        found = s.edges_around(segment)
        for (u, v), area in zip(found.pairs.tolist(), found.area.tolist(), strict=True):
            outer = v if int(s.segment_of[u]) == segment else u
            contact[outer] = max(contact.get(outer, 0), area)
    most = sorted(contact, key=lambda v: (-contact[v], v))[:MOST_NEIGHBOURS]
    return [tissue.middle_of(v) for v in most]
