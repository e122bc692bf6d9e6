"""Variation of information and adapted Rand error from a table of shared voxels.

With n_st the voxels shared by segment s and true object t, n_s and n_t the sums, N the total:
``H(S|T) = (sum_t n_t log2 n_t - sum_st n_st log2 n_st) / N`` is the split error and
``H(T|S) = (sum_s n_s log2 n_s - sum_st n_st log2 n_st) / N`` the merge error (Meila 2003).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.review.overlap import Overlap

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Vi:
    """Variation of information in bits.

    Parameters
    ----------
    split : float
        H(S|T): what is cut apart.
    merge : float
        H(T|S): what runs together.
    """

    split: float
    merge: float

    @property
    def sum(self) -> float:
        """Both together."""
        return self.split + self.merge

    def to_json(self) -> dict[str, float]:
        """Return split, merge and sum."""
        return {"split": self.split, "merge": self.merge, "sum": self.sum}


def variation_of_information(overlap: Overlap) -> Vi:
    """Return the variation of information; 0 for an empty table."""
    total = max(overlap.total, 1)
    joint = float(xlogx(overlap.count).sum())
    by_truth = float(xlogx(_sums(overlap.truth, overlap.count)).sum())
    by_label = float(xlogx(_sums(overlap.label, overlap.count)).sum())
    return Vi(max(0.0, by_truth - joint) / total, max(0.0, by_label - joint) / total)


def adapted_rand_error(overlap: Overlap) -> float:
    """Return 1 - F of the Rand precision and recall (Arganda-Carreras et al. 2015); 0 for an empty table."""
    pairs = float((overlap.count.astype(float) ** 2).sum()) - overlap.total
    by_label = float((_sums(overlap.label, overlap.count).astype(float) ** 2).sum()) - overlap.total
    by_truth = float((_sums(overlap.truth, overlap.count).astype(float) ** 2).sum()) - overlap.total
    return 1.0 - 2.0 * pairs / (by_label + by_truth) if by_label + by_truth else 0.0


def xlogx(values: Array) -> NDArray[np.float64]:
    """Return ``x log2 x`` with 0 at 0."""
    values = np.asarray(values, np.float64)
    return values * np.log2(np.maximum(values, 1.0))


def _sums(ids: Array, count: Array) -> Array:
    _, group = np.unique(ids, return_inverse=True)
    return np.bincount(group.reshape(-1), weights=count) if len(ids) else np.empty(0)
