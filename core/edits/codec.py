"""Edits as JSON, checked on the way in: a journal or a script from outside may say anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from segmend.core.edits import checked
from segmend.core.edits.id_lists import pack_ids, unpack_ids
from segmend.core.edits.mask import VoxelMask
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
    SplitSupervoxel,
    Spot,
    Verdict,
)
from segmend.core.errors import InputError
from segmend.core.segmentation.packing import MOST_VOXELS
from segmend.core.segmentation.patches import Patch


def kind_of(edit: Edit) -> str:
    """Return the tag under which an edit is stored."""
    return _KINDS[type(edit)]


def edit_to_json(edit: Edit) -> dict[str, Any]:
    """Return an edit as plain JSON values with its ``kind``."""
    return {"kind": kind_of(edit), **_ENCODERS[type(edit)](edit)}


def edit_from_json(data: Any) -> Edit:
    """Build an edit from JSON values.

    Raises
    ------
    InputError
        If a field is missing or is not what it should be.
    """
    kind = checked.field(data, "kind", str)
    if kind not in _DECODERS:
        raise InputError(
            f"edit kind {kind[:40]!r} is unknown: expected one of {', '.join(_DECODERS)}"
        )
    return _DECODERS[kind](data)


def resolved_to_json(resolved: Resolved) -> dict[str, Any]:
    """Return a resolved edit as plain JSON values; long id lists and voxels are packed."""
    data = edit_to_json(resolved.edit)
    if resolved.sides:
        data["leaving"] = [pack_ids(side) for side in resolved.sides]
    if resolved.new_segments:
        data["new_segments"] = list(resolved.new_segments)
    if resolved.patches:
        data["patches"] = [_patch_json(patch) for patch in resolved.patches]
    return data


def resolved_from_json(data: Any, kind: str, most: int) -> Resolved:
    """Build a resolved edit from JSON values, with the same checks as `edit_from_json`.

    Parameters
    ----------
    data : object
        From outside.
    kind : str
        What the row says it is; another edit in it is refused.
    most : int
        Supervoxels that there are; more of them in all lists together are refused.
    """
    edit = edit_from_json(data)
    if kind_of(edit) != kind:
        raise InputError(f"its row says {kind[:40]!r}, its content is an edit of another kind")
    name = "sides" if "first" in data else "leaving"  # the former in journals of 0.1
    return Resolved(
        edit,
        sides=_sides(checked.items(data, name), most),
        new_segments=checked.ids(data, "new_segments"),
        patches=_patches(data),
    )


def _sides(texts: Iterable[Any], most: int) -> tuple[tuple[int, ...], ...]:
    sides = []
    for text in texts:
        sides.append(unpack_ids(text, most))
        most -= len(sides[-1])
    return tuple(sides)


def _patches(data: Any) -> tuple[Patch, ...]:
    patches = tuple(checked.patch(item) for item in checked.items(data, "patches"))
    if sum(patch.box.size for patch in patches) > MOST_VOXELS:
        raise InputError(f"an edit changes more than {MOST_VOXELS} voxels")
    return patches


def _patch_json(patch: Patch) -> dict[str, Any]:
    return {
        "box": checked.box_json(patch.box),
        "parents": list(patch.parents),
        "ids": list(patch.ids),
        "origins": list(patch.origins),
        "voxels": patch.packed,
    }


def _mask_json(mask: VoxelMask) -> dict[str, Any]:
    return {"box": checked.box_json(mask.box), "bits": mask.bits}


def _spot_json(spot: Spot | None) -> dict[str, Any] | None:
    if spot is None:
        return None
    return {"supervoxel": spot.supervoxel, "place_nm": list(map(float, spot.place_nm))}


def _spots_json(spots: Iterable[Spot]) -> list[Any]:
    return [_spot_json(spot) for spot in spots]


def _split(data: Any) -> Split:
    if "first" in data:
        return Split((checked.spots(data["first"]), checked.spots(data.get("second"))))
    return Split(checked.sides(data, "sides"))


def _paint(data: Any) -> Paint:
    return Paint(checked.mask(data), _maybe_spot(data, "target"), checked.place(data["place_nm"]))


def _erase(data: Any) -> Erase:
    return Erase(checked.mask(data), _maybe_spot(data, "only"), checked.place(data["place_nm"]))


def _maybe_spot(data: Any, name: str) -> Spot | None:
    checked.field(data, "place_nm", list)
    return None if data.get(name) is None else checked.spot(data[name])


def _verdict(data: Any) -> Verdict:
    place = checked.place(data.get("place_nm"))
    candidate = checked.field(data, "candidate", str)
    return Verdict(candidate, checked.field(data, "verdict", str), place)


_KINDS: dict[type, str] = {
    Merge: "merge",
    Split: "split",
    Cleave: "cleave",
    Detach: "detach",
    Paint: "paint",
    Erase: "erase",
    SplitSupervoxel: "divide",
    MarkFinished: "mark",
    Lock: "lock",
    Verdict: "verdict",
}
_ENCODERS: dict[type, Callable[[Any], dict[str, Any]]] = {
    Merge: lambda e: {"spots": _spots_json(e.spots)},
    Split: lambda e: {"sides": [_spots_json(side) for side in e.sides]},
    Cleave: lambda e: {"groups": [_spots_json(group) for group in e.groups]},
    Detach: lambda e: {"spots": _spots_json(e.spots)},
    Paint: lambda e: {
        "mask": _mask_json(e.mask),
        "target": _spot_json(e.target),
        "place_nm": list(map(float, e.place_nm)),
    },
    Erase: lambda e: {
        "mask": _mask_json(e.mask),
        "only": _spot_json(e.only),
        "place_nm": list(map(float, e.place_nm)),
    },
    SplitSupervoxel: lambda e: {"sides": [_spots_json(side) for side in e.sides]},
    MarkFinished: lambda e: {"spot": _spot_json(e.spot), "finished": e.finished},
    Lock: lambda e: {"spot": _spot_json(e.spot), "locked": e.locked},
    Verdict: lambda e: {
        "candidate": e.candidate,
        "verdict": e.verdict,
        "place_nm": list(map(float, e.place_nm)),
    },
}
_DECODERS: dict[str, Callable[[Any], Edit]] = {
    "merge": lambda d: Merge(checked.spots(d.get("spots"))),
    "split": _split,
    "cleave": lambda d: Cleave(checked.sides(d, "groups")),
    "detach": lambda d: Detach(checked.spots(d.get("spots"))),
    "paint": _paint,
    "erase": _erase,
    "divide": lambda d: SplitSupervoxel(checked.sides(d, "sides")),
    "mark": lambda d: MarkFinished(checked.spot(d.get("spot")), checked.field(d, "finished", bool)),
    "lock": lambda d: Lock(checked.spot(d.get("spot")), checked.field(d, "locked", bool)),
    "verdict": _verdict,
}
