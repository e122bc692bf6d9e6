import itertools

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmend.core.algorithms.lifted_edges import balanced, most_probable_paths
from segmend.core.algorithms.merge_weights import contact_weights
from segmend.core.algorithms.multicut import (
    Sites,
    lifted_multicut,
    log_odds,
    multicut,
    multicut_cost,
)
from segmend.core.errors import InputError

seeds = st.integers(0, 2**32 - 1)


def random_graph(seed, most_nodes=6, density=0.6):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, most_nodes + 1))
    pairs = np.array(list(itertools.combinations(range(1, n + 1), 2)))
    chosen = rng.random(len(pairs)) < density
    graph, rest = pairs[chosen], pairs[~chosen]
    return n, graph, rng.normal(0.2, 1, len(graph)), rest, rng.normal(0, 1, len(rest))


def as_graph(n, edges):
    graph = nx.Graph()
    graph.add_nodes_from(range(1, n + 1))
    graph.add_edges_from(edges.tolist())
    return graph


def pieces(n, edges, segment_of):
    whole = as_graph(n, edges)
    return [
        whole.subgraph(np.flatnonzero(segment_of == s).tolist())
        for s in range(1, segment_of.max() + 1)
    ]


def least_cost(n, graph, weights, lifted, lifted_weights, acyclic):
    """Try every subset of contracted edges."""
    best = 0.0
    for keep in itertools.product([False, True], repeat=len(graph)):
        parts = list(nx.connected_components(as_graph(n, graph[np.array(keep, bool)])))
        segment_of = np.zeros(n + 1, int)
        for number, part in enumerate(parts, 1):
            segment_of[list(part)] = number
        if acyclic and not all(nx.is_forest(p) for p in pieces(n, graph, segment_of)):
            continue
        cost = multicut_cost(graph, weights, segment_of)
        cost += multicut_cost(lifted, lifted_weights, segment_of)
        best = min(best, cost - weights.sum() - lifted_weights.sum())
    return best + weights.sum() + lifted_weights.sum()


@settings(deadline=None, max_examples=60)
@given(seeds, st.booleans(), st.booleans())
def test_cost_lies_between_the_best_partition_and_single_nodes(seed, acyclic, with_lifted):
    n, graph, weights, lifted, lifted_weights = random_graph(seed, most_nodes=5)
    if not with_lifted:
        lifted, lifted_weights = lifted[:0], lifted_weights[:0]
    found = lifted_multicut(graph, weights, lifted, lifted_weights, n, acyclic=acyclic)
    assert found.cost == pytest.approx(
        multicut_cost(graph, weights, found.segment_of)
        + multicut_cost(lifted, lifted_weights, found.segment_of)
    )
    single = weights.sum() + lifted_weights.sum()
    assert found.cost <= single + 1e-9
    least = least_cost(n, graph, weights, lifted, lifted_weights, acyclic)
    assert found.cost >= least - 1e-9


@settings(deadline=None, max_examples=60)
@given(seeds, st.booleans())
def test_segments_are_connected_and_never_hold_a_cycle_under_the_constraint(seed, lifted):
    n, graph, weights, rest, rest_weights = random_graph(seed, most_nodes=30, density=0.15)
    use = slice(None) if lifted else slice(0)
    found = lifted_multicut(graph, weights, rest[use], rest_weights[use], n, acyclic=True)
    for piece in pieces(n, graph, found.segment_of):
        assert nx.is_connected(piece)
        assert nx.is_forest(piece)
    same = found.segment_of[graph[:, 0]] == found.segment_of[graph[:, 1]]
    assert (found.joined == same).all()


@settings(deadline=None, max_examples=40)
@given(seeds)
def test_never_worse_than_leaving_the_connected_parts_whole(seed):
    n, graph, weights, rest, rest_weights = random_graph(seed, most_nodes=20, density=0.2)
    whole = np.zeros(n + 1, int)
    for number, part in enumerate(nx.connected_components(as_graph(n, graph)), 1):
        whole[list(part)] = number
    assert multicut(graph, weights, n).cost <= multicut_cost(graph, weights, whole) + 1e-9
    together = multicut_cost(graph, weights, whole) + multicut_cost(rest, rest_weights, whole)
    assert lifted_multicut(graph, weights, rest, rest_weights, n).cost <= together + 1e-9


