import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmend.core.algorithms.incremental_vi import VariationOfInformation
from segmend.core.algorithms.metrics import contingency, variation_of_information
from segmend.core.errors import InputError


def volumes(seed, n=60, objects=12, shape=(6, 20, 20)):
    rng = np.random.default_rng(seed)
    supervoxels = rng.integers(0, n + 1, tuple(k // 2 for k in shape)).astype(np.uint32)
    supervoxels = supervoxels.repeat(2, 0).repeat(2, 1).repeat(2, 2)
    truth = (
        rng.integers(0, objects + 1, tuple(k // 2 for k in shape))
        .repeat(2, 0)
        .repeat(2, 1)
        .repeat(2, 2)
    )
    truth = np.where(rng.random(shape) < 0.7, supervoxels % objects + 1, truth)
    return rng, supervoxels, truth


def recomputed(supervoxels, truth, segment_of):
    return variation_of_information(segment_of[supervoxels], truth)


def test_a_thousand_random_edits_leave_no_drift():
    rng, supervoxels, truth = volumes(0)
    segment_of = np.concatenate([[0], rng.integers(1, 25, 60)]).astype(np.uint32)
    vi = VariationOfInformation(contingency(supervoxels, truth), segment_of)
    fresh = 1000
    for step in range(1000):
        before = vi.sum
        if rng.random() < 0.5:
            a, b = rng.choice(np.unique(segment_of[1:]), 2)
            delta = vi.merge_delta(a, b)
            assert vi.sum == before
            vi.apply_merge(a, b)
            segment_of[segment_of == b] = a
        else:
            source = rng.choice(segment_of[1:])
            members = np.flatnonzero(segment_of == source)
            moved = rng.choice(members, rng.integers(1, len(members) + 1), replace=False)
            fresh += 1
            delta = vi.split_delta(moved, source)
            assert vi.sum == before
            vi.apply_move(moved, source, fresh)
            segment_of[moved] = fresh
        assert vi.sum - before == pytest.approx(delta, abs=1e-12)
        if step % 100 == 99:
            expected = recomputed(supervoxels, truth, segment_of)
            assert vi.split == pytest.approx(expected.split, abs=1e-10)
            assert vi.merge == pytest.approx(expected.merge, abs=1e-10)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_moves_between_existing_segments_equal_a_recount(seed):
    rng, supervoxels, truth = volumes(seed, n=12, objects=5)
    segment_of = np.concatenate([[0], rng.integers(1, 5, 12)]).astype(np.uint32)
    vi = VariationOfInformation(contingency(supervoxels, truth), segment_of)
    for _ in range(5):
        source, target = rng.choice(np.unique(segment_of[1:])), int(rng.integers(1, 6))
        moved = np.flatnonzero(segment_of == source)[:2]
        vi.apply_move(moved, int(source), target)
        segment_of[moved] = target
    expected = recomputed(supervoxels, truth, segment_of)
    assert [vi.split, vi.merge] == pytest.approx([expected.split, expected.merge], abs=1e-10)


def test_best_gives_every_supervoxel_to_its_majority():
    _, supervoxels, truth = volumes(4)
    table = contingency(supervoxels, truth)
    majority = np.zeros(61, np.uint32)
    for i in range(1, 61):
        row = table.labels == i
        if row.any():
            majority[i] = table.truths[row][np.argmax(table.counts[row])]
    vi = VariationOfInformation(table, np.arange(61))
    expected = recomputed(supervoxels, truth, majority)
    assert [vi.vi_best.split, vi.vi_best.merge] == pytest.approx([expected.split, expected.merge])
    assert vi.vi_best.sum < vi.sum


def test_merging_a_segment_with_itself_changes_nothing():
    _, supervoxels, truth = volumes(5)
    vi = VariationOfInformation(contingency(supervoxels, truth), np.arange(61))
    before = vi.scores
    vi.apply_merge(3, 3)
    assert vi.merge_delta(3, 3) == 0
    assert vi.scores == before


def test_moving_a_supervoxel_from_where_it_is_not_is_refused():
    _, supervoxels, truth = volumes(6)
    vi = VariationOfInformation(contingency(supervoxels, truth), np.arange(61))
    before = vi.scores
    with pytest.raises(InputError, match="not all"):
        vi.apply_move(np.array([3, 4]), 3, 99)
    with pytest.raises(InputError, match="not in the table"):
        vi.apply_move(np.array([3000]), 3, 99)
    assert vi.scores == before


def test_a_mapping_that_is_too_short_is_refused():
    _, supervoxels, truth = volumes(7)
    with pytest.raises(InputError, match="belong together"):
        VariationOfInformation(contingency(supervoxels, truth), np.arange(10))


def test_nothing_counted_scores_zero():
    table = contingency(np.ones((2, 2, 2), np.uint32), np.zeros((2, 2, 2), np.uint32))
    vi = VariationOfInformation(table, np.arange(2))
    vi.apply_merge(0, 1)
    assert (vi.sum, vi.merge_delta(0, 1), vi.split_delta(np.array([1]), 1)) == (0, 0, 0)


def test_ten_thousand_edits_with_divisions_leave_no_drift():
    rng, supervoxels, truth = volumes(1)
    segment_of = np.concatenate([[0], rng.integers(1, 25, 60)])
    vi = VariationOfInformation(contingency(supervoxels, truth), segment_of)
    for step in range(10_000):
        kind = rng.integers(0, 10)
        if kind == 0 and len(segment_of) < 2000:
            segment_of = divide(vi, rng, supervoxels, truth, segment_of)
        elif kind < 5:
            a, b = rng.choice(segment_of[1:], 2)
            vi.apply_merge(int(a), int(b))
            segment_of[segment_of == b] = a
        else:
            source = rng.choice(segment_of[1:])
            members = np.flatnonzero(segment_of == source)
            moved = members[: rng.integers(1, len(members) + 1)]
            target = int(segment_of.max()) + 1
            vi.apply_move(moved[moved > 0], int(source), target)
            segment_of[moved[moved > 0]] = target
        if step % 2500 == 2499:
            expected = recomputed(supervoxels, truth, segment_of)
            assert abs(vi.split - expected.split) < 1e-9
            assert abs(vi.merge - expected.merge) < 1e-9


def divide(vi, rng, supervoxels, truth, segment_of):
    """Cut a supervoxel in three at random, one part becomes background; change `supervoxels` in place."""
    parent = int(rng.choice(supervoxels[supervoxels > 0]))
    where = supervoxels == parent
    fresh = len(segment_of)
    ids = np.array([fresh, fresh + 1, 0])
    before = contingency(supervoxels[where], truth[where])
    supervoxels[where] = ids[rng.choice(3, where.sum(), p=[0.6, 0.399, 0.001])]
    after = contingency(supervoxels[where], truth[where])
    grown = np.concatenate([segment_of, [segment_of[parent], segment_of.max() + 1]])
    segments = grown[before.labels], grown[after.labels]
    vi.apply_relabelling(before, after, *segments, largest=fresh + 1)
    return grown


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_division_equals_a_recount_and_its_reverse_brings_everything_back(seed):
    rng, supervoxels, truth = volumes(seed, n=12, objects=5)
    segment_of = np.concatenate([[0], rng.integers(1, 5, 12)])
    vi = VariationOfInformation(contingency(supervoxels, truth), segment_of)
    before_scores, before_best = vi.scores, vi.vi_best
    parent = int(rng.choice(supervoxels[supervoxels > 0]))
    where = supervoxels == parent
    painted = np.where(rng.random(where.sum()) < 0.5, 13, 14)
    before, after = (
        contingency(supervoxels[where], truth[where]),
        contingency(painted, truth[where]),
    )
    divided = supervoxels.copy()
    divided[where] = painted
    grown = np.concatenate([segment_of, [segment_of[parent], 9]])
    segments = grown[before.labels], grown[after.labels]
    vi.apply_relabelling(before, after, *segments)
    expected = recomputed(divided, truth, grown)
    assert [vi.split, vi.merge] == pytest.approx([expected.split, expected.merge], abs=1e-10)
    again = VariationOfInformation(contingency(divided, truth), grown)
    assert vi.vi_best.sum == pytest.approx(again.vi_best.sum, abs=1e-10)
    assert vi.split_delta(np.array([13]), int(grown[13])) == pytest.approx(
        again.split_delta(np.array([13]), int(grown[13])), abs=1e-10
    )
    vi.apply_relabelling(after, before, *segments[::-1])
    assert [vi.split, vi.merge] == pytest.approx(
        [before_scores.split, before_scores.merge], abs=1e-10
    )
    assert vi.vi_best.sum == pytest.approx(before_best.sum, abs=1e-10)


def test_voxels_that_are_not_there_or_change_their_truth_are_refused():
    _, supervoxels, truth = volumes(8)
    vi = VariationOfInformation(contingency(supervoxels, truth), np.arange(61))
    scores = vi.scores
    table = contingency(supervoxels, truth)
    one = table._replace(labels=np.array([7]), truths=np.array([3]), counts=np.array([10**6]))
    with pytest.raises(InputError, match="does not hold"):
        vi.apply_relabelling(
            one, one._replace(labels=np.array([70])), np.array([7]), np.array([70])
        )
    with pytest.raises(InputError, match="different true objects"):
        vi.apply_relabelling(one, one._replace(truths=np.array([4])), np.array([7]), np.array([7]))
    strange = one._replace(truths=np.array([99]))
    with pytest.raises(InputError, match="count it again"):
        vi.apply_relabelling(strange, strange, np.array([7]), np.array([7]))
    assert vi.scores == scores
