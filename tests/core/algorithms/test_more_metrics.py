import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt

from segmend.core.algorithms.boundaries import boundary_map, near_section_border, pixel_error
from segmend.core.algorithms.contacts import contact_pairs
from segmend.core.algorithms.contingency import add_tables, contingency, majority_truth
from segmend.core.algorithms.merge_scores import MergeScores, merge_scores
from segmend.core.algorithms.metrics import (
    VariationScores,
    adapted_rand_error,
    cremi_score,
    information_from_table,
    rand_from_table,
    vi_from_table,
)
from segmend.core.errors import InputError

seeds = st.integers(0, 2**32 - 1)


def pair_of_labellings(seed, voxels=24, ids=5):
    rng = np.random.default_rng(seed)
    labels, truth = rng.integers(0, ids, (2, voxels))
    truth[0] = 1
    return labels.reshape(2, 3, 4), truth.reshape(2, 3, 4)


@settings(deadline=None, max_examples=40)
@given(seeds)
def test_rand_scores_count_pairs_of_voxels(seed):
    labels, truth = pair_of_labellings(seed)
    use = truth.ravel() > 0
    pairs = list(
        itertools.combinations(zip(labels.ravel()[use], truth.ravel()[use], strict=True), 2)
    )
    together_s = sum(a[0] == b[0] for a, b in pairs)
    together_t = sum(a[1] == b[1] for a, b in pairs)
    both = sum(a == b for a, b in pairs)
    table = contingency(labels, truth)
    rand = rand_from_table(table)
    assert rand.split == pytest.approx(both / together_t if together_t else 1)
    assert rand.merge == pytest.approx(both / together_s if together_s else 1)
    assert rand.error_split == pytest.approx((together_t - both) / max(1, len(pairs)))
    assert rand.error_merge == pytest.approx((together_s - both) / max(1, len(pairs)))
    assert rand.error == pytest.approx(rand.error_split + rand.error_merge)
    if both:
        assert 1 - rand.f == pytest.approx(adapted_rand_error(table))


@settings(deadline=None, max_examples=40)
@given(seeds)
def test_information_scores_are_shares_of_the_entropies(seed):
    labels, truth = pair_of_labellings(seed)
    use = truth.ravel() > 0

    def entropy(values):
        share = np.unique(values, return_counts=True)[1] / len(values)
        return -(share * np.log2(share)).sum()

    h_s, h_t = entropy(labels.ravel()[use]), entropy(truth.ravel()[use])
    joint = entropy(labels.ravel()[use] * 100 + truth.ravel()[use])
    scores = information_from_table(contingency(labels, truth))
    common = h_s + h_t - joint
    assert scores.split == pytest.approx(common / h_s if h_s > 1e-9 else 1, abs=1e-9)
    assert scores.merge == pytest.approx(common / h_t if h_t > 1e-9 else 1, abs=1e-9)
    if h_s + h_t > 1e-9 and common > 1e-9:
        assert scores.f == pytest.approx(2 * common / (h_s + h_t), abs=1e-9)


@settings(deadline=None, max_examples=30)
@given(seeds, st.integers(1, 3))
def test_tables_of_blocks_add_up_to_that_of_the_whole(seed, cut):
    labels, truth = pair_of_labellings(seed)
    parts = [
        contingency(labels[..., :cut], truth[..., :cut]),
        contingency(labels[..., cut:], truth[..., cut:]),
    ]
    whole, added = contingency(labels, truth), add_tables(parts)
    for column in range(3):
        assert (whole[column] == added[column]).all()
    assert vi_from_table(added) == vi_from_table(whole)


def test_majority_goes_to_most_voxels_then_to_the_smaller_id():
    table = contingency(np.array([[[1, 1, 1, 2, 2, 4]]]), np.array([[[5, 5, 6, 9, 8, 0]]]))
    assert majority_truth(table, 4).tolist() == [0, 5, 8, 0, 0]
    with pytest.raises(InputError, match="up to 1"):
        majority_truth(table, 1)
    with pytest.raises(InputError, match="one per block"):
        add_tables([])


def test_cremi_score_is_the_geometric_mean():
    assert cremi_score(VariationScores(1.0, 1.0), 0.5) == pytest.approx(1.0)
    assert cremi_score(VariationScores(0.0, 0.0), 0.5) == 0


def test_merge_decisions_are_counted_where_truth_is_known():
    truth_of = np.array([0, 1, 1, 2, 0])
    edges = np.array([[1, 2], [2, 3], [1, 3], [3, 4], [1, 2]])
    scores = merge_scores(edges, np.array([True, True, False, True, False]), truth_of)
    assert scores == MergeScores(1, 1, 1, 1)
    assert (scores.precision, scores.recall, scores.accuracy) == (0.5, 0.5, 0.5)
    none = merge_scores(edges[:0], np.zeros(0, bool), truth_of)
    assert (none.precision, none.recall, none.accuracy) == (1, 1, 1)
    with pytest.raises(InputError, match="one per edge"):
        merge_scores(edges, np.zeros(2, bool), truth_of)


@settings(deadline=None, max_examples=30)
@given(seeds)
def test_contacts_are_the_faces_between_labels(seed):
    rng = np.random.default_rng(seed)
    labels, values = rng.integers(0, 4, (3, 4, 5)), rng.random((3, 4, 5))
    faces = {}
    for place in np.ndindex(labels.shape):
        for axis in range(3):
            other = tuple(k + (i == axis) for i, k in enumerate(place))
            if other[axis] < labels.shape[axis]:
                a, b = sorted((int(labels[place]), int(labels[other])))
                if a != b and a:
                    faces.setdefault((a, b), []).append((values[place] + values[other]) / 2)
    found = contact_pairs(labels, values)
    assert [tuple(e) for e in found.edges.tolist()] == sorted(faces)
    assert found.area.tolist() == [len(faces[e]) for e in sorted(faces)]
    assert found.mean == pytest.approx([np.mean(faces[e]) for e in sorted(faces)])


def test_pixel_error_is_the_mean_squared_difference():
    a, b = np.array([[[True, False, False, False]]]), np.array([[[False, False, False, True]]])
    assert pixel_error(a, b) == 0.5
    assert pixel_error(np.full((1, 2, 2), 0.5), np.zeros((1, 2, 2))) == 0.25
    with pytest.raises(InputError, match="one shape"):
        pixel_error(a, b[..., :2])
    with pytest.raises(InputError, match="255"):
        pixel_error(a, b * 255)


def test_boundaries_lie_within_sections():
    labels = np.array([[[1, 1, 2, 2, 0]], [[3, 3, 3, 3, 3]]])
    assert boundary_map(labels)[0, 0].tolist() == [False, True, True, True, True]
    assert not boundary_map(labels)[1].any()


@settings(deadline=None, max_examples=20)
@given(seeds, st.sampled_from([0.0, 1.0, 1.5, 3.0]))
def test_what_is_near_a_border_is_measured_within_the_section(seed, reach):
    truth = np.kron(np.random.default_rng(seed).integers(1, 3, (2, 3, 3)), np.ones((1, 5, 5), int))
    for section, near in zip(truth, near_section_border(truth, reach), strict=True):
        border = np.zeros(section.shape, bool)
        for axis in (0, 1):
            differs = np.diff(section, axis=axis) != 0
            border |= np.insert(differs, 0, False, axis) | np.insert(
                differs, differs.shape[axis], False, axis
            )
        expected = distance_transform_edt(~border) <= reach if border.any() else border
        assert (near == expected).all()
