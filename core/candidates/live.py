"""What every candidate stands for on the segmentation as it is now, in flat arrays over all candidates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.candidates.candidate import Candidate
from segmend.core.candidates.folding import fold_same_pairs
from segmend.core.candidates.gain import change_if_right
from segmend.core.candidates.rescoring import LiveSegments, PairScorer

Array = NDArray[Any]

_SAME_QUESTION = 0.5
_SHRUNK = 0.8
_GROWN = 1.25


class LiveCandidates:
    """Segments, sizes, probability and gain of every candidate, kept true while the segmentation changes.

    Parameters
    ----------
    candidates : sequence of Candidate
    segmentation : LiveSegments
    scorer : PairScorer, optional
    verdicts : mapping of str to str
        By candidate id.
    seed : int
        Of the random order.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        segmentation: LiveSegments,
        scorer: PairScorer | None,
        verdicts: Mapping[str, str],
        seed: int,
    ) -> None:
        self._candidates = list({candidate.id: candidate for candidate in candidates}.values())
        self._segmentation = segmentation
        self._scorer = scorer
        self._row = {candidate.id: row for row, candidate in enumerate(self._candidates)}
        self._verdicts = {k: v for k, v in verdicts.items() if k in self._row}
        self._columns(seed)
        self._total = float(sum(self._sizes(np.unique(segmentation.segment_of)).values())) or 1.0
        self.refresh()
        self._remember_rejections()

    def _columns(self, seed: int) -> None:
        found = self._candidates
        self._anchors = np.array([c.anchors for c in found], np.int64).reshape(-1, 2)
        self._is_merge = np.array([c.kind == "merge" for c in found], bool)
        self._probability = np.array([c.probability for c in found], float)
        self._affinity = np.array([_suspicion(c) for c in found], float)
        self._detected = np.array(
            [(c.evidence.get("size_a", 1.0), c.evidence.get("size_b", 1.0)) for c in found], float
        ).reshape(-1, 2)
        self._detected_probability = self._probability.copy()
        self._side = self._detected.copy()
        self._gain = np.array([c.gain for c in found], float)
        self._skips = np.zeros(len(found), np.int64)
        self._late = np.zeros(len(found), bool)
        self._decided = np.array([c.id in self._verdicts for c in found], bool)
        self._folded_into = np.full(len(found), -1, np.int64)
        self._rejected_sizes: dict[int, Array] = {}
        self._shuffled = np.random.default_rng(seed).random(len(found))
        self._segments = np.full((len(found), 2), -1, np.int64)

    def update(self, segments: Iterable[int]) -> None:
        """Follow an edit or an undo.

        Parameters
        ----------
        segments : iterable of int
            Old and new ids of the segments that changed.
        """
        changed = np.array(sorted(set(segments)), np.int64)
        before = self._segments
        self._segments = self._segments_now()
        touched = np.isin(before, changed) | np.isin(self._segments, changed)
        rows = np.flatnonzero(_either(touched | (before != self._segments)))
        self._measure(rows, changed)

    def refresh(self) -> None:
        """Read the whole mapping again."""
        self._segments = self._segments_now()
        self._measure(np.arange(len(self._candidates)), np.empty(0, np.int64))

    def _segments_now(self) -> Array:
        segment_of = self._segmentation.segment_of
        segments = segment_of[self._anchors].astype(np.int64)
        for row, column in np.argwhere(segments == 0).tolist():
            segments[row, column] = segment_of[self._stand_in(int(self._anchors[row, column]))]
        return segments

    def _stand_in(self, supervoxel: int) -> int:
        """Return the supervoxel itself, or a part of it where all that is left lies in one segment, else 0."""
        left = self._segmentation.living(supervoxel)
        segments = {int(self._segmentation.segment_of[part]) for part in left}
        return left[0] if len(segments) == 1 else 0

    def _remember_rejections(self) -> None:
        """Let rejections of earlier sessions answer like questions; today's sizes stand for those of then."""
        for candidate_id, verdict in self._verdicts.items():
            if verdict == "reject":
                row = self._row[candidate_id]
                self._rejected_sizes[row] = self._side[row].copy()
        self._fold(None)

    def _moot(self) -> Array:
        same = self._segments[:, 0] == self._segments[:, 1]
        gone = _either(self._segments == 0)
        moot: Array = (same == self._is_merge) | gone
        return moot

    def _open(self) -> Array:
        still: Array = ~self._decided & ~self._moot() & (self._folded_into < 0)
        return still

    def _open_within(self, rows: Array) -> Array:
        """Let a candidate stand for itself where the one it was folded into is not to be shown."""
        leader = self._folded_into
        unseen = (leader >= 0) & ~rows[leader] & ~self._decided[leader]
        alone = unseen & ~self._decided & ~self._moot()
        eligible: Array = (self._open() | alone) & rows
        return eligible

    def _measure(self, rows: Array, changed: Array) -> None:
        live = rows[~self._moot()[rows]]
        sizes = self._sizes(np.unique(self._segments[live]))
        merges, splits = live[self._is_merge[live]], live[~self._is_merge[live]]
        for column in range(2):
            self._side[merges, column] = [sizes[s] for s in self._segments[merges, column].tolist()]
        whole = np.array([sizes[s] for s in self._segments[splits, 0].tolist()], float)
        self._side[splits] = _stretched(self._detected[splits], whole)
        self._ask_again(rows)
        self._judge(merges, changed)
        right = change_if_right(self._side[live, 0], self._side[live, 1], self._total)
        self._gain[live] = self._probability[live] * right
        self._fold(np.unique(self._segments[live]) if len(changed) else None)

    def _ask_again(self, rows: Array) -> None:
        """Open a rejected merge once a side has changed much: what spoke against it may be gone.

        At once where a side was cut, behind everything else where a side has only grown.
        """
        for row in sorted(self._rejected_sizes.keys() & set(rows.tolist())):
            if not self._is_merge[row]:
                continue
            share = self._side[row] / np.maximum(self._rejected_sizes[row], 1.0)
            shrunk, grown = bool((share < _SHRUNK).any()), bool((share > _GROWN).any())
            self._decided[row] = not (shrunk or grown)
            self._late[row] = grown and not shrunk

    def _judge(self, merges: Array, changed: Array) -> None:
        """Ask the model again about merges whose contact is another one than at detection."""
        if self._scorer is None or not len(changed):
            return
        contacts = self._scorer.around(changed.tolist())
        pairs = np.sort(self._segments[merges], axis=1).tolist()
        asked = [
            (row, contacts[a, b])
            for row, (a, b) in zip(merges.tolist(), pairs, strict=True)
            if (a, b) in contacts
        ]
        if not asked:
            return
        skeleton = ("agreement", "gap_nm")
        rows = [
            evidence | {k: self._candidates[row].evidence.get(k, 0.0) for k in skeleton}
            for row, evidence in asked
        ]
        at = [row for row, _ in asked]
        self._probability[at] = self._scorer.together(rows)
        self._affinity[at] = [evidence["mean_affinity"] for _, evidence in asked]

    def _sizes(self, segments: Array) -> dict[int, float]:
        return {s: float(self._segmentation.voxels(s)) if s else 0.0 for s in segments.tolist()}

    def _fold(self, segments: Array | None) -> None:
        """Of merges between the same two segments, show the best one only; none where one was rejected."""
        merges = self._is_merge & ~self._moot()
        if segments is not None:
            near = _either(np.isin(self._segments, segments))
            self._folded_into[near] = -1
            merges = merges & near
        worth = self._probability - self._late
        rows = np.flatnonzero(merges)
        folded = fold_same_pairs(rows, self._segments, worth, self._decided, self._answers_still)
        self._folded_into[list(folded.keys())] = list(folded.values())

    def _answers_still(self, row: int) -> bool:
        """Say whether a rejection was about these two segments, not about small parts of them."""
        before = self._rejected_sizes.get(row) if self._decided[row] else None
        return before is not None and bool((before >= _SAME_QUESTION * self._side[row]).all())


def _either(columns: Array) -> Array:
    """Return a | b of two columns; numpy's reduction over an axis of two is ten times slower."""
    either: Array = columns[:, 0] | columns[:, 1]
    return either


def _suspicion(candidate: Candidate) -> float:
    affinity = float(candidate.evidence.get("mean_affinity", 0.0))
    return affinity if candidate.kind == "merge" else 1.0 - affinity


def _stretched(detected: Array, whole: Array) -> Array:
    """Fit the two sides of a cut to the segment as it is: what came or went did so at the larger side."""
    small = np.minimum(detected.min(axis=1), whole / 2)
    return np.stack([small, whole - small], axis=1)
