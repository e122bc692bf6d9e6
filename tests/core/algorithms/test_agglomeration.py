from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmend.core.algorithms.agglomeration import MergeTree, agglomerate, cut_tree
from segmend.core.algorithms.components import components
from segmend.core.algorithms.contact_means import contact_means
from segmend.core.algorithms.region_graph import region_graph
from segmend.core.algorithms.single_linkage import agglomerate_by_maximum
from segmend.core.errors import InputError


def random_graph(seed, n, count):
    rng = np.random.default_rng(seed)
    pairs = np.unique(np.sort(rng.integers(1, n + 1, (count, 2)), axis=1), axis=0)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]].astype(np.uint32)
    return pairs, rng.random(len(pairs)), rng.integers(1, 50, len(pairs))


def naive(pairs, affinity, area):
    """Merge the best pair of regions again and again; return the scores and the partition after each merge."""
    region = {int(i): frozenset([int(i)]) for i in np.unique(pairs)}
    scores, partitions = [], []
    while True:
        total, faces = {}, {}
        for (u, v), a, f in zip(pairs.tolist(), affinity, area, strict=True):
            key = frozenset([region[u], region[v]])
            if len(key) == 2:
                total[key] = total.get(key, 0.0) + a * f
                faces[key] = faces.get(key, 0) + f
        if not total:
            return scores, partitions
        best = max(total, key=lambda k: total[k] / faces[k])
        scores.append(total[best] / faces[best])
        a, b = best
        region.update(dict.fromkeys(a | b, a | b))
        partitions.append(set(region.values()))


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 14), count=st.integers(1, 60))
def test_tree_equals_merging_the_best_pair_again_and_again(seed, n, count):
    pairs, affinity, area = random_graph(seed, n, count)
    if not len(pairs):
        return
    tree = agglomerate(pairs, affinity, area, n)
    scores, partitions = naive(pairs, affinity, area)
    assert tree.scores == pytest.approx(scores, abs=1e-6)
    for k, partition in enumerate(partitions):
        labels = components(tree.edges[: k + 1], n)
        for members in partition:
            assert len({labels[i] for i in members}) == 1
        assert len({labels[min(m)] for m in partition}) == len(partition)


def test_scores_never_rise_and_each_merge_is_a_contact():
    pairs, affinity, area = random_graph(5, 3000, 20000)
    tree = agglomerate(pairs, affinity, area, 3000)
    assert (np.diff(tree.scores) <= 0).all()
    rows = {tuple(p) for p in pairs.tolist()}
    assert {tuple(e) for e in tree.edges.tolist()} <= rows
    labels = components(tree.edges, 3000)
    assert (labels == components(pairs, 3000)).all()
    assert len(tree.scores) == 3000 - labels.max()


def exact_merges(pairs, sums, area):
    """Merge the first pair of regions again and again: highest mean, then smallest row; means are fractions."""
    region = {int(i): frozenset([int(i)]) for i in np.unique(pairs)}
    merges = []
    while True:
        contacts = {}
        for row, (u, v) in enumerate(pairs.tolist()):
            key = frozenset([region[u], region[v]])
            if len(key) == 2:
                total, faces, first = contacts.get(key, (0, 0, row))
                contacts[key] = total + int(sums[row]), faces + int(area[row]), first
        if not contacts:
            return merges
        best = min(contacts, key=lambda k: (-Fraction(*contacts[k][:2]), contacts[k][2]))
        total, faces, _ = contacts[best]
        a, b = best
        merges.append((best, np.float32(total / faces / 255)))
        region.update(dict.fromkeys(a | b, a | b))


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1), n=st.integers(2, 12), count=st.integers(1, 50), levels=st.integers(1, 4),
    kind=st.sampled_from([np.float32, np.float64]),
)  # fmt: skip
def test_ties_go_to_the_contact_of_the_smallest_row(seed, n, count, levels, kind):
    pairs, affinity, _ = random_graph(seed, n, count)
    rng = np.random.default_rng(seed)
    pairs = rng.permutation(pairs)
    area = rng.integers(1, 7, len(pairs))
    sums = (affinity * levels).astype(int) * 51 * area + rng.integers(0, 2, len(pairs))
    tree = agglomerate(pairs, (sums / (255 * area)).astype(kind), area, n)
    expected = exact_merges(pairs, sums, area)
    assert tree.scores.tolist() == [score for _, score in expected]
    for (u, v), (regions, _) in zip(tree.edges.tolist(), expected, strict=True):
        assert {u in a for a in regions} == {v in a for a in regions} == {True, False}
        assert not any(u in a and v in a for a in regions)


@pytest.mark.parametrize("levels", [3, 10**6])
def test_the_tree_does_not_depend_on_the_names_of_supervoxels(levels):
    pairs, affinity, area = random_graph(9, 120, 900)
    affinity = (np.floor(affinity * levels) / levels).astype(np.float32)
    name = np.random.default_rng(2).permutation(121)
    plain = agglomerate(pairs, affinity, area, 120)
    renamed = agglomerate(name[pairs][:, ::-1], affinity, area, 120)
    assert (renamed.edges == name[plain.edges][:, ::-1]).all()
    assert (renamed.scores == plain.scores).all()


@pytest.mark.parametrize("levels", [1, 2, 5])
def test_ties_are_settled_the_same_way_each_time(levels):
    pairs, affinity, area = random_graph(7, 200, 1500)
    affinity = np.floor(affinity * levels) / levels
    first, second = (agglomerate(pairs, affinity, area, 200) for _ in range(2))
    assert (first.edges == second.edges).all()
    assert (np.diff(first.scores) <= 0).all()


