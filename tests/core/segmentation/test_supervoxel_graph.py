"""Edges are found by segment, and only those whose ends are alive are in force."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmend.core.segmentation import added_edges
from segmend.core.segmentation.supervoxel_graph import BaseGraph, Edges, SupervoxelGraph


def edges(*pairs, affinity=0.5):
    count = len(pairs)
    return Edges(
        np.array(pairs, np.uint32).reshape(count, 2),
        np.full(count, affinity, np.float32),
        np.arange(1, count + 1, dtype=np.uint32),
        np.zeros(count, np.float32),
        np.zeros((count, 3), np.float32),
    )


SEGMENT_OF = np.array([0, 1, 1, 1, 2, 2, 3], np.uint32)
BASE = edges((1, 2), (2, 3), (3, 4), (4, 5), (5, 6))


def graph(base=BASE, count=6):
    return SupervoxelGraph(BaseGraph(base, count))


def pairs(found):
    return sorted(map(tuple, found.pairs.tolist()))


def members(segment, segment_of=SEGMENT_OF):
    return np.flatnonzero(segment == segment_of).astype(np.uint32)


def test_edges_within_a_segment():
    assert pairs(graph().edges_within(members(1), SEGMENT_OF)) == [(1, 2), (2, 3)]
    assert pairs(graph().edges_within(members(3), SEGMENT_OF)) == []


def test_edges_around_a_segment():
    assert pairs(graph().edges_around(members(2), SEGMENT_OF)) == [(3, 4), (5, 6)]


def test_touching():
    assert graph().touching(members(1), 2, SEGMENT_OF)
    assert graph().touching(members(2), 1, SEGMENT_OF)
    assert not graph().touching(members(1), 3, SEGMENT_OF)


def test_a_segment_without_members_has_no_edges():
    nobody = np.empty(0, np.uint32)
    assert not len(graph().edges_within(nobody, SEGMENT_OF))
    assert not len(graph().edges_around(nobody, SEGMENT_OF))
    assert not graph().touching(nobody, 1, SEGMENT_OF)


def test_the_values_of_an_edge_stay_with_it():
    found = graph().edges_around(members(2), SEGMENT_OF)
    assert dict(zip(pairs(found), sorted(found.area.tolist()), strict=True)) == {
        (3, 4): 3,
        (5, 6): 5,
    }


def test_edges_in_another_order_are_brought_into_order():
    shuffled = edges((6, 5), (2, 1), (4, 3), (3, 2), (5, 4))
    g = graph(shuffled)
    assert g.in_force(SEGMENT_OF).pairs.tolist() == BASE.pairs.tolist()
    assert g.in_force(SEGMENT_OF).area.tolist() == [2, 4, 3, 5, 1]
    assert pairs(g.edges_around(members(2), SEGMENT_OF)) == [(3, 4), (5, 6)]


def test_an_edge_to_a_supervoxel_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="does not have"):
        BaseGraph(edges((1, 7)), 6)


def test_an_added_edge_counts_until_it_is_removed():
    g = graph()
    g.add(7, edges((1, 6), affinity=1.0))
    assert g.touching(members(1), 3, SEGMENT_OF)
    assert g.touching(members(3), 1, SEGMENT_OF)
    assert pairs(g.edges_around(members(3), SEGMENT_OF)) == [(1, 6), (5, 6)]
    g.remove(7)
    assert not g.touching(members(1), 3, SEGMENT_OF)
    assert not len(g.added)


def test_an_added_edge_within_a_segment_is_counted_once():
    g = graph()
    g.add(7, edges((1, 3)))
    assert pairs(g.edges_within(members(1), SEGMENT_OF)) == [(1, 2), (1, 3), (2, 3)]


def test_edges_of_dead_supervoxels_are_not_in_force():
    dead = SEGMENT_OF.copy()
    dead[2] = 0
    assert pairs(graph().in_force(dead)) == [(3, 4), (4, 5), (5, 6)]
    assert pairs(graph().edges_within(np.array([1, 3], np.uint32), dead)) == []


def test_an_operation_may_add_edges_twice():
    g = graph()
    g.add(7, edges((1, 6)))
    g.add(7, edges((2, 6)))
    assert pairs(g.added) == [(1, 6), (2, 6)]
    g.remove(7)
    assert not len(g.added)


def test_answers_do_not_tell_in_which_order_operations_came():
    one, other = graph(), graph()
    first, second = edges((2, 6), (1, 4), affinity=0.25), edges((1, 6), (1, 4), affinity=0.75)
    one.add(7, first)
    one.add(8, second)
    other.add(8, second)
    other.add(7, first)
    for ask in (
        lambda g: g.in_force(SEGMENT_OF),
        lambda g: g.edges_around(members(1), SEGMENT_OF),
    ):
        assert ask(one).pairs.tolist() == ask(other).pairs.tolist()
        assert ask(one).affinity.tolist() == ask(other).affinity.tolist()


def test_edges_that_differ_only_in_their_place_are_in_the_same_order_too():
    one, other = graph(), graph()
    here = edges((1, 6))
    there = replace(here, centroid=here.centroid + 1)
    one.add(7, there)
    one.add(8, here)
    other.add(8, here)
    other.add(7, there)
    assert one.in_force(SEGMENT_OF).same_as(other.in_force(SEGMENT_OF))


def test_edges_of_supervoxels_that_edits_made():
    g = graph()
    table = np.array([0, 1, 1, 1, 2, 0, 3, 2, 2], np.uint32)  # 5 became 7 and 8
    g.add(9, edges((4, 7), (7, 8), (6, 8)))
    assert pairs(g.edges_within(members(2, table), table)) == [(4, 7), (7, 8)]
    assert pairs(g.edges_around(members(2, table), table)) == [(3, 4), (6, 8)]
    assert g.touching(members(3, table), 2, table)


PAIR = st.tuples(st.integers(1, 8), st.integers(1, 8)).filter(lambda p: p[0] != p[1])
STEP = st.tuples(st.integers(1, 6), st.lists(PAIR, max_size=4), st.booleans())


@settings(deadline=None)  # the first example may compile
@given(st.lists(STEP, max_size=25), st.lists(st.integers(0, 3), min_size=8, max_size=8))
def test_added_edges_come_and_go_in_any_order(steps, segments):
    table = np.array([0, *segments], np.uint32)
    added, expected = added_edges.AddedEdges(), {}
    added_edges._MOST_GAPS, kept = 2, added_edges._MOST_GAPS
    for number, new, remove in steps:
        if remove:
            added.remove(number)
            expected.pop(number, None)
        else:
            new = [tuple(sorted(pair)) for pair in new]
            added.add(number, edges(*new))
            expected.setdefault(number, []).extend(new)
    added_edges._MOST_GAPS = kept
    every = sorted(pair for new in expected.values() for pair in new)
    assert len(added) == len(every)
    assert [tuple(pair) for pair in added.every.pairs.tolist()] == every
    for segment in (1, 2, 3):
        here = members(segment, table)
        inside = [p for p in every if (table[list(p)] == segment).all()]
        across = [
            p for p in every if (table[list(p)] == segment).sum() == 1 and table[list(p)].all()
        ]
        assert pairs(added.take(added.rows(here, table, segment, inside=True))) == inside
        assert pairs(added.take(added.rows(here, table, segment, inside=False))) == across
        for other in {1, 2, 3} - {segment}:
            touch = any(set(table[list(p)]) == {segment, other} for p in across)
            assert added.any_edge_to(here, table, other) == touch
