"""Which voxels two labellings share: the contingency table of two volumes, built block by block.

A block of 32 x 256 x 256 voxels is read at a time, with the one voxel around it that boundaries need (more where a
distance from borders is asked for). Beside the blocks, which take 0.1 GB, only two or three tables are held: 24
bytes for each pair of a label and a true object that meet, three times over while rows are added up. So memory depends
on how many objects there are and not on how many voxels, and no score depends on the grid of blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from segmend.core.algorithms.boundaries import (
    beside_boundary,
    boundary_map,
    near_section_border,
)
from segmend.core.algorithms.contingency import Contingency, TableSum, contingency
from segmend.core.errors import InputError
from segmend.core.geometry import Box, Zyx
from segmend.core.volumes.base import Volume

Array = NDArray[Any]
Progress = Callable[[int, int], None]

_BLOCK_ZYX = (32, 256, 256)
_COMPACT_ROWS = 4_000_000


def shared_voxels(
    labelling: Volume, truth: Volume, box: Box, *, tolerant: bool = False
) -> Contingency:
    """Count the voxels that labels and true objects share inside a box; truth 0 is not counted.

    Parameters
    ----------
    labelling, truth : Volume
        Integer labels of the same shape.
    box : Box
        Clipped to the volumes.
    tolerant : bool
        Leave out truth voxels beside a truth boundary, as if the truth had been cropped to the box first.

    Raises
    ------
    InputError
        If the volumes do not fit each other or the box lies outside.
    """
    box = counted_box(labelling, truth, box)
    found = TableSum(_COMPACT_ROWS)
    for block in box.blocks(_BLOCK_ZYX):
        skipped = _beside(truth, block, box) if tolerant else None
        found.add(contingency(labelling.read(block), truth.read(block), ignore=skipped))
    return found.total()


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """What one pass over two labellings counts.

    Parameters
    ----------
    table : Contingency
        All voxels with truth.
    tolerant : Contingency
        Without truth voxels beside a truth boundary.
    bordered : Contingency
        Without voxels near a truth border of their section; the same as `table` where no distance was given.
    pixel_error : float
        Share of all voxels of the box that one labelling calls a boundary of its section and the other does not.
    """

    table: Contingency
    tolerant: Contingency
    bordered: Contingency
    pixel_error: float


def compare(
    labelling: Volume,
    truth: Volume,
    box: Box,
    *,
    border_vox: float | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Count everything that scores need, reading each block once.

    Parameters
    ----------
    labelling, truth, box
        As for `shared_voxels`; everything is counted as if both had been cropped to the box first.
    border_vox : float, optional
        Distance within sections for `Comparison.bordered`.
    progress : callable, optional
        Called with blocks done and blocks in all.

    Raises
    ------
    InputError
        As `shared_voxels`.
    """
    box = counted_box(labelling, truth, box)
    reach = 1 if border_vox is None else max(1, int(border_vox) + 1)
    table, tolerant, bordered = (TableSum(_COMPACT_ROWS) for _ in range(3))
    differing = 0
    blocks = list(box.blocks(_BLOCK_ZYX))
    for done, block in enumerate(blocks, start=1):
        wide = block.grow((1, reach, reach)).intersect(box)
        z, y, x = wide.start_zyx
        inner = block.shift((-z, -y, -x)).slices
        s, t = labelling.read(wide), truth.read(wide)
        differing += int((boundary_map(s) != boundary_map(t))[inner].sum())
        table.add(contingency(s[inner], t[inner]))
        tolerant.add(contingency(s[inner], t[inner], ignore=beside_boundary(t)[inner]))
        if border_vox is not None:
            near = near_section_border(t, border_vox)[inner]
            bordered.add(contingency(s[inner], t[inner], ignore=near))
        if progress is not None:
            progress(done, len(blocks))
    everything = table.total()
    off_borders = everything if border_vox is None else bordered.total()
    return Comparison(everything, tolerant.total(), off_borders, differing / box.size)


def counted_box(labelling: Volume, truth: Volume, box: Box | None) -> Box:
    """Check that two labellings fit each other and return the part of the box inside them.

    Raises
    ------
    InputError
        If the shapes or the kind of values differ, or the box lies outside.
    """
    if labelling.shape_zyx != truth.shape_zyx:
        raise InputError(
            f"{labelling.source} has shape {_readable(labelling.shape_zyx)} but {truth.source} has "
            f"{_readable(truth.shape_zyx)} (z y x): expected two labellings of the same volume"
        )
    for volume in (labelling, truth):
        if volume.channels is not None or volume.dtype.kind not in "ui":
            raise InputError(
                f"{volume.source} holds {volume.dtype} values: expected one whole number per voxel"
            )
    whole = Box.of_shape(truth.shape_zyx)
    inside = whole if box is None else box.intersect(whole)
    if not inside.size:
        raise InputError(
            f"the box lies outside the volume of {_readable(truth.shape_zyx)} voxels (z y x): "
            "give one that overlaps it"
        )
    return inside


def _readable(shape: Zyx) -> str:
    return " ".join(map(str, shape))


def _beside(truth: Volume, block: Box, within: Box) -> Array:
    wide = block.grow((1, 1, 1)).intersect(within)
    z, y, x = wide.start_zyx
    inner: Array = beside_boundary(truth.read(wide))[block.shift((-z, -y, -x)).slices]
    return inner
