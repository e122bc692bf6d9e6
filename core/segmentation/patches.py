"""Voxel edits as patches over a base that is never rewritten.

The supervoxels of a voxel are those of the base with the patches in effect laid over it, in the order of their
operations. A patch is part of a journal row, so nothing that counts lives outside the journal, two copies of a project
can exchange voxel edits, and an old one can be switched off.
"""

from __future__ import annotations

from bisect import bisect_left, insort
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
    """Patches in effect, in the order of their operations."""

    def __init__(self) -> None:
        self._operations: list[int] = []
        self._patches: dict[int, tuple[Patch, ...]] = {}

    @property
    def operations(self) -> tuple[int, ...]:
        """Numbers of the operations that have patches in effect, in order."""
        return tuple(self._operations)

    def __bool__(self) -> bool:
        return bool(self._operations)

    def add(self, operation: int, patches: tuple[Patch, ...]) -> None:
        """Lay the patches of an operation over those of earlier ones."""
        insort(self._operations, operation)
        self._patches[operation] = patches

    def remove(self, operation: int) -> None:
        """Take the patches of an operation away."""
        del self._operations[bisect_left(self._operations, operation)]
        del self._patches[operation]

    def touching(self, box: Box) -> Iterator[tuple[int, Patch]]:
        """Yield the patches that meet a box, in order."""
        for operation in self._operations:
            for patch in self._patches[operation]:
                if patch.box.intersect(box).size:
                    yield operation, patch
