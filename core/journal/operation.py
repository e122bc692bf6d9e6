"""One row of the journal as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from segmend.core.geometry import ZyxNm


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of the journal.

    Parameters
    ----------
    number : int
        0 before it is in the journal.
    kind : str
        The kind of an edit, "verdict", "undo", "redo", "switch" or "note" (which changes nothing).
    generation : int
        Of the supervoxels that the payload names.
    payload : dict
        The resolved edit, or the numbers of the operations that it switches.
    author : str
    place_nm : tuple of 3 float, optional
    candidate, verdict : str, optional
        Set when the operation decides a candidate.
    reason : str
    milliseconds : int, optional
        How long the decision took.
    time, version : str
        UTC in ISO form, Segmend's version; filled by the journal where they are empty.
    """

    kind: str
    generation: int
    payload: dict[str, Any]
    author: str
    place_nm: ZyxNm | None = None
    candidate: str | None = None
    verdict: str | None = None
    reason: str = ""
    milliseconds: int | None = None
    number: int = 0
    time: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """A row of the journal that is not used.

    Parameters
    ----------
    number : int
        Of the operation.
    reason : str
        One line: what is wrong with it.
    """

    number: int
    reason: str
