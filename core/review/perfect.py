"""The perfect reviewer: accepts an edit exactly when it brings the segmentation closer to the truth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.incremental_vi import VariationOfInformation
from segmend.core.algorithms.metrics import Contingency, VariationScores
from segmend.core.candidates.candidate import Candidate
from segmend.core.edits.model import Merge, Resolved, Split
from segmend.core.errors import EditRefused, InputError
from segmend.core.geometry import Box
from segmend.core.review.overlap import counted_box, shared_voxels
from segmend.core.review.reviewer import ReviewVerdict
from segmend.core.review.trial import ENOUGH, Trial, change_of
from segmend.core.segmentation.patches import Patch
from segmend.core.segmentation.segmentation import Segmentation
from segmend.core.volumes.base import Volume

if TYPE_CHECKING:
    from segmend.core.session import Session

Array = NDArray[Any]


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
                change = change_of(edit, session.segmentation, score)
            else:
                change = self._change_of_split(session.preview(edit), session.segmentation, score)
        except EditRefused:
            return "reject"
        return "accept" if change < -ENOUGH else "reject"

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

    def table(self, session: Session) -> Contingency:
        """Return the voxels that supervoxels and true objects share, as last seen."""
        return self._look(session)[0]

    def trial(self, session: Session) -> Trial:
        """Return a copy of the mapping, scored against the truth, on which edits can be tried out."""
        return Trial(session.segmentation, self._look(session)[0])

    def reachable(self, candidates: Iterable[Candidate], session: Session) -> VariationScores:
        """Return the variation of information after every candidate was decided right.

        The candidates are gone through in the given order on a copy of the mapping; each edit that lowers the sum
        is carried out; this is repeated, for candidates whose segments have changed, until no edit lowers it.
        """
        return self.trial(session).reach(list(candidates))
