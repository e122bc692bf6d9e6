import numpy as np
import pytest

from segmend.core.algorithms.continuations import contact_filling, continuations
from segmend.core.algorithms.region_graph import region_graph
from segmend.core.algorithms.skeletons import EndPoints
from segmend.core.errors import InputError

SIZE, OFFSET = (30.0, 30.0, 30.0), (10.0, 10.0, 10.0)


def rods():
    """A round rod cut across (1 | 2), and another one beside it (3); they touch along a strip."""
    z, y = np.ogrid[:14, :24]
    one, other = ((z - 7) ** 2 + (y - middle) ** 2 < 26.5 for middle in (6, 17))
    labels = np.zeros((14, 24, 40), np.uint32)
    labels[one, :20], labels[one, 20:], labels[other] = 1, 2, 3
    return labels


def ends_at(*points):
    place = np.array([p[:3] for p in points], np.float32).reshape(-1, 3)
    tangent = np.tile(np.array([0, 0, 1], np.float32), (len(points), 1))
    segment = np.array([p[3] for p in points], np.uint32)
    return EndPoints(place, tangent, segment, np.full(len(points), 30, np.float32))


ALL_FAR = ends_at((220, 190, 10, 1), (220, 190, 1180, 2), (220, 520, 10, 3))


def test_a_cut_neurite_goes_on_and_neighbours_side_by_side_do_not():
    ends = ends_at((220, 190, 590, 1), (220, 190, 640, 2), (220, 520, 10, 3))
    found = continuations(rods(), SIZE, OFFSET, ends)
    assert found.edges.tolist() == [[1, 2]]
    assert found.filling[0] == pytest.approx(1.0, rel=0.05)
    assert found.place_nm[0] == pytest.approx([220, 190, 595], abs=16)
    assert found.gap_nm[0] < 30


def test_a_contact_far_from_every_end_is_left_out():
    assert len(continuations(rods(), SIZE, OFFSET, ALL_FAR).edges) == 0
    found = continuations(rods(), SIZE, OFFSET, ALL_FAR, reach_nm=600.0)
    assert found.edges.tolist() == [[1, 2]]


def test_a_label_without_skeleton_is_an_end_itself():
    found = continuations(rods(), SIZE, OFFSET, ends_at((220, 190, 10, 1), (220, 520, 10, 3)))
    assert found.edges.tolist() == [[1, 2]]
    assert found.gap_nm.tolist() == [0.0]


def test_without_conditions_every_contact_is_kept():
    found = continuations(rods(), SIZE, OFFSET, ALL_FAR, least_filling=0.0, reach_nm=np.inf)
    assert found.edges.tolist() == [[1, 2], [1, 3], [2, 3]]
    assert max(found.filling[1:]) < 0.55


@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 2, 0), (2, 0, 1)])
def test_filling_does_not_depend_on_the_direction(axes):
    labels = np.ascontiguousarray(rods().transpose(axes))
    graph = region_graph(labels, None)
    place = graph.centroid.astype(float) * 30
    edges = graph.edges.astype(np.int64)
    filling = contact_filling(labels, edges, place, np.full(3, 30.0), np.zeros(3))
    assert filling[0] == pytest.approx(1.0, rel=0.05)


def test_nothing_touches_nothing():
    labels = np.zeros((3, 3, 3), np.uint32)
    assert len(continuations(labels, SIZE, OFFSET, EndPoints.none()).edges) == 0


def test_contacts_out_of_order_are_refused():
    with pytest.raises(InputError, match="not sorted"):
        contact_filling(
            rods(), np.array([[2, 3], [1, 2]]), np.zeros((2, 3)), np.full(3, 30.0), np.zeros(3)
        )
