"""Lifted edges: how likely two nodes that are not neighbours are one object.

Matejek et al. 2019 take the most probable path between two nodes: the product of the merge probabilities along it is
a lower bound of the probability that the two belong together. They do so for all pairs; here a path has a largest
number of edges, because the number of all pairs grows with the square of the nodes and a long path's bound says
nothing. With as many edges as there are nodes the result is theirs.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.algorithms.arrays import graph_edges
from segmend.core.errors import InputError

Array = NDArray[Any]


class LiftedEdges(NamedTuple):
    """Pairs of nodes that are not neighbours.

    Parameters
    ----------
    edges : (F, 2) uint32
        The smaller node first; sorted.
    probability : (F,) float64
        That of the most probable path.
    """

    edges: Array
    probability: Array


def most_probable_paths(
    edges: Array, probability: Array, n: int, *, hops: int = 3, least: float = 0.0
) -> LiftedEdges:
    """Connect nodes that a path joins by its probability.

    Parameters
    ----------
    edges : (E, 2) integer array
        Pairs of nodes 1..n; edges of 0 (background) carry no path.
    probability : (E,) float array
        That the two nodes are one object, 0..1.
    n : int
        Largest node.
    hops : int
        Most edges of a path, 2 or more.
    least : float
        Pairs whose best path is less probable are left out. A path's probability is a lower bound, and a low one says
        nothing: with the bias of the weights here, lifted edges only hold together.

    Returns
    -------
    LiftedEdges
        Without the pairs that the graph connects already.

    Raises
    ------
    InputError
        If a probability or `hops` is out of range, or an edge is.
    """
    pairs, p = graph_edges(edges, n + 1), np.asarray(probability, np.float64)
    if p.shape != (len(pairs),) or not ((p >= 0) & (p <= 1)).all():
        raise InputError(
            f"{len(pairs)} edges have probabilities of shape {p.shape}: expected one in 0..1 per edge"
        )
    if hops < 2:
        raise InputError(
            f"paths of {hops} edges lift nothing: expected 2 or more hops; or use plain multicut"
        )
    use = (pairs > 0).all(axis=1) & (pairs[:, 0] != pairs[:, 1])
    starts, others, chances = _neighbour_lists(pairs[use], p[use], n)
    found, values = _search(starts, others, chances, hops, least)
    return LiftedEdges(found.astype(np.uint32), values)


def balanced(lifted_weights: Array, edges: int, *, share: float = 1.0) -> NDArray[np.float64]:
    """Scale the weights of lifted edges so that all of them together weigh as much as the graph's, or a share of it.

    Matejek et al. 2019 balance the two in full: otherwise the lifted edges, which are many more, outvote the graph.

    Parameters
    ----------
    lifted_weights : (F,) float array
    edges : int
        Number of edges of the graph.
    share : float
        What all lifted edges together weigh, the graph's edges being 1.
    """
    weights = np.asarray(lifted_weights, np.float64)
    return weights * (share * edges / max(1, len(weights)))


def _neighbour_lists(pairs: Array, p: Array, n: int) -> tuple[Array, Array, Array]:
    node = np.concatenate([pairs[:, 0], pairs[:, 1]])
    other = np.concatenate([pairs[:, 1], pairs[:, 0]])
    order = np.argsort(node, kind="stable")
    starts = np.zeros(n + 2, np.int64)
    np.cumsum(np.bincount(node, minlength=n + 1), out=starts[1:])
    return starts, other[order], np.concatenate([p, p])[order]


@njit(cache=True, nogil=True)
def _search(
    starts: Array, others: Array, chances: Array, hops: int, least: float
) -> tuple[Array, Array]:
    """Go out from every node, one hop after the other, and keep the best product found for each node reached."""
    n = len(starts) - 2
    best, fresh = np.zeros(n + 1), np.zeros(n + 1)
    front, onward = np.empty(n + 1, np.int64), np.empty(n + 1, np.int64)
    reached = np.empty(n + 1, np.int64)
    found, values = np.empty((1024, 2), np.int64), np.empty(1024)
    count = 0
    for source in range(1, n + 1):
        many = _paths_from(
            source, starts, others, chances, hops, best, fresh, front, onward, reached
        )
        for k in range(starts[source], starts[source + 1]):
            best[others[k]] = -1.0  # a neighbour already
        ahead = np.sort(reached[:many])
        while count + many > len(values):
            found = np.concatenate((found, np.empty_like(found)))
            values = np.concatenate((values, np.empty_like(values)))
        for target in ahead:
            if target > source and best[target] >= least and best[target] > 0:
                found[count, 0], found[count, 1] = source, target
                values[count] = best[target]
                count += 1
        for target in ahead:
            best[target] = 0.0
        for k in range(starts[source], starts[source + 1]):
            best[others[k]] = 0.0
        best[source] = 0.0
    return found[:count], values[:count]


@njit(cache=True, nogil=True)
def _paths_from(
    source: Any, starts: Array, others: Array, chances: Array, hops: int,
    best: Array, fresh: Array, front: Array, onward: Array, reached: Array,
) -> Any:  # fmt: skip
    """Fill `best` with products of paths of at most `hops` edges and `reached` with their ends; return how many."""
    best[source] = fresh[source] = 1.0
    front[0] = source
    fronts, many = 1, 0
    for _ in range(hops):
        ahead = 0
        # All products of a round come from the one before, so that no path gets longer than the rounds.
        for i in range(fronts):
            u = front[i]
            chance = fresh[u]
            for k in range(starts[u], starts[u + 1]):
                v = others[k]
                if chance * chances[k] > best[v]:
                    if best[v] == 0.0:
                        reached[many] = v
                        many += 1
                    best[v] = chance * chances[k]
        for i in range(fronts):
            u = front[i]
            for k in range(starts[u], starts[u + 1]):
                v = others[k]
                if best[v] > fresh[v]:
                    if fresh[v] >= 0.0:
                        onward[ahead] = v
                        ahead += 1
                    fresh[v] = -1.0  # listed; its product is taken over below
        for i in range(ahead):
            front[i] = onward[i]
            fresh[onward[i]] = best[onward[i]]
        fronts = ahead
        if fronts == 0:
            break
    fresh[source] = 0.0
    for i in range(many):
        fresh[reached[i]] = 0.0
    return many
