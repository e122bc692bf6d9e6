import numpy as np
import pytest

from segmend.core.algorithms.coarse_skeletons import clearing_nm, trace_coarse

SIZE = (10.0, 10.0, 10.0)


def rod(label=7, dtype=np.uint32):
    labels = np.zeros((24, 24, 120), dtype)
    labels[6:18, 6:18, 6:114] = label
    return labels


def test_a_rod_is_traced_along_its_middle_in_nm():
    found = trace_coarse(rod(), SIZE, offset_nm_zyx=(1000.0, 0.0, 0.0))
    assert set(found) == {7}
    vertices = found[7].vertices_nm
    assert 0.75 * 1080 < found[7].cable_nm < 1.25 * 1080
    assert np.abs(vertices.mean(axis=0) - [1115, 115, 595]).max() < 40
    assert vertices[:, 2].min() > 50
    assert vertices[:, 2].max() < 1145


def test_small_objects_and_nothing_get_no_skeleton():
    labels = rod()
    labels[:5, :5, :5] = 9
    assert set(trace_coarse(labels, SIZE)) == {7}
    assert set(trace_coarse(labels, SIZE, minimum_voxels=100)) == {7, 9}
    assert trace_coarse(np.zeros((3, 3, 3), np.uint32), SIZE) == {}
    assert trace_coarse(np.zeros((0, 3, 3), np.uint32), SIZE) == {}


def test_ids_of_64_bits_come_back():
    assert set(trace_coarse(rod(2**60 + 1, np.uint64), SIZE)) == {2**60 + 1}


def test_coarser_copies_clear_less():
    assert clearing_nm(10.0, 10.0) == 100.0
    assert clearing_nm(10.0, 30.0) == pytest.approx(60.0)
    assert clearing_nm(10.0, 300.0) == 0.0
