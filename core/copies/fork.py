"""The segmentation from which two copies went on, and what each operation since then touches of it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from segmend.core.edits.model import Merge, Resolved, Verdict
from segmend.core.edits.places import segment_at
from segmend.core.edits.voxels import SupervoxelVoxels
from segmend.core.errors import EditRefused
from segmend.core.journal.operation import Operation
from segmend.core.segmentation.patches import Patch
from segmend.core.segmentation.segmentation import Segmentation

Units = frozenset[Hashable]
"""Segments of the fork as int; supervoxels made since as ("made", id); verdicts as ("candidate", id)."""


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """An operation that only one side has.

    Parameters
    ----------
    number : int
        On its own side.
    units : frozenset
        What it touches.
    deed : Hashable
        Equal where two steps that touch the same do the same.
    joins : bool
        Whether what it touches is one afterwards.
    spots : frozenset of int
        Supervoxels that the person pointed at.
    homes : frozenset
        The segments of the base in which they lie, where those are whole; else the supervoxels.
    candidate : str, optional
        That it decides.
    patches : tuple of Patch
    made : frozenset
        Units that it brings into the world.
    """

    number: int
    units: Units
    deed: Hashable
    joins: bool = False
    spots: frozenset[int] = frozenset()
    homes: Units = frozenset()
    candidate: str | None = None
    patches: tuple[Patch, ...] = ()
    made: Units = frozenset()


class Fork:
    """The segmentation from which two sides went on.

    Parameters
    ----------
    segmentation : Segmentation
        What the operations of both have left behind.
    voxels : SupervoxelVoxels, optional
        Of the base.
    """

    def __init__(self, segmentation: Segmentation, voxels: SupervoxelVoxels | None) -> None:
        self._segmentation = segmentation
        self._voxels = None if voxels is None else voxels.over(segmentation.patches)
        self._born: dict[int, Units] = {}
        self._broken = _broken(segmentation)

    def step(self, operation: Operation, resolved: Resolved) -> Step:
        """Describe an edit; those before it on its side must have been described."""
        touched = self.touched(resolved)
        made = frozenset(("made", child) for child in resolved.children)
        for child in resolved.children:
            self._born[child] = touched | {("made", child)}
        return Step(
            operation.number,
            touched,
            deed_of(resolved),
            isinstance(resolved.edit, Merge),
            frozenset(spot.supervoxel for spot in resolved.edit.spots),
            frozenset(self._home(spot.supervoxel) for spot in resolved.edit.spots),
            getattr(resolved.edit, "candidate", operation.candidate),
            resolved.patches,
            made,
        )

    def touched(self, resolved: Resolved) -> Units:
        """Return what an edit touches."""
        found: set[Hashable] = set()
        for named in chain(resolved.sides, (patch.parents for patch in resolved.patches)):
            found |= self._units(np.array(named, np.int64))
        for spot in resolved.edit.spots:
            if spot.supervoxel in self._born:
                found |= self._born[spot.supervoxel]
                continue
            try:
                found.add(segment_at(spot, self._segmentation, self._voxels))
            except EditRefused:
                continue
        if isinstance(resolved.edit, Verdict):
            found.add(("candidate", resolved.edit.candidate))
        return frozenset(found)

    def _home(self, supervoxel: int) -> Hashable:
        """Return what a spot means whatever else is switched later."""
        base = self._segmentation.base
        known = supervoxel <= base.supervoxel_count
        home = int(base.segment_of[supervoxel]) if known else 0
        return home if home and home not in self._broken else ("supervoxel", supervoxel)

    def _units(self, supervoxels: NDArray[np.int64]) -> set[Hashable]:
        segment_of = self._segmentation.segment_of
        segments = np.zeros(len(supervoxels), np.int64)
        known = supervoxels < len(segment_of)
        segments[known] = segment_of[supervoxels[known]]
        found: set[Hashable] = set(np.unique(segments[segments > 0]).tolist())
        for supervoxel in supervoxels[segments == 0].tolist():  # made since, or dead
            left = list(self._segmentation.living(supervoxel))
            found |= self._born.get(supervoxel) or set(segment_of[left].tolist())
        return found


def _broken(segmentation: Segmentation) -> set[int]:
    """Return the segments of the base that lie in several segments by now, or have lost supervoxels."""
    base = segmentation.base
    before = base.segment_of.astype(np.uint64)
    now = segmentation.segment_of[: len(before)].astype(np.uint64)
    pairs = np.unique(before << np.uint64(32) | now) >> np.uint64(32)
    homes, parts = np.unique(pairs, return_counts=True)
    return set(homes[parts > 1].tolist())


def deed_of(resolved: Resolved) -> Hashable:
    """Return a value that is equal for edits that do the same, whatever they call what they make."""
    order = {child: -1 - i for i, child in enumerate(sorted(resolved.children))}
    sides = frozenset(
        frozenset((order.get(s, s) for s in side) if order else side) for side in resolved.sides
    )
    patches = tuple(
        (p.box, p.parents, tuple(order.get(i, 0) for i in p.ids), p.origins, p.packed)
        for p in resolved.patches
    )
    edit = resolved.edit
    flags = tuple(getattr(edit, name, None) for name in ("finished", "locked", "verdict"))
    kind = "apart" if sides else type(edit).__name__
    return kind, sides, patches, flags


def dependents(number: int, steps: Mapping[int, Units], on: Iterable[int]) -> Units:
    """Return what changes when an operation is switched: what it touches, and what later ones made of that."""
    found = set(steps.get(number, ()))
    for later in on:
        touched = steps.get(later, frozenset())
        if later > number and not found.isdisjoint(touched):
            found |= touched
    return frozenset(found)
