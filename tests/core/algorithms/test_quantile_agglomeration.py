"""Agglomeration by quantile and maximum against merging the best pair again and again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmend.core.algorithms.agglomeration import cut_tree
from segmend.core.algorithms.components import components
from segmend.core.algorithms.quantile_agglomeration import (
    agglomerate_by_quantile,
    largest_affinity,
    quantile_of,
)
from segmend.core.algorithms.single_linkage import agglomerate_by_maximum
from segmend.core.errors import InputError

seeds = st.integers(0, 2**32 - 1)


def random_graph(seed, n, count, bins):
    rng = np.random.default_rng(seed)
    pairs = np.unique(np.sort(rng.integers(1, n + 1, (count, 2)), axis=1), axis=0)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]].astype(np.uint32)
    histogram = rng.integers(0, 9, (len(pairs), bins)) * (rng.random((len(pairs), bins)) < 0.5)
    histogram[np.arange(len(pairs)), rng.integers(0, bins, len(pairs))] += 1
    return pairs, histogram.astype(np.uint32)


def slow_quantile(counts, quantile):
    """Invert the distribution function, a line within each bin."""
    used = np.flatnonzero(counts)
    reached = np.cumsum(counts) / counts.sum()
    b = used[np.searchsorted(reached[used], quantile - 1e-12)]
    before = reached[b] - counts[b] / counts.sum()
    return (b + (quantile - before) / (reached[b] - before)) / len(counts)


def slow(pairs, histogram, quantile):
    region = {int(i): frozenset([int(i)]) for i in np.unique(pairs)}
    scores, partitions = [], []
    while True:
        joined = {}
        for (u, v), counts in zip(pairs.tolist(), histogram, strict=True):
            key = frozenset([region[u], region[v]])
            if len(key) == 2:
                joined[key] = joined.get(key, 0) + counts.astype(np.int64)
        if not joined:
            return scores, partitions
        value = {key: slow_quantile(counts, quantile) for key, counts in joined.items()}
        best = max(value, key=value.get)
        if sorted(value.values())[-2:][0] > value[best] - 1e-9 and len(value) > 1:
            return scores, partitions  # ties may go either way from here
        scores.append(value[best])
        a, b = best
        region.update(dict.fromkeys(a | b, a | b))
        partitions.append(set(region.values()))


@settings(deadline=None, max_examples=40)
@given(seeds, st.integers(2, 12), st.integers(1, 40), st.sampled_from([0.0, 0.1, 0.5, 0.75, 1.0]))
def test_tree_equals_merging_the_best_pair_again_and_again(seed, n, count, quantile):
    pairs, histogram = random_graph(seed, n, count, 7)
    tree = agglomerate_by_quantile(pairs, histogram, n, quantile=quantile)
    scores, partitions = slow(pairs, histogram, quantile)
    assert tree.scores[: len(scores)] == pytest.approx(scores, abs=1e-6)
    for k, partition in enumerate(partitions):
        labels = components(tree.edges[: k + 1], n)
        assert all(len({labels[i] for i in members}) == 1 for members in partition)
        assert len({labels[min(m)] for m in partition}) == len(partition)


def test_scores_never_rise_each_merge_joins_two_and_all_that_touch_end_up_together():
    pairs, histogram = random_graph(5, 2000, 12000, 16)
    tree = agglomerate_by_quantile(pairs, histogram, 2000, quantile=0.75)
    assert (np.diff(tree.scores) <= 0).all()
    whole = components(pairs, 2000)
    assert np.array_equal(components(tree.edges, 2000), whole)
    assert len(tree.edges) == 2000 - whole.max()
    known = {tuple(pair) for pair in pairs.tolist()}
    assert all(tuple(pair) in known for pair in tree.edges.tolist())


@settings(deadline=None, max_examples=20)
@given(seeds, st.floats(0, 1))
def test_a_cut_equals_agglomerating_until_there(seed, threshold):
    pairs, histogram = random_graph(seed, 30, 90, 8)
    tree = agglomerate_by_quantile(pairs, histogram, 30)
    until = agglomerate_by_quantile(pairs, histogram, 30, lowest=np.float32(threshold))
    assert len(until.scores) == (tree.scores >= np.float32(threshold)).sum()
    cut = cut_tree(tree, 30, threshold)
    assert np.array_equal(cut, components(until.edges, 30))


@settings(deadline=None, max_examples=60)
@given(seeds, st.floats(0, 1))
def test_a_joined_contact_never_scores_beyond_its_parts(seed, quantile):
    rng = np.random.default_rng(seed)
    a, b = (rng.integers(0, 5, 12).astype(np.uint32) for _ in range(2))
    if not a.sum() or not b.sum():
        return
    low, high = sorted((quantile_of(a, quantile), quantile_of(b, quantile)))
    assert low - 1e-12 <= quantile_of(a + b, quantile) <= high + 1e-12


def test_known_quantiles():
    counts = np.array([0, 4, 0, 4], np.uint32)
    assert quantile_of(counts, 0.25) == pytest.approx(
        0.375
    )  # half way through the second of 4 bins
    assert quantile_of(counts, 0.5) == pytest.approx(0.5)
    assert quantile_of(counts, 0.0) == pytest.approx(0.25)
    assert quantile_of(counts, 1.0) == pytest.approx(1.0)
    assert quantile_of(np.zeros(4, np.uint32), 0.5) == 0.0


def test_joined_histograms_decide_a_graph_where_the_mean_decides_otherwise():
    # 1-2 is sure. 1-3 has few high faces, 2-3 many low ones: once 1 and 2 are one, the median is low.
    pairs = np.array([[1, 2], [1, 3], [2, 3], [3, 4]])
    histogram = np.array([[0, 0, 0, 9], [0, 0, 3, 0], [30, 0, 0, 0], [0, 9, 0, 0]], np.uint32)
    tree = agglomerate_by_quantile(pairs, histogram, 4)
    assert tree.edges.tolist()[:2] == [[1, 2], [3, 4]]
    assert tree.scores == pytest.approx([0.875, 0.375, 33 / 2 / 30 / 4], abs=1e-6)


def test_the_maximum_is_single_linkage_over_the_highest_bin():
    pairs, histogram = random_graph(3, 40, 150, 10)
    highest = largest_affinity(histogram)
    assert highest[0] == (np.flatnonzero(histogram[0])[-1] + 1) / 10
    assert largest_affinity(np.zeros((1, 3), np.uint32))[0] == 0
    tree = agglomerate_by_maximum(pairs, highest, 40)
    other = agglomerate_by_quantile(pairs, histogram, 40, quantile=1.0)
    for threshold in np.arange(0.05, 1, 0.1):
        assert np.array_equal(cut_tree(tree, 40, threshold), cut_tree(other, 40, threshold))


def test_what_is_given_stays_and_nothing_gives_nothing():
    pairs, histogram = random_graph(3, 40, 150, 10)
    before = histogram.copy()
    agglomerate_by_quantile(pairs, histogram, 40)
    assert np.array_equal(histogram, before)
    tree = agglomerate_by_quantile(np.empty((0, 2)), np.empty((0, 8), np.uint32), 3)
    assert tree.edges.shape == (0, 2)
    assert cut_tree(tree, 3, 0.5).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("histogram", "quantile", "said"),
    [
        (np.ones((1, 0), np.uint32), 0.5, "histogram bins"),
        (np.ones((2, 4), np.uint32), 0.5, "one row"),
        (np.ones((1, 4), np.float32), 0.5, "unsigned"),
        (np.ones((1, 4), np.uint32), 1.5, r"quantile 1\.5"),
        (np.ones((1, 4), np.uint32), np.nan, "quantile nan"),
    ],
)
def test_what_does_not_fit_is_refused(histogram, quantile, said):
    with pytest.raises(InputError, match=said):
        agglomerate_by_quantile(np.array([[1, 2]]), histogram, 2, quantile=quantile)
