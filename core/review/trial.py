"""Edits tried out on a copy of the mapping: what they would bring, without a session being touched."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.incremental_vi import VariationOfInformation
from segmend.core.algorithms.metrics import Contingency, VariationScores
from segmend.core.candidates.candidate import Candidate, still_together
from segmend.core.edits.model import Merge, Split
from segmend.core.edits.resolving import split_sides
from segmend.core.errors import EditRefused
from segmend.core.segmentation.partition import Partition
from segmend.core.segmentation.segmentation import Segmentation
from segmend.core.segmentation.supervoxel_mapping import Move, SupervoxelMapping

Array = NDArray[Any]

ENOUGH = 1e-9
"""A change of the variation of information below this many bits is rounding."""

_MOST_PASSES = 12


class Trial:
    """A copy of the mapping on which edits are tried out.

    Parameters
    ----------
    segmentation : Segmentation
        Not changed.
    table : Contingency
        Voxels that supervoxels and true objects share.
    """

    def __init__(self, segmentation: Segmentation, table: Contingency) -> None:
        self._segmentation = copy.copy(segmentation)
        self._segmentation.mapping = SupervoxelMapping(
            Partition(segmentation.segment_of, segmentation.mapping.size)
        )
        self._score = VariationOfInformation(table, self._segmentation.segment_of)
        self._next = int(self._segmentation.segment_of.max(initial=0)) + 1
        self._changed_at: dict[int, int] = {}
        self._clock = 0

    @property
    def carried_out(self) -> int:
        """Edits carried out so far."""
        return self._clock

    def reach(self, candidates: Sequence[Candidate]) -> VariationScores:
        """Decide every candidate right, in the given order and again until no edit helps; return what is left."""
        seen: dict[int, int] = {}
        for _ in range(_MOST_PASSES):
            before = self._clock
            for row, candidate in enumerate(candidates):
                if self._is_news(candidate, seen.get(row, -1)):
                    seen[row] = self._clock
                    self._try(candidate)
            if self._clock == before:
                break
        return self._score.scores

    def best_first(self, candidates: Sequence[Candidate]) -> list[float]:
        """Carry out, again and again, the edit that helps most.

        Returns
        -------
        list of float
            Sum of the variation of information before the first and after each edit, bits.
        """
        curve = [self._score.scores.sum]
        anchors = np.array([c.anchors for c in candidates], np.int64).reshape(-1, 2)
        change = np.array([self._change_by(c) for c in candidates])
        while len(change) and change.min() < -ENOUGH:
            self._carry_out(self._now(candidates[int(change.argmin())]))
            curve.append(self._score.scores.sum)
            latest = [s for s, when in self._changed_at.items() if when == self._clock]
            touched = np.isin(self._segmentation.segment_of[anchors], latest).any(axis=1)
            for row in np.flatnonzero(touched).tolist():
                change[row] = self._change_by(candidates[row])
        return curve

    def _change_by(self, candidate: Candidate) -> float:
        """Return what an edit would change now; 0 where it does not fit any more."""
        if not self._is_news(candidate, -1):
            return 0.0
        try:
            return change_of(self._now(candidate), self._segmentation, self._score)
        except EditRefused:
            return 0.0

    def _now(self, candidate: Candidate) -> Merge | Split:
        edit = candidate.edit
        if isinstance(edit, Split):
            return still_together(edit, self._segmentation.segment_of)
        return edit

    def _is_news(self, candidate: Candidate, seen: int) -> bool:
        a, b = self._segmentation.segment_of[list(candidate.anchors)].tolist()
        if not a or not b or (a == b) == (candidate.kind == "merge"):
            return False
        return seen < 0 or max(self._changed_at.get(a, 0), self._changed_at.get(b, 0)) > seen

    def _try(self, candidate: Candidate) -> None:
        if self._change_by(candidate) < -ENOUGH:
            self._carry_out(self._now(candidate))

    def _carry_out(self, edit: Merge | Split) -> None:
        mapping = self._segmentation.mapping
        if isinstance(edit, Merge):
            target, *others = _segments(edit, self._segmentation)
            moves = [Move(mapping.members(s).copy(), s, target) for s in others]
        else:
            (side,) = split_sides(edit, self._segmentation)
            source = int(mapping.segment_of[side[0]])
            moves = [Move(np.array(side, np.uint32), source, self._next)]
            self._next += 1
        self._clock += 1
        for move in moves:
            mapping.apply(move)
            self._score.apply_move(move.supervoxels, move.source, move.target)
            self._changed_at[move.source] = self._changed_at[move.target] = self._clock


def change_of(
    edit: Merge | Split, segmentation: Segmentation, score: VariationOfInformation
) -> float:
    """Return the change of the sum in bits; raises `EditRefused` as the edit itself would."""
    if isinstance(edit, Merge):
        target, *others = _segments(edit, segmentation)
        return score.merge_delta(target, others[0]) if others else 0.0
    (side,) = split_sides(edit, segmentation)
    segment = int(segmentation.segment_of[side[0]])
    return score.split_delta(np.array(side, np.int64), segment)


def _segments(edit: Merge, segmentation: Segmentation) -> list[int]:
    """Return the two segments of a merge, the larger one first; one if they are the same."""
    named = [int(segmentation.segment_of[spot.supervoxel]) for spot in edit.spots[:2]]
    if not all(named):
        raise EditRefused("a supervoxel of this candidate is not part of the segmentation any more")
    return sorted(set(named), key=lambda s: (-segmentation.voxels(s), s))
