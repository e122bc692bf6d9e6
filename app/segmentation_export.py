"""Writing a segmentation, whole or only what changed since it was written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from segmend.core.errors import InputError
from segmend.core.geometry import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from segmend.core.segmentation.export_update import ExportStamp
    from segmend.core.segmentation.patches import Patch
    from segmend.core.session import Session

Progress = Callable[[str, float], None]


def write_segmentation(
    session: Session, out: Path, box: Box | None, progress: Progress, memory_gb: float | None
) -> None:
    """Write all voxels of the volume or of a box, within some memory (GB)."""
    from segmend.core.segmentation.materialize import MEMORY_GB, materialize

    start = (0, 0, 0) if box is None else box.start_zyx
    materialize(
        session.supervoxels[0],
        session.segmentation,
        out,
        box=box,
        memory_gb=MEMORY_GB if memory_gb is None else memory_gb,
        attributes=_stamp(session, session.timeline.newest_row, start).attributes(),
        progress=lambda done, total: progress("segmentation", done / total),
    )


def update_segmentation(
    session: Session, out: Path, box: Box | None, progress: Progress, since: int
) -> int:
    """Rewrite the chunks of an OME-Zarr export that changed, and return how many were written.

    Raises
    ------
    InputError
        If `out` is not an export of this project's present generation made at operation `since` or later.
    """
    from segmend.core.segmentation.export_update import (
        changed_boxes,
        read_stamp,
        update_export,
    )
    from segmend.core.segmentation.materialize import SegmentLabels

    _check_form(out, box)
    stamp = read_stamp(out)
    _check_origin(session, out, stamp, since)
    now = session.state()
    boxes: list[Box] = []
    for operation in {since, stamp.operation, *stamp.pending}:
        before = session.state_at(operation)
        boxes += changed_boxes(before, now, session.segmentation, _patches_of(session))
    return update_export(
        out,
        SegmentLabels(session.supervoxels[0], session.segmentation),
        boxes,
        _stamp(session, session.timeline.newest_row, stamp.start_zyx),
        progress=lambda done, total: progress("segmentation", done / total),
    )


def write_challenge(session: Session, out: Path, box: Box | None, challenge: str) -> int:
    """Write the file that a challenge takes, and return how many segments it holds at most.

    Raises
    ------
    InputError
        If the challenge does not score a volume like this.
    """
    from segmend.core.volumes.memory import CroppedVolume
    from segmend.core.volumes.submissions import write_submission

    whole = _Labels(session)
    part = Box.of_shape(whole.shape_zyx) if box is None else box
    write_submission(out, CroppedVolume(whole, part), challenge)
    return int(np.count_nonzero(np.unique(session.segmentation.segment_of)))


class _Labels:
    """The proofread segmentation as a volume."""

    channels = None

    def __init__(self, session: Session) -> None:
        from segmend.core.segmentation.materialize import SegmentLabels

        self._labels = SegmentLabels(session.supervoxels[0], session.segmentation)
        self.shape_zyx, self.dtype = self._labels.shape_zyx, self._labels.dtype
        self.grid, self.source = session.project.grid, str(session.project.path)

    def read(self, box: Box) -> NDArray[Any]:
        return self._labels.read(box)


def _check_form(out: Path, box: Box | None) -> None:
    if out.suffix.lower() != ".zarr":
        raise InputError(
            f"{out} cannot be brought up to date: expected a .zarr export; others are written anew, without --since"
        )
    if box is not None:
        raise InputError("--since keeps the box of the export: leave --box away")
    if not out.is_dir():
        raise InputError(f"{out} does not exist: export it first, without --since")


def _check_origin(session: Session, out: Path, stamp: ExportStamp, since: int) -> None:
    present = _stamp(session, stamp.operation, stamp.start_zyx)
    if (stamp.project, stamp.generation) != (present.project, present.generation):
        raise InputError(
            f"{out} was made from {stamp.project}, generation {stamp.generation}: expected {present.project}, "
            f"generation {present.generation}; export it anew, without --since"
        )
    if stamp.history != present.history or max(stamp.operation, *stamp.pending, 0) > (
        session.timeline.newest_row
    ):
        raise InputError(
            f"{out} was made from another copy of this project, whose journal is different: "
            "export it anew, without --since"
        )
    if not 0 <= since <= stamp.operation:
        raise InputError(
            f"{out} was made at operation {stamp.operation}: give --since {stamp.operation} or less"
        )


def _stamp(session: Session, operation: int, start_zyx: tuple[int, int, int]) -> ExportStamp:
    from segmend.core.segmentation.export_update import ExportStamp

    config = session.project.config
    digest = hashlib.blake2b(digest_size=12)
    for row in session.journal.operations(up_to=operation):
        digest.update(repr((row.number, row.kind, row.author, row.time)).encode())
    return ExportStamp(
        project=f"{config.name} of {config.created}",
        generation=session.project.generation,
        operation=operation,
        history=digest.hexdigest(),
        start_zyx=start_zyx,
    )


def _patches_of(session: Session) -> Callable[[int], Iterable[Patch]]:
    from segmend.core.edits.codec import resolved_from_json
    from segmend.core.edits.numbering import most_supervoxels

    most = most_supervoxels(session.segmentation.base)
    rows = {row.number: row for row in session.journal.operations()}
    return lambda number: resolved_from_json(rows[number].payload, rows[number].kind, most).patches
