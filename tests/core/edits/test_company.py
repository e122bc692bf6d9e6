import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from segmend.core.edits.company import CRUMB, HOLDS, LARGEST_GIFT, lonely, with_company
from segmend.core.edits.straddling import WorkGraph


def graph_of(pairs, affinity, area, size):
    pairs = np.array(pairs, np.int64).reshape(-1, 2)
    n = len(size)
    return WorkGraph(
        pairs, np.array(affinity, float), np.array(area, float), np.arange(n), np.array(size), {}
    )


def test_a_lonely_side_takes_the_neighbour_with_most_affinity_times_area():
    graph = graph_of([[0, 1], [0, 2], [1, 3], [2, 3]], [0.6, 0.2, 0.9, 0.9], [5, 90, 9, 9], [9] * 4)
    side = with_company(graph, np.array([0, 1, 1, 1]), [np.array([0]), np.array([3])])
    assert side.tolist() == [0, 1, 0, 1]


def test_an_island_beside_a_lonely_side_goes_to_it_as_a_whole():
    graph = graph_of([[0, 1], [1, 2], [0, 3]], [0.03, 0.9, 0.5], [9, 9, 9], [9, 500, 500, 9])
    side = with_company(graph, np.array([0, 1, 1, 1]), [np.array([0]), np.array([3])])
    assert side.tolist() == [0, 0, 0, 1]


def test_a_supervoxel_with_nothing_but_boundaries_around_it_stays_alone():
    graph = graph_of([[0, 1], [1, 2], [2, 3]], [0.05, 0.9, 0.9], [90] * 3, [CRUMB] * 4)
    side = np.array([0, 1, 1, 1])
    assert with_company(graph, side, [np.array([0]), np.array([3])]).tolist() == side.tolist()


def test_what_a_lonely_side_was_given_no_later_one_takes():
    graph = graph_of([[0, 3], [1, 3], [2, 3]], [0.3, 0.4, 0.9], [90] * 3, [90, 90, 9, 9])
    side = with_company(graph, np.array([0, 1, 2, 2]), [np.array([n]) for n in (0, 1, 2)])
    assert side.tolist() == [0, 1, 2, 2]  # more than a third of its side
    graph = graph_of([[0, 3], [1, 3], [2, 3]], [0.3, 0.4, 0.9], [90] * 3, [90] * 3 + [9])
    side = with_company(graph, np.array([0, 1, 2, 2]), [np.array([n]) for n in (0, 1, 2)])
    assert side.tolist() == [0, 1, 2, 0]


@settings(deadline=None, max_examples=80)
@example(seed=183, n=5, sides=3, voxels=1)
@example(seed=183, n=5, sides=3, voxels=CRUMB)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(3, 20),
    sides=st.integers(2, 3),
    voxels=st.sampled_from([1, CRUMB]),
)
def test_a_side_is_alone_only_where_no_neighbour_speaks_for_it(seed, n, sides, voxels):
    rng = np.random.default_rng(seed)
    pairs = np.unique(np.sort(rng.integers(0, n, (3 * n, 2)), axis=1), axis=0)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    graph = graph_of(
        pairs,
        rng.random(len(pairs)) / 2,
        rng.integers(1, 99, len(pairs)),
        voxels * rng.integers(1, 99, n),
    )
    rows = [np.array([number]) for number in range(sides)]
    before = np.concatenate([np.arange(sides), rng.integers(1, sides, n - sides)])
    after = with_company(graph, before, rows)
    assert after[:sides].tolist() == list(range(sides))
    if not lonely(graph, after, sides)[0]:
        return
    for (u, v), affinity in zip(pairs.tolist(), graph.affinity, strict=True):
        if u == 0 and v >= sides:
            share = graph.size[v] / graph.size[before == before[v]].sum()
            weak = affinity < HOLDS and graph.size[0] >= CRUMB
            assert weak or share > LARGEST_GIFT
