"""What a split or a cleave would make of a segment: which supervoxels go to which side. No Qt, no napari."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.edits.model import Resolved, Spot
from segmend.core.geometry import Box, Grid
from segmend.core.segmentation.patches import Patch

REST = 0
"""The number of what no seed reaches; sides count from 1."""
REST_NUMBER = 10
"""Its colour; a side's colour is its number."""


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """The parts of divided supervoxels in a box.

    Parameters
    ----------
    box : Box
        Of the finest level.
    sides : (z, y, x) uint8
        Colour of each voxel, 0 where nothing is divided.
    """

    box: Box
    sides: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """A segment as an edit would take it apart.

    Parameters
    ----------
    supervoxels : mapping of int to (k,) int64
        By side; those that would be made among them, those that would be divided not.
    voxels : mapping of int to int
        Sizes by side.
    divided : int
        Number of supervoxels that would be divided.
    table : (n,) uint8
        Colour of each supervoxel, 0 for those of other segments and, at the end, for all higher ones.
    overlays : tuple of Overlay
        Laid over what the table says.
    """

    supervoxels: Mapping[int, NDArray[Any]]
    voxels: Mapping[int, int]
    divided: int
    table: NDArray[np.uint8]
    overlays: tuple[Overlay, ...]

    def same_as(self, other: Pieces) -> bool:
        """Say whether both take the same voxels apart in the same way."""
        return (
            self.voxels == other.voxels
            and self.supervoxels.keys() == other.supervoxels.keys()
            and all(
                np.array_equal(np.sort(ids), np.sort(other.supervoxels[side]))
                for side, ids in self.supervoxels.items()
            )
            and len(self.overlays) == len(other.overlays)
            and all(
                mine.box == theirs.box and np.array_equal(mine.sides, theirs.sides)
                for mine, theirs in zip(self.overlays, other.overlays, strict=True)
            )
        )


def pieces_of(
    resolved: Resolved,
    seeds: Mapping[int, tuple[Spot, ...]],
    segment: int,
    segmentation: Any,
    grid: Grid,
) -> Pieces:
    """Name the pieces of a previewed edit after the sides that its seeds stand for.

    Parameters
    ----------
    resolved : Resolved
        Of a split or a cleave.
    seeds : mapping of int to tuple of Spot
        By side.
    segment : int
        Dense segment that is taken apart.
    segmentation : Segmentation
        As it is now; nothing is changed.
    grid : Grid
        Of the finest voxels.
    """
    sizes = _Sizes(resolved.patches, segmentation)
    staying = np.setdiff1d(_members(resolved, segment, segmentation), _flat(resolved.sides))
    parts = [np.asarray(side, np.int64) for side in resolved.sides] + [staying]
    supervoxels: dict[int, NDArray[Any]] = {}
    left = list(range(len(parts)))
    for side, spots in seeds.items():
        at = _supervoxel_after(spots[0], resolved.patches, grid)
        found = next((i for i in left if at in parts[i]), None)
        if found is not None:
            left.remove(found)
            supervoxels[side] = parts[found]
    rest = _joined([parts[i] for i in left])
    if len(rest):
        supervoxels[REST] = rest
    table = _table(supervoxels)
    return Pieces(
        supervoxels,
        {side: sizes.of(ids) for side, ids in supervoxels.items()},
        sum(len(patch.parents) for patch in resolved.patches),
        table,
        tuple(_overlay(patch, table) for patch in resolved.patches),
    )


def _table(supervoxels: Mapping[int, NDArray[Any]]) -> NDArray[np.uint8]:
    highest = max((int(ids.max(initial=0)) for ids in supervoxels.values()), default=0)
    table = np.zeros(highest + 2, np.uint8)
    for side, ids in supervoxels.items():
        table[ids] = side if side != REST else REST_NUMBER
    return table


def _overlay(patch: Patch, table: NDArray[np.uint8]) -> Overlay:
    colours = np.concatenate([np.zeros(1, np.uint8), np.take(table, patch.ids, mode="clip")])
    return Overlay(patch.box, colours[patch.local])


def _members(resolved: Resolved, segment: int, segmentation: Any) -> NDArray[Any]:
    """Return the supervoxels of the segment once the patches are in effect."""
    parents = [parent for patch in resolved.patches for parent in patch.parents]
    alive = np.setdiff1d(np.asarray(segmentation.members(segment), np.int64), parents)
    return np.concatenate([alive, np.asarray(resolved.children, np.int64)])


def _flat(sides: tuple[tuple[int, ...], ...]) -> NDArray[Any]:
    return _joined([np.asarray(side, np.int64) for side in sides])


def _joined(parts: list[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


def _supervoxel_after(spot: Spot, patches: tuple[Patch, ...], grid: Grid) -> int:
    """Return the supervoxel of a seed once the patches are in effect."""
    place = grid.to_index(spot.place_nm)
    for patch in patches:
        if spot.supervoxel in patch.parents and patch.box.contains(place):
            z, y, x = (i - start for i, start in zip(place, patch.box.start_zyx, strict=True))
            if label := int(patch.local[z, y, x]):
                return patch.ids[label - 1]
    return spot.supervoxel


class _Sizes:
    """Voxels of supervoxels, of those too that the patches would make."""

    def __init__(self, patches: tuple[Patch, ...], segmentation: Any) -> None:
        self._size = segmentation.mapping.size
        self._new: dict[int, int] = {}
        for patch in patches:
            counts = np.bincount(patch.local.reshape(-1), minlength=len(patch.ids) + 1)[1:]
            for supervoxel, count in zip(patch.ids, counts.tolist(), strict=True):
                self._new[supervoxel] = self._new.get(supervoxel, 0) + count

    def of(self, supervoxels: NDArray[Any]) -> int:
        known = supervoxels[supervoxels < len(self._size)]
        new = supervoxels[supervoxels >= len(self._size)]
        return int(self._size[known].sum()) + sum(self._new.get(int(s), 0) for s in new)
