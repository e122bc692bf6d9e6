"""Edges are found by segment, and only those whose ends are alive are in force."""

import numpy as np

from segmend.core.segmentation.supervoxel_graph import Edges, SupervoxelGraph


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


def graph():
    return SupervoxelGraph(edges((1, 2), (2, 3), (3, 4), (4, 5), (5, 6)), 6)


def pairs(found):
    return sorted(map(tuple, found.pairs.tolist()))


def members(segment):
    return np.flatnonzero(segment == SEGMENT_OF).astype(np.uint32)


def test_edges_within_a_segment():
    assert pairs(graph().edges_within(members(1), SEGMENT_OF)) == [(1, 2), (2, 3)]
    assert pairs(graph().edges_within(members(3), SEGMENT_OF)) == []


def test_edges_around_a_segment():
    assert pairs(graph().edges_around(members(2), SEGMENT_OF)) == [(3, 4), (5, 6)]


def test_touching():
    assert graph().touching(members(1), 2, SEGMENT_OF)
    assert not graph().touching(members(1), 3, SEGMENT_OF)


def test_an_added_edge_counts_until_it_is_removed():
    g = graph()
    g.add(7, edges((1, 6), affinity=1.0))
    assert g.touching(members(1), 3, SEGMENT_OF)
    assert pairs(g.edges_around(members(3), SEGMENT_OF)) == [(1, 6), (5, 6)]
    g.remove(7)
    assert not g.touching(members(1), 3, SEGMENT_OF)


def test_edges_of_dead_supervoxels_are_not_in_force():
    dead = SEGMENT_OF.copy()
    dead[2] = 0
    assert pairs(graph().in_force(dead)) == [(3, 4), (4, 5), (5, 6)]
    assert pairs(graph().edges_within(np.array([1, 3], np.uint32), dead)) == []
