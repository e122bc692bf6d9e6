import numpy as np
import pytest

from segmend.core.algorithms.run_length import TracedNeurites, expected_run_length
from segmend.core.algorithms.skeletons import Skeleton
from segmend.core.errors import InputError


def line(y, nodes, step=10.0):
    points = np.array([[0, y, k * step] for k in range(nodes)], np.float32)
    edges = np.stack([np.arange(nodes - 1), np.arange(1, nodes)], axis=1).astype(np.uint32)
    return Skeleton(points, edges, np.ones(nodes, np.float32))


@pytest.fixture
def two():
    """A neurite of 100 nm (nodes 0 to 10) and one of 50 nm (nodes 11 to 16)."""
    return TracedNeurites.of({7: line(0, 11), 9: line(100, 6)})


def test_a_perfect_segmentation_reaches_the_largest_run_length(two):
    found = expected_run_length(two, two.neurite)
    assert found.expected_nm == found.largest_nm == pytest.approx((100**2 + 50**2) / 150)
    assert (found.right, found.split, found.merged, found.omitted) == (1, 0, 0, 0)


def test_a_split_in_the_middle_leaves_two_runs(two):
    segment = two.neurite.copy()
    segment[:5] = 1  # nodes 0 to 4: 40 nm; the edge 4-5 is lost; 5 to 10: 50 nm
    found = expected_run_length(two, segment)
    assert found.expected_nm == pytest.approx((40**2 + 50**2 + 50**2) / 150)
    assert found.split == pytest.approx(10 / 150)


def test_a_merge_makes_everything_in_the_segment_worthless(two):
    found = expected_run_length(two, np.ones(17, int))
    assert (found.expected_nm, found.merged) == (0, 1)
    segment = two.neurite.copy()
    segment[0] = 9  # one node strays into the other neurite's segment
    assert expected_run_length(two, segment).expected_nm == pytest.approx(90**2 / 150)
    forgiving = expected_run_length(two, segment, stray_nodes=1)
    assert forgiving.expected_nm == pytest.approx((90**2 + 50**2) / 150)


def test_what_no_segment_covers_is_omitted(two):
    segment = two.neurite.copy()
    segment[11:] = 0
    found = expected_run_length(two, segment)
    assert found.omitted == pytest.approx(50 / 150)
    assert found.expected_nm == pytest.approx(100**2 / 150)


def test_shares_add_up_to_one(two):
    rng = np.random.default_rng(0)
    for _ in range(20):
        found = expected_run_length(two, rng.integers(0, 4, 17))
        assert found.right + found.split + found.merged + found.omitted == pytest.approx(1)
        assert 0 <= found.expected_nm <= found.largest_nm


def test_a_run_that_comes_back_to_its_segment_is_one_run(two):
    segment = two.neurite.copy()
    segment[5] = 0
    assert expected_run_length(two, segment).expected_nm == pytest.approx(
        ((40 + 40) ** 2 + 50**2) / 150
    )


def test_no_skeleton_has_no_length_and_wrong_numbers_are_refused(two):
    assert expected_run_length(TracedNeurites.of({}), np.empty(0, int)).largest_nm == 0
    with pytest.raises(InputError, match="one per node"):
        expected_run_length(two, np.zeros(3, int))
