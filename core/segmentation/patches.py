"""Voxel edits as patches over a base that is never rewritten.

The supervoxels of a voxel are those of the base with the patches in effect laid over it, in the order of their
operations. A patch is part of a journal row, so nothing that counts lives outside the journal, two copies of a project
can exchange voxel edits, and an old one can be switched off.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.errors import InputError
from segmend.core.geometry import Box
from segmend.core.segmentation.packing import pack, unpack

MOST_PARTS = 255


@dataclass(frozen=True, slots=True)
class Patch:
    """Voxels that get other supervoxels.

    A supervoxel id stands for one set of voxels for ever: what loses a voxel dies, and all that is left of it gets new
    ids. A patch therefore covers every voxel of its parents.

    Parameters
    ----------
    box : Box
        Of the finest level.
    parents : tuple of int
        Supervoxels that die, sorted.
    ids : tuple of int
        What local label 1, 2, ... becomes: a new supervoxel, or 0 for background. At most 255.
    origins : tuple of int
        The parent that each of `ids` is a part of, and whose segment it stays in; 0 where it is not one parent's
        (painted voxels, which belong to the segment that the edit names).
    packed : str
        Local label of each voxel in the box, uint8, 0 where nothing changes; see `packing`.
    """

    box: Box
    parents: tuple[int, ...]
    ids: tuple[int, ...]
    origins: tuple[int, ...]
    packed: str = field(repr=False)

    @classmethod
    def of(
        cls,
        box: Box,
        parents: tuple[int, ...],
        ids: tuple[int, ...],
        origins: tuple[int, ...],
        local: NDArray[Any],
    ) -> Patch:
        """Return the patch of a (z, y, x) array of local labels that fills a box."""
        if not 0 < len(ids) == len(origins) <= MOST_PARTS:
            raise InputError(f"a patch of {len(ids)} parts: expected 1 to {MOST_PARTS}")
        return cls(box, tuple(sorted(parents)), ids, origins, pack(local.astype(np.uint8)))

    @property
    def children(self) -> tuple[int, ...]:
        """The new supervoxels."""
        return tuple(i for i in self.ids if i)

    @property
    def local(self) -> NDArray[np.uint8]:
        """(z, y, x) local labels.

        Raises
        ------
        InputError
            If they are damaged.
        """
        labels = unpack(self.packed, self.box.size).reshape(self.box.shape_zyx)
        if int(labels.max()) > len(self.ids):
            raise InputError("voxels of an edit are damaged: a part has no id")
        return labels


class PatchStack:
    """Patches in effect, in the order of their operations.

    Asking which patches meet a box compares it with all of them at once, a quarter of a millisecond for 10,000. One
    writer and any number of readers at the same time: what readers see is replaced, never changed.
    """

    def __init__(self) -> None:
        self._patches: dict[int, tuple[Patch, ...]] = {}
        self._placed = _Placed((), np.empty((0, 6), np.int64))
        self._changed: list[Box] = []

    @property
    def operations(self) -> tuple[int, ...]:
        """Numbers of the operations that have patches in effect, in order."""
        return tuple(sorted(self._patches))

    @property
    def revision(self) -> int:
        """Counts the changes."""
        return len(self._changed)

    def __bool__(self) -> bool:
        return bool(self._patches)

    def of(self, operation: int) -> tuple[Patch, ...]:
        """Return the patches of an operation; none if it has none in effect."""
        return self._patches.get(operation, ())

    def add(self, operation: int, patches: tuple[Patch, ...]) -> None:
        """Lay the patches of an operation over those of earlier ones."""
        if operation in self._patches:
            raise ValueError(f"the patches of operation {operation} are in effect already")
        self._patches[operation] = patches
        self._placed = self._placed.with_patches(operation, patches)
        self._changed.extend(patch.box for patch in patches)

    def remove(self, operation: int) -> None:
        """Take the patches of an operation away."""
        patches = self._patches.pop(operation)
        self._placed = self._placed.without(operation)
        self._changed.extend(patch.box for patch in patches)

    def touching(self, box: Box) -> Iterator[tuple[int, Patch]]:
        """Yield the patches that meet a box, in order."""
        return self._placed.touching(box)

    def changed_since(self, revision: int) -> list[Box]:
        """Return the boxes of the patches that came or went since a revision."""
        return self._changed[revision:]


@dataclass(frozen=True, slots=True, eq=False)
class _Placed:
    """Operation and patch, in order; and the boxes as (k, 6) start and stop."""

    rows: tuple[tuple[int, Patch], ...]
    boxes: NDArray[np.int64]

    def with_patches(self, operation: int, patches: tuple[Patch, ...]) -> _Placed:
        at = bisect_left(self.rows, operation, key=lambda row: row[0])
        new = tuple((operation, patch) for patch in patches)
        boxes = np.array([(*p.box.start_zyx, *p.box.stop_zyx) for p in patches], np.int64)
        return _Placed(
            self.rows[:at] + new + self.rows[at:],
            np.insert(self.boxes, at, boxes.reshape(-1, 6), axis=0),
        )

    def without(self, operation: int) -> _Placed:
        start = bisect_left(self.rows, operation, key=lambda row: row[0])
        stop = bisect_right(self.rows, operation, key=lambda row: row[0])
        return _Placed(
            self.rows[:start] + self.rows[stop:],
            np.delete(self.boxes, slice(start, stop), axis=0),
        )

    def touching(self, box: Box) -> Iterator[tuple[int, Patch]]:
        if not self.rows or not box.size:
            return
        meets = (self.boxes[:, :3] < box.stop_zyx) & (self.boxes[:, 3:] > box.start_zyx)
        for row in np.flatnonzero(meets.all(axis=1)).tolist():
            yield self.rows[row]
