"""From a request to the edit it describes, by places or, as the journal has it, by supervoxels."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from segmend.core.edits import checked
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
    Split,
    SplitSupervoxel,
    Spot,
)
from segmend.core.edits.strokes import stroke
from segmend.core.errors import InputError
from segmend.core.geometry import Box, ZyxNm, parse_box
from segmend.core.segmentation.packing import MOST_VOXELS

if TYPE_CHECKING:
    from segmend.core.session import Session


def edit_of(request: dict[str, Any], session: Session, *, nm: bool) -> Edit:
    """Build the edit that a request describes.

    Raises
    ------
    InputError
        If places are missing, malformed or outside the volume.
    """
    return _BUILDERS[request["kind"]](_Reader(request, session, nm))


class _Reader:
    """The fields of a request as values.

    Parameters
    ----------
    request : dict
    session : Session
    nm : bool
        Places are nm, not voxels.
    """

    def __init__(self, request: dict[str, Any], session: Session, nm: bool) -> None:
        self.fields = request
        self._session = session
        self._nm = nm

    def spot(self, *names: str) -> Spot:
        """Return the spot that the first of some fields gives."""
        name = self._given(names)
        return self._spot(name, self.fields.get(name))

    def spots(self, *names: str) -> tuple[Spot, ...]:
        """Return a list of spots."""
        name = self._given(names)
        return self._spots(name, self.fields.get(name))

    def sides(self, name: str) -> tuple[tuple[Spot, ...], ...]:
        """Return lists of spots, two or more."""
        sides = self.fields.get(name)
        if not isinstance(sides, list) or len(sides) < 2:
            raise InputError(
                f'a {self.fields["kind"]} needs two {name} or more: "{name}": [[[Z, Y, X], ...], [[Z, Y, X], ...]], '
                f"or --{name.removesuffix('s')} twice"
            )
        if not all(sides):
            raise InputError(
                f"a {self.fields['kind']} needs a place in each of its {name}: one of them is empty"
            )
        return tuple(self._spots(name, side) for side in sides)

    def mask(self) -> VoxelMask:
        """Return the voxels of a stroke, of a file, or as the journal has them."""
        mask = self.fields.get("mask")
        if mask is not None and "points" in self.fields:
            raise InputError(f"a {self.fields['kind']} takes a mask or points, not both")
        if isinstance(mask, dict):
            return checked.mask(self.fields)
        return self._stroke() if mask is None else _mask_of_file(mask, self._box())

    def place_of(self, mask: VoxelMask) -> ZyxNm:
        """Return where a stroke counts as made."""
        if "place_nm" in self.fields:
            return _point("place_nm", self.fields["place_nm"])
        ends = zip(mask.box.start_zyx, mask.box.stop_zyx, strict=True)
        z, y, x = ((start + stop - 1) / 2 for start, stop in ends)
        return self._session.project.grid.to_nm((z, y, x))

    def _stroke(self) -> VoxelMask:
        project, points = self._session.project, self.fields.get("points")
        radius = self.fields.get("radius")
        if "points" in self.fields and "radius" in self.fields and not _is_number(radius):
            raise InputError(f'"radius": {json.dumps(radius)} is not a number of nm')
        if not isinstance(points, list) or not points or not _is_number(radius):
            raise InputError(
                f"a {self.fields['kind']} needs a mask, or points and a radius in nm: give --mask FILE.npy, or "
                "--points Z Y X ... --radius NM"
            )
        return stroke(
            [self._place("points", p) for p in points], float(radius), project.grid, project.shape_zyx
        )  # fmt: skip

    def _box(self) -> Box:
        box = self.fields.get("box")
        if box is None:
            return Box.of_shape(self._session.project.shape_zyx)
        return parse_box(box if isinstance(box, str) else json.dumps(box))

    def _given(self, names: tuple[str, ...]) -> str:
        return next((name for name in names if name in self.fields), names[0])

    def _spots(self, name: str, points: object) -> tuple[Spot, ...]:
        if not isinstance(points, list) or not points:
            raise InputError(f'a {self.fields["kind"]} needs "{name}": a list of [Z, Y, X] places')
        return tuple(self._spot(name, point) for point in points)

    def _spot(self, name: str, point: object) -> Spot:
        if isinstance(point, dict):
            spot = checked.spot(point)
            self._session.supervoxel_at(self._session.project.grid.to_index(spot.place_nm))
            return spot
        return self._session.spot_at(self._place(name, point))

    def _place(self, name: str, point: object) -> ZyxNm:
        place = _point(name, point)
        return place if self._nm else self._session.project.grid.to_nm(place)


def _merge(reader: _Reader) -> Edit:
    return Merge(reader.spots("at", "spots"))


def _split(reader: _Reader) -> Edit:
    if "first" in reader.fields:
        return Split((reader.spots("first"), reader.spots("second")))
    return Split(reader.sides("sides"))


def _mark(reader: _Reader) -> Edit:
    return MarkFinished(reader.spot("at", "spot"), reader.fields.get("finished", True))


def _lock(reader: _Reader) -> Edit:
    locked = reader.fields["kind"] == "lock" and reader.fields.get("locked", True)
    return Lock(reader.spot("at", "spot"), locked)


def _paint(reader: _Reader) -> Edit:
    fields = reader.fields
    named = [name for name in ("into", "target") if fields.get(name) is not None]
    if len(named) + fields.get("new", False) != 1:
        raise InputError(
            "painting needs a segment: give a place in it (--into Z Y X) or ask for a new one (--new), not both"
        )
    mask = reader.mask()
    return Paint(mask, reader.spot(*named) if named else None, reader.place_of(mask))


def _erase(reader: _Reader) -> Edit:
    mask = reader.mask()
    only = reader.spot("only") if reader.fields.get("only") is not None else None
    return Erase(mask, only, reader.place_of(mask))


_BUILDERS: dict[str, Callable[[_Reader], Edit]] = {
    "merge": _merge,
    "split": _split,
    "cleave": lambda reader: Cleave(reader.sides("groups")),
    "divide": lambda reader: SplitSupervoxel(reader.sides("sides")),
    "detach": lambda reader: Detach(reader.spots("at", "spots")),
    "mark": _mark,
    "lock": _lock,
    "unlock": _lock,
    "paint": _paint,
    "erase": _erase,
}


def _mask_of_file(name: object, box: Box) -> VoxelMask:
    import numpy as np

    if not isinstance(name, str) or not name.endswith(".npy"):
        raise InputError(
            f'"mask": {json.dumps(name)} is not a file: expected the name of a .npy file'
        )
    try:
        voxels = np.load(name, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(
            f"the mask {name} cannot be read ({error}): expected a .npy file"
        ) from None
    if voxels.shape != box.shape_zyx or voxels.dtype.kind not in "bui":
        raise InputError(
            f"the mask {name} is {voxels.dtype} of shape {voxels.shape}: expected bool or whole numbers of shape "
            f"{box.shape_zyx}; say with --box where it lies"
        )
    if box.size > MOST_VOXELS:
        raise InputError(
            f"the mask {name} has {box.size} voxels: expected at most {MOST_VOXELS}; cut it to what is chosen"
        )
    return VoxelMask.of(box, np.asarray(voxels) != 0)


def _point(name: str, point: object) -> ZyxNm:
    numbers = isinstance(point, list | tuple) and len(point) == 3
    if not numbers or not all(_is_number(value) for value in point):  # type: ignore[attr-defined]
        raise InputError(
            f'"{name}": {json.dumps(point)} is not a place: expected three numbers, Z Y X'
        )
    z, y, x = map(float, point)  # type: ignore[call-overload]
    return z, y, x


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15
