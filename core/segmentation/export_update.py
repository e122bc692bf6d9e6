"""Bring an OME-Zarr export up to date: only chunks that changed are written.

While that goes on, the export says which state it is on the way to. It can be read at any moment; if the program is
killed, running it again looks at everything that either state changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.errors import InputError
from segmend.core.geometry import Box, Zyx
from segmend.core.segmentation.change import State
from segmend.core.segmentation.materialize import SegmentLabels
from segmend.core.segmentation.patches import Patch
from segmend.core.segmentation.segmentation import Segmentation
from segmend.core.volumes import zarr_store
from segmend.core.volumes.downsampling import downsample
from segmend.core.volumes.zarr import CHUNK_ZYX, ZarrVolume
from segmend.core.volumes.zarr_volume import own_levels

ATTRIBUTE = "segmend-export"


@dataclass(frozen=True, slots=True)
class ExportStamp:
    """What an export was made from.

    Parameters
    ----------
    project : str
        Name and time of creation.
    generation : int
    operation : int
        Newest journal row that it shows.
    history : str
        Fingerprint of the journal up to that row.
    start_zyx : tuple of 3 int
        Of the exported box in the project.
    pending : tuple of int
        Rows that updates were on the way to when they were cut short.
    """

    project: str
    generation: int
    operation: int
    history: str
    start_zyx: Zyx = (0, 0, 0)
    pending: tuple[int, ...] = ()

    def attributes(self) -> dict[str, Any]:
        """Return what `.zattrs` gets."""
        return {ATTRIBUTE: asdict(self)}


def read_stamp(export: Path) -> ExportStamp:
    """Read what an export was made from.

    Raises
    ------
    InputError
        If it carries no such note, or a damaged one.
    """
    values: Any = zarr_store.read_attributes(export).get(ATTRIBUTE)
    try:
        stamp = ExportStamp(**values)
        start, pending = stamp.start_zyx, stamp.pending
        numbers = (stamp.generation, stamp.operation, *start, *pending)
        good = len(start) == 3 and all(type(n) is int and 0 <= n < 2**53 for n in numbers)
        good = good and isinstance(stamp.project, str) and isinstance(stamp.history, str)
    except TypeError:
        good = False
    if not good:
        raise InputError(
            f"{export} does not say what it was made from: expected an OME-Zarr export of this project; "
            "export it anew without --since"
        )
    return replace(stamp, start_zyx=(start[0], start[1], start[2]), pending=tuple(pending))


def changed_boxes(
    before: State,
    now: State,
    segmentation: Segmentation,
    patches_of: Callable[[int], Iterable[Patch]],
) -> list[Box]:
    """Return boxes outside of which two states show the same segments.

    Parameters
    ----------
    before, now : State
    segmentation : Segmentation
        In the state `now`.
    patches_of : callable
        The patches of an operation, in effect or not.
    """
    boxes = [patch.box for n in set(before.patches) ^ set(now.patches) for patch in patches_of(n)]
    count = max(len(before.segment_of), len(now.segment_of))
    first, second = (
        np.pad(state.segment_of, (0, count - len(state.segment_of))) for state in (before, now)
    )
    moved = np.flatnonzero((first != second) & (second > 0))
    return boxes + [
        Box(tuple(row[:3]), tuple(row[3:])) for row in segmentation.boxes(moved).tolist()
    ]


def update_export(
    export: Path,
    labels: SegmentLabels,
    boxes: Iterable[Box],
    stamp: ExportStamp,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Rewrite the chunks of an export that differ from the segmentation as it is.

    Parameters
    ----------
    export : Path
    labels : SegmentLabels
    boxes : iterable of Box
        Outside of these nothing changed; voxels of the project.
    stamp : ExportStamp
        Of the state that the labels show.
    progress : callable, optional
        Called with chunks of the finest level looked at, and how many there are.

    Returns
    -------
    int
        Chunks written, of all levels.

    Raises
    ------
    InputError
        If the names of the segments do not fit into the export's type.
    """
    old = read_stamp(export)
    grids, _ = own_levels(export)
    levels = [ZarrVolume(export, k, grid, writable=True) for k, grid in enumerate(grids)]
    if labels.highest > np.iinfo(levels[0].dtype).max:
        raise InputError(
            f"{export} holds {levels[0].dtype}, in which segment {labels.highest} does not fit: "
            "export it anew without --since"
        )
    _note(export, replace(old, pending=tuple(sorted({*old.pending, stamp.operation}))))
    start = old.start_zyx
    chunks = _chunks([box.shift(_minus(start)) for box in boxes], levels[0])
    written = 0
    for done, chunk in enumerate(chunks, start=1):
        new = labels.read(chunk.shift(start)).astype(levels[0].dtype)
        written += _write_if_new(levels[0], chunk, new)
        if progress:
            progress(done, len(chunks))
    for finer, level in pairwise(levels):
        chunks = _chunks([_scaled(chunk, finer, level) for chunk in chunks], level)
        for chunk in chunks:
            fine = _below(chunk, finer, level)
            new = downsample(finer.read(fine), _factor(finer, level), labels=True)
            written += _write_if_new(level, chunk, new)
    _note(export, replace(stamp, start_zyx=start))
    return written


def _note(export: Path, stamp: ExportStamp) -> None:
    attributes = zarr_store.read_attributes(export) | stamp.attributes()
    zarr_store.write_json(export / ".zattrs", attributes)


def _write_if_new(level: ZarrVolume, chunk: Box, new: NDArray[Any]) -> int:
    if np.array_equal(level.read(chunk), new):
        return 0
    level.write(chunk, new)
    return 1


def _chunks(boxes: Iterable[Box], level: ZarrVolume) -> list[Box]:
    """Return the chunks of a level that some boxes meet, once each, in raster order."""
    whole = Box.of_shape(level.shape_zyx)
    starts: set[Zyx] = set()
    for box in boxes:
        part = box.intersect(whole)
        if part.size:
            first = tuple(a // c * c for a, c in zip(part.start_zyx, CHUNK_ZYX, strict=True))
            grown = Box(first, part.stop_zyx)  # type: ignore[arg-type]
            starts.update(block.start_zyx for block in grown.blocks(CHUNK_ZYX))
    return [
        Box(s, (s[0] + CHUNK_ZYX[0], s[1] + CHUNK_ZYX[1], s[2] + CHUNK_ZYX[2])).intersect(whole)
        for s in sorted(starts)
    ]


def _factor(finer: ZarrVolume, level: ZarrVolume) -> Zyx:
    sizes = zip(level.grid.voxel_size_nm_zyx, finer.grid.voxel_size_nm_zyx, strict=True)
    z, y, x = (round(coarse / fine) for coarse, fine in sizes)
    return z, y, x


def _scaled(box: Box, finer: ZarrVolume, level: ZarrVolume) -> Box:
    factor = _factor(finer, level)
    start: Any = tuple(a // f for a, f in zip(box.start_zyx, factor, strict=True))
    stop: Any = tuple(-(-b // f) for b, f in zip(box.stop_zyx, factor, strict=True))
    return Box(start, stop)


def _below(box: Box, finer: ZarrVolume, level: ZarrVolume) -> Box:
    factor = _factor(finer, level)
    start: Any = tuple(a * f for a, f in zip(box.start_zyx, factor, strict=True))
    stop: Any = tuple(b * f for b, f in zip(box.stop_zyx, factor, strict=True))
    return Box(start, stop).intersect(Box.of_shape(finer.shape_zyx))


def _minus(point: Zyx) -> Zyx:
    return -point[0], -point[1], -point[2]
