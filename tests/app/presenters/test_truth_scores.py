"""Scores against the truth equal those of the counted voxels, before and after any moves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmend.app.presenters.truth_scores import SharedCounts, TruthScores
from segmend.core.algorithms.contingency import contingency
from segmend.core.algorithms.metrics import adapted_rand_error, vi_from_table

N = 6


def world(seed):
    rng = np.random.default_rng(seed)
    supervoxels = rng.integers(0, N + 1, (4, 6, 7)).astype(np.uint32)
    truth = rng.integers(0, 4, supervoxels.shape).astype(np.uint32)
    return supervoxels, truth, rng


def test_shared_counts_score_as_the_table_of_the_segments_does():
    supervoxels, truth, rng = world(0)
    segment_of = np.array([0, *rng.integers(1, 4, N)])
    found = SharedCounts(contingency(supervoxels, truth)).scores(segment_of)
    table = contingency(segment_of[supervoxels], truth)
    assert found.vi.split == pytest.approx(vi_from_table(table).split)
    assert found.vi.merge == pytest.approx(vi_from_table(table).merge)
    assert found.adapted_rand == pytest.approx(adapted_rand_error(table))


def test_a_supervoxel_beyond_the_mapping_counts_as_background():
    supervoxels, truth, _ = world(0)
    short = SharedCounts(contingency(supervoxels, truth)).scores(np.arange(N))
    whole = SharedCounts(contingency(supervoxels, truth)).scores(np.array([*range(N), 0]))
    assert short == whole


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 1000), st.lists(st.lists(st.integers(1, 9), min_size=N, max_size=N), max_size=4)
)
def test_following_edits_gives_what_counting_again_gives(seed, mappings):
    supervoxels, truth, rng = world(seed)
    ignore = rng.random(truth.shape) < 0.3
    tables = contingency(supervoxels, truth), contingency(supervoxels, truth, ignore=ignore)
    scores = TruthScores(*tables, np.arange(N + 1))
    for mapping in mappings:
        segment_of = np.array([0, *mapping])
        assert scores.follow(segment_of)
        now, tolerant = scores.now()
        for found, skipped in ((now, None), (tolerant, ignore)):
            table = contingency(segment_of[supervoxels], truth, ignore=skipped)
            assert found.vi.sum == pytest.approx(vi_from_table(table).sum)
            assert found.adapted_rand == pytest.approx(adapted_rand_error(table))


def test_new_supervoxels_have_to_be_counted():
    supervoxels, truth, _ = world(1)
    table = contingency(supervoxels, truth)
    assert not TruthScores(table, table, np.arange(N + 1)).follow(np.arange(N + 2))


def test_the_mapping_may_be_changed_by_its_owner():
    supervoxels, truth, _ = world(2)
    table = contingency(supervoxels, truth)
    mapping = np.arange(N + 1)
    scores = TruthScores(table, table, mapping)
    before = scores.now()[0].vi.sum
    mapping[:] = np.minimum(mapping, 1)
    assert scores.now()[0].vi.sum == before
    assert scores.follow(mapping)
    assert scores.now()[0].vi.split < before
