"""A candidate is an edit that nobody has applied yet, with the reasons for it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from segmend.core.edits.model import Merge, Split, Spot
from segmend.core.errors import InputError
from segmend.core.geometry import ZyxNm

CandidateKind = Literal["merge", "split"]

_MAX_SPOTS = 4096
_MAX_EVIDENCE = 64
_MAX_NAME = 64


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A suspected error and the edit that would correct it.

    Two candidates are equal when their ids are.

    Parameters
    ----------
    id : str
        Made from what the edit names: the same suspicion has the same id in every run on the same supervoxels.
    kind : {"merge", "split"}
        What the edit does.
    place_nm : tuple of 3 float
        Where to look, z, y, x.
    edit : Merge or Split
        A split has two sides. The first spots of the two sides (`anchors`) say which two segments are meant.
    evidence : mapping of str to float
        Measurements the probability was computed from.
    probability : float
        That the edit is right, 0..1.
    gain : float
        Expected loss of variation of information, in bits: probability times the change if the edit is right.
    """

    id: str
    kind: CandidateKind
    place_nm: ZyxNm
    edit: Merge | Split
    evidence: Mapping[str, float]
    probability: float
    gain: float

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Candidate) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    @property
    def anchors(self) -> tuple[int, int]:
        """One supervoxel of each side."""
        if isinstance(self.edit, Merge):
            return self.edit.spots[0].supervoxel, self.edit.spots[1].supervoxel
        first, second = self.edit.sides
        return first[0].supervoxel, second[0].supervoxel

    @property
    def spots(self) -> tuple[Spot, ...]:
        """Every supervoxel the edit names."""
        return self.edit.spots


def candidate_id(edit: Merge | Split) -> str:
    """Return 16 hexadecimal digits that depend on the supervoxels the edit names, not on their order or side."""
    sides = (edit.spots,) if isinstance(edit, Merge) else edit.sides
    named = sorted(sorted(spot.supervoxel for spot in side) for side in sides)
    text = f"{'merge' if isinstance(edit, Merge) else 'split'} {named}"
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def still_together(edit: Split, segment_of: NDArray[np.uint32]) -> Split:
    """Leave out the seeds of a split that other edits have moved to another segment than its anchors.

    Parameters
    ----------
    edit : Split
    segment_of : (n + 1,) uint32
    """
    segment = segment_of[edit.sides[0][0].supervoxel]
    sides = tuple(
        tuple(s for s in side if segment_of[s.supervoxel] == segment) for side in edit.sides
    )
    return Split(sides) if all(sides) else edit


def with_living_parts(edit: Merge | Split, stand_in: Callable[[int], int]) -> Merge | Split:
    """Let a part stand for each supervoxel of an edit that was divided since; places are kept.

    Parameters
    ----------
    edit : Merge or Split
    stand_in : callable
        From a supervoxel to itself, to the part that stands for it, or to 0 where none does.
    """

    def alive(side: tuple[Spot, ...]) -> tuple[Spot, ...]:
        parts = [(spot, stand_in(spot.supervoxel)) for spot in side]
        if all(part == spot.supervoxel for spot, part in parts):
            return side
        return tuple(Spot(part or spot.supervoxel, spot.place_nm) for spot, part in parts)

    if isinstance(edit, Merge):
        return Merge(alive(edit.spots))
    return Split(tuple(alive(side) for side in edit.sides))


def to_json(candidate: Candidate) -> dict[str, Any]:
    """Return plain values that `from_json` turns back into an equal candidate."""
    edit = candidate.edit
    sides = (
        {"spots": _spots_to_json(edit.spots)}
        if isinstance(edit, Merge)
        else dict(zip(("first", "second"), map(_spots_to_json, edit.sides), strict=True))
    )
    return {
        "id": candidate.id,
        "kind": candidate.kind,
        "place_nm": [round(value, 3) for value in candidate.place_nm],
        **sides,
        "evidence": dict(candidate.evidence),
        "probability": candidate.probability,
        "gain": candidate.gain,
    }


