"""Examples for the edge model: pairs of sides with evidence, and whether they belong together by the truth.

Examples are taken where candidates come from, at several thresholds and in states that a review passes through, so
that the model sees what it will be asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.agglomeration import MergeTree, agglomerate, cut_tree
from segmend.core.algorithms.incremental_vi import VariationOfInformation
from segmend.core.algorithms.metrics import Contingency, contingency
from segmend.core.algorithms.region_graph import SupervoxelTable, region_graph, supervoxel_table
from segmend.core.candidates.edge_model import feature_matrix
from segmend.core.candidates.evidence import Evidence, SegmentPairs, segment_pairs
from segmend.core.candidates.gain import change_if_right
from segmend.core.candidates.skeleton_links import (
    add_links,
    coarse_supervoxels,
    find_links,
    trace_segments,
)
from segmend.core.candidates.tree_cuts import TreeCuts, tree_cuts
from segmend.core.geometry import Grid
from segmend.core.segmentation.graph_files import GraphArrays
from segmend.core.segmentation.supervoxel_graph import Edges
from segmend.core.volumes.memory import MemoryVolume

Array = NDArray[Any]

_CUTS_PER_SEGMENT = 60
_MIN_SIDE = 50


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """k pairs of sides.

    Parameters
    ----------
    features : (k, F) float64
        See `segmend.core.candidates.edge_model.FEATURES`.
    together : (k,) bool
        Whether having the two sides in one segment gives the smaller variation of information.
    stake : (k,) float64
        Change of the variation of information that a right edit of these sizes brings, bits.
    """

    features: Array
    together: Array
    stake: Array

    @classmethod
    def joined(cls, parts: list[Examples]) -> Examples:
        """Return the examples of all parts."""
        return cls(
            np.concatenate([part.features for part in parts]),
            np.concatenate([part.together for part in parts]),
            np.concatenate([part.stake for part in parts]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class LabelledGraph:
    """A region graph with its truth.

    Parameters
    ----------
    supervoxels : (z, y, x) uint32
    grid : Grid
    edges : Edges
    nodes : SupervoxelTable
    tree : MergeTree
    table : Contingency
        Supervoxels against truth.
    """

    supervoxels: Array
    grid: Grid
    edges: Edges
    nodes: SupervoxelTable
    tree: MergeTree
    table: Contingency

    @classmethod
    def of(cls, supervoxels: Array, affinities: Array, truth: Array, grid: Grid) -> LabelledGraph:
        """Measure supervoxels and compare them with the truth."""
        graph, nodes = region_graph(supervoxels, affinities), supervoxel_table(supervoxels)
        tree = agglomerate(graph.edges, graph.affinity, graph.area, len(nodes.size) - 1)
        return cls(supervoxels, grid, Edges(*graph), nodes, tree, contingency(supervoxels, truth))

    def segments(self, threshold: float) -> Array:
        """Return the mapping at a threshold."""
        return cut_tree(self.tree, len(self.nodes.size) - 1, threshold)

    def arrays(self, segment_of: Array) -> GraphArrays:
        """Return the graph as the pipeline would have stored it."""
        return GraphArrays(
            self.edges.pairs, self.edges.affinity, self.edges.area, self.edges.strong,
            self.edges.centroid, *self.nodes, self.tree.edges, self.tree.scores, segment_of,
            np.arange(int(segment_of.max()) + 1, dtype=np.uint64),
            np.arange(len(segment_of), dtype=np.uint64),
        )  # fmt: skip


def gather_examples(
    graph: LabelledGraph, threshold: float, rng: np.random.Generator, *, rounds: int = 3
) -> Examples:
    """Collect examples at one threshold and after some of the right merges.

    Parameters
    ----------
    graph : LabelledGraph
    threshold : float
        Of the agglomeration.
    rng : numpy.random.Generator
    rounds : int
        States looked at: the segmentation itself, then each time after half of the right merges.
    """
    segment_of = graph.segments(threshold)
    found = [_cut_examples(graph, segment_of, rng), _linked_examples(graph, segment_of)]
    for _ in range(rounds):
        pairs, together, examples = _contact_examples(graph, segment_of)
        found.append(examples)
        chosen = pairs.pairs[together & (rng.random(len(together)) < 0.5)]
        segment_of = _merged(segment_of, chosen)
    return Examples.joined(found)


def _merged(segment_of: Array, pairs: Array) -> Array:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = int(segment_of.max()) + 1
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    _, group = connected_components(links, directed=False)
    dense = np.unique(group[1:], return_inverse=True)[1] + 1
    mapped: Array = np.r_[0, dense].astype(np.uint32)[segment_of]
    return mapped


def _sizes(graph: LabelledGraph, segment_of: Array) -> Array:
    sizes = np.bincount(segment_of, weights=graph.nodes.size)
    sizes[0] = 0
    return sizes


def _contact_examples(
    graph: LabelledGraph, segment_of: Array
) -> tuple[SegmentPairs, Array, Examples]:
    pairs = segment_pairs(graph.edges, segment_of, _sizes(graph, segment_of))
    together, examples = _judged_pairs(graph, segment_of, pairs.pairs, pairs.evidence)
    return pairs, together, examples


def _linked_examples(graph: LabelledGraph, segment_of: Array) -> Examples:
    """Give the examples that skeletons have a say in."""
    arrays, sizes = graph.arrays(segment_of), _sizes(graph, segment_of)
    volume = MemoryVolume(graph.supervoxels, graph.grid)
    coarse = coarse_supervoxels(volume, segment_of, sizes, 30.0)
    links = find_links(trace_segments(coarse, arrays, 2000), coarse, arrays)
    pairs = segment_pairs(graph.edges, segment_of, sizes)
    rows, apart = add_links(pairs, links, segment_of, sizes)
    spoken = np.flatnonzero(pairs.evidence.agreement > 0)
    ends = np.concatenate([pairs.pairs[spoken], segment_of[links.supervoxels[rows]].reshape(-1, 2)])
    evidence = pairs.evidence.take(spoken).joined(apart)
    return _judged_pairs(graph, segment_of, ends, evidence)[1]


def _judged_pairs(
    graph: LabelledGraph, segment_of: Array, pairs: Array, evidence: Evidence
) -> tuple[Array, Examples]:
    score = VariationOfInformation(graph.table, segment_of)
    change = np.array([score.merge_delta(int(a), int(b)) for a, b in pairs.tolist()])
    return change < 0, _examples(graph, evidence, change < 0, change != 0)


def _cut_examples(graph: LabelledGraph, segment_of: Array, rng: np.random.Generator) -> Examples:
    cuts = tree_cuts(graph.edges, graph.tree.edges, segment_of, graph.nodes.size)
    rows = _some_cuts(cuts, segment_of, rng)
    score = VariationOfInformation(graph.table, segment_of)
    members = _members(segment_of)
    change = np.array([_cut_change(cuts, int(row), segment_of, members, score) for row in rows])
    return _examples(graph, cuts.evidence.take(rows), change > 0, change != 0)


def _cut_change(
    cuts: TreeCuts,
    row: int,
    segment_of: Array,
    members: tuple[Array, Array],
    score: VariationOfInformation,
) -> float:
    order, first = members
    segment = int(segment_of[cuts.node[row]])
    own = order[first[segment] : first[segment + 1]]
    return score.split_delta(own[cuts.on_side(row, own)], segment)


def _members(segment_of: Array) -> tuple[Array, Array]:
    order = np.argsort(segment_of, kind="stable")
    return order, np.searchsorted(segment_of[order], np.arange(int(segment_of.max()) + 2))


def _some_cuts(cuts: TreeCuts, segment_of: Array, rng: np.random.Generator) -> Array:
    """Take the cuts with the lowest affinity of each segment and as many others at random."""
    side = np.minimum(cuts.evidence.size_a, cuts.evidence.size_b)
    rows = np.flatnonzero(side >= _MIN_SIDE)
    segment = segment_of[cuts.node[rows]]
    chosen = []
    for key in (cuts.evidence.mean_affinity[rows], rng.random(len(rows))):
        order = np.lexsort((key, segment))
        start = np.searchsorted(segment[order], segment[order])
        chosen.append(rows[order[np.arange(len(rows)) - start < _CUTS_PER_SEGMENT // 2]])
    return np.unique(np.concatenate(chosen))


def _examples(graph: LabelledGraph, evidence: Evidence, together: Array, clear: Array) -> Examples:
    evidence = evidence.take(clear)
    total = float(graph.nodes.size[1:].sum())
    volume = float(np.prod(graph.grid.voxel_size_nm_zyx))
    return Examples(
        feature_matrix(evidence, volume),
        together[clear],
        change_if_right(evidence.size_a, evidence.size_b, total),
    )
