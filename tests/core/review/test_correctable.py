import numpy as np
import pytest

from segmend.core.algorithms.contingency import Contingency
from segmend.core.candidates.candidate import Candidate
from segmend.core.edits.model import Merge, Spot
from segmend.core.review.correctable import Recall, merge_recall, parts, split_recall

# Supervoxels 1..6 of 2,000 voxels; objects 10 (1, 2, 3), 20 (4, 5) and 30 (6, and 100 voxels of 5).
TABLE = Contingency(
    np.array([1, 2, 3, 4, 5, 5, 6]),
    np.array([10, 10, 10, 20, 20, 30, 30]),
    np.array([2000, 2000, 2000, 2000, 1900, 100, 2000]),
)
SIZES = np.array([0, 2000, 2000, 2000, 2000, 2000, 2000])
# Segments: 1 = {1}, 2 = {2}, 3 = {3}, 4 = {4, 5, 6}.
SEGMENT_OF = np.array([0, 1, 2, 3, 4, 4, 4], np.uint32)


def merge(a, b):
    edit = Merge((Spot(a, (0.0, 0.0, 0.0)), Spot(b, (0.0, 0.0, 0.0))))
    return Candidate(f"{a}-{b}", "merge", (0.0, 0.0, 0.0), edit, {}, 0.5, 0.1)


def test_an_object_in_three_segments_is_two_errors():
    known = parts(TABLE, SEGMENT_OF)
    assert split_recall(known, [merge(1, 2)], SEGMENT_OF) == Recall(2, 1)
    assert split_recall(known, [merge(1, 2), merge(3, 2)], SEGMENT_OF) == Recall(2, 2)


def test_wrong_merges_and_the_same_one_twice_find_nothing_more():
    known = parts(TABLE, SEGMENT_OF)
    assert split_recall(known, [merge(1, 4), merge(1, 2), merge(2, 1)], SEGMENT_OF).found == 1


def test_parts_below_the_size_are_no_errors_but_lead_on():
    small = TABLE._replace(counts=np.array([2000, 500, 2000, 2000, 1900, 100, 2000]))
    known = parts(small, SEGMENT_OF)
    assert split_recall(known, [merge(1, 2), merge(2, 3)], SEGMENT_OF) == Recall(1, 1)
    assert split_recall(known, [merge(1, 2)], SEGMENT_OF) == Recall(1, 0)


def test_a_segment_over_two_objects_is_one_error_that_a_cut_between_them_finds():
    known = parts(TABLE, SEGMENT_OF)
    assert merge_recall(known, [], SIZES) == Recall(1, 0)
    assert merge_recall(known, [(4, [6])], SIZES) == Recall(1, 1)
    assert merge_recall(known, [(4, [4, 5, 6])], SIZES).found == 0


def test_two_cuts_tell_three_objects_apart():
    table = TABLE._replace(truths=np.array([10, 10, 10, 20, 40, 30, 30]))
    known = parts(table, SEGMENT_OF)
    assert merge_recall(known, [(4, [4])], SIZES) == Recall(2, 1)
    assert merge_recall(known, [(4, [4]), (4, [6])], SIZES) == Recall(2, 2)


def test_the_interval_is_that_of_wilson():
    low, high = Recall(10, 9).interval()
    assert low == pytest.approx(0.5958, abs=1e-4)
    assert high == pytest.approx(0.9821, abs=1e-4)
    assert Recall(0, 0).interval() == (0.0, 1.0)
    assert Recall(0, 0).share == 1.0
