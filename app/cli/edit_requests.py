"""What a request to edit may say, checked before anything is read from the project."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from segmend.core.errors import EditRefused, InputError

if TYPE_CHECKING:
    from segmend.core.session import Session

# names of the window and the command line, then those of the journal
_STROKE = {"mask", "box", "points", "radius", "place_nm"}
_FIELDS = {
    "merge": {"at", "spots"},
    "split": {"sides", "first", "second", "preview"},
    "cleave": {"groups", "preview"},
    "divide": {"sides", "preview"},
    "detach": {"at", "spots"},
    "mark": {"at", "spot", "finished"},
    "lock": {"at", "spot", "locked"},
    "unlock": {"at"},
    "paint": {"into", "new", "target", *_STROKE},
    "erase": {"only", *_STROKE},
    "switch": {"off", "on"},
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
    if not isinstance(request, dict) or request.get("kind") not in list(_FIELDS):
        raise InputError(
            f'expected an object with "kind": one of {", ".join(_FIELDS)}; see segmend edit --help'
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
    for name in ("preview", "finished", "locked", "new"):
        if not isinstance(request.get(name, False), bool):
            raise InputError(f'"{name}": expected true or false')


def switched(request: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return which operations to turn off and on.

    Raises
    ------
    InputError
        If no numbers of operations are given.
    """
    numbers = {name: request.get(name, []) for name in ("off", "on")}
    good = all(
        isinstance(some, list) and all(type(n) is int and 0 < n < 2**63 for n in some)
        for some in numbers.values()
    )
    if not good or not any(numbers.values()):
        raise InputError(
            "a switch needs numbers of operations to turn off or on, as segmend edit PROJECT log lists them"
        )
    return {name: tuple(some) for name, some in numbers.items()}


def steps_of(request: dict[str, Any], session: Session) -> int:
    """Return how many operations to undo or redo; refuses more than there are, before the first.

    Raises
    ------
    InputError
        If the count is not a positive whole number.
    EditRefused
        If there is nothing to undo or redo.
    """
    count = request.get("count", 1)
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise InputError(f"{request['kind']} {count}: expected how many operations, 1 or more")
    mine = session.past.done if request["kind"] == "undo" else session.past.undone
    if session.journal.shared:  # in a team everybody takes back their own
        mine = tuple(operation for operation in mine if operation.author == session.author)
    there = len(mine)
    if count > there:
        raise EditRefused(
            f"cannot {request['kind']} {count}: there are {there} operations to {request['kind']}; nothing was changed"
        )
    return count
