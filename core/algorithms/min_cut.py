"""Minimum cuts on undirected graphs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.arrays import graph_edges
from segmend.core.algorithms.max_flow import cut_between, terminals
from segmend.core.errors import InputError

Array = NDArray[Any]


def min_cut(
    edges: Array, capacity: Array, sources: Array, sinks: Array, n: int
) -> NDArray[np.bool_]:
    """Cut a graph between two sets of nodes at the least total capacity (maximum flow, Dinic 1970).

    Exact up to the rounding of float64 sums. Of several minimum cuts, the one with the smallest source side is
    returned: the nodes that sources still reach when the flow is at its maximum.

    Parameters
    ----------
    edges : (E, 2) integer array
        Nodes 0..n - 1; parallel edges add up, loops are ignored.
    capacity : (E,) float array
        Not negative; the same in both directions.
    sources, sinks : integer arrays
        Disjoint and not empty.
    n : int
        Number of nodes.

    Returns
    -------
    (n,) bool
        True on the side of the sources.

    Raises
    ------
    InputError
        If a node is out of range, a capacity is negative or not finite, or the two sets are empty or overlap.
    """
    pairs = graph_edges(edges, n)
    weights = np.ascontiguousarray(capacity, dtype=np.float64)
    if len(weights) and not (weights.min() >= 0 and np.isfinite(weights.max())):
        raise InputError("capacities of a cut must be finite and not negative")
    return cut_between(pairs, weights, terminals(sources, sinks, n))
