"""Multicut and lifted multicut by greedy additive edge contraction, with or without cycles.

The problem (Keuper et al. 2015, "Efficient decomposition of image and mesh graphs by minimum cost lifted multicuts",
eq. 1 to 4): find a partition of the nodes into connected pieces so that the weights of all cut pairs, graph edges
and lifted edges, add up to the least cost. A positive weight holds two nodes together, a negative one pushes them
apart. Greedy additive edge contraction (their algorithm 1) starts from single nodes, contracts the graph edge of
largest positive weight and adds up the weights of edges that become parallel, until no positive one is left.

The acyclic constraint (Matejek et al. 2019, "Biologically-constrained graphs for global connectomics
reconstruction"): neurites do not close rings, so the graph edges inside a segment form a tree. Two pieces that more
than one graph edge would join are left apart.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.arrays import graph_edges
from segmend.core.algorithms.basins import find_root
from segmend.core.algorithms.components import joined
from segmend.core.algorithms.edge_table import forget, half_edges, hashed, pair_key, slot_of
from segmend.core.algorithms.heap import pop, push
from segmend.core.errors import InputError

Array = NDArray[Any]

_NO_EDGES = np.empty((0, 2), np.int64)
_NO_WEIGHTS = np.empty(0, np.float64)
_GONE, _LIFTED, _ONCE, _OFTEN = -1, 0, 1, 2  # how many graph edges join two pieces


class Multicut(NamedTuple):
    """A partition of a graph.

    Parameters
    ----------
    segment_of : (n + 1,) uint32
        0 for background, else 1..m in the order of the smallest node.
    joined : (E,) bool
        The graph edges inside segments.
    cost : float
        Sum of the weights of all cut edges, graph and lifted.
    """

    segment_of: Array
    joined: Array
    cost: float


def log_odds(probability: Array, *, bias: float = 0.5) -> NDArray[np.float64]:
    """Return edge weights from the probability that two nodes are one object.

    log(p / (1 - p)) + log((1 - bias) / bias), the cost of Keuper et al. 2015 with the prior of Andres et al. 2011;
    positive where p is above `bias`. A larger bias cuts more.

    Parameters
    ----------
    probability : array of float
        0..1; taken as within 1e-6 of neither end, so that no weight is infinite.
    bias : float
        Above 0 and below 1.

    Raises
    ------
    InputError
        If a probability or the bias is out of range.
    """
    p = np.asarray(probability, np.float64)
    if p.size and not (p.min() >= 0 and p.max() <= 1):
        raise InputError(
            "probabilities of merging must lie in 0..1 and be numbers; look at the scorer"
        )
    if not 0 < bias < 1:
        raise InputError(f"bias {bias} is not usable: expected more than 0 and less than 1")
    p = np.clip(p, 1e-6, 1 - 1e-6)
    weights: NDArray[np.float64] = np.log(p / (1 - p)) + np.log((1 - bias) / bias)
    return weights


def multicut(edges: Array, weights: Array, n: int, *, acyclic: bool = False) -> Multicut:
    """Partition a graph by greedy additive edge contraction.

    The cost is never above that of single nodes, nor, where that obeys the constraint, above that of any connected
    part of the graph left in one piece. Of equal weights the edge of smaller nodes is contracted first.

    Parameters
    ----------
    edges : (E, 2) integer array
        Pairs of nodes 1..n; edges of 0 (background) are never joined. Weights of edges given twice are added.
    weights : (E,) float array
        Positive: together; negative: apart. See `log_odds`.
    n : int
        Largest node.
    acyclic : bool
        The graph edges inside every segment form a tree.

    Raises
    ------
    InputError
        If edges and weights do not fit, an edge is out of range or a weight is not finite.
    """
    return lifted_multicut(edges, weights, _NO_EDGES, _NO_WEIGHTS, n, acyclic=acyclic)


def lifted_multicut(
    edges: Array,
    weights: Array,
    lifted_edges: Array,
    lifted_weights: Array,
    n: int,
    *,
    acyclic: bool = False,
) -> Multicut:
    """Partition a graph under weights between nodes that need not be neighbours.

    Lifted edges never connect pieces: they only say whether pieces that a graph edge connects should be one.

    Parameters
    ----------
    edges, weights, n, acyclic
        As in `multicut`.
    lifted_edges : (F, 2) integer array
    lifted_weights : (F,) float array
        See `segmend.core.algorithms.lifted_edges`.

    Raises
    ------
    InputError
        As `multicut`.
    """
    graph, graph_weights = _checked(edges, weights, n)
    lifted, more_weights = _checked(lifted_edges, lifted_weights, n)
    pairs, totals, kinds = _combined(graph, graph_weights, lifted, more_weights)
    segment_of = _contract(pairs, totals, kinds, n, acyclic)
    segment_of = _better_whole(pairs, totals, kinds, segment_of, n, acyclic)
    return Multicut(
        segment_of,
        _inside(graph, segment_of),
        multicut_cost(graph, graph_weights, segment_of)
        + multicut_cost(lifted, more_weights, segment_of),
    )


def multicut_cost(edges: Array, weights: Array, segment_of: Array) -> float:
    """Return the sum of the weights of edges between different segments; edges of background count as cut."""
    return float(np.asarray(weights, np.float64)[~_inside(np.asarray(edges), segment_of)].sum())


def _inside(edges: Array, segment_of: Array) -> NDArray[np.bool_]:
    a, b = segment_of[edges[:, 0]], segment_of[edges[:, 1]]
    same: NDArray[np.bool_] = (a == b) & (a != 0)
    return same


def _checked(edges: Array, weights: Array, n: int) -> tuple[Array, Array]:
    pairs, values = graph_edges(edges, n + 1), np.asarray(weights, np.float64)
    if values.shape != (len(pairs),) or not np.isfinite(values).all():
        raise InputError(
            f"{len(pairs)} edges have weights of shape {values.shape}: expected one finite number per edge"
        )
    return pairs, values


def _combined(
    graph: Array, graph_weights: Array, lifted: Array, lifted_weights: Array
) -> tuple[Array, Array, Array]:
    """Return each pair of nodes once, sorted, with the sum of its weights and whether a graph edge joins it."""
    pairs = np.sort(np.concatenate([graph, lifted]), axis=1)
    values = np.concatenate([graph_weights, lifted_weights])
    of_graph = np.arange(len(pairs)) < len(graph)
    use = (pairs[:, 0] > 0) & (pairs[:, 0] < pairs[:, 1])
    pairs, values, of_graph = pairs[use], values[use], of_graph[use]
    keys, row = np.unique(pairs[:, 0] << 32 | pairs[:, 1], return_inverse=True)
    found = np.stack([keys >> 32, keys & 0xFFFFFFFF], axis=1)
    kinds = np.full(len(found), _LIFTED)
    kinds[row[of_graph]] = _ONCE
    return found, np.bincount(row, values, minlength=len(found)), kinds


def _better_whole(
    pairs: Array, totals: Array, kinds: Array, segment_of: Array, n: int, acyclic: bool
) -> Array:
    """Take connected parts of the graph in one piece where the contraction, which is greedy, cost more."""
    graph = pairs[kinds == _ONCE]
    whole = joined(graph, n)
    part = whole[pairs[:, 0]]
    within = part == whole[pairs[:, 1]]  # what lies between parts is cut either way
    cut = within & (segment_of[pairs[:, 0]] != segment_of[pairs[:, 1]])
    worse = np.bincount(part[cut], totals[cut], minlength=int(whole.max()) + 1) > 0
    if acyclic:
        nodes = np.bincount(whole)
        nodes_of_edges = np.bincount(whole[graph[:, 0]], minlength=len(nodes)) + 1
        worse &= nodes_of_edges == nodes
    keep = _inside(graph, segment_of) | worse[whole[graph[:, 0]]]
    return joined(np.ascontiguousarray(graph[keep]), n)


@njit(cache=True, nogil=True)
def _contract(ends: Array, weights: Array, kinds: Array, n: int, acyclic: bool) -> Array:
    """Contract as long as a positive graph edge is left; return the number of each node's piece."""
    ends, weights, kinds = ends.copy(), weights.copy(), kinds.copy()
    state = (ends, hashed(ends), half_edges(ends, n))
    parent = np.arange(n + 1).astype(np.uint32)
    # Every change of a weight removes an edge, so no more entries than twice the edges are ever made.
    scores, items = np.empty(2 * len(ends), np.float64), np.empty(2 * len(ends), np.int64)
    size = np.zeros(1, np.int64)
    for e in range(len(ends)):
        _offer(e, weights, kinds, acyclic, scores, items, size)
    while size[0] > 0:
        score, e = scores[0], items[0]
        pop(scores, items, size[0])
        size[0] -= 1
        if kinds[e] == _GONE or weights[e] != score or (acyclic and kinds[e] == _OFTEN):
            continue  # gone, or its weight has changed since and it was offered again
        degree = state[2][2]
        a, b = ends[e, 0], ends[e, 1]
        keeper, gone = (a, b) if degree[a] >= degree[b] else (b, a)
        parent[gone] = keeper
        _absorb(keeper, gone, state, weights, kinds, acyclic, scores, items, size)
    return _numbered(parent)


