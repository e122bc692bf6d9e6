"""A review: candidates in the order of the queue, a verdict on each, and what it brought."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.metrics import VariationScores
from segmend.core.candidates.candidate import Candidate
from segmend.core.candidates.queue import CandidateQueue, Order
from segmend.core.errors import EditRefused, InputError
from segmend.core.geometry import Box, Grid
from segmend.core.review.perfect import PerfectReviewer

if TYPE_CHECKING:
    from segmend.core.session import Session


@dataclass(frozen=True, slots=True)
class ReviewReport:
    """What a perfect review brought, all in bits.

    Parameters
    ----------
    decisions, accepted : int
        Candidates shown, and those accepted.
    vi_before, vi_after : dict
        ``split``, ``merge`` and ``sum``.
    curve : list of [int, float]
        Decisions and sum, from ``[0, vi_before]`` on, one entry per decision.
    vi_best : float
        Every supervoxel given to its majority object.
    vi_reachable : float
        Every candidate decided right: see `PerfectReviewer.reachable`.
    """

    decisions: int
    accepted: int
    vi_before: dict[str, float]
    vi_after: dict[str, float]
    curve: list[list[float]]
    vi_best: float
    vi_reachable: float


def review(
    session: Session,
    reviewer: PerfectReviewer,
    budget: int | None = None,
    *,
    order: Order = "gain",
    progress: Callable[[str, float], None] | None = None,
) -> ReviewReport:
    """Show candidates to a reviewer until the budget is spent or none is left.

    Every candidate shown counts as a decision, accepted or not. Accepted edits are applied to the session. With a
    reviewer that counts inside a box, only candidates whose place lies in it are shown.

    Parameters
    ----------
    session : Session
        Open for writing.
    reviewer : PerfectReviewer
    budget : int, optional
        Decisions; as many as there are candidates by default.
    order : str
        Of the queue; left as it was afterwards.
    progress : callable, optional
        Told "review" and the share done.

    Raises
    ------
    InputError
        If the order is unknown, the budget negative, or the labels do not fit the project.
    """
    if budget is not None and budget < 0:
        raise InputError(f"a budget of {budget} decisions is not usable: expected 0 or more")
    queue, usual = session.queue, session.queue.order
    within = inside(queue, session.project.grid, reviewer.box)
    queue.order = order
    try:
        reviewer.begin(session)
        before = reviewer.vi(session)
        reachable = reviewer.reachable(queue.peek(len(queue), within=within), session)
        curve, accepted = _work_off(session, reviewer, budget, within, progress)
    finally:
        queue.order = usual
    return ReviewReport(
        decisions=len(curve) - 1,
        accepted=accepted,
        vi_before=_figures(before),
        vi_after=_figures(reviewer.vi(session)),
        curve=curve,
        vi_best=reviewer.vi_best(session).sum,
        vi_reachable=reachable.sum,
    )


def _figures(vi: VariationScores) -> dict[str, float]:
    return {"split": vi.split, "merge": vi.merge, "sum": vi.sum}


def _work_off(
    session: Session,
    reviewer: PerfectReviewer,
    budget: int | None,
    within: NDArray[np.bool_] | None,
    progress: Callable[[str, float], None] | None,
) -> tuple[list[list[float]], int]:
    most = len(session.queue) if budget is None else budget
    curve: list[list[float]] = [[0, reviewer.vi(session).sum]]
    accepted = 0
    while (budget is None or len(curve) <= budget) and (
        shown := session.queue.peek(1, within=within)
    ):
        accepted += _decide(session, reviewer, shown[0])
        curve.append([len(curve), reviewer.vi(session).sum])
        if progress:
            progress("review", min(1.0, (len(curve) - 1) / max(most, 1)))
    return curve, accepted


def _decide(session: Session, reviewer: PerfectReviewer, candidate: Candidate) -> bool:
    verdict = reviewer.decide(candidate, session)
    try:
        changes = session.decide(candidate, verdict)
    except EditRefused:
        session.decide(candidate, "reject")  # it was looked at: it counts, and must not come again
        return False
    if verdict == "accept":
        reviewer.follow(changes.old_ids, changes.new_ids, session)
    return verdict == "accept"


def inside(queue: CandidateQueue, grid: Grid, box: Box | None) -> NDArray[np.bool_] | None:
    """Return which candidates of a queue, in the order of iteration, have their place in a box; None without one."""
    if box is None:
        return None
    return np.array([box.contains(grid.to_index(candidate.place_nm)) for candidate in queue], bool)
