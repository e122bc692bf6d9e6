"""State = base + operations that are on, in the order of their numbers: the rule that all else must agree with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from segmend.core.edits.codec import resolved_from_json
from segmend.core.edits.model import Resolved
from segmend.core.edits.numbering import most_supervoxels
from segmend.core.edits.planning import plan
from segmend.core.edits.voxels import SupervoxelVoxels
from segmend.core.errors import EditRefused, SegmendError
from segmend.core.journal.operation import Operation, Problem
from segmend.core.segmentation.graph_files import GraphArrays
from segmend.core.segmentation.segmentation import Change, Segmentation
from segmend.core.timeline.decisions import with_decision


@dataclass(frozen=True, slots=True)
class Conflict(Problem):
    """An operation that is on but does not fit what is before it; it is tried again when that changes."""


def replay(
    base: GraphArrays, operations: Iterable[Operation], voxels: SupervoxelVoxels | None
) -> tuple[Segmentation, list[Change | None], list[Problem]]:
    """Build the segmentation that operations leave behind.

    Parameters
    ----------
    base : GraphArrays
    operations : iterable of Operation
        On, in order (`History.done`).
    voxels : SupervoxelVoxels, optional
        The base's voxels, under any patches; needed for edits that change voxels.

    Returns
    -------
    Segmentation
    list of Change or None
        One per operation; None where it was left out.
    list of Problem
        What was left out and why: a `Conflict` where an operation does not fit, else its row is damaged.
    """
    segmentation = Segmentation(base)
    changes, problems = carry_out(operations, segmentation, voxels)
    return segmentation, changes, problems


def carry_out(
    operations: Iterable[Operation], segmentation: Segmentation, voxels: SupervoxelVoxels | None
) -> tuple[list[Change | None], list[Problem]]:
    """Carry operations out on a segmentation, as `replay` does on a fresh one."""
    here = None if voxels is None else voxels.over(segmentation.patches)
    changes: list[Change | None] = []
    problems = []
    for operation in operations:
        change = attempt(operation, segmentation, here)
        if isinstance(change, Problem):
            problems.append(change)
            changes.append(None)
        else:
            segmentation.apply(operation.number, change)
            changes.append(change)
    return changes, problems


def attempt(
    operation: Operation, segmentation: Segmentation, voxels: SupervoxelVoxels | None
) -> Change | Problem:
    """Compute what a recorded operation does to the segmentation as it is, or why it does nothing."""
    resolved = decoded(operation, segmentation.base)
    if isinstance(resolved, Problem):
        return resolved
    return planned(operation, resolved, segmentation, voxels)


def decoded(operation: Operation, base: GraphArrays) -> Resolved | Problem:
    """Read the edit of a row."""
    try:
        return resolved_from_json(operation.payload, operation.kind, most_supervoxels(base))
    except SegmendError as error:
        return Problem(
            operation.number,
            f"journal row {operation.number} ({operation.kind}) is damaged: {error}; it is left out",
        )


def planned(
    operation: Operation,
    resolved: Resolved,
    segmentation: Segmentation,
    voxels: SupervoxelVoxels | None,
) -> Change | Problem:
    """Plan a recorded edit."""
    try:
        return with_decision(plan(resolved, segmentation, voxels), operation, segmentation)
    except EditRefused as error:
        return Conflict(
            operation.number,
            f"operation {operation.number} ({operation.kind}) does not fit any more: {error}",
        )
    except SegmendError as error:
        return Problem(
            operation.number,
            f"operation {operation.number} ({operation.kind}) cannot be carried out: {error}",
        )
