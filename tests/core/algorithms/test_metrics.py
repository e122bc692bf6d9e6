import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import adapted_rand_error as skimage_rand
from skimage.metrics import variation_of_information as skimage_vi
from skimage.segmentation import find_boundaries

from segmend.core.algorithms.metrics import (
    adapted_rand_error,
    beside_boundary,
    contingency,
    segmentation_scores,
    variation_of_information,
    vi_from_table,
)
from segmend.core.errors import InputError


def blocky(rng, ids, shape=(4, 6, 8)):
    coarse = rng.integers(0, ids, tuple((n + 1) // 2 for n in shape))
    fine = coarse.repeat(2, 0).repeat(2, 1).repeat(2, 2)
    return fine[: shape[0], : shape[1], : shape[2]]


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), s=st.integers(1, 30), t=st.integers(2, 30))
def test_figures_equal_those_of_scikit_image(seed, s, t):
    rng = np.random.default_rng(seed)
    labels, truth = blocky(rng, s), blocky(rng, t)
    if not truth.any():
        return
    scores = segmentation_scores(labels, truth)
    split, merge = skimage_vi(truth, labels, ignore_labels=(0,))
    assert scores.vi.split == pytest.approx(split, abs=1e-9)
    assert scores.vi.merge == pytest.approx(merge, abs=1e-9)
    assert scores.vi.sum == pytest.approx(split + merge, abs=1e-9)
    error, _, _ = skimage_rand(truth, labels, ignore_labels=(0,))
    assert scores.adapted_rand_error == pytest.approx(error, abs=1e-9)
    assert scores.rand_f == pytest.approx(1 - error, abs=1e-9)
    assert scores.unlabelled == pytest.approx((labels[truth != 0] == 0).mean())
    inner = np.where(find_boundaries(truth, mode="thick"), 0, truth)
    if inner.any():
        tolerant = skimage_vi(inner, labels, ignore_labels=(0,))
        assert [scores.vi_tolerant.split, scores.vi_tolerant.merge] == pytest.approx(
            tolerant.tolist(), abs=1e-9
        )


def test_splitting_an_object_raises_split_only_and_merging_raises_merge_only():
    truth = np.repeat([1, 2], 8).reshape(2, 2, 4)
    halves = np.repeat([1, 2, 3, 3], 4).reshape(2, 2, 4)
    assert variation_of_information(halves, truth).split == pytest.approx(0.5)
    assert variation_of_information(halves, truth).merge == 0
    assert variation_of_information(np.ones_like(truth), truth).merge == pytest.approx(1)
    assert variation_of_information(np.ones_like(truth), truth).split == 0


def test_table_counts_every_pair_once_and_leaves_out_truth_zero():
    labels = np.array([[[5, 5, 0, 9]]], np.uint64)
    truth = np.array([[[2, 2, 3, 0]]], np.int32)
    table = contingency(labels, truth)
    assert table.labels.tolist() == [0, 5]
    assert table.truths.tolist() == [3, 2]
    assert table.counts.tolist() == [1, 2]


def test_ids_above_2_to_53_are_told_apart():
    labels = np.array([[[2**60, 2**60 + 1, 2**60, 2**60 + 1]]], np.uint64)
    truth = np.array([[[1, 2, 1, 2]]], np.uint8)
    table = contingency(labels, truth)
    assert table.labels.tolist() == [2**60, 2**60 + 1]
    assert vi_from_table(table).sum == 0
    assert adapted_rand_error(table) == 0


def test_a_hub_that_meets_thousands_is_counted_right():
    truth = np.arange(1, 40001).reshape(40, 100, 10)
    labels = np.ones_like(truth)
    table = contingency(labels, truth)
    assert len(table.counts) == 40000
    assert vi_from_table(table).merge == pytest.approx(np.log2(40000))


def test_boundary_equals_that_of_scikit_image():
    rng = np.random.default_rng(3)
    for ids in (1, 2, 6):
        truth = blocky(rng, ids, (5, 8, 9))
        assert (beside_boundary(truth) == find_boundaries(truth, mode="thick")).all()


def test_nothing_to_compare_scores_zero():
    empty = np.zeros((2, 2, 2), np.uint32)
    scores = segmentation_scores(np.ones_like(empty), empty)
    assert (scores.vi.sum, scores.adapted_rand_error, scores.unlabelled) == (0, 0, 0)


@pytest.mark.parametrize(
    ("labels", "truth"),
    [
        (np.zeros((2, 2, 2), int), np.zeros((2, 2, 3), int)),
        (np.zeros((2, 2, 2)), np.zeros((2, 2, 2), int)),
    ],
)
def test_volumes_that_cannot_be_compared_are_refused(labels, truth):
    with pytest.raises(InputError, match="expected"):
        contingency(labels, truth)
