"""Segmentation: changes as values, carried out and taken back."""

from dataclasses import replace

import numpy as np
import pytest
from candidates_world import chain_graph

from segmend.core.geometry import Box
from segmend.core.segmentation.patches import Patch
from segmend.core.segmentation.segmentation import (
    Birth,
    Change,
    Mark,
    NodeTable,
    Segmentation,
)
from segmend.core.segmentation.supervoxel_graph import Edges
from segmend.core.segmentation.supervoxel_mapping import Move


def edges(*pairs):
    ones = np.ones(len(pairs))
    return Edges(
        np.array(pairs, np.uint32),
        ones.astype(np.float32),
        ones.astype(np.uint32),
        ones.astype(np.float32),
        np.zeros((len(pairs), 3), np.float32),
    )


def ids(*supervoxels):
    return np.array(supervoxels, np.uint32)


def division(parent, *children, segment, neighbour=None, origins=None):
    """A supervoxel that becomes others in a row of voxels at z = parent."""
    count = len(children)
    box = Box((parent, 0, 0), (parent + 1, 1, count))
    origins = origins or (parent,) * count
    patch = Patch.of(box, (parent,), children, origins, np.arange(1, count + 1).reshape(1, 1, -1))
    starts = np.array([[parent, 0, i] for i in range(count)])
    nodes = NodeTable(np.arange(10, 10 + count), starts, np.hstack([starts, starts + 1]))
    contacts = edges(children[:2], *([] if neighbour is None else [(neighbour, children[0])]))
    moves = (Move(ids(parent), segment, 0), Move(ids(*children), 0, segment))
    return Change(moves, birth=Birth((patch,), children, nodes, contacts))


@pytest.fixture
def segmentation():
    """Six supervoxels in a row, all in segments of their own."""
    return Segmentation(chain_graph([0.1] * 5))


def test_a_birth_brings_nodes_edges_and_lineage_and_takes_them_away(segmentation):
    before = segmentation.state()
    change = division(2, 7, 8, segment=2, neighbour=1)
    segmentation.apply(5, change)
    assert segmentation.patches.operations == (5,)
    assert segmentation.supervoxel_count == 8
    assert segmentation.voxels(2) == 21
    assert segmentation.segment_box(2) == Box((2, 0, 0), (3, 1, 2))
    assert segmentation.edges_within(2).pairs.tolist() == [[7, 8]]
    assert segmentation.touching(1, 2)
    assert segmentation.living(2) == (7, 8)
    assert [segmentation.is_known(s) for s in (0, 2, 7, 9)] == [False, True, True, False]
    segmentation.revert(5, change)
    assert segmentation.state().same_as(before)
    assert segmentation.living(2) == (2,)
    assert not segmentation.is_known(8)


def test_parts_of_parts_are_found_and_painted_ones_have_no_parent(segmentation):
    segmentation.apply(1, division(2, 7, 8, segment=2))
    segmentation.apply(2, division(8, 9, 10, segment=2, origins=(8, 0)))
    assert segmentation.lineage(2) == (2, 7, 8, 9)
    assert segmentation.living(2) == (7, 9)
    assert segmentation.lineage(10) == (10,)


def test_lineage_may_be_thousands_of_strokes_long(segmentation):
    parent = 1
    for number in range(1, 3001):
        segmentation.apply(number, division(parent, 6 + number, segment=1))
        parent = 6 + number
    assert segmentation.living(1) == (3006,)
    assert len(segmentation.lineage(1)) == 3001


def test_births_commute_where_they_do_not_meet(segmentation):
    start = segmentation.state()
    one, two = division(2, 7, 8, segment=2), division(5, 9, 10, segment=5, neighbour=4)
    segmentation.apply(3, two)
    segmentation.apply(2, one)
    both = segmentation.state()
    assert both.patches == (2, 3)
    segmentation.revert(3, two)
    segmentation.apply(3, two)
    assert segmentation.state().same_as(both)
    segmentation.revert(2, one)
    segmentation.revert(3, two)
    assert segmentation.state().same_as(start)


def test_bridges_and_edges_of_a_birth_belong_to_one_operation(segmentation):
    change = division(2, 7, 8, segment=2)
    merged = Change((*change.moves, Move(ids(6), 6, 2)), bridges=edges((6, 7)), birth=change.birth)
    segmentation.apply(1, merged)
    assert segmentation.edges_within(2).pairs.tolist() == [[6, 7], [7, 8]]
    segmentation.revert(1, merged)
    assert len(segmentation.graph.added) == 0


@pytest.mark.parametrize("kind", ["finished", "locked"])
def test_marks_are_part_of_the_state(segmentation, kind):
    before = segmentation.state()
    change = Change(marks=(Mark(kind, 3, before=False, after=True),))
    segmentation.apply(1, change)
    assert getattr(segmentation.state(), kind) == {3}
    assert not segmentation.state().same_as(before)
    segmentation.revert(1, change)
    assert segmentation.state().same_as(before)


def test_a_mark_that_was_there_before_stays_when_its_operation_is_taken_back(segmentation):
    segmentation.apply(1, Change(marks=(Mark("finished", 3, before=False, after=True),)))
    again = Change(marks=(Mark("finished", 3, before=True, after=True),))
    segmentation.apply(2, again)
    segmentation.revert(2, again)
    assert segmentation.finished == {3}


def test_the_segments_of_a_change_are_all_that_it_touches():
    change = Change(
        (Move(ids(1), 4, 5), Move(ids(2), 6, 0)),
        marks=(Mark("locked", 9, before=False, after=True),),
        old_ids=(4,),
        new_ids=(4, 5),
    )
    assert change.segments == {4, 5, 6, 9}


def test_states_differ_by_patches_and_edges(segmentation):
    before = segmentation.state()
    segmentation.apply(1, Change(bridges=edges((1, 6))))
    assert not segmentation.state().same_as(before)


@pytest.mark.parametrize("column", ["affinity", "area", "strong", "centroid"])
def test_states_differ_by_each_value_of_an_edge(segmentation, column):
    state = segmentation.state()
    values = getattr(state.edges, column).copy()
    values[-1] += 1
    other = replace(state, edges=replace(state.edges, **{column: values}))
    assert not state.same_as(other)
    assert not other.same_as(state)


def test_states_differ_by_what_was_accepted(segmentation):
    before = segmentation.state()
    change = Change(decision=("a candidate", "accept"))
    segmentation.apply(1, change)
    assert not segmentation.state().same_as(before)
    segmentation.revert(1, change)
    assert segmentation.state().same_as(before)
