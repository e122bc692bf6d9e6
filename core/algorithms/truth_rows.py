"""Rows of a contingency table, for scores that follow edits: sorted truth objects and how many voxels of each.

Kernels also return by how much sum n log2 n changes, over the cells and over the sizes of the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.errors import InputError

Array = NDArray[Any]
Row = tuple[Array, Array]

EMPTY_ROW: Row = (np.empty(0, np.int64), np.empty(0, np.int64))


def changed_rows(
    number: Array, truth: Array, change: Array, row_of: Callable[[int], Row]
) -> dict[int, Row]:
    """Return the rows that differ after the changes, without changing anything yet."""
    order = np.lexsort((truth, number))
    number, truth, change = number[order], truth[order], change[order]
    starts = np.flatnonzero(np.diff(number, prepend=-1, append=-1))
    found: dict[int, Row] = {}
    for start, stop in pairwise(starts.tolist()):
        row = row_of(int(number[start]))
        places = np.union1d(row[0], truth[start:stop])
        count = np.zeros(len(places), np.int64)
        count[np.searchsorted(places, row[0])] = row[1]
        np.add.at(count, np.searchsorted(places, truth[start:stop]), change[start:stop])
        if len(count) and count.min() < 0:
            raise InputError(
                f"{number[start]} does not hold the voxels that are to leave it: count them as they are now"
            )
        kept = count > 0
        if change[start:stop].any():
            found[int(number[start])] = places[kept], count[kept]
    return found


@njit(cache=True, nogil=True)
def n_log_n(n: Any) -> Any:
    """Return n log2 n, 0 for 0."""
    return n * np.log2(n) if n > 0 else 0.0


@njit(cache=True, nogil=True)
def sum_n_log_n(counts: Array) -> Any:
    """Return the sum of n log2 n over counts."""
    total = 0.0
    for n in counts:
        if n > 0:
            total += n * np.log2(n)
    return total


@njit(cache=True, nogil=True)
def added(
    truth_a: Array, count_a: Array, truth_b: Array, count_b: Array
) -> tuple[Array, Array, float, float]:
    """Add two sorted rows; return the result and the change of sum f over cells and over row sizes."""
    truth = np.empty(len(truth_a) + len(truth_b), np.int64)
    count = np.empty(len(truth), np.int64)
    cells = 0.0
    i, j, k = 0, 0, 0
    while i < len(truth_a) or j < len(truth_b):
        if j == len(truth_b) or (i < len(truth_a) and truth_a[i] < truth_b[j]):
            truth[k], count[k] = truth_a[i], count_a[i]
            i += 1
        elif i == len(truth_a) or truth_b[j] < truth_a[i]:
            truth[k], count[k] = truth_b[j], count_b[j]
            j += 1
        else:
            truth[k], count[k] = truth_a[i], count_a[i] + count_b[j]
            cells += n_log_n(count[k]) - n_log_n(count_a[i]) - n_log_n(count_b[j])
            i += 1
            j += 1
        k += 1
    size_a, size_b = count_a.sum(), count_b.sum()
    sizes = n_log_n(size_a + size_b) - n_log_n(size_a) - n_log_n(size_b)
    return truth[:k], count[:k], cells, sizes


@njit(cache=True, nogil=True)
def taken(
    truth_a: Array, count_a: Array, truth_b: Array, count_b: Array
) -> tuple[Array, Array, float, float, bool]:
    """Take the second sorted row out of the first; also say whether something of it was not there."""
    truth = np.empty(len(truth_a), np.int64)
    count = np.empty(len(truth_a), np.int64)
    cells = 0.0
    i, k = 0, 0
    missing = False
    for j in range(len(truth_b)):
        while i < len(truth_a) and truth_a[i] < truth_b[j]:
            truth[k], count[k] = truth_a[i], count_a[i]
            i += 1
            k += 1
        if i == len(truth_a) or truth_a[i] != truth_b[j] or count_a[i] < count_b[j]:
            missing = True
            continue
        left = count_a[i] - count_b[j]
        cells += n_log_n(left) + n_log_n(count_b[j]) - n_log_n(count_a[i])
        if left:
            truth[k], count[k] = truth_a[i], left
            k += 1
        i += 1
    rest = len(truth_a) - i
    truth[k : k + rest], count[k : k + rest] = truth_a[i:], count_a[i:]
    size_a, size_b = count_a.sum(), count_b.sum()
    sizes = n_log_n(size_a - size_b) + n_log_n(size_b) - n_log_n(size_a)
    return truth[: k + rest], count[: k + rest], cells, sizes, missing


@njit(cache=True, nogil=True)
def gathered(rows: Array, starts: Array, truths: Array, counts: Array, width: int) -> Row:
    """Add up the rows of many supervoxels."""
    sums = np.zeros(width, np.int64)
    for supervoxel in rows:
        for k in range(starts[supervoxel], starts[supervoxel + 1]):
            sums[truths[k]] += counts[k]
    truth = np.flatnonzero(sums)
    return truth, sums[truth]
