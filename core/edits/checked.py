"""Single values of an edit as they come from outside, each checked before it is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from segmend.core.edits.mask import VoxelMask
from segmend.core.edits.model import Spot
from segmend.core.errors import InputError
from segmend.core.geometry import Box, ZyxNm
from segmend.core.segmentation.packing import MOST_VOXELS
from segmend.core.segmentation.patches import MOST_PARTS, Patch

_FARTHEST_NM = 1e15  # a kilometre; whole numbers of any length and infinities fail this, too
_FARTHEST_VOXEL = 2**31
_NUMBERS = (int, float)


def field(data: Any, name: str, kind: type) -> Any:
    """Return a field of a JSON object that is of a kind."""
    if not isinstance(data, Mapping):
        raise InputError(f"expected a JSON object with {name!r}, found {type(data).__name__}")
    value = data.get(name)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise InputError(
            f"field {name!r} of an edit: expected {kind.__name__}, found {type(value).__name__}"
        )
    return value


def items(data: Any, name: str) -> list[Any]:
    """Return a field that is a list, empty where there is none."""
    return field(data, name, list) if name in data else []


def whole_id(value: Any) -> int:
    """Return a number that can be an id."""
    if type(value) is not int or not 0 <= value < 2**32:
        raise InputError(
            f"{_short(value)} is not an id: expected a whole number from 0 to 2^32 - 1"
        )
    return value


def ids(data: Any, name: str) -> tuple[int, ...]:
    """Return a list of ids, empty where there is none."""
    return tuple(map(whole_id, items(data, name)))


def place(value: Any) -> ZyxNm:
    """Return a place in nm."""
    if type(value) is list and len(value) == 3:
        z, y, x = value
        if type(z) in _NUMBERS and type(y) in _NUMBERS and type(x) in _NUMBERS:
            far = _FARTHEST_NM
            if -far < z < far and -far < y < far and -far < x < far:
                return float(z), float(y), float(x)
    raise InputError(f"{_short(value)} is not a place: expected three finite numbers z, y, x in nm")


def spot(data: Any) -> Spot:
    """Return a spot."""
    if type(data) is not dict:
        raise InputError(f"{_short(data)} is not a spot: expected supervoxel and place_nm")
    return Spot(whole_id(data.get("supervoxel")), place(data.get("place_nm")))


def spots(data: Any) -> tuple[Spot, ...]:
    """Return a list of spots."""
    if type(data) is not list:
        raise InputError(f"expected a list of spots, found {type(data).__name__}")
    return tuple([spot(item) for item in data])


def sides(data: Any, name: str) -> tuple[tuple[Spot, ...], ...]:
    """Return a list of lists of spots."""
    return tuple([spots(side) for side in field(data, name, list)])


def box(data: Any) -> Box:
    """Return a box of voxels that is not empty, lies in range and is not too large."""
    corners = field(data, "box", list)
    flat = corners if len(corners) == 6 else []
    if not all(type(v) is int and 0 <= v < _FARTHEST_VOXEL for v in flat) or not flat:
        raise InputError(f"{_short(corners)} is not a box: expected z0, y0, x0, z1, y1, x1")
    found = Box((flat[0], flat[1], flat[2]), (flat[3], flat[4], flat[5]))
    if not 0 < found.size <= MOST_VOXELS:
        raise InputError(f"a box of {found.size} voxels: expected 1 to {MOST_VOXELS}")
    return found


def box_json(value: Box) -> list[int]:
    """Return a box as six numbers."""
    return [*value.start_zyx, *value.stop_zyx]


def mask(data: Any) -> VoxelMask:
    """Return a mask; its bits are unpacked, and checked, when they are needed."""
    values = field(data, "mask", dict)
    return VoxelMask(box(values), field(values, "bits", str))


def patch(data: Any) -> Patch:
    """Return a patch; its voxels are unpacked, and checked, when they are needed."""
    found = Patch(
        box(data), ids(data, "parents"), ids(data, "ids"), ids(data, "origins"),
        field(data, "voxels", str),
    )  # fmt: skip
    parents, children = set(found.parents), found.children
    fits = (
        0 < len(found.ids) == len(found.origins) <= MOST_PARTS
        and 0 not in parents
        and len(parents) == len(found.parents)
        and len(set(children)) == len(children)
        and parents.isdisjoint(children)
        and parents.issuperset(filter(None, found.origins))
        and not any(o for i, o in zip(found.ids, found.origins, strict=True) if not i)
    )
    if not fits:
        raise InputError("a patch is damaged: its parts do not fit its parents")
    return found


def _short(value: Any) -> str:
    text = repr(value) if not isinstance(value, int) or abs(value) < 10**30 else "a huge number"
    return text if len(text) <= 60 else f"{text[:57]}..."
