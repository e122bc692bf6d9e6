"""Counting by runs gives what counting by voxels gives."""

from __future__ import annotations

import numpy as np
from data import BEYOND_FLOAT
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from segmend.core.projects.runs import dense, overlaps, unique

ids = st.sampled_from([0, 1, 2, 3, BEYOND_FLOAT, 2**64 - 1])
labels = hnp.arrays(np.uint64, (2, 3, 4), elements=ids)


@given(labels)
def test_unique_and_dense(voxels):
    found = unique(voxels)
    assert np.array_equal(found, np.unique(voxels))
    assert np.array_equal(found[dense(voxels, found)], voxels)


@given(labels, labels)
def test_overlaps(first, second):
    pairs, counts = overlaps(first, second)
    assert int(counts.sum()) == first.size
    assert len({tuple(p) for p in pairs.tolist()}) == len(pairs)
    for (a, b), count in zip(pairs.tolist(), counts.tolist(), strict=True):
        assert count == int(((first == a) & (second == b)).sum())
