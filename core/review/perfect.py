"""The perfect reviewer: accepts an edit exactly when it brings the segmentation closer to the truth."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.incremental_vi import VariationOfInformation
from segmend.core.algorithms.metrics import Contingency, VariationScores
from segmend.core.candidates.candidate import Candidate, still_together
from segmend.core.edits.model import Merge, Resolved, Split
from segmend.core.edits.resolving import split_sides
from segmend.core.errors import EditRefused, InputError
from segmend.core.geometry import Box
from segmend.core.review.overlap import counted_box, shared_voxels
from segmend.core.review.reviewer import ReviewVerdict
from segmend.core.segmentation.partition import Partition
from segmend.core.segmentation.patches import Patch
from segmend.core.segmentation.segmentation import Segmentation
from segmend.core.segmentation.supervoxel_mapping import Move, SupervoxelMapping
from segmend.core.volumes.base import Volume

if TYPE_CHECKING:
    from segmend.core.session import Session

Array = NDArray[Any]

_ENOUGH = 1e-9
_MOST_PASSES = 12


class PerfectReviewer:
    """Reads the truth and never errs.

    Parameters
    ----------
    labels : Volume
        True objects, 0 ignored, of the shape of the supervoxels.
    box : Box, optional
        Only voxels inside count.
    """

    def __init__(self, labels: Volume, box: Box | None = None) -> None:
        self.labels = labels
        self.box = box
        self._known: tuple[Session, Contingency, VariationOfInformation] | None = None
        self._patches: tuple[int, ...] = ()

    def begin(self, session: Session) -> None:
        """Compare the session as it is now with the truth; `decide` does so at the first candidate.

        Raises
        ------
        InputError
            If the volumes do not fit each other or nothing is labelled inside the box.
        """
        supervoxels = session.supervoxels[0]
        inside = counted_box(supervoxels, self.labels, self.box)
        table = shared_voxels(supervoxels, self.labels, inside)
        if not len(table.counts):
            raise InputError(
                f"{self.labels.source} is 0 everywhere in the counted box: expected labelled objects"
            )
        score = VariationOfInformation(table, session.segmentation.segment_of)
        self._known = session, table, score
        self._patches = session.segmentation.patches.operations

    def vi(self, session: Session) -> VariationScores:
        """Return the variation of information of the session as last seen."""
        return self._look(session)[1].scores

    def vi_best(self, session: Session) -> VariationScores:
        """Return what the supervoxels allow: each one given to its majority object."""
        return self._look(session)[1].vi_best

    def decide(self, candidate: Candidate, session: Session) -> ReviewVerdict:
        """Accept iff the edit lowers the sum of the variation of information."""
        return self.judge(candidate.edit, session)

    def _look(self, session: Session) -> tuple[Contingency, VariationOfInformation]:
        if self._known is None or self._known[0] is not session:
            self.begin(session)
        assert self._known is not None
        return self._known[1:]

    def judge(self, edit: Merge | Split, session: Session) -> ReviewVerdict:
        """Judge an edit; one that does not fit the segmentation is rejected."""
        score = self._look(session)[1]
        try:
            if isinstance(edit, Merge):
                change = _change(edit, session.segmentation, score)
            else:
                change = self._change_of_split(session.preview(edit), session.segmentation, score)
        except EditRefused:
            return "reject"
        return "accept" if change < -_ENOUGH else "reject"

    def _change_of_split(
        self, resolved: Resolved, segmentation: Segmentation, score: VariationOfInformation
    ) -> float:
        """Return the change of the sum, also where the split divides supervoxels."""
        born = set(resolved.children)
        (side,) = resolved.sides
        old = np.array([s for s in side if s not in born], np.int64)
        parents = [parent for patch in resolved.patches for parent in patch.parents]
        source = int(segmentation.segment_of[parents[0] if parents else side[0]])
        if not born:
            return score.split_delta(old, source)
        truth = [self._truth_under(patch, set(side)) for patch in resolved.patches]
        return score.split_delta(old, source, truth_of_voxels=np.concatenate(truth))

    def _truth_under(self, patch: Patch, children: set[int]) -> Array:
        """Return the true objects of a patch's voxels that go to some children."""
        inside = counted_box(self.labels, self.labels, self.box).intersect(patch.box)
        if not inside.size:
            return np.empty(0, np.int64)
        chosen = [row for row, child in enumerate(patch.ids, start=1) if child in children]
        z, y, x = patch.box.start_zyx
        local = patch.local[inside.shift((-z, -y, -x)).slices]
        return np.asarray(self.labels.read(inside))[np.isin(local, chosen)]

    def follow(self, old: Sequence[int], new: Sequence[int], session: Session) -> None:
        """Take note of an accepted candidate: segments before and after, as the session announced them."""
        if session.segmentation.patches.operations != self._patches:
            self.begin(session)  # voxels have other supervoxels: all is counted anew
            return
        score, members = self._look(session)[1], session.segmentation.members
        for gone in set(old) - set(new):
            score.apply_merge(new[0], gone)
        for born in set(new) - set(old):
            score.apply_move(members(born), old[0], born)

    def reachable(self, candidates: Iterable[Candidate], session: Session) -> VariationScores:
        """Return the variation of information after every candidate was decided right.

        The candidates are gone through in the given order on a copy of the mapping; each edit that lowers the sum
        is carried out; this is repeated, for candidates whose segments have changed, until no edit lowers it.
        """
        return _Trial(session.segmentation, self._look(session)[0]).run(list(candidates))


class _Trial:
    """A copy of the mapping on which edits are tried out."""

    def __init__(self, segmentation: Segmentation, table: Contingency) -> None:
        self._segmentation = copy.copy(segmentation)
        self._segmentation.mapping = SupervoxelMapping(
            Partition(segmentation.segment_of, segmentation.mapping.size)
        )
        self._score = VariationOfInformation(table, self._segmentation.segment_of)
        self._next = int(self._segmentation.segment_of.max(initial=0)) + 1
        self._changed_at: dict[int, int] = {}
        self._clock = 0

    def run(self, candidates: list[Candidate]) -> VariationScores:
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

    def _is_news(self, candidate: Candidate, seen: int) -> bool:
        a, b = self._segmentation.segment_of[list(candidate.anchors)].tolist()
        if not a or not b or (a == b) == (candidate.kind == "merge"):
            return False
        return seen < 0 or max(self._changed_at.get(a, 0), self._changed_at.get(b, 0)) > seen

    def _try(self, candidate: Candidate) -> None:
        edit = candidate.edit
        if isinstance(edit, Split):
            edit = still_together(edit, self._segmentation.segment_of)
        try:
            if _change(edit, self._segmentation, self._score) < -_ENOUGH:
                self._carry_out(edit)
        except EditRefused:
            return

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


def _change(
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
