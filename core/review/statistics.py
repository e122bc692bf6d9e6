"""How a review goes: verdicts, their pace, and whether the probabilities keep their word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Decision:
    """One verdict.

    Parameters
    ----------
    verdict : str
        "accept", "reject" or "unsure".
    probability : float
        That the candidate promised.
    milliseconds : int or None
        From showing to deciding, where it was measured.
    """

    verdict: str
    probability: float
    milliseconds: int | None = None


@dataclass(frozen=True, slots=True)
class VerdictStatistics:
    """Figures over some decisions.

    Parameters
    ----------
    decisions, accepted, rejected, unsure : int
    accept_rate : float
        Accepted among accepted and rejected; 0 without any.
    expected_rate : float
        Mean probability of the same candidates: close to `accept_rate` when the model is calibrated.
    median_seconds : float or None
        Per decision, of those that were timed.
    """

    decisions: int
    accepted: int
    rejected: int
    unsure: int
    accept_rate: float
    expected_rate: float
    median_seconds: float | None


def verdict_statistics(decisions: Iterable[Decision]) -> VerdictStatistics:
    """Sum decisions up."""
    every = list(decisions)
    count = Counter(decision.verdict for decision in every)
    sure = [d for d in every if d.verdict in ("accept", "reject")]
    timed = [d.milliseconds for d in every if d.milliseconds is not None]
    return VerdictStatistics(
        decisions=len(every),
        accepted=count["accept"],
        rejected=count["reject"],
        unsure=count["unsure"],
        accept_rate=count["accept"] / len(sure) if sure else 0.0,
        expected_rate=sum(d.probability for d in sure) / len(sure) if sure else 0.0,
        median_seconds=median(timed) / 1000 if timed else None,
    )
