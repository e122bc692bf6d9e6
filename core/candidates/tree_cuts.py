"""Every way to cut a segment at one edge of its merge tree, with the contact that the cut would open.

Each segment gets a spanning tree: the recorded merges that lie inside it, completed by its strongest graph edges.
Cutting a tree edge divides the segment in two; all graph edges between the two sides are the contact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.candidates.evidence import Evidence
from segmend.core.segmentation.supervoxel_graph import Edges

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class TreeCuts:
    """All single-edge cuts of all segments, k of them.

    Parameters
    ----------
    node : (k,) int64
        Supervoxel at the top of the side that is cut off.
    evidence : Evidence
        k rows: `size_a` is the side cut off, `size_b` the rest.
    best_edge : (k,) int64
        Row of the edge that holds most of the affinity between the sides.
    enter, leave : (n + 1,) int64
        Supervoxel v is on the side of `node` c when ``enter[c] <= enter[v] < leave[c]``.
    """

    node: Array
    evidence: Evidence
    best_edge: Array
    enter: Array
    leave: Array

    def on_side(self, cut: int, supervoxels: Array) -> Array:
        """Say for some supervoxels of the cut's segment whether they are on the side cut off."""
        node = self.node[cut]
        enter = self.enter[supervoxels]
        inside: Array = (self.enter[node] <= enter) & (enter < self.leave[node])
        return inside


def tree_cuts(edges: Edges, merge_edges: Array, segment_of: Array, size: Array) -> TreeCuts:
    """Find all cuts of all segments.

    Parameters
    ----------
    edges : Edges
        Region graph between supervoxels.
    merge_edges : (M, 2) uint32
        Recorded merges, first one first; may be empty.
    segment_of : (n + 1,) uint32
    size : (n + 1,) voxels per supervoxel
    """
    ends = segment_of[edges.pairs]
    inner = np.flatnonzero((ends[:, 0] == ends[:, 1]) & (ends[:, 0] > 0))
    merged = segment_of[merge_edges]
    recorded = merge_edges[(merged[:, 0] == merged[:, 1]) & (merged[:, 0] > 0)]
    by_affinity = inner[np.argsort(-edges.affinity[inner], kind="stable")]
    links = np.concatenate([recorded, edges.pairs[by_affinity]]).astype(np.int64)
    parent, depth, order, enter, leave = _rooted(links, np.asarray(size, np.int64))
    weight = np.zeros((len(segment_of), 3))
    strongest = np.zeros(len(segment_of), np.float32)
    count = np.zeros(len(segment_of), np.int64)
    best = np.full(len(segment_of), -1, np.int64)
    below = np.asarray(size, np.float64).copy()
    _open_contacts(
        edges.pairs, edges.affinity, edges.area, edges.strong, inner, parent, depth,
        weight, strongest, count, best,
    )  # fmt: skip
    whole = _sum_up(order, parent, below)
    node = np.flatnonzero((parent > 0) & (best >= 0))
    evidence = _evidence(node, weight, strongest, count, below, whole)
    return TreeCuts(node, evidence, best[node], enter, leave)


def _evidence(
    node: Array, weight: Array, strongest: Array, count: Array, below: Array, whole: Array
) -> Evidence:
    evidence = Evidence.zeros(len(node))
    area = weight[node, 0]
    evidence.area[:] = area
    evidence.mean_affinity[:] = weight[node, 1] / np.maximum(area, 1.0)
    evidence.strong_share[:] = weight[node, 2] / np.maximum(area, 1.0)
    evidence.max_affinity[:] = strongest[node]
    evidence.edges[:] = count[node]
    evidence.size_a[:] = below[node]
    evidence.size_b[:] = whole[node] - below[node]
    evidence.split[:] = 1.0
    return evidence


@njit(cache=True, nogil=True)
def _find(leader, v):  # type: ignore[no-untyped-def]  # pragma: no cover
    while leader[v] != v:
        leader[v] = leader[leader[v]]
        v = leader[v]
    return v


@njit(cache=True, nogil=True)
def _spanning(links, count):  # type: ignore[no-untyped-def]  # pragma: no cover
    leader = np.arange(count)
    kept = np.empty(len(links), np.int64)
    total = 0
    for i in range(len(links)):
        a, b = _find(leader, links[i, 0]), _find(leader, links[i, 1])
        if a != b:
            leader[max(a, b)] = min(a, b)
            kept[total] = i
            total += 1
    return kept[:total]


@njit(cache=True, nogil=True)
def _rooted(links, size):  # type: ignore[no-untyped-def]  # pragma: no cover
    # Depth-first from the largest supervoxels, which keeps the trees shallow.
    count = len(size)
    kept = _spanning(links, count)
    start = np.zeros(count + 2, np.int64)
    for i in kept:
        start[links[i, 0] + 1] += 1
        start[links[i, 1] + 1] += 1
    for v in range(count + 1):
        start[v + 1] += start[v]
    fill = start[:-1].copy()
    neighbour = np.empty(2 * len(kept), np.int64)
    for i in kept:
        u, v = links[i, 0], links[i, 1]
        neighbour[fill[u]] = v
        neighbour[fill[v]] = u
        fill[u] += 1
        fill[v] += 1
    parent = np.full(count, -1, np.int64)  # -1 not seen, 0 a root
    depth = np.zeros(count, np.int64)
    enter = np.zeros(count, np.int64)
    leave = np.zeros(count, np.int64)
    order = np.empty(count, np.int64)
    stack = np.empty(count + 1, np.int64)
    seen = 0
    for root in np.argsort(-size):
        if root == 0 or parent[root] != -1:
            continue
        parent[root] = 0
        stack[0] = root
        top = 1
        while top:
            top -= 1
            v = stack[top]
            enter[v] = seen
            order[seen] = v
            seen += 1
            for k in range(start[v], start[v + 1]):
                u = neighbour[k]
                if u != parent[v]:
                    parent[u] = v
                    depth[u] = depth[v] + 1
                    stack[top] = u
                    top += 1
    for v in range(count):
        leave[v] = enter[v] + 1
    for i in range(seen - 1, -1, -1):
        v = order[i]
        if parent[v] > 0 and leave[v] > leave[parent[v]]:
            leave[parent[v]] = leave[v]
    return parent, depth, order[:seen], enter, leave


@njit(cache=True, nogil=True)
def _open_contacts(  # type: ignore[no-untyped-def]  # pragma: no cover
    pairs, affinity, area, strong, inner, parent, depth, weight, strongest, count, best
):
    # A cut above node c opens every graph edge whose path in the tree passes c.
    best_weight = np.zeros(len(parent))
    for e in inner:
        u, v = np.int64(pairs[e, 0]), np.int64(pairs[e, 1])
        joint = (affinity[e] + 1e-6) * area[e]
        while u != v:
            if depth[u] < depth[v]:
                u, v = v, u
            weight[u, 0] += area[e]
            weight[u, 1] += area[e] * affinity[e]
            weight[u, 2] += area[e] * strong[e]
            count[u] += 1
            strongest[u] = max(strongest[u], affinity[e])
            if joint > best_weight[u]:
                best_weight[u] = joint
                best[u] = e
            u = parent[u]


@njit(cache=True, nogil=True)
def _sum_up(order, parent, below):  # type: ignore[no-untyped-def]  # pragma: no cover
    whole = np.zeros(len(below))
    for i in range(len(order) - 1, -1, -1):
        v = order[i]
        if parent[v] > 0:
            below[parent[v]] += below[v]
    for v in order:
        whole[v] = below[v] if parent[v] == 0 else whole[parent[v]]
    return whole