@njit(cache=True, nogil=True)
def _offer(
    e: Any, weights: Array, kinds: Array, acyclic: bool, scores: Array, items: Array, size: Array
) -> None:
    if weights[e] > 0 and (kinds[e] == _ONCE or (kinds[e] == _OFTEN and not acyclic)):
        push(scores, items, size[0], weights[e], e)
        size[0] += 1


@njit(cache=True, nogil=True)
def _absorb(
    keeper: Any, gone: Any, state: tuple[Array, Array, tuple[Array, ...]], weights: Array,
    kinds: Array, acyclic: bool, scores: Array, items: Array, size: Array,
) -> None:  # fmt: skip
    """Hand the edges of `gone` to `keeper`; weights of edges that become parallel add up."""
    ends, keys, (first, last, degree, following) = state
    half = first[gone]
    while half >= 0:
        onward, e, side = following[half], half >> 1, half & 1
        following[half] = -1
        if kinds[e] != _GONE:
            other = ends[e, 1 - side]
            forget(pair_key(gone, other), keys)
            slot = slot_of(pair_key(keeper, other), keys)
            if other == keeper:
                kinds[e] = _GONE
                degree[keeper] -= 1
            elif keys[slot, 0] == -1:
                keys[slot, 0], keys[slot, 1] = pair_key(keeper, other), e
                ends[e, side] = keeper
                _append(half, keeper, first, last, following)
                degree[keeper] += 1
            else:
                rival = keys[slot, 1]
                weights[rival] += weights[e]
                kinds[rival] = min(_OFTEN, kinds[rival] + kinds[e])
                kinds[e] = _GONE
                degree[other] -= 1
                _offer(rival, weights, kinds, acyclic, scores, items, size)
        half = onward


@njit(cache=True, nogil=True)
def _append(half: Any, node: Any, first: Array, last: Array, following: Array) -> None:
    if first[node] < 0:
        first[node] = half
    else:
        following[last[node]] = half
    last[node] = half


@njit(cache=True, nogil=True)
def _numbered(parent: Array) -> Array:
    """Give the pieces numbers 1..m in the order of their smallest node."""
    out = np.zeros(len(parent), np.uint32)
    number = np.zeros(len(parent), np.uint32)
    count = 0
    for i in range(1, len(parent)):
        root = find_root(parent, i)
        if number[root] == 0:
            count += 1
            number[root] = count
        out[i] = number[root]
    return out
