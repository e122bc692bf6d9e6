"""State = base + operations in effect. The only way in which state is built, also when a project is opened."""

from __future__ import annotations

from collections.abc import Iterable

from segmend.core.edits.codec import resolved_from_json
from segmend.core.edits.journal import Operation
from segmend.core.edits.planning import plan
from segmend.core.errors import JournalError, SegmendError
from segmend.core.segmentation.graph_files import GraphArrays
from segmend.core.segmentation.overlay import OverlayFiles
from segmend.core.segmentation.segmentation import Change, Segmentation


def replay(
    base: GraphArrays, operations: Iterable[Operation], files: OverlayFiles
) -> tuple[Segmentation, list[Change]]:
    """Build the segmentation that operations in effect leave behind.

    Parameters
    ----------
    base : GraphArrays
    operations : iterable of Operation
        In effect, in order (`History.done`).
    files : OverlayFiles

    Returns
    -------
    Segmentation, list of Change
        One change per operation.

    Raises
    ------
    JournalError
        Naming the row that does not fit.
    """
    segmentation = Segmentation(base)
    changes = []
    for operation in operations:
        change = replayed_change(operation, segmentation, files)
        segmentation.apply(operation.number, change)
        changes.append(change)
    return segmentation, changes


def replayed_change(
    operation: Operation, segmentation: Segmentation, files: OverlayFiles
) -> Change:
    """Compute what a recorded operation does to the segmentation as it is."""
    try:
        return plan(resolved_from_json(operation.payload), segmentation, files)
    except SegmendError as error:
        raise JournalError(
            f"journal row {operation.number} ({operation.kind}) does not fit: {error}",
            details=error.details,
        ) from error
