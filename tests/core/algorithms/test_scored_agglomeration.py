"""Agglomeration by a scorer: the mean as a scorer, features that follow merges, scores that would rise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmend.core.algorithms.agglomeration import agglomerate, cut_tree
from segmend.core.algorithms.components import components
from segmend.core.algorithms.edge_features import edge_features
from segmend.core.algorithms.scored_agglomeration import CONTACT_FEATURES, agglomerate_by_scorer
from segmend.core.errors import InputError


class Scorer:
    identity = "test"

    def __init__(self, function):
        self.function = function
        self.seen = []

    def score(self, features):
        self.seen.append(features.copy())
        return self.function(features)


def mean_of(features):
    return features[:, 0]


def strange(features):
    """A smooth score that also rises with sizes and the number of contacts."""
    return 1 / (1 + np.exp(-(features[:, 0] * 3 + np.sin(features[:, 3] * 5) + features[:, 8] - 2)))


def random_graph(seed, n, count):
    rng = np.random.default_rng(seed)
    pairs = np.unique(np.sort(rng.integers(1, n + 1, (count, 2)), axis=1), axis=0)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]].astype(np.uint32)
    size = np.r_[0, rng.integers(1, 1000, n)]
    affinity, strong = rng.random((2, len(pairs)))
    return pairs, affinity, rng.integers(1, 50, len(pairs)), strong, size


def slow(pairs, affinity, area, strong, size, function):
    """Merge the best pair again and again with features from scratch; return scores at the time and partitions."""
    region = {i: frozenset([i]) for i in range(1, len(size))}
    scores, partitions = [], []
    while True:
        contacts = {}
        for row, (u, v) in enumerate(pairs.tolist()):
            if region[u] != region[v]:
                contacts.setdefault(frozenset([region[u], region[v]]), []).append(row)
        if not contacts:
            return scores, partitions
        value = {
            key: function(features_of(key, rows, affinity, area, strong, size))[0]
            for key, rows in contacts.items()
        }
        best = max(value, key=value.get)
        scores.append(value[best])
        a, b = best
        region.update(dict.fromkeys(a | b, a | b))
        partitions.append(set(region.values()))


def features_of(key, rows, affinity, area, strong, size):
    a, b = (sum(size[i] for i in part) for part in key)
    faces = area[rows].sum()
    mean, share = (np.sum(values[rows] * area[rows]) / faces for values in (affinity, strong))
    base = edge_features(*(np.array([x]) for x in (mean, faces, share, a, b)))
    more = [[affinity[rows].max(), np.log1p(len(rows))]]
    return np.concatenate([base, np.array(more, np.float32)], axis=1)


def test_a_scorer_that_returns_the_mean_affinity_gives_mean_agglomeration():
    graph = random_graph(1, 400, 2500)
    tree = agglomerate_by_scorer(*graph, Scorer(mean_of))
    mean = agglomerate(*graph[:3], 400)
    assert tree.scores == pytest.approx(mean.scores, abs=1e-6)
    for threshold in np.arange(0.05, 1, 0.05):
        assert np.array_equal(cut_tree(tree, 400, threshold), cut_tree(mean, 400, threshold))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(2, 10), st.integers(1, 30))
def test_the_order_is_that_of_scoring_everything_anew_after_each_merge(seed, n, count):
    graph = random_graph(seed, n, count)
    tree = agglomerate_by_scorer(*graph, Scorer(strange), growth=0.0)
    scores, partitions = slow(*graph, strange)
    assert tree.scores == pytest.approx(np.minimum.accumulate(scores) if scores else [], abs=1e-5)
    for k, partition in enumerate(partitions):
        labels = components(tree.edges[: k + 1], n)
        assert all(len({labels[i] for i in members}) == 1 for members in partition)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_a_cut_equals_agglomerating_until_no_score_reaches_it(seed, threshold):
    graph = random_graph(seed, 25, 80)
    tree = agglomerate_by_scorer(*graph, Scorer(strange))
    until = agglomerate_by_scorer(*graph, Scorer(strange), lowest=float(np.float32(threshold)))
    assert (np.diff(tree.scores) <= 0).all()
    assert np.array_equal(cut_tree(tree, 25, threshold), components(until.edges, 25))


def test_a_scorer_sees_the_joined_contact_and_the_joined_regions():
    pairs = np.array([[1, 2], [1, 3], [2, 3]])
    scorer = Scorer(mean_of)
    agglomerate_by_scorer(
        pairs, np.array([0.9, 0.8, 0.2]), np.array([5, 10, 30]), np.array([1.0, 1.0, 0.0]),
        np.array([0, 100, 200, 50]), scorer,
    )  # fmt: skip
    first, joined = scorer.seen
    assert first.shape == (3, len(CONTACT_FEATURES))
    assert first.dtype == np.float32
    wanted = edge_features(*(np.array([x]) for x in (0.35, 40, 0.25, 300, 50)))
    assert joined[:, :7] == pytest.approx(wanted, rel=1e-6)
    assert joined[0, 7:] == pytest.approx([0.8, np.log(3)], rel=1e-6)


@pytest.mark.parametrize(("growth", "rows"), [(0.0, 3), (0.5, 1)])
def test_contacts_that_a_small_merge_leaves_alone_wait_until_the_region_has_grown(growth, rows):
    # A large region 1 with three neighbours takes in the small 5, which hands over its contact with 4.
    pairs = np.array([[1, 2], [1, 3], [1, 4], [1, 5], [4, 5]])
    affinity, ones = np.array([0.1, 0.2, 0.3, 0.9, 0.4]), np.ones(5)
    size = np.array([0, 1000, 50, 50, 50, 10])
    scorer = Scorer(mean_of)
    agglomerate_by_scorer(pairs, affinity, ones, ones, size, scorer, growth=growth)
    assert [len(seen) for seen in scorer.seen[:2]] == [5, rows]
    assert 0.35 in scorer.seen[1][:, 0].round(4)  # the joined contact is always scored at once


@pytest.mark.parametrize(
    "bad",
    [
        lambda f: np.ones(len(f) + 1),
        lambda f: np.full(len(f), 1.5),
        lambda f: np.full(len(f), np.nan),
    ],
)
def test_a_scorer_that_gives_no_probabilities_is_refused(bad):
    with pytest.raises(InputError, match="edge scorer"):
        agglomerate_by_scorer(*random_graph(1, 5, 9), Scorer(bad))


def test_a_damaged_graph_is_refused_and_an_empty_one_gives_no_merges():
    pairs, affinity, area, strong, size = random_graph(1, 5, 9)
    with pytest.raises(InputError, match="areas must be positive"):
        agglomerate_by_scorer(pairs, affinity, area * 0, strong, size, Scorer(mean_of))
    with pytest.raises(InputError, match="build the graph again"):
        agglomerate_by_scorer(pairs, affinity[1:], area, strong, size, Scorer(mean_of))
    nothing = np.empty(0)
    tree = agglomerate_by_scorer(np.empty((0, 2)), nothing, nothing, nothing, np.zeros(4), Scorer(mean_of))  # fmt: skip
    assert (tree.edges.shape, tree.scores.shape) == ((0, 2), (0,))
