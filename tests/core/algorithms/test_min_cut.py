import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import maximum_flow

from segmend.core.algorithms.min_cut import min_cut
from segmend.core.errors import InputError


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 20), count=st.integers(0, 80))
def test_cut_separates_and_costs_as_much_as_the_maximum_flow(seed, n, count):
    rng = np.random.default_rng(seed)
    edges = rng.integers(0, n, (count, 2))
    capacity = rng.integers(0, 20, count)
    seeds = rng.permutation(n)
    sources, sinks = seeds[: 1 + n // 6], seeds[-1 - n // 8 :]
    sources = np.setdiff1d(sources, sinks)
    if not len(sources):
        return
    side = min_cut(edges, capacity, sources, sinks, n)
    assert side[sources].all()
    assert not side[sinks].any()
    cost = capacity[side[edges[:, 0]] != side[edges[:, 1]]].sum()
    ends = np.concatenate(
        [edges, edges[:, ::-1], [[n, s] for s in sources], [[t, n + 1] for t in sinks]]
    )
    weights = np.concatenate([capacity, capacity, np.full(len(sources) + len(sinks), 10**6)])
    graph = coo_array((weights.astype(np.int32), ends.T), shape=(n + 2, n + 2)).tocsr()
    assert cost == maximum_flow(graph, n, n + 1).flow_value


def test_of_equal_cuts_the_smallest_source_side_is_returned():
    chain = np.array([[0, 1], [1, 2], [2, 3]])
    assert min_cut(chain, [1, 1, 1], [0], [3], 4).tolist() == [True, False, False, False]
    assert min_cut(chain, [2, 1, 2], [0], [3], 4).tolist() == [True, True, False, False]


def test_nodes_that_nothing_joins_to_a_source_are_on_the_sink_side():
    assert min_cut(np.array([[0, 1]]), [5], [0], [2], 4).tolist() == [True, True, False, False]


def test_parallel_edges_add_up():
    edges = np.array([[0, 1], [1, 0], [1, 2]])
    assert min_cut(edges, [1, 1.5, 2], [0], [2], 3).tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("capacity", "sources", "sinks"),
    [([-1], [0], [1]), ([np.nan], [0], [1]), ([1], [0], [0]), ([1], [], [1]), ([1], [0], [7])],
)
def test_an_impossible_cut_is_refused(capacity, sources, sinks):
    with pytest.raises(InputError):
        min_cut(np.array([[0, 1]]), capacity, sources, sinks, 2)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(4, 60))
def test_cut_costs_as_much_as_that_of_igraph_and_pymaxflow(seed, n):
    igraph, maxflow = pytest.importorskip("igraph"), pytest.importorskip("maxflow")
    rng = np.random.default_rng(seed)
    edges = rng.integers(0, n, (4 * n, 2))
    edges = edges[edges[:, 0] != edges[:, 1]]
    capacity = rng.random(len(edges))
    side = min_cut(edges, capacity, [0], [1], n)
    cost = capacity[side[edges[:, 0]] != side[edges[:, 1]]].sum()
    theirs = igraph.Graph(n, edges.tolist()).mincut_value(0, 1, capacity=capacity.tolist())
    graph = maxflow.GraphFloat()
    nodes = graph.add_nodes(n)
    graph.add_edges(nodes[edges[:, 0]], nodes[edges[:, 1]], capacity, capacity)
    graph.add_tedge(0, 1e9, 0)
    graph.add_tedge(1, 0, 1e9)
    assert cost == pytest.approx(theirs, abs=1e-9)
    assert cost == pytest.approx(graph.maxflow(), abs=1e-9)