def plain_contraction(n, edges, weights):
    """Algorithm 1 of Keuper et al. 2015, in the most obvious way."""
    piece = list(range(n + 1))
    while True:
        between = {}
        for (a, b), w in zip(edges.tolist(), weights, strict=True):
            pair = tuple(sorted((piece[a], piece[b])))
            if pair[0] != pair[1]:
                between[pair] = between.get(pair, 0.0) + w
        best = max(between, key=between.get, default=None)
        if best is None or between[best] <= 0:
            return np.array(piece)
        piece = [best[0] if p == best[1] else p for p in piece]


@settings(deadline=None, max_examples=40)
@given(seeds)
def test_contraction_is_the_greedy_one(seed):
    n, graph, weights, _, _ = random_graph(seed, most_nodes=15, density=0.4)
    expected = plain_contraction(n, graph, weights)
    whole_is_better = (
        multicut_cost(graph, weights, expected) > multicut(graph, weights, n).cost + 1e-9
    )
    found = multicut(graph, weights, n).segment_of
    same = expected[1:, None] == expected[None, 1:]
    assert whole_is_better or (same == (found[1:, None] == found[None, 1:])).all()


def test_a_repulsive_lifted_edge_cuts_a_chain_that_plain_multicut_joins():
    edges, weights = np.array([[1, 2], [2, 3], [3, 4]]), np.array([3.0, 1.0, 2.0])
    assert multicut(edges, weights, 4).segment_of.tolist() == [0, 1, 1, 1, 1]
    lifted = lifted_multicut(edges, weights, np.array([[1, 4]]), np.array([-5.0]), 4)
    assert lifted.segment_of.tolist() == [0, 1, 1, 2, 2]
    assert lifted.joined.tolist() == [True, False, True]
    assert lifted.cost == pytest.approx(1.0 - 5.0)


def test_a_lifted_edge_alone_joins_nothing():
    found = lifted_multicut(
        np.array([[1, 2]]), np.array([1.0]), np.array([[1, 3]]), np.array([9.0]), 3
    )
    assert found.segment_of.tolist() == [0, 1, 1, 2]


def test_a_triangle_stays_open_under_the_constraint():
    edges, weights = np.array([[1, 2], [2, 3], [1, 3]]), np.array([3.0, 2.0, 1.0])
    assert multicut(edges, weights, 3).segment_of.tolist() == [0, 1, 1, 1]
    assert multicut(edges, weights, 3, acyclic=True).segment_of.tolist() == [0, 1, 1, 2]


def test_edges_of_background_join_nothing_and_equal_weights_go_by_node():
    edges = np.array([[0, 1], [0, 2], [3, 4], [2, 3]])
    found = multicut(edges, np.array([5.0, 5.0, 1.0, 1.0]), 4, acyclic=True)
    assert found.segment_of.tolist() == [0, 1, 2, 2, 2]
    assert found.joined.tolist() == [False, False, True, True]


def test_weights_are_log_odds_around_the_bias():
    assert log_odds(np.array([0.5])).tolist() == [0.0]
    assert log_odds(np.array([0.8]), bias=0.8) == pytest.approx([0.0])
    assert log_odds(np.array([0.9])) == pytest.approx([np.log(9)])
    assert np.isfinite(log_odds(np.array([0.0, 1.0]))).all()


@pytest.mark.parametrize("p", [[1.2], [np.nan], [-0.1]])
def test_what_is_no_probability_is_refused(p):
    with pytest.raises(InputError, match="probabilities"):
        log_odds(np.array(p))
    with pytest.raises(InputError, match="probabilities"):
        most_probable_paths(np.array([[1, 2]]), np.array(p), 2)


def test_weights_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="finite"):
        multicut(np.array([[1, 2]]), np.array([np.nan]), 2)
    with pytest.raises(InputError, match="1 edges"):
        multicut(np.array([[1, 2]]), np.array([1.0, 2.0]), 2)
    with pytest.raises(InputError, match="0 to 2"):
        multicut(np.array([[1, 7]]), np.array([1.0]), 2)
    with pytest.raises(InputError, match="bias"):
        log_odds(np.array([0.5]), bias=1.0)


