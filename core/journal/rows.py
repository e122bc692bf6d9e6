"""Between journal rows and operations; a row from outside is hostile until it is checked."""

from __future__ import annotations

import json
from typing import Any

from segmend.core.errors import InputError
from segmend.core.journal.json_text import check_values, object_of
from segmend.core.journal.operation import Operation

MOST_OPERATIONS = 2**31 - 1
MOST_GENERATIONS = 10**6
MOST_PAYLOAD = 64 * 2**20
"""Bytes of one payload; nothing larger is written or loaded."""
MOST_TEXT = 2**16
"""Bytes of the other texts of a row, each."""
_FARTHEST_NM = 1e15
_LONGEST_MS = 2**53

TEXTS = ("kind", "author", "time", "candidate", "verdict", "reason", "version")
_LENGTHS = {"kind": 32, "author": 256, "candidate": 128, "verdict": 16, "time": 40, "version": 32}

COLUMNS = (
    *("number", "kind", "author", "time", "generation"),
    *("place_z_nm", "place_y_nm", "place_x_nm", "payload"),
    *("candidate", "verdict", "reason", "milliseconds", "version"),
)
INSERT = "INSERT INTO operations ({}) VALUES ({})".format(
    ", ".join(COLUMNS), ", ".join(f":{name}" for name in COLUMNS)
)


def select(octets: str) -> str:
    """Return the query for the rows ``:first`` to ``:last`` that leaves what is too large behind.

    Parameters
    ----------
    octets : str
        Expression for the bytes of a column, with the column as ``{}``.
    """
    bounded = dict.fromkeys(TEXTS, MOST_TEXT) | {"payload": MOST_PAYLOAD}
    columns = [
        f"CASE WHEN {octets.format(name)} <= {bounded[name]} THEN {name} END"
        if name in bounded
        else name
        for name in COLUMNS
    ]
    too_large = " OR ".join(
        f"coalesce({octets.format(name)}, 0) > {most}" for name, most in bounded.items()
    )
    columns.append(f"CASE WHEN {too_large} THEN 1 ELSE 0 END")
    return (
        f"SELECT {', '.join(columns)} FROM operations"
        " WHERE number >= :first AND number <= :last ORDER BY number"
    )


def operation_of(row: tuple[Any, ...]) -> Operation:
    """Return the operation in a row of the query.

    Raises
    ------
    InputError
        If the row is damaged; the message says how.
    """
    number, kind, author, time, generation, z, y, x, payload = row[:9]
    candidate, verdict, reason, milliseconds, version, too_large = row[9:]
    if too_large:
        raise InputError("it is larger than any operation")
    place = None if z is None and y is None and x is None else (z, y, x)
    operation = Operation(
        kind, generation, {}, author, place, candidate, verdict, reason, milliseconds, number, time, version
    )  # fmt: skip
    check(operation)
    object.__setattr__(operation, "payload", object_of(payload, "its payload"))
    return operation


def row_of(operation: Operation) -> dict[str, Any]:
    """Return the values of a row.

    Raises
    ------
    InputError
        If the operation cannot be stored.
    """
    check(operation)
    for name in TEXTS:
        _check_characters(name, getattr(operation, name) or "")
    try:
        payload = json.dumps(operation.payload, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"the payload of {operation.kind!r} cannot be stored: {error}") from error
    if len(payload) > MOST_PAYLOAD:
        raise InputError(
            f"the edit takes {len(payload) >> 20} MiB in the journal, at most {MOST_PAYLOAD >> 20} are allowed: "
            "make it in smaller parts"
        )
    check_values(payload, "the edit")
    z, y, x = operation.place_nm or (None, None, None)
    return {
        "number": operation.number,
        "kind": operation.kind,
        "author": operation.author,
        "time": operation.time,
        "generation": operation.generation,
        "place_z_nm": z,
        "place_y_nm": y,
        "place_x_nm": x,
        "payload": payload,
        "candidate": operation.candidate,
        "verdict": operation.verdict,
        "reason": operation.reason,
        "milliseconds": operation.milliseconds,
        "version": operation.version,
    }


def check(operation: Operation) -> None:
    """Refuse an operation whose columns are not what they should be; the payload is not looked at.

    Raises
    ------
    InputError
    """
    number, generation = operation.number, operation.generation
    if type(number) is not int or not 0 < number <= MOST_OPERATIONS:
        raise InputError(f"its number is out of range (1 to {MOST_OPERATIONS})")
    if type(generation) is not int or not 0 <= generation <= MOST_GENERATIONS:
        raise InputError(f"its generation is no number from 0 to {MOST_GENERATIONS}")
    if operation.milliseconds is not None and not _is_duration(operation.milliseconds):
        raise InputError("its milliseconds are no whole number, or too many")
    if operation.place_nm is not None and not _is_place(operation.place_nm):
        raise InputError("its place is not three finite numbers, or too far away")
    if type(operation.kind) is not str or not operation.kind:
        raise InputError("its kind is no text")
    texts = (operation.author, operation.time, operation.reason, operation.version)
    if {*map(type, texts)} != {str}:
        raise InputError("its author, time, reason or version is no text")
    if not {type(operation.candidate), type(operation.verdict)} <= {str, type(None)}:
        raise InputError("its candidate or verdict is no text")


def check_text(name: str, text: str) -> None:
    """Refuse a name or an id that no journal can hold.

    Raises
    ------
    InputError
    """
    if not text.strip():
        raise InputError(f"the {name} is empty: expected a name")
    _check_characters(name, text)


def _is_place(place: tuple[Any, ...]) -> bool:
    numbers = len(place) == 3 and {*map(type, place)} <= {float, int}
    return numbers and all(-_FARTHEST_NM < value < _FARTHEST_NM for value in place)


def _is_duration(milliseconds: Any) -> bool:
    return type(milliseconds) is int and abs(milliseconds) < _LONGEST_MS


def _check_characters(name: str, text: str) -> None:
    """Refuse what no database can store: halves of surrogate pairs, NUL, and texts without end."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise InputError(
            f"{name} holds a character that is no valid text (at position {error.start}): "
            "expected Unicode text; remove the character and try again"
        ) from None
    if "\0" in text:
        raise InputError(f"{name} holds a NUL character: remove it and try again")
    if len(text) > _LENGTHS.get(name, MOST_TEXT) or size > MOST_TEXT:
        raise InputError(
            f"{name} has {len(text)} characters: expected at most {_LENGTHS.get(name, MOST_TEXT)}; shorten it"
        )
