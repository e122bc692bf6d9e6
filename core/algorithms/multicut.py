"""Multicut and lifted multicut by greedy additive edge contraction, with or without cycles.

The problem (Keuper et al. 2015, "Efficient decomposition of image and mesh graphs by minimum cost lifted multicuts",
eq. 1 to 4): find a partition of the nodes into connected pieces so that the weights of all cut pairs, graph edges
and lifted edges, add up to the least cost. A positive weight holds two nodes together, a negative one pushes them
apart. Greedy additive edge contraction (their algorithm 1) starts from single nodes, contracts the graph edge of
largest positive weight and adds up the weights of edges that become parallel, until no positive one is left.

The acyclic constraint (Matejek et al. 2019, "Biologically-constrained graphs for global connectomics
reconstruction"): neurites do not close rings, so the graph edges inside a segment form a tree. Two pieces that more
than one graph edge would join are left apart. That is right for sparse graphs of candidates along skeletons. In a
graph of touching fragments any three that meet along a line are a ring of edges without being one in space; there,
edges between two pieces whose contacts lie close together are one contact (`Sites`), and only contacts apart from
each other close a ring.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.additive_contraction import LIFTED, ONCE, contract
from segmend.core.algorithms.arrays import graph_edges
from segmend.core.algorithms.components import joined
from segmend.core.algorithms.merge_weights import log_odds as log_odds
from segmend.core.errors import InputError

Array = NDArray[Any]

_NO_EDGES = np.empty((0, 2), np.int64)
_NO_WEIGHTS = np.empty(0, np.float64)


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


class Sites(NamedTuple):
    """Where the edges of a graph are, so that a ring can be told from a corner.

    Parameters
    ----------
    place_nm : (E, 3) float
        z, y, x of each edge's contact.
    reach_nm : float
        Edges between the same two pieces count as one contact if a box with a diagonal of this length holds them.
    """

    place_nm: Array
    reach_nm: float


def multicut(
    edges: Array, weights: Array, n: int, *, acyclic: bool = False, sites: Sites | None = None
) -> Multicut:
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
    sites : Sites, optional
        For the acyclic constraint: close contacts between two pieces are one. None: every edge is a contact.

    Raises
    ------
    InputError
        If edges, weights and sites do not fit, an edge is out of range or a weight is not finite.
    """
    return lifted_multicut(edges, weights, _NO_EDGES, _NO_WEIGHTS, n, acyclic=acyclic, sites=sites)


def lifted_multicut(
    edges: Array,
    weights: Array,
    lifted_edges: Array,
    lifted_weights: Array,
    n: int,
    *,
    acyclic: bool = False,
    sites: Sites | None = None,
) -> Multicut:
    """Partition a graph under weights between nodes that need not be neighbours.

    Lifted edges never connect pieces: they only say whether pieces that a graph edge connects should be one.

    Parameters
    ----------
    edges, weights, n, acyclic, sites
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
    pairs, totals, kinds, boxes = _combined(
        graph, graph_weights, lifted, more_weights, _checked_places(sites, len(graph))
    )
    # Without sites no diagonal is small enough, so that two edges are always two contacts.
    reach = -1.0 if sites is None else float(sites.reach_nm)
    segment_of = contract(pairs, totals, kinds, n, acyclic, boxes, reach)
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


def _checked_places(sites: Sites | None, edges: int) -> Array:
    if sites is None:
        return np.zeros((edges, 3))
    places = np.asarray(sites.place_nm, np.float64)
    if places.shape != (edges, 3) or not np.isfinite(places).all() or not sites.reach_nm >= 0:
        raise InputError(
            f"{edges} edges have places of shape {places.shape} and a reach of {sites.reach_nm} nm: "
            "expected z, y, x per edge and 0 or more"
        )
    return places


def _combined(
    graph: Array, graph_weights: Array, lifted: Array, lifted_weights: Array, places: Array
) -> tuple[Array, Array, Array, Array]:
    """Return each pair of nodes once, sorted, its weights added, whether a graph edge joins it, and that one's box."""
    pairs = np.sort(np.concatenate([graph, lifted]), axis=1)
    values = np.concatenate([graph_weights, lifted_weights])
    of_graph = np.arange(len(pairs)) < len(graph)
    use = (pairs[:, 0] > 0) & (pairs[:, 0] < pairs[:, 1])
    places = places[use[: len(graph)]]
    pairs, values, of_graph = pairs[use], values[use], of_graph[use]
    keys, row = np.unique(pairs[:, 0] << 32 | pairs[:, 1], return_inverse=True)
    found = np.stack([keys >> 32, keys & 0xFFFFFFFF], axis=1)
    kinds = np.full(len(found), LIFTED)
    kinds[row[of_graph]] = ONCE
    boxes = np.full((len(found), 2, 3), np.inf)
    boxes[:, 1] = -np.inf
    np.minimum.at(boxes[:, 0], row[of_graph], places)
    np.maximum.at(boxes[:, 1], row[of_graph], places)
    return found, np.bincount(row, values, minlength=len(found)), kinds, boxes


def _better_whole(
    pairs: Array, totals: Array, kinds: Array, segment_of: Array, n: int, acyclic: bool
) -> Array:
    """Take connected parts of the graph in one piece where the contraction, which is greedy, cost more."""
    graph = pairs[kinds == ONCE]
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