@settings(deadline=None, max_examples=40)
@given(seeds, st.integers(2, 6))
def test_lifted_edges_carry_the_most_probable_path(seed, hops):
    n, graph, _, _, _ = random_graph(seed, most_nodes=12, density=0.25)
    p = np.random.default_rng(seed).random(len(graph))
    best = np.zeros((n + 1, n + 1))
    best[graph[:, 0], graph[:, 1]] = best[graph[:, 1], graph[:, 0]] = p
    reach = best.copy()
    for _ in range(hops - 1):  # max-product matrix powers
        reach = np.maximum(reach, (reach[:, :, None] * best[None]).max(axis=1))
    expected = {
        (a, b): reach[a, b]
        for a, b in itertools.combinations(range(1, n + 1), 2)
        if reach[a, b] > 0 and best[a, b] == 0
    }
    found = most_probable_paths(graph, p, n, hops=hops)
    assert {tuple(e): v for e, v in zip(found.edges.tolist(), found.probability, strict=True)} == (
        pytest.approx(expected)
    )


def test_improbable_pairs_can_be_left_out_and_weights_balanced():
    edges, p = np.array([[1, 2], [2, 3], [3, 4]]), np.array([0.9, 0.5, 0.1])
    found = most_probable_paths(edges, p, 4, least=0.4)
    assert found.edges.tolist() == [[1, 3]]
    assert balanced(np.array([2.0, 4.0]), 6).tolist() == [6.0, 12.0]
    with pytest.raises(InputError, match="hops"):
        most_probable_paths(edges, p, 4, hops=1)


def test_a_graph_without_edges_is_all_single_nodes():
    none = np.empty((0, 2), int)
    assert multicut(none, np.empty(0), 3).segment_of.tolist() == [0, 1, 2, 3]
    assert len(most_probable_paths(none, np.empty(0), 3).edges) == 0


TRIANGLE = np.array([[1, 2], [2, 3], [1, 3]])


def test_contacts_close_to_each_other_close_no_ring():
    weights = np.array([3.0, 2.0, 1.0])
    corner = Sites(np.array([[0, 0, 0], [0, 0, 100], [0, 0, 200.0]]), 200.0)
    whole = multicut(TRIANGLE, weights, 3, acyclic=True, sites=corner)
    assert whole.segment_of.tolist() == [0, 1, 1, 1]
    ring = corner._replace(reach_nm=99.0)
    open_ring = multicut(TRIANGLE, weights, 3, acyclic=True, sites=ring)
    assert open_ring.segment_of.tolist() == [0, 1, 1, 2]


@settings(deadline=None, max_examples=40)
@given(seeds, st.booleans())
def test_sites_bridge_the_strict_constraint_and_none_at_all(seed, with_lifted):
    n, graph, weights, lifted, lifted_weights = random_graph(seed)
    if not with_lifted:
        lifted, lifted_weights = lifted[:0], lifted_weights[:0]
    places = np.random.default_rng(seed).random((len(graph), 3))

    def solved(acyclic, reach=None):
        sites = None if reach is None else Sites(places, reach)
        found = lifted_multicut(
            graph, weights, lifted, lifted_weights, n, acyclic=acyclic, sites=sites
        )
        return found.segment_of.tolist()

    assert solved(True, 0.0) == solved(True)
    assert solved(False, 0.5) == solved(False)


def test_sites_that_do_not_fit_are_refused():
    for places, reach in ((np.zeros((2, 3)), 1.0), (np.zeros((3, 3)), -1.0)):
        with pytest.raises(InputError, match="places of shape"):
            multicut(TRIANGLE, np.ones(3), 3, acyclic=True, sites=Sites(places, reach))


def test_weights_of_contacts_count_by_the_root_of_the_area():
    weights = contact_weights(np.array([0.9, 0.9, 0.5]), np.array([1.0, 9.0, 4.0]))
    assert weights == pytest.approx([np.log(9) * 0.5, np.log(9) * 1.5, 0.0])
    with pytest.raises(InputError, match="areas of shape"):
        contact_weights(np.array([0.9]), np.array([0.0]))
    assert contact_weights(np.empty(0), np.empty(0)).tolist() == []


def test_lifted_edges_can_weigh_a_share_of_the_graph():
    assert balanced(np.array([2.0, 4.0]), 6, share=0.5).tolist() == [3.0, 6.0]
