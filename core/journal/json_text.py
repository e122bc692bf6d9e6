"""JSON from outside; how many values it holds is counted before they are made."""

from __future__ import annotations

import json
from typing import Any

from segmend.core.errors import InputError

MOST_VALUES = 2**20
"""Values of one payload, those inside others too: each takes up to 100 bytes of memory, in text as few as two."""


def object_of(text: Any, name: str, most: int = MOST_VALUES) -> dict[str, Any]:
    """Return the object that a text holds.

    Parameters
    ----------
    text : object
        From outside.
    name : str
        What to call it in messages.
    most : int
        Values that it may hold.

    Raises
    ------
    InputError
        If it is no text, no JSON, no object, or holds too many values.
    """
    if not isinstance(text, str):
        raise InputError(f"{name} is not JSON")
    check_values(text, name, most)
    try:
        value = _decoder.decode(text)
    except (ValueError, RecursionError):
        raise InputError(f"{name} is not JSON") from None
    if not isinstance(value, dict):
        raise InputError(f"{name} is no JSON object")
    return value


def check_values(text: str, name: str, most: int = MOST_VALUES) -> None:
    """Refuse a JSON text that may hold too many values; signs inside strings count, too.

    Raises
    ------
    InputError
    """
    if len(text) > most and sum(map(text.count, ",:[{")) > most:
        raise InputError(
            f"{name} holds more than {most} values: expected fewer; make the edit in smaller parts"
        )


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number in JSON")


_decoder = json.JSONDecoder(parse_constant=_refuse_constant)
