"""Every score of a volume read block by block is that of the volume read at once."""

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmend.core.algorithms.contingency import TableSum, add_tables, contingency
from segmend.core.errors import InputError
from segmend.core.geometry import Box, Grid
from segmend.core.review import merge_decisions as decisions
from segmend.core.review import overlap
from segmend.core.review import run_lengths as lengths
from segmend.core.review.evaluation import evaluate
from segmend.core.review.merge_decisions import merge_decisions
from segmend.core.review.run_lengths import run_lengths
from segmend.core.volumes.memory import MemoryVolume

GRID = Grid((40.0, 10.0, 10.0))
SHAPE = (9, 21, 18)

seeds = st.integers(0, 2**32 - 1)
grids = st.tuples(st.integers(1, 9), st.integers(1, 21), st.integers(1, 18))
boxes = st.sampled_from([None, Box((1, 4, 2), (8, 20, 13))])


def blobs(seed, ids=7):
    rng = np.random.default_rng(seed)
    coarse = np.kron(rng.integers(0, ids, (3, 7, 6)), np.ones((3, 3, 3), int))
    noise = rng.random(SHAPE) < 0.02
    return MemoryVolume(np.where(noise, ids, coarse).astype(np.uint32), GRID)


@settings(deadline=None, max_examples=40)
@given(seeds, grids, boxes, st.sampled_from([None, 10.0, 35.0]))
def test_scores(seed, grid, box, border):
    s, t = blobs(seed), blobs(seed + 1)
    whole = evaluate(s, t, box, border_nm=border)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overlap, "_BLOCK_ZYX", grid)
        patch.setattr(overlap, "_COMPACT_ROWS", 20)
        assert asdict(evaluate(s, t, box, border_nm=border)) == asdict(whole)


@settings(deadline=None, max_examples=20)
@given(seeds, grids, boxes)
def test_merge_decisions(seed, grid, box):
    volumes = blobs(seed, 200), blobs(seed + 1), blobs(seed + 2)
    whole = merge_decisions(*volumes, box)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decisions, "_BLOCK_ZYX", grid)
        patch.setattr(overlap, "_BLOCK_ZYX", grid)
        assert merge_decisions(*volumes, box) == whole


@settings(deadline=None, max_examples=5)
@given(seeds, st.integers(1, 21), boxes)
def test_run_lengths(seed, edge, box):
    s, t = blobs(seed, 3), blobs(seed + 1, 2)
    whole = run_lengths(s, t, box)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lengths, "_COARSE_BLOCK", edge)
        patch.setattr(overlap, "_BLOCK_ZYX", (edge, edge, edge))
        assert run_lengths(s, t, box) == whole


@given(st.lists(seeds, min_size=1, max_size=12), st.integers(1, 40))
def test_a_running_sum_of_tables_is_their_sum(every, least):
    tables = []
    for seed in every:
        both = np.random.default_rng(seed).integers(0, 9, (2, 4, 4, 4))
        tables.append(contingency(both[0], both[1]))
    running = TableSum(least)
    for table in tables:
        running.add(table)
    for ours, expected in zip(running.total(), add_tables(tables), strict=True):
        assert ours.tolist() == expected.tolist()


def test_a_running_sum_holds_no_more_than_thrice_its_rows():
    one = contingency(*(np.arange(1, 51, dtype=np.uint32),) * 2)
    running = TableSum(60)
    most = 0
    for _ in range(100):
        running.add(one)
        most = max(most, sum(len(part.counts) for part in running._parts))
    assert most <= 3 * len(one.counts)
    assert running.total().counts.tolist() == [100] * 50


def test_no_table_is_no_sum():
    with pytest.raises(InputError, match="no contingency table"):
        TableSum().total()


def test_progress_counts_blocks(monkeypatch):
    monkeypatch.setattr(overlap, "_BLOCK_ZYX", (9, 21, 6))
    told = []
    evaluate(blobs(0), blobs(1), progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]
