import numpy as np
import pytest

from segmend.core.algorithms.skeletons import (
    EndPoints,
    Skeleton,
    coarse_factor,
    downsample_thin,
    end_points,
    skeletonize,
)
from segmend.core.errors import InputError


def _rod(shape=(12, 12, 60), label=3):
    labels = np.zeros(shape, np.uint32)
    labels[4:8, 4:8, 5:55] = label
    return labels


def test_coarse_factor_follows_each_axis():
    assert coarse_factor((10.0, 10.0, 10.0)) == (3, 3, 3)
    assert coarse_factor((30.0, 6.0, 6.0)) == (1, 5, 5)
    assert coarse_factor((100.0, 4.0, 4.0)) == (1, 8, 8)


def test_a_thin_neurite_keeps_its_blocks_beside_a_large_object():
    supervoxels = np.full((9, 9, 30), 1, np.uint32)
    supervoxels[4, 4, :] = 2  # one voxel wide: 3 of 27 voxels of its blocks
    sizes = np.array([0, 10_000_000, 30])
    coarse = downsample_thin(supervoxels, np.array([0, 1, 2], np.uint32), sizes, (3, 3, 3))
    assert coarse.shape == (3, 3, 10)
    assert (coarse[1, 1] == 2).all()
    assert (coarse[0] == 1).all()


def test_downsampling_names_the_largest_supervoxel_of_the_winning_segment():
    supervoxels = np.array([[[1, 1, 2], [2, 2, 3], [3, 3, 3]]], np.uint32)
    segment_of = np.array([0, 1, 1, 2], np.uint32)  # five voxels of segment 1, four of segment 2
    coarse = downsample_thin(supervoxels, segment_of, np.array([0, 5, 5]), (1, 3, 3))
    assert coarse.tolist() == [[[2]]]


def test_background_never_wins_and_partial_blocks_count():
    supervoxels = np.zeros((4, 4, 4), np.uint32)
    supervoxels[3, 3, 3] = 1
    coarse = downsample_thin(supervoxels, np.array([0, 1], np.uint32), np.array([0, 1]), (3, 3, 3))
    assert coarse.shape == (2, 2, 2)
    assert coarse[1, 1, 1] == 1
    assert coarse.sum() == 1


def test_a_factor_of_zero_is_refused():
    with pytest.raises(InputError, match="factor"):
        downsample_thin(
            np.zeros((1, 1, 1), np.uint32), np.zeros(1, np.uint32), np.zeros(1), (0, 1, 1)
        )


def test_skeleton_of_a_rod_runs_along_it_in_nm():
    skeletons = skeletonize(_rod(), (30.0, 30.0, 30.0), offset_nm_zyx=(1000.0, 0.0, 0.0))
    assert set(skeletons) == {3}
    skeleton = skeletons[3]
    assert 0.8 * 49 * 30 < skeleton.cable_nm < 1.3 * 49 * 30
    assert np.abs(skeleton.vertices_nm[:, 0] - (1000 + 5.5 * 30)).max() < 60


def test_nothing_to_trace_gives_no_skeletons():
    assert skeletonize(np.zeros((3, 3, 3), np.uint32), (1.0, 1.0, 1.0)) == {}


def test_ends_point_out_of_the_object():
    ends = end_points(skeletonize(_rod(), (30.0, 30.0, 30.0)))
    assert len(ends) == 2
    order = np.argsort(ends.point_nm[:, 2])
    assert ends.tangent_zyx[order[0], 2] < -0.9
    assert ends.tangent_zyx[order[1], 2] > 0.9
    assert (ends.segment == 3).all()


def test_the_tangent_stops_at_a_fork():
    vertices = np.array([[0, 0, 0], [0, 0, 10], [0, 10, 10], [0, 0, 20]], np.float32)
    edges = np.array([[0, 1], [1, 2], [1, 3]], np.uint32)
    ends = end_points({1: Skeleton(vertices, edges, np.ones(4, np.float32))}, reach_nm=1000)
    assert len(ends) == 3
    tangents = {
        tuple(p): tuple(t)
        for p, t in zip(ends.point_nm.tolist(), ends.tangent_zyx.tolist(), strict=True)
    }
    assert tangents[(0, 10, 10)] == (0, 1, 0)
    assert tangents[(0, 0, 0)] == (0, 0, -1)


def test_a_skeleton_without_edges_has_no_ends():
    lonely = Skeleton(
        np.zeros((1, 3), np.float32), np.empty((0, 2), np.uint32), np.ones(1, np.float32)
    )
    assert len(end_points({1: lonely})) == len(EndPoints.none()) == 0
