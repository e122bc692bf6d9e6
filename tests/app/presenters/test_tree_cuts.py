"""Cuts of the merge tree: the partition of `cut_tree`, and colours that stay."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from segmend.app.presenters.tree_cuts import TreeCuts, base_parents
from segmend.core.algorithms.agglomeration import MergeTree, cut_tree
from segmend.core.geometry import Box
from segmend.core.segmentation.patches import Patch, PatchStack

TREE = MergeTree(
    np.array([[1, 2], [3, 4], [2, 3]], np.uint32), np.array([0.9, 0.6, 0.3], np.float32)
)
SIZE = np.array([0, 10, 30, 40, 20, 5])


def cuts(threshold_now=0.5, **more):
    return TreeCuts(TREE, SIZE, cut_tree(TREE, 5, threshold_now), **more)


def test_the_threshold_in_use_looks_as_it_does():
    np.testing.assert_array_equal(cuts().cut(0.5).colours, cut_tree(TREE, 5, 0.5))


def test_a_segment_has_the_colour_of_its_largest_supervoxel():
    trying = cuts()
    before, after = trying.cut(0.5).colours, trying.cut(0.2).colours
    assert len(set(after[1:5])) == 1
    assert after[1] == before[3]
    assert after[5] == before[5]


def test_what_a_higher_threshold_leaves_alone_keeps_its_colour():
    trying = cuts()
    before, after = trying.cut(0.5).colours, trying.cut(0.7).colours
    assert after[3] == before[3]
    assert after[4] not in before
    np.testing.assert_array_equal(after[[1, 2, 5]], before[[1, 2, 5]])


def test_segments_are_counted():
    assert [cuts().cut(t).segments for t in (0.0, 0.5, 0.7, 1.0)] == [2, 3, 4, 5]


def test_parts_of_a_divided_supervoxel_look_like_it():
    now = np.array([0, 1, 1, 2, 2, 3, 1, 7, 8], np.uint32)
    cut = TreeCuts(TREE, SIZE, now, {6: 2, 7: 3, 8: 0}).cut(0.5)
    assert cut.colours[6] == cut.colours[2]
    assert cut.colours[7] == cut.colours[3]
    assert cut.colours[8] == 0


def test_parts_of_parts_lead_back_to_the_base():
    box = Box((0, 0, 0), (1, 1, 3))
    local = np.array([[[1, 2, 2]]])
    stack = PatchStack()
    stack.add(4, (Patch.of(box, (3,), (6, 7), (3, 3), local),))
    stack.add(9, (Patch.of(box, (7,), (8, 9), (7, 0), local),))
    assert base_parents(stack) == {6: 3, 7: 3, 8: 3, 9: 0}


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_cut_has_the_segments_of_the_tree(data):
    n = data.draw(st.integers(1, 12))
    pairs = data.draw(st.lists(st.tuples(st.integers(1, n), st.integers(1, n)), max_size=15))
    scores = sorted((data.draw(st.floats(0, 1, width=32)) for _ in pairs), reverse=True)
    tree = MergeTree(np.array(pairs, np.uint32).reshape(-1, 2), np.array(scores, np.float32))
    size = np.array([0, *(data.draw(st.integers(1, 9)) for _ in range(n))])
    threshold = data.draw(st.floats(0, 1))
    colours = TreeCuts(tree, size, cut_tree(tree, n, 0.5)).cut(threshold).colours
    segments = cut_tree(tree, n, threshold)
    pairs_found = {(int(s), int(c)) for s, c in zip(segments, colours, strict=True)}
    assert (0, 0) in pairs_found
    assert len(pairs_found) == len(set(segments.tolist())) == len(set(colours.tolist()))


def test_without_a_tree_every_supervoxel_is_a_segment():
    empty = MergeTree(np.empty((0, 2), np.uint32), np.empty(0, np.float32))
    assert TreeCuts(empty, SIZE, np.arange(6)).cut(0.0).segments == 5
