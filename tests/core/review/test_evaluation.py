import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.metrics import adapted_rand_error, variation_of_information
from skimage.segmentation import find_boundaries

from segmend.core.errors import InputError
from segmend.core.geometry import Box, Grid
from segmend.core.review import overlap
from segmend.core.review.evaluation import evaluate
from segmend.core.volumes.memory import MemoryVolume

label_arrays = arrays(np.uint32, (4, 5, 6), elements=st.integers(0, 5))


def _evaluate(segmentation, labels, box=None):
    return evaluate(MemoryVolume(segmentation), MemoryVolume(labels), box)


def _by_skimage(segmentation, labels):
    split, merge = variation_of_information(labels, segmentation, ignore_labels=(0,))
    return float(split), float(merge)


@settings(deadline=None, max_examples=50)
@given(label_arrays, label_arrays)
def test_figures_are_those_of_scikit_image(segmentation, labels):
    if np.count_nonzero(labels) < 2:
        return
    scores = _evaluate(segmentation, labels)
    split, merge = _by_skimage(segmentation, labels)
    assert scores.vi_split == pytest.approx(split, abs=1e-6)
    assert scores.vi_merge == pytest.approx(merge, abs=1e-6)
    assert scores.vi_sum == scores.vi_split + scores.vi_merge
    counted = labels != 0
    assert scores.unlabelled == pytest.approx(float((segmentation[counted] == 0).mean()))
    with np.errstate(all="ignore"):
        expected = adapted_rand_error(labels, segmentation, ignore_labels=(0,))[0]
    if np.isfinite(expected):
        assert scores.adapted_rand_error == pytest.approx(expected, abs=1e-6)


@settings(deadline=None, max_examples=50)
@given(label_arrays, label_arrays)
def test_tolerant_figures_leave_out_the_thick_boundary(segmentation, labels):
    inner = np.where(find_boundaries(labels, mode="thick"), 0, labels)
    if not labels.any():
        return
    scores = _evaluate(segmentation, labels)
    split, merge = _by_skimage(segmentation, inner) if inner.any() else (0.0, 0.0)
    assert scores.vi_split_tolerant == pytest.approx(split, abs=1e-6)
    assert scores.vi_merge_tolerant == pytest.approx(merge, abs=1e-6)


def _blobs(seed, shape=(9, 21, 17)):
    rng = np.random.default_rng(seed)
    return np.kron(rng.integers(0, 6, (3, 7, 6)), np.ones((3, 3, 3), int))[
        : shape[0], : shape[1], : shape[2]
    ].astype(np.uint32)


def test_a_box_counts_as_if_both_were_cropped():
    segmentation, labels = _blobs(1), _blobs(2)
    box = Box((2, 3, 1), (8, 17, 12))
    assert _evaluate(segmentation, labels, box) == _evaluate(
        segmentation[box.slices].copy(), labels[box.slices].copy()
    )


def test_blocks_do_not_show_in_the_figures(monkeypatch):
    segmentation, labels = _blobs(3), _blobs(4)
    whole = _evaluate(segmentation, labels)
    monkeypatch.setattr(overlap, "_BLOCK_ZYX", (2, 5, 4))
    monkeypatch.setattr(overlap, "_COMPACT_ROWS", 10)
    assert _evaluate(segmentation, labels) == whole


def test_ids_beyond_2_to_the_53_are_told_apart():
    labels = np.array([[[1, 2, 1, 2]]], np.uint32)
    ids = np.array([[[2**63 + 1, 2**63 + 2, 2**63 + 1, 2**63 + 2]]], np.uint64)
    assert _evaluate(ids, labels).vi_sum == 0


def test_no_block_larger_than_a_few_megavoxels_is_read():
    class Watched(MemoryVolume):
        largest = 0

        def read(self, box):
            Watched.largest = max(Watched.largest, box.size)
            return super().read(box)

    labels = np.ones((80, 300, 300), np.uint8)
    evaluate(Watched(labels), Watched(labels))
    assert 0 < Watched.largest <= 34 * 258 * 258


@pytest.mark.parametrize(
    ("segmentation", "labels", "words"),
    [
        (np.ones((2, 2, 2), int), np.ones((2, 2, 3), int), "same volume"),
        (np.ones((2, 2, 2)), np.ones((2, 2, 2), int), "float64"),
        (np.ones((2, 2, 2), int), np.ones((3, 2, 2, 2), int)[..., :2], "whole number"),
        (np.ones((2, 2, 2), int), np.zeros((2, 2, 2), int), "0 everywhere"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(segmentation, labels, words):
    with pytest.raises(InputError, match=words) as caught:
        evaluate(MemoryVolume(segmentation, Grid()), MemoryVolume(labels, Grid()))
    assert "\n" not in str(caught.value)


def test_a_box_outside_is_refused():
    labels = np.ones((2, 2, 2), int)
    with pytest.raises(InputError, match="outside"):
        _evaluate(labels, labels, Box((5, 0, 0), (6, 1, 1)))
