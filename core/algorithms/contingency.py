"""Contingency tables: the voxels that each pair of a label and a truth object shares.

All scores of a segmentation are functions of this table. Tables of blocks add up to that of the whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.arrays import renumbered
from segmend.core.algorithms.pair_index import PLACES, PairIndex, row_of
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
    if ignore is not None:
        dense_t = np.where(np.asarray(ignore, np.bool_).ravel(), np.uint32(0), dense_t)
    pairs, counts = _count(dense_s, dense_t)
    rows_s, rows_t = pairs[:, 0], pairs[:, 1]
    found_s = rows_s if ids_s is None else ids_s[rows_s]
    found_t = rows_t if ids_t is None else ids_t[rows_t]
    order = np.lexsort((found_t, found_s))
    return Contingency(found_s[order], found_t[order], counts[order])


def add_tables(tables: Iterable[Contingency]) -> Contingency:
    """Add the tables of blocks that do not overlap; the result is the table of their union.

    Raises
    ------
    InputError
        If there is none.
    """
    parts = list(tables)
    if not parts:
        raise InputError("no contingency table was given: expected one per block")
    labels, truths, counts = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((truths, labels))
    labels, truths, counts = labels[order], truths[order], counts[order]
    if not len(labels):
        return Contingency(labels, truths, counts)
    fresh = (labels[1:] != labels[:-1]) | (truths[1:] != truths[:-1])
    first = np.flatnonzero(np.r_[True, fresh])
    return Contingency(labels[first], truths[first], np.add.reduceat(counts, first))


class TableSum:
    """Adds up the tables of blocks as they come, in memory of about three times their sum.

    Tables are kept as they are until they have as many rows as the sum so far, and some millions at least; adding
    them then costs a constant number of sorts per row, however many blocks there are.
    """

    def __init__(self, least_rows: int = 4_000_000) -> None:
        self._least_rows = least_rows
        self._parts: list[Contingency] = []
        self._waiting = 0
        self._summed = 0

    def add(self, table: Contingency) -> None:
        """Take the table of one more block."""
        self._parts.append(table)
        self._waiting += len(table.counts)
        if self._waiting > max(self._least_rows, 2 * self._summed):
            self._parts = [add_tables(self._parts)]
            self._summed = self._waiting = len(self._parts[0].counts)

    def total(self) -> Contingency:
        """Return the table of all blocks so far.

        Raises
        ------
        InputError
            If there is none.
        """
        return add_tables(self._parts)


def majority_truth(table: Contingency, n: int) -> NDArray[np.int64]:
    """Return the truth object that holds most voxels of each label 0..n; 0 where none does; ties: the smaller id.

    Raises
    ------
    InputError
        If the table names a label above n or a truth object that does not fit in 63 bits.
    """
    if len(table.labels) and (int(table.labels.max()) > n or int(table.truths.max()) >= 2**63):
        raise InputError(
            f"the table names label {table.labels.max()} and object {table.truths.max()}: expected labels up to {n} "
            "and objects below 2^63; renumber them first"
        )
    order = np.lexsort((table.truths, -table.counts, table.labels))
    labels, first = np.unique(table.labels[order], return_index=True)
    owner = np.zeros(n + 1, np.int64)
    owner[labels.astype(np.int64)] = table.truths[order][first]
    return owner


def _dense(array: Array) -> tuple[Array, Array | None]:
    flat = np.ascontiguousarray(array).ravel()
    return renumbered(flat.view(np.uint8) if flat.dtype == np.bool_ else flat)


def _count(labels: Array, truth: Array) -> tuple[Array, Array]:
    """Return the pairs that occur and how often; truth 0 is passed over."""
    index = PairIndex(int(labels.max()) + 1 if labels.size else 1)
    counts = np.zeros(0, np.int64)
    for start in range(0, len(labels), _STRETCH):
        part = slice(start, start + _STRETCH)
        index.reserve(min(_STRETCH, len(labels) - start))
        if len(index.pairs) > len(counts):
            counts = np.concatenate([counts, np.zeros(len(index.pairs) - len(counts), np.int64)])
        _count_stretch(
            labels[part], truth[part], counts, index.near, index.far_keys, index.far_rows, index.pairs, index.used
        )  # fmt: skip
    return index.found, counts[: len(index.found)]


_STRETCH = 1 << 18


@njit(cache=True, nogil=True)
def _count_stretch(
    labels: Array, truth: Array, counts: Array,
    near: Array, far_keys: Array, far_rows: Array, pairs: Array, used: Array,
) -> None:  # fmt: skip
    start = 0
    for i in range(1, len(labels) + 1):
        s, t = labels[start], truth[start]
        if i < len(labels) and labels[i] == s and truth[i] == t:
            continue
        # Most labels lie in one object, which is then in their first place: the search, a costly call, is spared.
        if t != 0:
            row = np.int64(near[s, PLACES])
            if near[s, 0] != t:
                row = row_of(s, t, near, far_keys, far_rows, pairs, used)
            counts[row] += i - start
        start = i
