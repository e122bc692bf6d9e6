"""The queue: which candidate a reviewer sees next.

The queue holds flat arrays over all candidates. What a candidate stands for now is read from the live mapping:
a merge whose two sides are one segment, and a split whose sides are two, have become moot and are withdrawn;
undo brings them back because nothing but the mapping was asked. After an edit only candidates that touch
the changed segments are measured again. A rejected merge is asked again when one of its
segments has since been cut, and at the very end when one has grown: the answer may be another one now.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from segmend.core.candidates.candidate import Candidate, still_together
from segmend.core.candidates.folding import fold_same_pairs
from segmend.core.candidates.gain import change_if_right
from segmend.core.candidates.rescoring import LiveSegments, PairScorer
from segmend.core.edits.model import Split
from segmend.core.errors import InputError

Array = NDArray[Any]
Order = Literal["gain", "probability", "affinity", "size", "random"]
ORDERS: tuple[Order, ...] = get_args(Order)
Status = Literal["open", "decided", "withdrawn"]

_SAME_QUESTION = 0.5
_SHRUNK = 0.8
_GROWN = 1.25


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a queue is worked off.

    Parameters
    ----------
    open, decided, withdrawn : int
        Candidates.
    expected_gain : float
        Sum of the open ones, in bits.
    """

    open: int
    decided: int
    withdrawn: int
    expected_gain: float


