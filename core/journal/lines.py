"""The journal as JSON lines: one line about the project, then one line per operation.

The file may come from anywhere: each line is bounded and checked on its own, and one that cannot be used costs nothing
but itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import IO, Any

from segmend.core.errors import InputError
from segmend.core.journal.json_text import MOST_VALUES, object_of
from segmend.core.journal.operation import Operation, Problem
from segmend.core.journal.rows import MOST_PAYLOAD, row_of

FORMAT = 1
LONGEST_LINE = MOST_PAYLOAD + 2**20
MOST_BYTES = 4 * 2**30
_FIELDS = tuple(field.name for field in fields(Operation))
_MOST_VALUES = MOST_VALUES + 2**19
"""Of a line: those of its payload, and signs in its texts that look like more."""


@dataclass(frozen=True, slots=True)
class ProjectIdentity:
    """What has to be the same in two copies of a project.

    Parameters
    ----------
    generation : int
    base : str
        Hash of the supervoxels and segments that the edits of this generation stand on.
    """

    generation: int
    base: str


@dataclass(frozen=True, slots=True)
class ForeignJournal:
    """Operations that were written elsewhere.

    Parameters
    ----------
    source : str
        Where they come from.
    identity : ProjectIdentity
    operations : tuple of Operation
        In the order of their numbers.
    damaged : tuple of Problem
        Lines (or rows) that cannot be used, by their number.
    """

    source: str
    identity: ProjectIdentity
    operations: tuple[Operation, ...]
    damaged: tuple[Problem, ...] = ()


def write_lines(operations: Iterable[Operation], identity: ProjectIdentity, file: IO[str]) -> int:
    """Write operations one by one; return how many.

    Parameters
    ----------
    operations : iterable of Operation
    identity : ProjectIdentity
    file : text file
        Open for writing.
    """
    head = {"journal": FORMAT, "generation": identity.generation, "base": identity.base}
    file.write(json.dumps(head) + "\n")
    count = 0
    for operation in operations:
        values = {name: getattr(operation, name) for name in _FIELDS}
        file.write(json.dumps(values, separators=(",", ":"), allow_nan=False) + "\n")
        count += 1
    return count


def read_lines(file: IO[bytes], source: str) -> ForeignJournal:
    """Read what `write_lines` wrote, or what somebody says it wrote.

    Parameters
    ----------
    file : binary file
        Open for reading.
    source : str
        Its name, for messages.

    Raises
    ------
    InputError
        If the first line does not say which project it is about, or the file is larger than any journal.
    """
    identity = _identity(file.readline(4096), source)
    found: dict[int, Operation] = {}
    damaged: list[Problem] = []
    number, read = 1, 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        read += len(line)
        if read > MOST_BYTES or len(line) > LONGEST_LINE:
            raise InputError(
                f"{source} is larger than any journal (line {number}): "
                "expected a file of `segmend export PROJECT OUT.jsonl --what journal`"
            )
        if not line.strip():
            continue
        try:
            operation = _operation(_decoded(line))
            if operation.number in found:
                raise InputError(f"operation {operation.number} was there before")
            found[operation.number] = operation
        except InputError as error:
            damaged.append(Problem(number, f"line {number}: {error}"))
    return ForeignJournal(source, identity, tuple(found[n] for n in sorted(found)), tuple(damaged))


def _identity(line: bytes, source: str) -> ProjectIdentity:
    try:
        head = _decoded(line)
    except InputError:
        head = {}
    generation, base = head.get("generation"), head.get("base")
    if head.get("journal") != FORMAT or type(generation) is not int or not isinstance(base, str):
        raise InputError(
            f"{source} is no exported journal: expected a file of `segmend export PROJECT OUT.jsonl --what journal`"
        )
    return ProjectIdentity(generation, base)


def _decoded(line: bytes) -> dict[str, Any]:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError("it is not JSON") from None
    return object_of(text, "it", _MOST_VALUES)


def _operation(values: dict[str, Any]) -> Operation:
    unknown = values.keys() - set(_FIELDS)
    if unknown or not isinstance(values.get("payload"), dict):
        raise InputError("it is no operation: its fields are others than those of the journal")
    place = values.get("place_nm")
    if place is not None and not (isinstance(place, list) and len(place) == 3):
        raise InputError("its place is not three numbers")
    try:
        operation = Operation(**{**values, "place_nm": None if place is None else tuple(place)})
    except TypeError:
        raise InputError("it is no operation: a field is missing") from None
    row_of(operation)
    return operation
