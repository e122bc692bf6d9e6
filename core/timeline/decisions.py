"""A candidate that was accepted is decided: no later operation decides it once more while that one is in effect.

A rejected one may be asked again, because its segments may be others by then.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from segmend.core.errors import EditRefused
from segmend.core.journal.operation import Operation
from segmend.core.segmentation.change import Change
from segmend.core.segmentation.segmentation import Segmentation


def with_decision(change: Change, operation: Operation, segmentation: Segmentation) -> Change:
    """Return the change together with what its operation decides.

    Raises
    ------
    EditRefused
        If the candidate was accepted by an earlier operation that is in effect.
    """
    if not operation.candidate or not operation.verdict:
        return change
    if operation.candidate in segmentation.accepted:
        raise EditRefused(
            "this candidate was accepted already: take that back first, or go on to the next one"
        )
    return replace(change, decision=(operation.candidate, operation.verdict))


def decision_keys(candidate: str | None) -> frozenset[Hashable]:
    """Return what decisions on one candidate have in common, for `effects`."""
    return frozenset((f"candidate {candidate}",)) if candidate else frozenset()
