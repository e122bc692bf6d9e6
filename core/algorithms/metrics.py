"""How far a segmentation is from the truth.

S is the segmentation, T the truth; voxels with T = 0 are ignored. ``vi_split`` = H(S|T) grows with split errors,
``vi_merge`` = H(T|S) with merge errors, both in bits (Meila 2007); they equal the two numbers of scikit-image's
``variation_of_information(T, S, ignore_labels=(0,))``, in that order. Rand scores are those of Arganda-Carreras et al.
2015, "Crowdsourcing the creation of image segmentation algorithms for connectomics", over pairs of different voxels, as
scikit-image counts them. Predicted 0 counts as one object.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.boundaries import beside_boundary
from segmend.core.algorithms.contingency import Contingency, contingency

__all__ = [
    "Contingency", "InformationScores", "RandScores", "SegmentationScores", "VariationScores", "adapted_rand_error",
    "beside_boundary", "contingency", "cremi_score", "information_from_table", "rand_from_table",
    "segmentation_scores", "variation_of_information", "vi_from_table",
]  # fmt: skip

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class VariationScores:
    """Variation of information in bits.

    Parameters
    ----------
    split : float
        H(S|T).
    merge : float
        H(T|S).
    """

    split: float
    merge: float

    @property
    def sum(self) -> float:
        """Both together; 0 for equal partitions."""
        return self.split + self.merge


@dataclass(frozen=True, slots=True)
class RandScores:
    """What happens to pairs of different voxels.

    Parameters
    ----------
    split : float
        Share of the pairs within a true object that the segmentation keeps together; split errors lower it.
    merge : float
        Share of the pairs within a segment that belong together; merge errors lower it.
    error_split, error_merge : float
        Share of all pairs that are wrongly apart, and wrongly together.
    """

    split: float
    merge: float
    error_split: float
    error_merge: float

    @property
    def f(self) -> float:
        """Rand F-score, the harmonic mean of both; the adapted Rand error is 1 - this."""
        return 2 * self.split * self.merge / (self.split + self.merge) if self.split else 0.0

    @property
    def error(self) -> float:
        """Rand error (Rand 1971): share of all pairs about which the two disagree."""
        return self.error_split + self.error_merge


@dataclass(frozen=True, slots=True)
class InformationScores:
    """Mutual information as a share of what there is to know (V-info of Arganda-Carreras et al. 2015).

    Parameters
    ----------
    split : float
        I(S;T) / H(S); split errors lower it.
    merge : float
        I(S;T) / H(T); merge errors lower it.
    """

    split: float
    merge: float

    @property
    def f(self) -> float:
        """Harmonic mean of both."""
        total = self.split + self.merge
        return 2 * self.split * self.merge / total if total > 0 else 0.0


@dataclass(frozen=True, slots=True)
class SegmentationScores:
    """All figures of one comparison.

    Parameters
    ----------
    vi : VariationScores
    vi_tolerant : VariationScores
        The same without the voxels beside a truth boundary.
    adapted_rand_error : float
    unlabelled : float
        Share of the counted voxels where the segmentation is 0.
    """

    vi: VariationScores
    vi_tolerant: VariationScores
    adapted_rand_error: float
    unlabelled: float

    @property
    def rand_f(self) -> float:
        """Rand F-score."""
        return 1 - self.adapted_rand_error


def vi_from_table(table: Contingency) -> VariationScores:
    """Return the variation of information of a contingency table."""
    total = int(table.counts.sum())
    if not total:
        return VariationScores(0.0, 0.0)
    cells = _sum_n_log_n(table.counts)
    split = (_sum_n_log_n(_sums(table.truths, table.counts)) - cells) / total
    merge = (_sum_n_log_n(_sums(table.labels, table.counts)) - cells) / total
    return VariationScores(max(0.0, split), max(0.0, merge))


def variation_of_information(labels: Array, truth: Array) -> VariationScores:
    """Return the variation of information between two label volumes; see `contingency` for the arguments."""
    return vi_from_table(contingency(labels, truth))


def rand_from_table(table: Contingency) -> RandScores:
    """Return the Rand scores of a contingency table; a share of no pairs at all is 1, an error of none 0."""
    total = float(table.counts.sum())
    both = _sum_squares(table.counts) - total
    in_labels = _sum_squares(_sums(table.labels, table.counts)) - total
    in_truth = _sum_squares(_sums(table.truths, table.counts)) - total
    pairs = max(1.0, total * (total - 1))
    return RandScores(
        split=both / in_truth if in_truth > 0 else 1.0,
        merge=both / in_labels if in_labels > 0 else 1.0,
        error_split=max(0.0, in_truth - both) / pairs,
        error_merge=max(0.0, in_labels - both) / pairs,
    )


def adapted_rand_error(table: Contingency) -> float:
    """Return 1 - Rand F-score over pairs of voxels; 0 for equal partitions."""
    total = float(table.counts.sum())
    both = _sum_squares(table.counts) - total
    in_labels = _sum_squares(_sums(table.labels, table.counts)) - total
    in_truth = _sum_squares(_sums(table.truths, table.counts)) - total
    pairs = in_labels + in_truth
    return float(1 - 2 * both / pairs) if pairs > 0 else 0.0


def information_from_table(table: Contingency) -> InformationScores:
    """Return the information scores of a contingency table; 1 where there is nothing to know."""
    total = int(table.counts.sum())
    if not total:
        return InformationScores(1.0, 1.0)
    vi, whole = vi_from_table(table), np.log2(total)
    entropy_s = float(whole - _sum_n_log_n(_sums(table.labels, table.counts)) / total)
    entropy_t = float(whole - _sum_n_log_n(_sums(table.truths, table.counts)) / total)
    return InformationScores(_known(entropy_s, vi.split), _known(entropy_t, vi.merge))


def _known(entropy: float, unknown: float) -> float:
    return min(1.0, max(0.0, 1 - unknown / entropy)) if entropy > 1e-12 else 1.0


def cremi_score(vi: VariationScores, adapted_rand: float) -> float:
    """Return the score of the CREMI challenge: the geometric mean of VI sum and adapted Rand error."""
    return float(np.sqrt(vi.sum * max(0.0, adapted_rand)))


def segmentation_scores(labels: Array, truth: Array) -> SegmentationScores:
    """Compare a segmentation with the truth.

    Parameters
    ----------
    labels, truth : (z, y, x) integer arrays of the same shape

    Raises
    ------
    InputError
        If shapes or types do not fit.
    """
    table = contingency(labels, truth)
    tolerant = contingency(labels, truth, ignore=beside_boundary(truth))
    total = int(table.counts.sum())
    unlabelled = int(table.counts[table.labels == 0].sum())
    return SegmentationScores(
        vi=vi_from_table(table),
        vi_tolerant=vi_from_table(tolerant),
        adapted_rand_error=adapted_rand_error(table),
        unlabelled=unlabelled / total if total else 0.0,
    )


def _sums(ids: Array, counts: Array) -> Array:
    """Add up the counts of each id."""
    order = np.argsort(ids, kind="stable")
    starts = np.flatnonzero(np.diff(ids[order], prepend=ids[order[:1]] ^ 1))
    return np.add.reduceat(counts[order], starts) if len(ids) else counts


def _sum_n_log_n(counts: Array) -> float:
    values = counts[counts > 0].astype(np.float64)
    return float(values @ np.log2(values))


def _sum_squares(counts: Array) -> float:
    values = counts.astype(np.float64)
    return float(values @ values)
