"""Which labels touch, in how many faces, and what lies at the contact."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.arrays import dense_labels
from segmend.core.errors import InputError

Array = NDArray[Any]


class Contacts(NamedTuple):
    """Pairs of labels that share a face.

    Parameters
    ----------
    edges : (E, 2) uint32
        The smaller label first; sorted; 0 is no label.
    area : (E,) int64
        Faces.
    mean : (E,) float64
        Mean of the values on both sides of the faces; nan without values.
    """

    edges: Array
    area: Array
    mean: Array


def contact_pairs(labels: Array, values: Array | None = None) -> Contacts:
    """Find the pairs of labels that touch by a face.

    Parameters
    ----------
    labels : (z, y, x) integer array
    values : array of the same shape, optional
        Averaged over each contact.

    Raises
    ------
    InputError
        If labels are not dense or the shapes differ.
    """
    dense = dense_labels(labels, name="labels")
    if values is not None and values.shape != dense.shape:
        raise InputError(
            f"values have shape {values.shape}, labels {dense.shape}: expected the same; crop one"
        )
    keys, sums = [], []
    for axis in range(3):
        before = (slice(None),) * axis + (slice(None, -1),)
        after = (slice(None),) * axis + (slice(1, None),)
        a, b = dense[before], dense[after]
        touch = (a != b) & (a != 0) & (b != 0)
        u, v = a[touch].astype(np.uint64), b[touch].astype(np.uint64)
        keys.append(np.minimum(u, v) << np.uint64(32) | np.maximum(u, v))
        if values is not None:
            sums.append((values[before][touch] + values[after][touch]) / 2)
    found, row, area = np.unique(np.concatenate(keys), return_inverse=True, return_counts=True)
    edges = np.stack([found >> np.uint64(32), found & np.uint64(0xFFFFFFFF)], axis=1)
    mean = np.full(len(found), np.nan)
    if values is not None:
        mean = np.bincount(row, np.concatenate(sums), minlength=len(found)) / np.maximum(area, 1)
    return Contacts(edges.astype(np.uint32), area.astype(np.int64), mean)
