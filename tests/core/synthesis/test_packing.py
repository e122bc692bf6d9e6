"""Assigning voxels to skeletons."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from segmend.core.synthesis.packing import Warp, one_piece_labels, pack, working_voxel_nm
from segmend.core.synthesis.tissue import Skeletons


def flat_warp(shape: tuple[int, int, int]) -> Warp:
    still = np.zeros(shape, np.float32)
    return Warp(still, still, still, np.array([10.0, 10.0, 10.0]), np.zeros(3))


def test_each_voxel_goes_to_the_nearest_surface() -> None:
    balls = np.array([[40.0, 40.0, 30.0, 20.0], [40.0, 40.0, 130.0, 60.0]])
    skeletons = Skeletons(balls, np.array([1, 2], np.int32), np.array([0, 1], np.int32))
    labels = pack(skeletons, flat_warp((9, 9, 18)))
    places = np.stack(np.indices(labels.shape), axis=-1) * 10.0
    distance = np.stack([np.linalg.norm(places - b[:3], axis=-1) - b[3] for b in balls])
    clear = np.abs(distance[0] - distance[1]) > 4.0
    np.testing.assert_array_equal(labels[clear], distance.argmin(axis=0)[clear] + 1)


def test_nothing_grown_is_one_label() -> None:
    none = np.zeros(0, np.int32)
    assert pack(Skeletons(np.zeros((0, 4)), none, none), flat_warp((2, 3, 4))).max() == 1


def test_pieces_become_labels_and_crumbs_go_to_a_neighbour() -> None:
    labels = np.ones((1, 5, 9), np.uint32)
    labels[0, :, 4] = 2
    labels[0, 2, 1] = 2
    out = one_piece_labels(labels, 3)
    assert out[0, 0, 0] != out[0, 0, 8]
    assert out[0, 2, 1] == out[0, 2, 0]
    assert sorted(np.unique(out)) == [1, 2, 3]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_background_is_neither_taken_nor_made(seed: int, smallest: int) -> None:
    labels = np.random.default_rng(seed).integers(0, 3, (3, 6, 6)).astype(np.uint32)
    out = one_piece_labels(labels, smallest)
    assert np.all(out[labels == 0] == 0)
    present = np.unique(out[out > 0])
    np.testing.assert_array_equal(present, np.arange(1, len(present) + 1))


def test_thick_sections_are_made_of_thin_planes() -> None:
    assert working_voxel_nm((10.0, 10.0, 10.0)) == ((10.0, 10.0, 10.0), 1)
    assert working_voxel_nm((30.0, 6.0, 6.0)) == ((10.0, 6.0, 6.0), 3)
