"""Which rows two copies of a journal have in common: told by what the rows say, since numbers are each copy's own."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segmend.core.journal.operation import Operation

ORIGIN = "origin"
SAME_AS = "same_as"
_IDENTITY = re.compile(r"[0-9a-f]{32}(#[0-9]{1,9})?")


@dataclass(frozen=True, slots=True)
class Pairing:
    """Two journals side by side.

    Parameters
    ----------
    ours_of : mapping of int to int
        Their number to ours, of every row that both have.
    shared : tuple of Operation
        Our rows that both have.
    ours, theirs : tuple of Operation
        Rows that only one has.
    origins : mapping of int to str
        Content identity of each of `theirs`, by their number.
    """

    ours_of: Mapping[int, int]
    shared: tuple[Operation, ...]
    ours: tuple[Operation, ...]
    theirs: tuple[Operation, ...]
    origins: Mapping[int, str]


def pair(ours: Sequence[Operation], theirs: Sequence[Operation]) -> Pairing:
    """Compare two journals by content.

    A row that says it is the same decision as another (see `adoption`) counts as that other one.
    """
    here, there = identities(ours), identities(theirs)
    meant_here, meant_there = _meant(ours, here), _meant(theirs, there)
    common = meant_here.keys() & meant_there.keys()
    ours_of = {meant_there[i]: meant_here[i] for i in common}
    taken = set(ours_of.values())
    return Pairing(
        ours_of,
        tuple(o for o in ours if o.number in taken or here[o.number] in common),
        tuple(o for o in ours if o.number not in taken and here[o.number] not in common),
        tuple(o for o in theirs if o.number not in ours_of and there[o.number] not in common),
        there,
    )


def identities(operations: Iterable[Operation]) -> dict[int, str]:
    """Return the content identity of each row by its number; rows that say the same are counted through."""
    found: dict[int, str] = {}
    seen: dict[str, int] = {}
    for operation in operations:
        identity = _origin(operation) or _digest(operation)
        seen[identity] = seen.get(identity, 0) + 1
        count = seen[identity]
        found[operation.number] = identity if count == 1 else f"{identity.split('#')[0]}#{count}"
    return found


def _meant(operations: Sequence[Operation], names: Mapping[int, str]) -> dict[str, int]:
    """Return the row that each identity stands for: itself, or the one that it is the same as."""
    numbers = {operation.number for operation in operations}
    meant = {}
    for operation in operations:
        meant[names[operation.number]] = operation.number
        same = operation.payload.get(SAME_AS) if operation.kind == "note" else None
        if isinstance(same, int) and same in numbers and same < operation.number:
            meant[names[operation.number]] = same
    return meant


def _origin(operation: Operation) -> str | None:
    origin = operation.payload.get(ORIGIN)
    return origin if isinstance(origin, str) and _IDENTITY.fullmatch(origin) else None


def _digest(operation: Operation) -> str:
    payload = {k: v for k, v in operation.payload.items() if k != ORIGIN}
    said: list[Any] = [
        operation.author,
        operation.time,
        operation.kind,
        operation.generation,
        operation.candidate,
        operation.verdict,
        payload,
    ]
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
