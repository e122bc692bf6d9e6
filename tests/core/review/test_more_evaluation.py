import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmend.core.algorithms.boundaries import boundary_map, near_section_border
from segmend.core.algorithms.contingency import contingency
from segmend.core.algorithms.metrics import (
    adapted_rand_error,
    cremi_score,
    information_from_table,
    rand_from_table,
    vi_from_table,
)
from segmend.core.errors import InputError
from segmend.core.geometry import Box, Grid
from segmend.core.review import merge_decisions as decisions_of
from segmend.core.review import overlap
from segmend.core.review.evaluation import evaluate
from segmend.core.review.merge_decisions import merge_decisions
from segmend.core.review.run_lengths import run_lengths, segments_at, traced
from segmend.core.volumes.memory import MemoryVolume

SQUARE = Grid((40.0, 4.0, 4.0))


def blobs(seed, shape=(9, 21, 18), ids=6):
    coarse = np.random.default_rng(seed).integers(0, ids, tuple(n // 3 for n in shape))
    return np.kron(coarse, np.ones((3, 3, 3), int)).astype(np.uint32)


def test_every_score_is_that_of_the_whole_volume_in_blocks_of_any_size(monkeypatch):
    s, t = blobs(1), blobs(2)
    monkeypatch.setattr(overlap, "_BLOCK_ZYX", (2, 5, 4))
    monkeypatch.setattr(overlap, "_COMPACT_ROWS", 10)
    scores = evaluate(MemoryVolume(s, SQUARE), MemoryVolume(t, SQUARE), border_nm=6.0)
    table = contingency(s, t)
    rand, information = rand_from_table(table), information_from_table(table)
    assert scores.rand_split == pytest.approx(rand.split)
    assert scores.rand_merge == pytest.approx(rand.merge)
    assert scores.rand_f == pytest.approx(rand.f)
    assert scores.rand_error == pytest.approx(scores.rand_error_split + scores.rand_error_merge)
    assert scores.information_f == pytest.approx(information.f)
    assert scores.pixel_error == pytest.approx((boundary_map(s) != boundary_map(t)).mean())
    inner = contingency(s, t, ignore=near_section_border(t, 1.5))
    expected = cremi_score(vi_from_table(inner), adapted_rand_error(inner))
    assert scores.cremi_score == pytest.approx(expected)
    plain = evaluate(MemoryVolume(s, SQUARE), MemoryVolume(t, SQUARE))
    assert plain.cremi_score == pytest.approx(np.sqrt(plain.vi_sum * plain.adapted_rand_error))


def test_a_perfect_segmentation_gets_the_best_of_every_score():
    t = blobs(3) + np.uint32(1)
    scores = dataclasses.asdict(evaluate(MemoryVolume(t + np.uint32(7)), MemoryVolume(t)))
    for name, value in scores.items():
        best = name in ("rand_f", "rand_split", "rand_merge") or name.startswith("information")
        assert value == pytest.approx(1.0 if best else 0.0, abs=1e-12), name


def test_a_border_distance_needs_square_voxels():
    t = blobs(4)
    with pytest.raises(InputError, match="square"):
        evaluate(
            MemoryVolume(t, Grid((40.0, 4.0, 5.0))),
            MemoryVolume(t, Grid((40.0, 4.0, 5.0))),
            border_nm=25,
        )


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_merge_decisions_follow_majorities_over_contacts(seed):
    rng = np.random.default_rng(seed)
    sv = (
        np.kron(np.arange(1, 28).reshape(3, 3, 3), np.ones((2, 2, 2), int)).astype(np.uint64)
        + 2**40
    )
    segment_of, truth_of = rng.integers(0, 4, 27), rng.integers(0, 4, 27)
    s, t = (
        owner[(sv - 2**40 - 1).astype(int)].astype(np.uint32) for owner in (segment_of, truth_of)
    )
    counts = [0, 0, 0, 0]
    for place in np.ndindex(3, 3, 3):
        for axis in range(3):
            other = tuple(k + (i == axis) for i, k in enumerate(place))
            if other[axis] < 3:
                a, b = (int(np.ravel_multi_index(p, (3, 3, 3))) for p in (place, other))
                if truth_of[a] and truth_of[b]:
                    joined = segment_of[a] == segment_of[b] != 0
                    same = truth_of[a] == truth_of[b]
                    counts[(0 if same else 1) if joined else (2 if same else 3)] += 1
    found = merge_decisions(*(MemoryVolume(v) for v in (sv, s, t)))
    assert [found.true_merges, found.false_merges, found.missed_merges, found.true_cuts] == counts


def test_contacts_across_blocks_are_seen(monkeypatch):
    sv = np.repeat(np.arange(1, 9, dtype=np.uint32), 2).reshape(1, 1, 16).repeat(2, 1)
    monkeypatch.setattr(decisions_of, "_BLOCK_ZYX", (1, 2, 2))
    found = merge_decisions(*(MemoryVolume(v) for v in (sv, np.ones_like(sv), np.ones_like(sv))))
    assert found.true_merges == 7


@pytest.fixture(scope="module")
def tubes():
    """Two straight neurites along x, 30 nm voxels, 200 voxels long."""
    t = np.zeros((24, 24, 200), np.uint32)
    t[4:12, 4:12], t[14:22, 14:22] = 2**31, 9
    return t


def test_a_perfect_segmentation_has_the_longest_runs_and_a_cut_halves_them(tubes):
    grid = Grid((30.0, 30.0, 30.0), (600.0, 0.0, 300.0))
    truth = MemoryVolume(tubes, grid)
    perfect = run_lengths(MemoryVolume(tubes), truth)
    assert perfect.expected_nm == perfect.largest_nm == pytest.approx(5970, rel=0.1)
    halves = tubes.copy()
    halves[..., 100:] *= 2
    halves[..., 100:][tubes[..., 100:] == 2**31] = 5
    cut = run_lengths(MemoryVolume(halves), truth)
    assert cut.expected_nm == pytest.approx(perfect.largest_nm / 2, rel=0.05)
    assert run_lengths(MemoryVolume((tubes > 0).astype(np.uint8)), truth).merged == pytest.approx(1)


def test_a_box_traces_what_is_inside(tubes):
    truth = MemoryVolume(tubes, Grid((30.0, 30.0, 30.0)))
    inside = Box((0, 0, 50), (24, 24, 150))
    found = run_lengths(MemoryVolume(tubes), truth, inside)
    assert found.largest_nm == pytest.approx(2970, rel=0.1)
    points = traced(truth, inside).neurites.points_nm
    assert points[:, 2].min() >= 50 * 30
    assert points[:, 2].max() < 150 * 30


def test_finer_voxels_are_traced_coarsely_at_their_own_places(tubes):
    fine = tubes[:, :, :80].repeat(3, 0).repeat(3, 1).repeat(3, 2)
    truth = MemoryVolume(fine, Grid((10.0, 10.0, 10.0)))
    neurites, voxels = traced(truth, Box.of_shape(fine.shape))
    there = segments_at(truth, voxels)
    assert np.unique(there).tolist() == [9, 2**31]
    assert (np.where(neurites.neurite == 1, 9, 2**31) == there).all()
    assert (np.abs(voxels * 10.0 - neurites.points_nm) <= 10).all()


def test_the_truth_scores_best_even_where_objects_are_thinner_than_a_coarse_voxel():
    rng = np.random.default_rng(0)
    truth = np.zeros((31, 32, 160), np.uint32)
    for k in range(60):  # threads of one or two voxels between thick ones
        z, y = rng.integers(0, 30, 2)
        truth[z : z + rng.integers(1, 4), y : y + rng.integers(1, 4)] = k + 1
    volume = MemoryVolume(truth, Grid((10.0, 10.0, 10.0)))
    found = run_lengths(volume, volume)
    assert found.largest_nm > 500
    assert found.merged == found.omitted == 0
