"""What a snapshot must look like before it is believed: nothing in it may cost memory, or fail later on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.edits.numbering import MOST_NEW
from segmend.core.geometry import Box
from segmend.core.segmentation.graph_files import GraphArrays
from segmend.core.segmentation.patches import Patch
from segmend.core.timeline.snapshots import Snapshot

Array = NDArray[Any]
_HIGHEST = 2**32 - 1


def check_ranges(snapshot: Snapshot, base: GraphArrays) -> None:
    """Raise ValueError unless every id is one that edits of this base can have given.

    Costs the arrays, and comes before anything as long as the highest id is allocated.
    """
    segments = min(base.segment_count + MOST_NEW, _HIGHEST)
    supervoxels = min(base.supervoxel_count + MOST_NEW, _HIGHEST)
    starts, numbers = snapshot.trace_starts, snapshot.trace_numbers
    named = (snapshot.finished, snapshot.locked, snapshot.trace_segments)
    good = (
        _ascending(snapshot.changed, 1, base.supervoxel_count)
        and _ascending(snapshot.born, base.supervoxel_count + 1, supervoxels)
        and all(_within(ids, 0, segments) for ids in (snapshot.changed_to, snapshot.born_to))
        and all(_within(ids, 1, segments) for ids in named)
        and (np.diff(numbers) > 0).all()
        and np.isin(numbers, snapshot.numbers).all()
        and starts[0] == 0
        and (np.diff(starts) >= 0).all()
        and starts[-1] == len(snapshot.trace_segments)
    )
    if not good:
        raise ValueError("ids out of range")


def check_edges(snapshot: Snapshot, base: GraphArrays) -> None:
    """Raise ValueError unless the edges are between supervoxels that there are, and their values can be."""
    first, second = snapshot.pairs.astype(np.int64).T
    known = (second <= base.supervoxel_count) | np.isin(second, snapshot.born)
    known &= (first <= base.supervoxel_count) | np.isin(first, snapshot.born)
    good = (
        (known & (first > 0) & (first < second)).all()
        and (np.diff(snapshot.edge_numbers) >= 0).all()
        and np.isin(snapshot.edge_numbers, snapshot.trace_numbers).all()
        and all(((v >= 0) & (v <= 1)).all() for v in (snapshot.affinity, snapshot.strong))
        and (snapshot.area > 0).all()
        and np.isfinite(snapshot.centroid).all()
    )
    if not good:
        raise ValueError("edges that cannot be")


def check_births(
    snapshot: Snapshot,
    patches: Mapping[int, tuple[Patch, ...]],
    base: GraphArrays,
    volume: Box | None,
) -> None:
    """Raise ValueError unless the supervoxels that were made, and those that are gone, are those of the patches.

    Parameters
    ----------
    snapshot : Snapshot
        In range.
    patches : mapping from number to tuple of Patch
        Of the operations in effect, in order.
    base : GraphArrays
    volume : Box, optional
        Where patches may lie, if that is known.
    """
    every = [patch for theirs in patches.values() for patch in theirs]
    if volume is not None and not all(p.box.intersect(volume) == p.box for p in every):
        raise ValueError("a patch outside the volume")
    born = sorted((child, patch.box) for patch in every for child in patch.children)
    ended = _ended(patches, base)
    gone = (
        snapshot.changed[snapshot.changed_to == 0],
        snapshot.born[snapshot.born_to == 0],
    )
    if (
        snapshot.born.tolist() != [child for child, _ in born]
        or np.concatenate(gone).tolist() != ended
    ):
        raise ValueError("supervoxels that no operation in effect made, or ended")
    _check_nodes(snapshot, [box for _, box in born])


def _ended(patches: Mapping[int, tuple[Patch, ...]], base: GraphArrays) -> list[int]:
    """Return all parents, sorted; each must be there until its patch comes."""
    alive, ended = set[int](), list[int]()
    for theirs in patches.values():
        parents = list(chain.from_iterable(patch.parents for patch in theirs))
        children = sorted(chain.from_iterable(patch.children for patch in theirs))
        if children and children != list(range(children[0], children[0] + len(children))):
            raise ValueError("supervoxels of an operation are missing")
        of_base = [parent for parent in parents if parent not in alive]
        if not all(0 < p <= base.supervoxel_count and base.segment_of[p] for p in of_base):
            raise ValueError("a patch of a supervoxel that is not there")
        alive.difference_update(parents)
        alive.update(children)
        ended += parents
    if len(set(ended)) != len(ended):
        raise ValueError("a supervoxel that ends twice")
    return sorted(ended)


def _check_nodes(snapshot: Snapshot, boxes: Sequence[Box]) -> None:
    start, stop = snapshot.box[:, :3], snapshot.box[:, 3:]
    around = np.array([(*b.start_zyx, *b.stop_zyx) for b in boxes], np.int64).reshape(-1, 6)
    inside = (around[:, :3] <= start) & (start < stop) & (stop <= around[:, 3:])
    at = (start <= snapshot.point) & (snapshot.point < stop)
    room = (stop.astype(np.int64) - start).prod(axis=1)
    good = inside.all() and at.all() and ((snapshot.size > 0) & (snapshot.size <= room)).all()
    if not good:
        raise ValueError("sizes or places that cannot be")


def _within(ids: Array, low: int, high: int) -> bool:
    return not len(ids) or bool(low <= int(ids.min()) and int(ids.max()) <= high)


def _ascending(ids: Array, low: int, high: int) -> bool:
    return _within(ids, low, high) and bool((np.diff(ids.astype(np.int64)) > 0).all())