def from_json(values: Any, supervoxel_count: int) -> Candidate:
    """Read a candidate from plain values; nothing in them is trusted.

    Parameters
    ----------
    values : object
        What a JSON reader returned.
    supervoxel_count : int
        Highest supervoxel id that exists.

    Raises
    ------
    InputError
        If a field is missing, of the wrong type, out of range, or contradicts the others.
    """
    if not isinstance(values, dict):
        raise InputError(
            f"a candidate is {type(values).__name__}: expected an object with its fields"
        )
    kind = _kind(values.get("kind"))
    edit = _edit_from_json(kind, values, supervoxel_count)
    expected = candidate_id(edit)
    if values.get("id") != expected:
        raise InputError(
            f"candidate id {str(values.get('id'))[:40]!r} does not fit its edit: expected {expected}"
        )
    probability = _number(values.get("probability"), "probability", low=0.0, high=1.0)
    return Candidate(
        id=expected,
        kind=kind,
        place_nm=_place(values.get("place_nm")),
        edit=edit,
        evidence=_evidence(values.get("evidence")),
        probability=probability,
        gain=_number(values.get("gain"), "gain"),
    )


def _kind(value: Any) -> CandidateKind:
    if value == "merge" or value == "split":
        return value
    raise InputError(f"candidate kind {str(value)[:40]!r} is unknown: expected merge or split")


def _edit_from_json(kind: str, values: dict[str, Any], count: int) -> Merge | Split:
    if kind == "merge":
        spots = _spots(values.get("spots"), count)
        if len({spot.supervoxel for spot in spots}) != 2 or len(spots) != 2:
            raise InputError("a merge candidate must name two different supervoxels")
        return Merge(spots)
    first, second = _spots(values.get("first"), count), _spots(values.get("second"), count)
    if {s.supervoxel for s in first} & {s.supervoxel for s in second}:
        raise InputError("a split candidate names one supervoxel on both sides: expected two sides")
    return Split((first, second))


def _spots_to_json(spots: tuple[Spot, ...]) -> list[list[float]]:
    return [[s.supervoxel, *(round(value, 3) for value in s.place_nm)] for s in spots]


def _spots(values: Any, supervoxel_count: int) -> tuple[Spot, ...]:
    if not isinstance(values, list) or not 1 <= len(values) <= _MAX_SPOTS:
        raise InputError(f"the spots of a candidate must be a list of 1 to {_MAX_SPOTS} places")
    return tuple(_spot(value, supervoxel_count) for value in values)


def _spot(value: Any, supervoxel_count: int) -> Spot:
    if not isinstance(value, list) or len(value) != 4 or type(value[0]) is not int:
        raise InputError("a spot of a candidate must be [supervoxel, z, y, x] with z, y, x in nm")
    if not 1 <= value[0] <= supervoxel_count:
        raise InputError(
            f"a candidate names supervoxel {value[0]} but there are {supervoxel_count}: "
            "detect the candidates again"
        )
    return Spot(value[0], _place(value[1:]))


def _place(value: Any) -> ZyxNm:
    if not isinstance(value, list) or len(value) != 3:
        raise InputError("a place must be three numbers z, y, x in nm")
    z, y, x = (_number(axis, "place") for axis in value)
    return z, y, x


def _evidence(value: Any) -> dict[str, float]:
    if not isinstance(value, dict) or len(value) > _MAX_EVIDENCE:
        raise InputError(f"evidence must be an object of at most {_MAX_EVIDENCE} numbers")
    if any(not isinstance(name, str) or len(name) > _MAX_NAME for name in value):
        raise InputError(f"a name in evidence is longer than {_MAX_NAME} characters")
    return {name: _number(number, "evidence") for name, number in value.items()}


def _number(value: Any, name: str, *, low: float = -1e18, high: float = 1e18) -> float:
    usable = type(value) in (int, float) and math.isfinite(value) and low <= value <= high
    if not usable:
        raise InputError(
            f"{name} of a candidate is {str(value)[:40]!r}: expected a number {low:g} to {high:g}"
        )
    return float(value)
