"""Edits as JSON: reading a request, building the edit value, telling what changed."""

from __future__ import annotations

import json
from functools import reduce
from typing import TYPE_CHECKING, Any

from segmend.core.errors import EditRefused, InputError
from segmend.core.geometry import Box

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segmend.core.edits.model import Edit, Spot
    from segmend.core.session import Changes, Session

KINDS = ("merge", "split", "divide", "undo", "redo")
_FIELDS = {
    "merge": {"at", "spots"},
    "split": {"sides", "first", "second"},
    "divide": {"at", "normal", "spot", "normal_zyx"},
    "undo": {"count"},
    "redo": {"count"},
}


def parse_line(line: bytes) -> dict[str, Any]:
    """Read one JSON object.

    Raises
    ------
    InputError
        If the line is not one, or names no known edit.
    """
    try:
        request = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"this line is not JSON ({error}): expected one JSON edit per line"
        ) from None
    if not isinstance(request, dict) or request.get("kind") not in KINDS:
        raise InputError(
            'expected an object with "kind": "merge", "split", "undo" or "redo"; see segmend edit --help'
        )
    _check_fields(request)
    return request


def _check_fields(request: dict[str, Any]) -> None:
    """Refuse misspelt names: what is ignored silently becomes another edit than was meant."""
    known = _FIELDS[request["kind"]] | {"kind", "reason"}
    if unknown := sorted(set(request) - known):
        raise InputError(
            f"a {request['kind']} has no {', '.join(map(repr, unknown))}: expected {', '.join(sorted(known))}"
        )
    if not isinstance(request.get("reason", ""), str):
        raise InputError('"reason" is not text: expected a string')


def edit_of(request: dict[str, Any], session: Session, *, nm: bool) -> Edit:
    """Build the edit that a request describes, by places or, as the journal has it, by supervoxels.

    Raises
    ------
    InputError
        If places are missing, malformed or outside the volume.
    """
    from segmend.core.edits.codec import edit_from_json
    from segmend.core.edits.model import DivideSupervoxel, Merge, Split

    if any(name in request for name in ("spots", "spot", "first")):
        return edit_from_json(request)
    if request["kind"] == "merge":
        return Merge(_spots(request, "at", request.get("at"), session, nm))
    if request["kind"] == "split":
        sides = request.get("sides")
        if not isinstance(sides, list) or len(sides) != 2:
            raise InputError(
                'a split needs two sides: "sides": [[[Z, Y, X], ...], [[Z, Y, X], ...]], or --side twice'
            )
        first, second = (_spots(request, "sides", side, session, nm) for side in sides)
        return Split(first, second)
    (spot,) = _spots(request, "at", [request.get("at")], session, nm)
    return DivideSupervoxel(spot, _point("normal", request.get("normal")))


def steps_of(request: dict[str, Any], session: Session) -> int:
    """Return how many operations to undo or redo; refuses more than there are, before the first.

    Raises
    ------
    InputError
        If the count is not a positive whole number.
    EditRefused
        If there is nothing to undo or redo.
    """
    from segmend.core.edits.history import history

    count = request.get("count", 1)
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise InputError(f"{request['kind']} {count}: expected how many operations, 1 or more")
    past = history(session.log(), session.project.generation)
    there = len(past.done if request["kind"] == "undo" else past.undone)
    if count > there:
        raise EditRefused(
            f"cannot {request['kind']} {count}: there are {there} operations to {request['kind']}; nothing was changed"
        )
    return count


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


def describe_log(session: Session) -> list[dict[str, Any]]:
    """Return every operation of the journal as plain values, with whether it is in effect."""
    from segmend.core.edits.history import history

    operations = session.log()
    past = history(operations, session.project.generation)
    states = {o.number: "in effect" for o in past.done} | {o.number: "undone" for o in past.undone}
    return [
        {
            "operation": operation.number,
            "kind": operation.kind,
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


def _spots(
    request: dict[str, Any], name: str, points: object, session: Session, nm: bool
) -> tuple[Spot, ...]:
    if not isinstance(points, list) or not points:
        raise InputError(f'a {request["kind"]} needs "{name}": a list of [Z, Y, X] places')
    return tuple(_spot(name, point, session, nm) for point in points)


def _spot(name: str, point: object, session: Session, nm: bool) -> Spot:
    place = _point(name, point)
    return session.spot_at(place if nm else session.project.grid.to_nm(place))


def _point(name: str, point: object) -> tuple[float, float, float]:
    numbers = isinstance(point, list | tuple) and len(point) == 3
    if not numbers or not all(_is_number(value) for value in point):  # type: ignore[attr-defined]
        raise InputError(
            f'"{name}": {json.dumps(point)} is not a place: expected three numbers, Z Y X'
        )
    z, y, x = map(float, point)  # type: ignore[call-overload]
    return z, y, x


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15
