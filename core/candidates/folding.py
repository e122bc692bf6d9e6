"""Merge candidates that ask the same question: between the same two segments, by different contacts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def fold_same_pairs(
    rows: Array,
    segments: Array,
    worth: Array,
    decided: Array,
    answers: Callable[[int], bool],
) -> dict[int, int]:
    """Find the candidates that need not be shown because another one stands for them.

    Parameters
    ----------
    rows : (r,) int64
        Merges that are not moot.
    segments : (k, 2) int64
        Present segments of the two sides of every candidate.
    worth : (k,) float64
        Of the open merges of a pair, the one with the highest worth is shown.
    decided : (k,) bool
    answers : callable
        Whether a candidate was rejected and its rejection still answers the question.

    Returns
    -------
    dict of int to int
        From the row of a candidate to the row that stands for it.
    """
    low, high = segments[rows].min(axis=1), segments[rows].max(axis=1)
    order = np.lexsort((rows, -worth[rows], high, low))
    rows, low, high = rows[order], low[order], high[order]
    same = (low[1:] == low[:-1]) & (high[1:] == high[:-1])
    starts = np.flatnonzero(np.r_[True, ~same])
    folded: dict[int, int] = {}
    for start in np.unique(np.searchsorted(starts, np.flatnonzero(same), side="right") - 1):
        stop = starts[start + 1] if start + 1 < len(starts) else len(rows)
        folded |= _fold_group(rows[starts[start] : stop].tolist(), decided, answers)
    return folded


def _fold_group(rows: list[int], decided: Array, answers: Callable[[int], bool]) -> dict[int, int]:
    still_open = [row for row in rows if not decided[row]]
    leader = next((row for row in rows if answers(row)), still_open[0] if still_open else -1)
    return {row: leader for row in still_open if row != leader}
