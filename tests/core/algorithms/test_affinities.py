import numpy as np
import pytest

from segmend.core.algorithms.affinities import NEAREST_OFFSETS, affinities_from_labels
from segmend.core.algorithms.arrays import dense_labels, nearest_affinities, renumbered
from segmend.core.errors import InputError


def test_channels_join_a_voxel_with_its_predecessor():
    labels = np.array([[[1, 1, 2], [1, 2, 2]], [[0, 1, 2], [0, 0, 2]]])
    z, y, x = affinities_from_labels(labels)
    assert z.tolist() == [
        [[False] * 3, [False] * 3],
        [[False, True, True], [False, False, True]],
    ]
    assert y[0].tolist() == [[False] * 3, [True, False, True]]
    assert x[0].tolist() == [[False, True, False], [False, False, True]]


@pytest.mark.parametrize("offset", [(-2, 0, 0), (0, 3, -1), (1, 1, 1), (-9, 0, 0)])
def test_any_offset_equals_the_definition(offset):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, (4, 5, 6))
    (channel,) = affinities_from_labels(labels, [offset])
    for v in np.ndindex(labels.shape):
        w = tuple(a + b for a, b in zip(v, offset, strict=True))
        inside = all(0 <= a < n for a, n in zip(w, labels.shape, strict=True))
        assert channel[v] == (inside and labels[v] == labels[w] != 0)


def test_labels_must_have_three_dimensions():
    with pytest.raises(InputError, match="expected"):
        affinities_from_labels(np.zeros((4, 4), int), NEAREST_OFFSETS)


@pytest.mark.parametrize(
    "affinities",
    [np.zeros((3, 4, 4), "f4"), np.zeros((2, 4, 4, 4), "f4"), np.zeros((3, 4, 4, 4), "f8")],
)
def test_affinities_of_another_form_are_refused(affinities):
    with pytest.raises(InputError, match="expected"):
        nearest_affinities(affinities)


@pytest.mark.parametrize(
    "labels",
    [
        np.zeros((4, 4), "u4"),
        np.zeros((4, 4, 4), "f4"),
        np.full((2, 2, 2), -1),
        np.full((2, 2, 2), 2**40),
    ],
)
def test_labels_of_another_form_are_refused(labels):
    with pytest.raises(InputError, match="expected"):
        dense_labels(labels)


def test_renumbering_keeps_background_and_large_ids():
    labels = np.array([0, 2**63 + 1, 2**53 + 1, 2**53, 0, 2**63 + 1], np.uint64)
    compact, ids = renumbered(labels)
    assert compact[0] == 0
    assert (ids[compact] == labels).all()
