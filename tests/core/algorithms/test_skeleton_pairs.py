import numpy as np

from segmend.core.algorithms.skeleton_pairs import best_per_segments, ends_to_voxels, facing_ends
from segmend.core.algorithms.skeletons import EndPoints


def _ends(points, tangents, segments, radius=10.0):
    return EndPoints(
        np.array(points, np.float32).reshape(-1, 3),
        np.array(tangents, np.float32).reshape(-1, 3),
        np.array(segments, np.uint32),
        np.full(len(segments), radius, np.float32),
    )


def test_ends_that_face_each_other_are_paired():
    pairs = facing_ends(_ends([[0, 0, 0], [0, 0, 200]], [[0, 0, 1], [0, 0, -1]], [1, 2]))
    assert len(pairs) == 1
    assert pairs.gap_nm[0] == 200
    assert pairs.agreement[0] == 1


def test_ends_beyond_the_reach_are_not_paired():
    ends = _ends([[0, 0, 0], [0, 0, 301]], [[0, 0, 1], [0, 0, -1]], [1, 2])
    assert len(facing_ends(ends)) == 0
    assert len(facing_ends(ends, reach_nm=302)) == 1


def test_ends_that_look_away_are_not_paired():
    assert len(facing_ends(_ends([[0, 0, 0], [0, 0, 200]], [[0, 0, -1], [0, 0, -1]], [1, 2]))) == 0


def test_ends_side_by_side_that_run_in_parallel_are_not_paired():
    assert len(facing_ends(_ends([[0, 0, 0], [0, 0, 15]], [[1, 0, 0], [1, 0, 0]], [1, 2]))) == 0


def test_ends_of_one_object_and_a_single_end_are_not_paired():
    assert len(facing_ends(_ends([[0, 0, 0], [0, 0, 50]], [[0, 0, 1], [0, 0, -1]], [4, 4]))) == 0
    assert len(facing_ends(_ends([[0, 0, 0]], [[0, 0, 1]], [4]))) == 0


def test_an_end_finds_the_object_ahead_and_not_the_one_behind():
    labels = np.zeros((5, 5, 20), np.uint32)
    labels[2, 2, 8:12] = 1
    labels[2, 2, 14:] = 2
    labels[2, 2, :6] = 3
    ends = _ends([[60, 60, 330]], [[0, 0, 1]], [1])
    pairs = ends_to_voxels(ends, labels, (30.0, 30.0, 30.0), (0.0, 0.0, 0.0))
    assert pairs.segment_b.tolist() == [2]
    assert pairs.point_b_nm.tolist() == [[60, 60, 420]]
    assert pairs.gap_nm[0] == 90


def test_the_reach_to_voxels_is_210_nm():
    labels = np.zeros((1, 1, 20), np.uint32)
    labels[0, 0, 0], labels[0, 0, 8:] = 1, 2
    ends = _ends([[0, 0, 0]], [[0, 0, 1]], [1])
    assert len(ends_to_voxels(ends, labels, (30.0,) * 3, (0.0,) * 3)) == 0
    assert len(ends_to_voxels(ends, labels, (26.0,) * 3, (0.0,) * 3)) == 1


def test_one_pair_is_kept_for_two_segments():
    points = [[0, 0, 0], [0, 0, 100], [0, 40, 100]]
    tangents = [[0, 0, 1], [0, 0, -1], [0, 0, -1]]
    pairs = facing_ends(_ends(points, tangents, [1, 2, 2]))
    assert len(pairs) == 1
    assert pairs.agreement[0] == 1
    assert len(best_per_segments(pairs.joined(pairs))) == 1
