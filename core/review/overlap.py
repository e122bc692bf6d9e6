"""How many voxels two labellings share: a sparse table, built block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import fastremap
import numpy as np
from numpy.typing import NDArray

from segmend.core.errors import InputError
from segmend.core.geometry import Box, Zyx
from segmend.core.volumes.base import Volume

Array = NDArray[Any]

_BLOCK_ZYX = (32, 256, 256)
_COMPACT_ROWS = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Overlap:
    """Shared voxels of a labelling S and the truth T; voxels with T = 0 are not in it.

    Parameters
    ----------
    label : (k,) uint64
        Ids in S, 0 is background.
    truth : (k,) uint64
        Ids in T, never 0.
    count : (k,) int64
        Voxels; every pair of ids appears once.
    """

    label: Array
    truth: Array
    count: Array

    @property
    def total(self) -> int:
        """Voxels counted."""
        return int(self.count.sum())


def overlap_of(labelling: Volume, truth: Volume, box: Box, *, tolerant: bool = False) -> Overlap:
    """Count shared voxels inside a box.

    Parameters
    ----------
    labelling, truth : Volume
        Integer labels of the same shape.
    box : Box
        Clipped to the volumes.
    tolerant : bool
        Leave out truth voxels beside a truth boundary: those of which one of the six neighbours inside the box has
        another id, as ``skimage.segmentation.find_boundaries(T, mode="thick")`` of the cropped truth.

    Raises
    ------
    InputError
        If the shapes differ or nothing is labelled in the box.
    """
    box = counted_box(labelling, truth, box)
    found: list[Overlap] = []
    for block in box.blocks(_BLOCK_ZYX):
        shown, true = labelling.read(block), truth.read(block)
        keep = true != 0
        if tolerant:
            keep &= ~_beside_boundary(truth, block, box)
        found.append(_count(shown[keep], true[keep]))
        if sum(len(part.count) for part in found) > _COMPACT_ROWS:
            found = [_joined(found)]
    return _joined(found)


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


def _beside_boundary(truth: Volume, block: Box, within: Box) -> Array:
    wide = block.grow((1, 1, 1)).intersect(within)
    labels = truth.read(wide)
    beside: Array = np.zeros(labels.shape, bool)
    for low, high in _neighbour_slices():
        differs = labels[low] != labels[high]
        beside[low] |= differs
        beside[high] |= differs
    z, y, x = wide.start_zyx
    inner: Array = beside[block.shift((-z, -y, -x)).slices]
    return inner


def _neighbour_slices() -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    for axis in range(3):
        low, high = [slice(None)] * 3, [slice(None)] * 3
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        yield tuple(low), tuple(high)


def _count(label: Array, truth: Array) -> Overlap:
    if not label.size:
        return Overlap(np.empty(0, np.uint64), np.empty(0, np.uint64), np.empty(0, np.int64))
    labels, row = fastremap.unique(label, return_inverse=True)
    truths, column = fastremap.unique(truth, return_inverse=True)
    key = row.astype(np.int64).reshape(-1) * len(truths) + column.astype(np.int64).reshape(-1)
    pairs, count = fastremap.unique(key, return_counts=True)
    return Overlap(
        labels[pairs // len(truths)].astype(np.uint64),
        truths[pairs % len(truths)].astype(np.uint64),
        count.astype(np.int64),
    )


def _joined(parts: list[Overlap]) -> Overlap:
    label = np.concatenate([part.label for part in parts])
    truth = np.concatenate([part.truth for part in parts])
    count = np.concatenate([part.count for part in parts])
    order = np.lexsort((truth, label))
    label, truth, count = label[order], truth[order], count[order]
    if not len(label):
        return Overlap(label, truth, count)
    first = np.flatnonzero(np.r_[True, (label[1:] != label[:-1]) | (truth[1:] != truth[:-1])])
    return Overlap(label[first], truth[first], np.add.reduceat(count, first))
