"""Connected components of a graph given by its edges."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.arrays import graph_edges
from segmend.core.algorithms.basins import find_root

Array = NDArray[Any]


def components(edges: Array, n: int, keep: Array | None = None) -> NDArray[np.uint32]:
    """Label the connected components of nodes 1..n.

    Parameters
    ----------
    edges : (E, 2) integer array
        Node ids, 0..n; an edge that names 0 (background) joins nothing.
    n : int
        Largest node id.
    keep : (E,) bool, optional
        The edges that count; all by default.

    Returns
    -------
    (n + 1,) uint32
        0 for node 0; components are 1..m in the order of their smallest node.

    Raises
    ------
    InputError
        If an edge names a node above n.
    """
    pairs = graph_edges(edges, n + 1)
    return joined(pairs if keep is None else pairs[np.asarray(keep, dtype=bool)], n)


@njit(cache=True, nogil=True)
def joined(pairs: Array, n: int) -> NDArray[np.uint32]:
    """Do as `components`, for checked (E, 2) int64 pairs."""
    parent = np.arange(n + 1).astype(np.uint32)
    for k in range(len(pairs)):
        if pairs[k, 0] == 0 or pairs[k, 1] == 0:
            continue
        a, b = find_root(parent, pairs[k, 0]), find_root(parent, pairs[k, 1])
        if a < b:
            parent[b] = a
        elif b < a:
            parent[a] = b
    count = 0
    for i in range(
        1, n + 1
    ):  # roots are the smallest ids, so a root is labelled before its members
        if parent[i] == i:
            count += 1
            parent[i] = count
        else:
            parent[i] = parent[parent[i]]
    return parent
