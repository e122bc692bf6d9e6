"""Edits as JSON, checked on the way in: a journal or a script from outside may say anything."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from segmend.core.edits.model import DivideSupervoxel, Edit, Merge, Resolved, Split, Spot, Verdict
from segmend.core.errors import InputError
from segmend.core.geometry import ZyxNm

_MOST_IDS = 100_000_000
_FARTHEST_NM = 1e15  # a kilometre; whole numbers of any length and infinities fail this, too


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
    kind = _field(data, "kind", str)
    if kind not in _DECODERS:
        raise InputError(f"edit kind {kind!r} is unknown: expected one of {', '.join(_DECODERS)}")
    return _DECODERS[kind](data)


def resolved_to_json(resolved: Resolved) -> dict[str, Any]:
    """Return a resolved edit as plain JSON values; long id lists are packed."""
    data = edit_to_json(resolved.edit)
    if resolved.sides:
        data["sides"] = [pack_ids(side) for side in resolved.sides]
        data["new_segments"] = list(resolved.new_segments)
    if resolved.children:
        data["children"] = list(resolved.children)
        data["chunks"] = [list(chunk) for chunk in resolved.chunks]
        data["tables"] = resolved.tables
    return data


def resolved_from_json(data: Any) -> Resolved:
    """Build a resolved edit from JSON values, with the same checks as `edit_from_json`."""
    edit = edit_from_json(data)
    sides = tuple(unpack_ids(text) for text in _list(data.get("sides", [])))
    chunks = tuple(_chunk(item) for item in _list(data.get("chunks", [])))
    return Resolved(
        edit,
        sides=sides,
        new_segments=tuple(_id(i) for i in _list(data.get("new_segments", []))),
        children=tuple(_id(i) for i in _list(data.get("children", []))),
        chunks=chunks,
        tables=_field(data, "tables", str) if "tables" in data else "",
    )


def pack_ids(ids: Sequence[int]) -> str:
    """Return ids as text: sorted, differences, zlib, base64."""
    steps = np.diff(np.sort(np.asarray(ids, np.int64)), prepend=0).astype("<u4")
    return f"{len(ids)}:{base64.b64encode(zlib.compress(steps.tobytes(), 6)).decode('ascii')}"


def unpack_ids(text: Any) -> tuple[int, ...]:
    """Return the ids of `pack_ids`, sorted; the count is checked before anything is allocated."""
    count, _, packed = text.partition(":") if isinstance(text, str) else ("", "", "")
    if not count.isdigit() or not 0 < int(count) <= _MOST_IDS:
        raise InputError("an id list is damaged: expected COUNT:DATA")
    try:
        reader = zlib.decompressobj()
        raw = reader.decompress(base64.b64decode(packed, validate=True), 4 * int(count) + 1)
    except (binascii.Error, zlib.error, ValueError):
        raise InputError("an id list is damaged: its data cannot be unpacked") from None
    if len(raw) != 4 * int(count):
        raise InputError(f"an id list is damaged: expected {count} ids, found {len(raw) / 4:g}")
    return tuple(np.cumsum(np.frombuffer(raw, "<u4").astype(np.int64)).tolist())


def _spot_json(spot: Spot) -> dict[str, Any]:
    return {"supervoxel": spot.supervoxel, "place_nm": list(spot.place_nm)}


def _spot(data: Any) -> Spot:
    return Spot(_id(_field(data, "supervoxel", int)), _triple(_field(data, "place_nm", list)))


def _spots(data: Any, name: str) -> tuple[Spot, ...]:
    return tuple(_spot(item) for item in _field(data, name, list))


def _merge(data: Any) -> Merge:
    return Merge(_spots(data, "spots"))


def _split(data: Any) -> Split:
    return Split(_spots(data, "first"), _spots(data, "second"))


def _divide(data: Any) -> DivideSupervoxel:
    return DivideSupervoxel(
        _spot(_field(data, "spot", dict)), _triple(_field(data, "normal_zyx", list))
    )


def _verdict(data: Any) -> Verdict:
    place = _triple(_field(data, "place_nm", list))
    return Verdict(_field(data, "candidate", str), _field(data, "verdict", str), place)


_KINDS: dict[type, str] = {
    Merge: "merge",
    Split: "split",
    DivideSupervoxel: "divide",
    Verdict: "verdict",
}
_ENCODERS: dict[type, Callable[[Any], dict[str, Any]]] = {
    Merge: lambda e: {"spots": [_spot_json(s) for s in e.spots]},
    Split: lambda e: {
        "first": [_spot_json(s) for s in e.first],
        "second": [_spot_json(s) for s in e.second],
    },
    DivideSupervoxel: lambda e: {"spot": _spot_json(e.spot), "normal_zyx": list(e.normal_zyx)},
    Verdict: lambda e: {
        "candidate": e.candidate,
        "verdict": e.verdict,
        "place_nm": list(e.place_nm),
    },
}
_DECODERS: dict[str, Callable[[Any], Edit]] = {
    "merge": _merge,
    "split": _split,
    "divide": _divide,
    "verdict": _verdict,
}


def _field(data: Any, name: str, kind: type) -> Any:
    if not isinstance(data, Mapping):
        raise InputError(f"expected a JSON object with {name!r}, found {type(data).__name__}")
    value = data.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise InputError(
            f"field {name!r} of an edit: expected {kind.__name__}, found {type(value).__name__}"
        )
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise InputError(f"expected a JSON list, found {type(value).__name__}")
    return value


def _id(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**32:
        raise InputError(f"{value!r} is not an id: expected a whole number from 0 to 2^32 - 1")
    return value


def _triple(value: list[Any]) -> ZyxNm:
    good = len(value) == 3 and all(
        isinstance(v, int | float) and not isinstance(v, bool) and abs(v) < _FARTHEST_NM
        for v in value
    )
    if not good:
        raise InputError(f"{value!r} is not a place: expected three finite numbers z, y, x in nm")
    return float(value[0]), float(value[1]), float(value[2])


def _chunk(value: Any) -> tuple[int, int, int, int, str]:
    if not isinstance(value, list) or len(value) != 5 or not isinstance(value[4], str):
        raise InputError("a chunk entry is damaged: expected level, z, y, x, file")
    level, z, y, x = (_id(i) for i in value[:4])
    return level, z, y, x, value[4]