def test_a_weak_large_contact_outweighs_a_strong_small_one():
    edges = np.array([[1, 2], [1, 3], [2, 3]])
    tree = agglomerate(edges, np.array([0.9, 0.8, 0.1]), np.array([10, 1, 99]), 3)
    assert tree.edges[0].tolist() == [1, 2]
    assert tree.scores == pytest.approx([0.9, (0.8 + 9.9) / 100])


def test_cut_keeps_merges_at_the_threshold_and_numbers_by_smallest_supervoxel():
    tree = MergeTree(
        np.array([[3, 5], [2, 4], [1, 2]], np.uint32), np.array([0.9, 0.5, 0.2], np.float32)
    )
    assert cut_tree(tree, 6, 0.5).tolist() == [0, 1, 2, 3, 2, 3, 4]
    assert cut_tree(tree, 6, 0.51).tolist() == [0, 1, 2, 3, 4, 3, 5]
    assert cut_tree(tree, 6, 0.0).tolist() == [0, 1, 1, 2, 1, 2, 3]
    assert cut_tree(tree, 6, 0.5).dtype == np.uint32


def test_a_graph_without_edges_stays_as_it_is():
    tree = agglomerate(np.empty((0, 2), np.uint32), np.empty(0), np.empty(0), 3)
    assert len(tree.scores) == 0
    assert cut_tree(tree, 3, 0.5).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("edge", "affinity", "area"),
    [
        ([1, 9], 0.5, 1),
        ([1, 2], 1.5, 1),
        ([1, 2], np.nan, 1),
        ([1, 2], 0.5, 0),
        ([1, 2], 0.5, 1.5),
        ([1, 2], 0.5, 2**31),
        ([1, 2], 0.5, np.nan),
        ([1, 1], 0.5, 1),
    ],
)
def test_a_damaged_graph_is_refused(edge, affinity, area):
    with pytest.raises(InputError):
        agglomerate(np.array([edge]), np.array([affinity]), np.array([area]), 3)


def test_components_skip_background_and_dropped_edges():
    edges = np.array([[0, 1], [0, 2], [3, 4], [4, 5]])
    assert components(edges, 5).tolist() == [0, 1, 2, 3, 3, 3]
    assert components(edges, 5, np.array([1, 1, 0, 1])).tolist() == [0, 1, 2, 3, 4, 4]


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), lowest=st.floats(0, 1))
def test_a_tree_that_ends_early_is_the_start_of_the_whole_tree(seed, lowest):
    pairs, affinity, area = random_graph(seed, 60, 300)
    whole = agglomerate(pairs, affinity, area, 60)
    early = agglomerate(pairs, affinity, area, 60, lowest=lowest)
    count = len(early.scores)
    assert (early.edges == whole.edges[:count]).all()
    assert (early.scores >= np.float32(lowest)).all()
    assert (whole.scores[count:] <= np.float32(lowest)).all()


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), threshold=st.floats(0, 1))
def test_single_linkage_joins_what_strong_contacts_connect(seed, threshold):
    pairs, largest, _ = random_graph(seed, 60, 150)
    largest = largest.astype(np.float32)
    tree = agglomerate_by_maximum(pairs, largest, 60)
    assert (np.diff(tree.scores) <= 0).all()
    strong = largest >= np.float32(threshold)
    assert (cut_tree(tree, 60, threshold) == components(pairs, 60, strong)).all()


def test_single_linkage_refuses_a_damaged_graph():
    with pytest.raises(InputError):
        agglomerate_by_maximum(np.array([[1, 2]]), np.array([np.nan]), 3)


@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_contact_means_are_those_of_the_region_graph(kind):
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 40, (7, 8, 9)).astype(np.uint32)
    labels[:, 3:6] = 41  # touches more than a near table holds
    stored = rng.integers(0, 256, (3, 7, 8, 9), np.uint8)
    values = stored if kind == "uint8" else stored.astype(np.float32) / np.float32(255)
    edges, affinity, area = contact_means(labels, values)
    graph = region_graph(labels, values)
    order = np.lexsort(edges.T[::-1])
    assert (edges[order] == graph.edges).all()
    assert (area[order] == graph.area).all()
    assert affinity[order] == pytest.approx(graph.affinity, abs=1e-6)


def test_contact_means_refuse_another_shape():
    with pytest.raises(InputError, match="same shape"):
        contact_means(np.ones((2, 2, 2), np.uint32), np.ones((3, 2, 2, 3), np.float32))


def test_contact_means_of_nothing_are_none():
    edges, affinity, area = contact_means(
        np.zeros((0, 2, 2), np.uint32), np.zeros((3, 0, 2, 2), np.float32)
    )
    assert edges.shape == (0, 2)
    assert len(affinity) == len(area) == 0


def test_regions_that_are_gone_are_swept_out_of_the_table_of_pairs():
    pairs, affinity, area = random_graph(11, 250, 518)
    assert len(pairs) == 506  # of 1024 places; 768 may be taken, so the table is swept on the way
    tree = agglomerate(pairs, affinity, area, 250)
    scores, partitions = naive(pairs, affinity, area)
    assert tree.scores == pytest.approx(scores, abs=1e-6)
    labels = components(tree.edges[:200], 250)
    assert all(len({labels[i] for i in members}) == 1 for members in partitions[199])
