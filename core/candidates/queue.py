"""The queue: which candidate a reviewer sees next.

The queue holds flat arrays over all candidates. What a candidate stands for now is read from the live mapping:
a merge whose two sides are one segment, and a split whose sides are two, have become moot and are withdrawn;
undo brings them back because nothing but the mapping was asked. After an edit only candidates that touch
the changed segments are measured again. A rejected merge is asked again when one of its
segments has since been cut, and at the very end when one has grown: the answer may be another one now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from segmend.core.candidates.candidate import Candidate, still_together, with_living_parts
from segmend.core.candidates.live import LiveCandidates
from segmend.core.candidates.rescoring import LiveSegments, PairScorer
from segmend.core.edits.model import Split
from segmend.core.errors import InputError

Array = NDArray[Any]
Order = Literal["gain", "probability", "affinity", "size", "random"]
ORDERS: tuple[Order, ...] = get_args(Order)
Status = Literal["open", "decided", "withdrawn"]


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


class CandidateQueue(LiveCandidates):
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
        super().__init__(candidates, segmentation, scorer, verdicts or {}, seed)
        self.order = order

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
        if not self._segments[row].all():
            return "a supervoxel that it names was erased or divided between segments"
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

    # -- inside --------------------------------------------------------------------------------

    def _row_of(self, candidate_id: str) -> int:
        if candidate_id not in self._row:
            raise InputError(f"there is no candidate {candidate_id!r} in this queue")
        return self._row[candidate_id]

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
        edit = with_living_parts(candidate.edit, self._stand_in)
        if isinstance(edit, Split):
            edit = still_together(edit, self._segmentation.segment_of)
        return replace(
            candidate,
            edit=edit,
            probability=float(self._probability[row]),
            gain=float(self._gain[row]),
        )
