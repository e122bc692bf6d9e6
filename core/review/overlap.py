"""Which voxels two labellings share: the contingency table of two volumes, built block by block."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from segmend.core.algorithms.boundaries import beside_boundary
from segmend.core.algorithms.contingency import Contingency, add_tables, contingency
from segmend.core.errors import InputError
from segmend.core.geometry import Box, Zyx
from segmend.core.volumes.base import Volume

Array = NDArray[Any]

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
    found: list[Contingency] = []
    for block in box.blocks(_BLOCK_ZYX):
        skipped = _beside(truth, block, box) if tolerant else None
        found.append(contingency(labelling.read(block), truth.read(block), ignore=skipped))
        if sum(len(part.counts) for part in found) > _COMPACT_ROWS:
            found = [add_tables(found)]
    return add_tables(found)


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
