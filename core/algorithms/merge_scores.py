"""How right a set of merge decisions is: precision and recall over the edges of a graph.

As in Matejek et al. 2019, Table 2: an edge should be joined if both ends belong to one true object; edges of which an
end has no truth are not counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.arrays import graph_edges
from segmend.core.errors import InputError

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class MergeScores:
    """Counts of edges.

    Parameters
    ----------
    true_merges, false_merges : int
        Joined, rightly and wrongly.
    missed_merges, true_cuts : int
        Left apart, wrongly and rightly.
    """

    true_merges: int
    false_merges: int
    missed_merges: int
    true_cuts: int

    @property
    def precision(self) -> float:
        """Share of the joined edges that are right; 1 if none was joined."""
        joined = self.true_merges + self.false_merges
        return self.true_merges / joined if joined else 1.0

    @property
    def recall(self) -> float:
        """Share of the edges to be joined that are; 1 if there is none."""
        wanted = self.true_merges + self.missed_merges
        return self.true_merges / wanted if wanted else 1.0

    @property
    def accuracy(self) -> float:
        """Share of right decisions; 1 if there are none."""
        right = self.true_merges + self.true_cuts
        total = right + self.false_merges + self.missed_merges
        return right / total if total else 1.0


def merge_scores(edges: Array, joined: Array, truth_of: Array) -> MergeScores:
    """Count right and wrong merge decisions.

    Parameters
    ----------
    edges : (E, 2) integer array
    joined : (E,) bool
        The decisions.
    truth_of : (n + 1,) integer array
        True object of each node, 0 where unknown; see `majority_truth`.

    Raises
    ------
    InputError
        If the arrays do not fit each other.
    """
    pairs, decided = graph_edges(edges, len(truth_of)), np.asarray(joined, np.bool_)
    if decided.shape != (len(pairs),):
        raise InputError(
            f"{len(pairs)} edges have decisions of shape {decided.shape}: expected one per edge"
        )
    a, b = truth_of[pairs[:, 0]], truth_of[pairs[:, 1]]
    known = (a > 0) & (b > 0)
    decided, same = decided[known], (a == b)[known]
    return MergeScores(
        int((decided & same).sum()),
        int((decided & ~same).sum()),
        int((~decided & same).sum()),
        int((~decided & ~same).sum()),
    )
