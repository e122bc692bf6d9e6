"""How far a segmentation is from the truth.

S is the segmentation, T the truth; voxels with T = 0 are ignored. ``vi_split`` = H(S|T) grows with split errors,
``vi_merge`` = H(T|S) with merge errors, both in bits (Meila 2007); they equal the two numbers of scikit-image's
``variation_of_information(T, S, ignore_labels=(0,))``, in that order. The adapted Rand error is that of
Arganda-Carreras et al. 2015, as in scikit-image. Predicted 0 counts as one object.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.arrays import renumbered
from segmend.core.algorithms.pair_index import PairIndex, row_of
from segmend.core.errors import InputError

Array = NDArray[Any]


class Contingency(NamedTuple):
    """Voxels that each pair of a label and a truth object shares; one row per pair that does, sorted by both.

    Parameters
    ----------
    labels, truths : (C,) integer arrays
        Ids as in the volumes; truth 0 does not occur.
    counts : (C,) int64
        Voxels, positive.
    """

    labels: Array
    truths: Array
    counts: Array


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


def contingency(labels: Array, truth: Array, *, ignore: Array | None = None) -> Contingency:
    """Count the voxels that labels and truth objects share.

    Parameters
    ----------
    labels, truth : integer arrays of the same shape
        Any ids up to uint64; truth 0 is not counted.
    ignore : bool array of the same shape, optional
        Further voxels that are not counted.

    Raises
    ------
    InputError
        If shapes or types do not fit.
    """
    if labels.shape != truth.shape or (ignore is not None and ignore.shape != truth.shape):
        raise InputError(
            f"segmentation has shape {labels.shape}, truth {truth.shape}: expected the same; give --box or crop one"
        )
    if labels.dtype.kind not in "biu" or truth.dtype.kind not in "biu":
        raise InputError(
            f"segmentation is {labels.dtype}, truth {truth.dtype}: expected integer labels in both"
        )
    dense_s, ids_s = _dense(labels)
    dense_t, ids_t = _dense(truth)
    skip = np.empty(0, np.bool_) if ignore is None else np.ascontiguousarray(ignore).ravel()
    pairs, counts = _count(dense_s, dense_t, skip)
    rows_s, rows_t = pairs[:, 0], pairs[:, 1]
    found_s = rows_s if ids_s is None else ids_s[rows_s]
    found_t = rows_t if ids_t is None else ids_t[rows_t]
    order = np.lexsort((found_t, found_s))
    return Contingency(found_s[order], found_t[order], counts[order])


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


def adapted_rand_error(table: Contingency) -> float:
    """Return 1 - Rand F-score over pairs of voxels; 0 for equal partitions."""
    total = float(table.counts.sum())
    both = _sum_squares(table.counts) - total
    in_labels = _sum_squares(_sums(table.labels, table.counts)) - total
    in_truth = _sum_squares(_sums(table.truths, table.counts)) - total
    pairs = in_labels + in_truth
    return float(1 - 2 * both / pairs) if pairs > 0 else 0.0


def beside_boundary(truth: Array) -> NDArray[np.bool_]:
    """Return the voxels with a face neighbour of another label, as ``find_boundaries(truth, mode="thick")``.

    Parameters
    ----------
    truth : (z, y, x) integer array
    """
    beside = np.zeros(truth.shape, dtype=np.bool_)
    for axis in range(truth.ndim):
        before = (slice(None),) * axis + (slice(None, -1),)
        after = (slice(None),) * axis + (slice(1, None),)
        differs = truth[before] != truth[after]
        beside[before] |= differs
        beside[after] |= differs
    return beside


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


def _dense(array: Array) -> tuple[Array, Array | None]:
    flat = np.ascontiguousarray(array).ravel()
    return renumbered(flat.view(np.uint8) if flat.dtype == np.bool_ else flat)


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


def _count(labels: Array, truth: Array, ignore: Array) -> tuple[Array, Array]:
    """Return the pairs that occur and how often; truth 0 and ignored voxels are passed over."""
    index = PairIndex(int(labels.max()) + 1 if labels.size else 1)
    counts = np.zeros(0, np.int64)
    for start in range(0, len(labels), _STRETCH):
        part = slice(start, start + _STRETCH)
        index.reserve(_STRETCH)
        if len(index.pairs) > len(counts):
            counts = np.concatenate([counts, np.zeros(len(index.pairs) - len(counts), np.int64)])
        _count_stretch(
            labels[part], truth[part], ignore[part], counts, index.near, index.far_keys, index.far_rows,
            index.pairs, index.used,
        )  # fmt: skip
    return index.found, counts[: len(index.found)]


_STRETCH = 1 << 18


@njit(cache=True, nogil=True)
def _count_stretch(
    labels: Array, truth: Array, ignore: Array, counts: Array,
    near: Array, far_keys: Array, far_rows: Array, pairs: Array, used: Array,
) -> None:  # fmt: skip
    i = 0
    while i < len(labels):
        s, t = labels[i], truth[i]
        ignored = len(ignore) > 0 and ignore[i]
        start = i
        i += 1
        while i < len(labels) and labels[i] == s and truth[i] == t:
            if len(ignore) > 0 and ignore[i] != ignored:
                break
            i += 1
        if t != 0 and not ignored:
            counts[row_of(s, t, near, far_keys, far_rows, pairs, used)] += i - start
