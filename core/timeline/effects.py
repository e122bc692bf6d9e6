"""What operations touch, and so which later ones depend on which earlier ones.

Two operations that touch no common segment, no common supervoxel and no patches that meet can change places. What an
operation touches is told by keys in one index: a segment, a supervoxel that a patch ends or makes, or a cell of the
volume that a patch reaches into. Where a supervoxel that it names is dead, its plan also looks at what became of that
one and at the voxel of its place, without changing either. Cells may say that two operations depend on each other that
do not; the answer is then slower, not wrong.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right, insort
from collections.abc import Hashable, Iterable, Iterator
from itertools import chain, product

import numpy as np
from numpy.typing import NDArray

from segmend.core.edits.model import Resolved
from segmend.core.edits.voxels import SupervoxelVoxels
from segmend.core.geometry import Box
from segmend.core.segmentation.patches import Patch
from segmend.core.segmentation.segmentation import Change, Segmentation
from segmend.core.timeline.decisions import decision_keys

_CELL = 64
Keys = frozenset[Hashable]
"""Segment s as s, supervoxel s as -s, cells as triples of int, candidates as text."""


class EffectIndex:
    """Operations that were carried out, found by what they touch."""

    def __init__(self) -> None:
        self._keys: dict[int, Keys] = {}
        self._numbers: dict[Hashable, list[int]] = {}

    def add(self, number: int, keys: Keys) -> None:
        """Take an operation in."""
        self._keys[number] = keys
        for key in keys:
            insort(self._numbers.setdefault(key, []), number)

    def remove(self, number: int) -> None:
        """Leave an operation out from now on."""
        for key in self._keys.pop(number):
            numbers = self._numbers[key]
            del numbers[bisect_left(numbers, number)]

    def later(self, number: int, keys: Iterable[Hashable]) -> set[int]:
        """Return the operations after a number that touch one of some keys."""
        found: set[int] = set()
        for key in keys:
            numbers = self._numbers.get(key)
            if numbers and numbers[-1] > number:
                found.update(numbers[bisect_right(numbers, number) :])
        return found

    def dependents(self, numbers: Iterable[int]) -> list[int]:
        """Return some operations and all that depend on them, in order."""
        waiting = sorted(set(numbers))
        found = set(waiting)
        seen: set[Hashable] = set()
        order = []
        while waiting:
            number = heapq.heappop(waiting)
            order.append(number)
            new = self._keys[number] - seen  # what else touches a seen key was found with it
            seen |= new
            for later in self.later(number, new) - found:
                found.add(later)
                heapq.heappush(waiting, later)
        return order


def effects(change: Change) -> Keys:
    """Return what a change touches, as keys."""
    patches = change.birth.patches if change.birth else ()
    decided = decision_keys(change.decision[0]) if change.decision else ()
    return frozenset(chain(change.segments, _of_patches(patches), decided))


def looked_at(
    resolved: Resolved, segmentation: Segmentation, voxels: SupervoxelVoxels | None
) -> Keys:
    """Return what the plan of an edit looks at in the segmentation as it is besides what it changes, as keys.

    Nothing where all that the edit names is alive: whatever ends one of these changes its segment, which the edit
    changes, too.
    """
    keys: set[Hashable] = set()
    for spot in resolved.edit.spots:
        if not segmentation.is_alive(spot.supervoxel):
            keys.update(-s for s in segmentation.lineage(spot.supervoxel))
            if voxels is not None:
                keys.update(_cells(_voxel_of(voxels, spot.place_nm)))
    for side in resolved.sides:
        keys.update(-s for s in _parts_of_dead(np.array(side, np.int64), segmentation))
    return frozenset(keys)


def needs(resolved: Resolved, segmentation: Segmentation, voxels: SupervoxelVoxels | None) -> Keys:
    """Return what the plan of an edit looks at in the segmentation as it is, as keys."""
    named = [spot.supervoxel for spot in resolved.edit.spots]
    named += chain.from_iterable(resolved.sides)
    supervoxels = _with_parts(np.array(named, np.int64), segmentation)
    keys: set[Hashable] = {-s for s in supervoxels}
    for spot in resolved.edit.spots:
        if voxels is not None and not segmentation.is_alive(spot.supervoxel):
            supervoxels.add(voxels.supervoxel_at_nm(spot.place_nm))
            keys.update(_cells(_voxel_of(voxels, spot.place_nm)))
    for patch in resolved.patches:
        supervoxels.update(patch.parents)
    looked_at = np.fromiter(supervoxels, np.int64)
    looked_at = looked_at[looked_at <= segmentation.supervoxel_count]
    segments = np.unique(segmentation.segment_of[looked_at])
    keys.update(segments[segments > 0].tolist())
    keys.update(resolved.new_segments)
    keys.update(_of_patches(_inside(resolved.patches, voxels)))
    return frozenset(keys)


def _with_parts(named: NDArray[np.int64], segmentation: Segmentation) -> set[int]:
    """Return supervoxels and, of the dead ones, everything that was made of them."""
    return {*named.tolist(), *_parts_of_dead(named, segmentation)}


def _parts_of_dead(named: NDArray[np.int64], segmentation: Segmentation) -> Iterator[int]:
    known = named <= segmentation.supervoxel_count
    alive = segmentation.segment_of[np.where(known, named, 0)] > 0
    return (s for n in named[~alive].tolist() for s in segmentation.lineage(n))


def _inside(patches: Iterable[Patch], voxels: SupervoxelVoxels | None) -> Iterator[Patch]:
    """Leave out what no plan can use: a box from outside may have any size."""
    if voxels is not None:
        volume = Box.of_shape(voxels.shape_zyx)
        yield from (patch for patch in patches if patch.box.intersect(volume) == patch.box)


def _of_patches(patches: Iterable[Patch]) -> Iterator[Hashable]:
    for patch in patches:
        yield from (-s for s in patch.parents)
        yield from (-s for s in patch.children)
        yield from _cells(patch.box.grow((1, 1, 1)))


def _cells(box: Box) -> Iterator[Hashable]:
    spans = zip(box.start_zyx, box.stop_zyx, strict=True)
    return product(*(range(start // _CELL, -(-stop // _CELL)) for start, stop in spans))


def _voxel_of(voxels: SupervoxelVoxels, place_nm: tuple[float, float, float]) -> Box:
    z, y, x = voxels.grid.to_index(place_nm)
    return Box((z, y, x), (z + 1, y + 1, x + 1))
