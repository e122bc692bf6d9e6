"""Which errors a segmentation has, and for which of them there is a candidate.

A true object of which k segments hold a part counts k - 1 split errors, a segment that holds parts of k true objects
k - 1 merge errors, so that as many right edits as errors mend them all.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.components import joined
from segmend.core.algorithms.contingency import Contingency, majority_truth
from segmend.core.candidates.candidate import Candidate

Array = NDArray[Any]


class Recall(NamedTuple):
    """Errors, and those of them that candidates would mend.

    Parameters
    ----------
    errors, found : int
    """

    errors: int
    found: int

    @property
    def share(self) -> float:
        """Found among all; 1 where there is no error."""
        return self.found / self.errors if self.errors else 1.0

    def interval(self, z: float = 1.96) -> tuple[float, float]:
        """Return the bounds of the share by Wilson's score (Wilson 1927), 95 % by default."""
        n, p = self.errors, self.share
        if not n:
            return 0.0, 1.0
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return max(0.0, middle - half), min(1.0, middle + half)


class Parts(NamedTuple):
    """What segments hold of true objects.

    Parameters
    ----------
    overlap : mapping of int to mapping of int to int
        Voxels by segment and true object.
    object_of : (m + 1,) integer array
        True object that most of a segment's voxels belong to; 0 for none.
    object_of_supervoxel : (n + 1,) integer array
        The same for supervoxels.
    """

    overlap: Mapping[int, Mapping[int, int]]
    object_of: Array
    object_of_supervoxel: Array


def parts(table: Contingency, segment_of: Array) -> Parts:
    """Add a table of supervoxels up to segments.

    Parameters
    ----------
    table : Contingency
        Voxels that supervoxels and true objects share. True objects must be connected: parts of one that lie apart in
        the volume cannot be known to belong together.
    segment_of : (n + 1,) integer array
    """
    overlap: dict[int, dict[int, int]] = defaultdict(dict)
    rows = zip(
        segment_of[table.labels].tolist(), table.truths.tolist(), table.counts.tolist(), strict=True
    )
    for segment, truth, count in rows:
        if segment:
            overlap[segment][truth] = overlap[segment].get(truth, 0) + count
    object_of = np.zeros(int(segment_of.max(initial=0)) + 1, np.int64)
    for segment, held in overlap.items():
        object_of[segment] = max(held, key=lambda truth: (held[truth], -truth))
    return Parts(overlap, object_of, majority_truth(table, len(segment_of) - 1))


def split_recall(
    known: Parts, candidates: Iterable[Candidate], segment_of: Array, *, smallest: int = 1000
) -> Recall:
    """Count split errors, and those that accepting every right merge would mend.

    A part counts where it has `smallest` voxels and most of its segment; candidates may lead from one to another over
    smaller parts of the same object.
    """
    fragments: dict[int, list[int]] = defaultdict(list)
    for segment, held in known.overlap.items():
        truth = int(known.object_of[segment])
        if held[truth] >= smallest:
            fragments[truth].append(segment)
    ends = segment_of[[c.anchors for c in candidates if c.kind == "merge"]].reshape(-1, 2)
    right = known.object_of[ends[:, 0]] == known.object_of[ends[:, 1]]
    right &= known.object_of[ends[:, 0]] > 0
    component = joined(ends[right].astype(np.int64), len(known.object_of) - 1)
    errors = sum(len(segments) - 1 for segments in fragments.values())
    left = sum(len({int(component[s]) for s in segments}) - 1 for segments in fragments.values())
    return Recall(errors, errors - left)


def merge_recall(
    known: Parts,
    cuts: Iterable[tuple[int, Sequence[int]]],
    sizes: Array,
    *,
    smallest: int = 1000,
) -> Recall:
    """Count merge errors, and those that cuts would mend.

    Parameters
    ----------
    known : Parts
    cuts : iterable of (int, sequence of int)
        Segment and the supervoxels on one side of each cut that is right, made one by one on the segments as they are.
    sizes : (n + 1,) integer array
        Voxels of supervoxels.
    smallest : int
        An object counts in a segment where it has this many voxels there.
    """
    held_in = {
        segment: [truth for truth, count in held.items() if count >= smallest]
        for segment, held in known.overlap.items()
    }
    sides: dict[int, list[frozenset[int]]] = defaultdict(list)
    for segment, side in cuts:
        sides[segment].append(_objects_on(side, segment, known, sizes))
    errors = sum(max(0, len(truths) - 1) for truths in held_in.values())
    found = sum(
        len({tuple(truth in side for side in sides[segment]) for truth in truths}) - 1
        for segment, truths in held_in.items()
        if truths and segment in sides
    )
    return Recall(errors, found)


def _objects_on(side: Sequence[int], segment: int, known: Parts, sizes: Array) -> frozenset[int]:
    """Return the objects that have most of what the segment holds of them on one side of a cut."""
    rows = np.asarray(side, np.int64)
    here: dict[int, int] = defaultdict(int)
    of = known.object_of_supervoxel[rows].tolist()
    for truth, voxels in zip(of, sizes[rows].tolist(), strict=True):
        here[truth] += voxels
    held = known.overlap[segment]
    return frozenset(t for t, voxels in here.items() if t in held and 2 * voxels > held[t])