class CandidateQueue:
    """Candidates in the order in which they are worth a reviewer's time.

    Parameters
    ----------
    candidates : sequence of Candidate
    segmentation : LiveSegments
        Asked for the present segments of the two sides.
    order : {"gain", "probability", "affinity", "size", "random"}
    scorer : PairScorer, optional
        Measures contacts again after an edit; without one only sizes and gains follow.
    verdicts : mapping of str to str, optional
        Verdicts that were given before, by candidate id.
    seed : int
        Of the random order.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        segmentation: LiveSegments,
        *,
        order: Order = "gain",
        scorer: PairScorer | None = None,
        verdicts: Mapping[str, str] | None = None,
        seed: int = 0,
    ) -> None:
        self._candidates = list({candidate.id: candidate for candidate in candidates}.values())
        self._segmentation = segmentation
        self._scorer = scorer
        self._row = {candidate.id: row for row, candidate in enumerate(self._candidates)}
        self._verdicts = {k: v for k, v in (verdicts or {}).items() if k in self._row}
        self._columns(seed)
        self._total = float(sum(self._sizes(np.unique(segmentation.segment_of)).values())) or 1.0
        self.order = order
        self.refresh()

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

    # -- asking --------------------------------------------------------------------------------

    def __len__(self) -> int:
        """Candidates still open."""
        return int(self._open().sum())

    def __iter__(self) -> Iterator[Candidate]:
        """Go through every candidate as it was detected, decided and withdrawn ones too."""
        return iter(self._candidates)

    def __contains__(self, candidate_id: str) -> bool:
        return candidate_id in self._row

    @property
    def order(self) -> Order:
        """What decides who comes next."""
        return self._order

    @order.setter
    def order(self, order: Order) -> None:
        if order not in ORDERS:
            raise InputError(f"order {order!r} is unknown: expected one of {', '.join(ORDERS)}")
        self._order: Order = order

    def next(self) -> Candidate | None:
        """Return the candidate to look at now, or None when there is none left."""
        first = self.peek(1)
        return first[0] if first else None

    def peek(self, count: int, *, within: Array | None = None) -> list[Candidate]:
        """Return the next candidates in order, as they stand now.

        Parameters
        ----------
        count : int
        within : (len(candidates),) bool, optional
            Restricts the answer to some rows, in the order of iteration.
        """
        eligible = self._open() if within is None else self._open_within(within)
        rows = np.flatnonzero(eligible)
        key = self._key()[rows] - 1e9 * (self._skips[rows] + self._late[rows])
        if count < len(rows):
            chosen = np.argpartition(-key, count)[:count]
            rows, key = rows[chosen], key[chosen]
        ranked = rows[np.lexsort((rows, -key))]
        return [self._current(int(row)) for row in ranked[:count]]

    def get(self, candidate_id: str) -> Candidate:
        """Return a candidate as it stands now.

        Raises
        ------
        InputError
            If there is none with this id.
        """
        return self._current(self._row_of(candidate_id))

    def status(self, candidate_id: str) -> Status:
        """Say whether a candidate is open, decided, or withdrawn."""
        row = self._row_of(candidate_id)
        if self._decided[row]:
            return "decided"
        return "withdrawn" if self.reason(candidate_id) else "open"

    def verdict(self, candidate_id: str) -> str | None:
        """Return the verdict on a candidate, or None."""
        return self._verdicts.get(candidate_id)

    def reason(self, candidate_id: str) -> str:
        """Say why a candidate is not shown though nobody decided on it; empty where it is."""
        row = self._row_of(candidate_id)
        if self._decided[row]:
            return ""
        if self._moot()[row]:
            same = "the two sides are one segment already"
            return same if self._is_merge[row] else "the two sides are different segments already"
        if (leader := int(self._folded_into[row])) >= 0:
            verb = "was rejected" if self._decided[leader] else "is asked"
            return f"the same question {verb} at candidate {self._candidates[leader].id}"
        return ""

    def progress(self) -> Progress:
        """Count open, decided and withdrawn candidates."""
        still, decided = self._open(), int(self._decided.sum())
        return Progress(
            int(still.sum()),
            decided,
            len(self._candidates) - int(still.sum()) - decided,
            float(self._gain[still].sum()),
        )

    # -- telling -------------------------------------------------------------------------------

    def skip(self, candidate_id: str) -> None:
        """Put a candidate behind all that were skipped less often."""
        self._skips[self._row_of(candidate_id)] += 1

    def mark(self, candidate_id: str, verdict: str) -> None:
        """Record a verdict; the candidate is not shown again.

        Parameters
        ----------
        candidate_id : str
        verdict : {"accept", "reject", "unsure"}
        """
        row = self._row_of(candidate_id)
        self._verdicts[candidate_id] = verdict
        self._decided[row] = True
        self._rejected_sizes.pop(row, None)
        self._late[row] = False
        if verdict == "reject":
            self._rejected_sizes[row] = self._side[row].copy()
        self._fold(self._segments[row])

    def reopen(self, candidate_id: str) -> None:
        """Forget a verdict, as undo does."""
        row = self._row_of(candidate_id)
        self._verdicts.pop(candidate_id, None)
        self._rejected_sizes.pop(row, None)
        self._late[row] = False
        self._decided[row] = False
        self._fold(self._segments[row])

    def update(self, segments: Iterable[int]) -> None:
        """Follow an edit or an undo.

        Parameters
        ----------
        segments : iterable of int
            Old and new ids of the segments that changed.
        """
        changed = np.array(sorted(set(segments)), np.int64)
        before = self._segments
        self._segments = self._segmentation.segment_of[self._anchors].astype(np.int64)
        touched = np.isin(before, changed) | np.isin(self._segments, changed)
        rows = np.flatnonzero(_either(touched | (before != self._segments)))
        self._measure(rows, changed)

    def refresh(self) -> None:
        """Read the whole mapping again."""
        self._segments = self._segmentation.segment_of[self._anchors].astype(np.int64)
        self._measure(np.arange(len(self._candidates)), np.empty(0, np.int64))

    # -- inside --------------------------------------------------------------------------------

    def _row_of(self, candidate_id: str) -> int:
        if candidate_id not in self._row:
            raise InputError(f"there is no candidate {candidate_id!r} in this queue")
        return self._row[candidate_id]

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

    def _key(self) -> Array:
        match self._order:
            case "gain":
                return self._gain
            case "probability":
                return self._probability
            case "affinity":
                return self._affinity
            case "size":
                return self._side.min(axis=1)
            case _:
                return self._shuffled

    def _current(self, row: int) -> Candidate:
        candidate = self._candidates[row]
        changes: dict[str, Any] = {
            "probability": float(self._probability[row]),
            "gain": float(self._gain[row]),
        }
        if isinstance(candidate.edit, Split):
            changes["edit"] = still_together(candidate.edit, self._segmentation.segment_of)
        return replace(candidate, **changes)

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
