import numpy as np
import pytest

from segmend.core.algorithms.edge_features import FEATURE_NAMES, edge_features


def features(**changed):
    values = {
        "affinity": [0.4],
        "area": [10],
        "strong": [0.25],
        "size_u": [100],
        "size_v": [1000],
    } | changed
    row = edge_features(
        *(np.array(values[k]) for k in ("affinity", "area", "strong", "size_u", "size_v"))
    )[0]
    return dict(zip(FEATURE_NAMES, row.tolist(), strict=True))


def test_columns_hold_what_their_names_say():
    row = features()
    assert row["affinity"] == pytest.approx(0.4)
    assert row["strong"] == pytest.approx(0.25)
    assert row["log_area"] == pytest.approx(np.log(11))
    assert row["log_smaller_size"] == pytest.approx(np.log(101))
    assert row["log_larger_size"] == pytest.approx(np.log(1001))
    assert row["log_size_ratio"] == pytest.approx(np.log(1001) - np.log(101), rel=1e-6)
    radius = (3 * 100 / (4 * np.pi)) ** (1 / 3)
    assert row["relative_area"] == pytest.approx(10 / (4 * np.pi * radius**2))


def test_the_two_sides_can_be_exchanged():
    assert features() == features(size_u=[1000], size_v=[100])


def test_no_edges_give_no_rows_and_huge_sizes_stay_finite():
    none = edge_features(*(np.empty(0) for _ in range(5)))
    assert none.shape == (0, len(FEATURE_NAMES))
    assert none.dtype == np.float32
    assert np.isfinite(list(features(size_u=[0], size_v=[2**32 - 1]).values())).all()
