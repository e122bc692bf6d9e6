"""Detection of suspected errors: merges between segments, splits inside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.candidates.candidate import Candidate, candidate_id
from segmend.core.candidates.edge_model import TogetherModel, shipped_model
from segmend.core.candidates.evidence import Evidence, SegmentPairs, segment_pairs
from segmend.core.candidates.gain import change_if_right
from segmend.core.candidates.skeleton_links import SkeletonLinks, add_links
from segmend.core.candidates.tree_cuts import TreeCuts, tree_cuts
from segmend.core.edits.model import Merge, Split, Spot
from segmend.core.geometry import Grid, ZyxNm
from segmend.core.segmentation.graph_files import GraphArrays
from segmend.core.segmentation.supervoxel_graph import Edges

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class DetectionSettings:
    """What counts as suspicious.

    Parameters
    ----------
    min_probability : float
        Candidates that are less likely right are not kept.
    min_side_voxels : int
        Both sides must have this many voxels.
    min_area : int
        Smallest contact of touching sides, in voxel faces.
    splits_per_segment : int
        Cuts kept inside one segment, best first.
    distinct_cuts : float
        Two cuts of one segment must differ by this share of the smaller side.
    seeds_per_side : int
        Supervoxels along the cut that a split names on each side.
    max_candidates : int
        Those with the highest expected gain are kept.
    """

    min_probability: float = 0.001
    min_side_voxels: int = 50
    min_area: int = 3
    splits_per_segment: int = 8
    distinct_cuts: float = 0.3
    seeds_per_side: int = 64
    max_candidates: int = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class _Scene:
    """What every step of the detection looks at."""

    graph: GraphArrays
    edges: Edges
    grid: Grid
    segment_size: Array
    model: TogetherModel
    settings: DetectionSettings

    @property
    def total(self) -> float:
        return float(self.segment_size[1:].sum())

    @property
    def voxel_nm3(self) -> float:
        return float(np.prod(self.grid.voxel_size_nm_zyx))

    def spot(self, supervoxel: int) -> Spot:
        z, y, x = self.graph.point[supervoxel].tolist()
        return Spot(int(supervoxel), self.grid.to_nm((z, y, x)))


def detect_candidates(
    graph: GraphArrays,
    grid: Grid,
    *,
    links: SkeletonLinks | None = None,
    model: TogetherModel | None = None,
    settings: DetectionSettings | None = None,
) -> list[Candidate]:
    """Find suspected merge and split errors of a fresh segmentation.

    Parameters
    ----------
    graph : GraphArrays
        Region graph, merge tree and mapping of one generation.
    grid : Grid
        Of the supervoxels.
    links : SkeletonLinks, optional
        Pairs suggested by skeletons.
    model : TogetherModel, optional
        The shipped one by default.
    settings : DetectionSettings, optional

    Returns
    -------
    list of Candidate
        By falling expected gain.
    """
    sizes = np.bincount(graph.segment_of, weights=graph.size, minlength=len(graph.export_ids))
    sizes[0] = 0
    edges = Edges(graph.edges, graph.affinity, graph.area, graph.strong, graph.centroid)
    scene = _Scene(
        graph, edges, grid, sizes, model or shipped_model(), settings or DetectionSettings()
    )
    found = _merges(scene, links or SkeletonLinks.none()) + _splits(scene)
    found.sort(key=lambda candidate: (-candidate.gain, candidate.id))
    return found[: scene.settings.max_candidates]


def _merges(scene: _Scene, links: SkeletonLinks) -> list[Candidate]:
    pairs = segment_pairs(scene.edges, scene.graph.segment_of, scene.segment_size)
    apart, evidence = add_links(pairs, links, scene.graph.segment_of, scene.segment_size)
    rows = _worth(scene, pairs.evidence, pairs.evidence.area >= scene.settings.min_area)
    touching = [_touching_merge(scene, pairs, *row) for row in rows]
    distant = [
        _distant_merge(scene, links, int(apart[row]), evidence.row(row), probability, gain)
        for row, probability, gain in _worth(scene, evidence, np.ones(len(evidence), bool))
    ]
    return touching + distant


def _worth(scene: _Scene, evidence: Evidence, usable: Array) -> list[tuple[int, float, float]]:
    """Return row, probability and gain of the merges that are worth a look."""
    probability = scene.model.together(evidence, scene.voxel_nm3)
    gain = probability * change_if_right(evidence.size_a, evidence.size_b, scene.total)
    usable = usable & (
        np.minimum(evidence.size_a, evidence.size_b) >= scene.settings.min_side_voxels
    )
    rows = np.flatnonzero(usable & (probability >= scene.settings.min_probability))
    rows = rows[np.argsort(-gain[rows], kind="stable")][: scene.settings.max_candidates]
    return [(int(row), float(probability[row]), float(gain[row])) for row in rows]


def _touching_merge(
    scene: _Scene, pairs: SegmentPairs, row: int, probability: float, gain: float
) -> Candidate:
    edge = int(pairs.best_edge[row])
    u, v = scene.edges.pairs[edge].tolist()
    if scene.graph.segment_of[u] != pairs.pairs[row, 0]:
        u, v = v, u  # the first spot is on side a, as in the evidence
    edit = Merge((scene.spot(u), scene.spot(v)))
    place = _contact_nm(scene, edge)
    return Candidate(
        candidate_id(edit), "merge", place, edit, pairs.evidence.row(row), probability, gain
    )


def _distant_merge(
    scene: _Scene,
    links: SkeletonLinks,
    row: int,
    evidence: dict[str, float],
    probability: float,
    gain: float,
) -> Candidate:
    spots = tuple(
        Spot(supervoxel, (point[0], point[1], point[2]))
        for supervoxel, point in zip(
            links.supervoxels[row].tolist(), links.points_nm[row].tolist(), strict=True
        )
    )
    edit = Merge(spots)
    return Candidate(candidate_id(edit), "merge", edit.place_nm, edit, evidence, probability, gain)


def _splits(scene: _Scene) -> list[Candidate]:
    graph = scene.graph
    cuts = tree_cuts(scene.edges, graph.merge_edges, graph.segment_of, graph.size)
    evidence = cuts.evidence
    apart = 1.0 - scene.model.together(evidence, scene.voxel_nm3)
    gain = apart * change_if_right(evidence.size_a, evidence.size_b, scene.total)
    side = np.minimum(evidence.size_a, evidence.size_b)
    usable = (side >= scene.settings.min_side_voxels) & (apart >= scene.settings.min_probability)
    rows = np.flatnonzero(usable)
    rows = rows[np.argsort(-gain[rows], kind="stable")]
    chosen = _distinct(cuts, graph.segment_of[cuts.node], rows, scene.settings)
    by_segment = _inner_edges(scene)
    return [
        _split(scene, cuts, row, by_segment, float(apart[row]), float(gain[row])) for row in chosen
    ]


def _distinct(
    cuts: TreeCuts, segment: Array, rows: Array, settings: DetectionSettings
) -> list[int]:
    """Keep the best cuts of each segment that are not nearly the same as a better one."""
    kept: dict[int, list[int]] = {}
    tried: dict[int, int] = {}
    for row in rows.tolist():
        before = kept.setdefault(int(segment[row]), [])
        tries = tried.get(int(segment[row]), 0)
        if len(before) >= settings.splits_per_segment or tries > 50 * settings.splits_per_segment:
            continue
        tried[int(segment[row])] = tries + 1
        if all(_difference(cuts, row, other) >= settings.distinct_cuts for other in before):
            before.append(row)
    return [row for chosen in kept.values() for row in chosen]


def _difference(cuts: TreeCuts, row: int, other: int) -> float:
    """Return the share of the smaller side by which two cuts of one segment differ."""
    a, b = cuts.evidence.size_a[row], cuts.evidence.size_a[other]
    whole = a + cuts.evidence.size_b[row]
    nodes = cuts.node[[row, other]]
    nested = cuts.on_side(row, nodes)[1] or cuts.on_side(other, nodes)[0]
    apart = abs(a - b) if nested else a + b
    smaller = min(a, whole - a, b, whole - b)
    return float(min(apart, whole - apart) / max(smaller, 1.0))


def _inner_edges(scene: _Scene) -> tuple[Array, Array]:
    """Return the edge rows inside segments, sorted by segment, and those segments."""
    ends = scene.graph.segment_of[scene.edges.pairs]
    rows = np.flatnonzero((ends[:, 0] == ends[:, 1]) & (ends[:, 0] > 0))
    rows = rows[np.argsort(ends[rows, 0], kind="stable")]
    return rows, ends[rows, 0]


def _split(
    scene: _Scene,
    cuts: TreeCuts,
    row: int,
    inner: tuple[Array, Array],
    probability: float,
    gain: float,
) -> Candidate:
    rows, owners = inner
    segment = scene.graph.segment_of[cuts.node[row]]
    own = rows[np.searchsorted(owners, segment) : np.searchsorted(owners, segment, side="right")]
    pairs = scene.edges.pairs[own]
    side = np.stack([cuts.on_side(row, pairs[:, 0]), cuts.on_side(row, pairs[:, 1])], axis=1)
    crossing = side[:, 0] != side[:, 1]
    weight = (scene.edges.affinity[own] + 1e-6) * scene.edges.area[own]
    order = np.argsort(-weight[crossing], kind="stable")
    opened, first = pairs[crossing][order], side[crossing][order]
    limit = scene.settings.seeds_per_side
    edit = Split(
        tuple(
            tuple(scene.spot(v) for v in _in_order(opened[chosen])[:limit])
            for chosen in (first, ~first)
        )
    )
    place = _contact_nm(scene, int(cuts.best_edge[row]))
    return Candidate(
        candidate_id(edit), "split", place, edit, cuts.evidence.row(row), probability, gain
    )


def _in_order(supervoxels: Array) -> list[int]:
    """Return the distinct values in the order of their first appearance."""
    return list(dict.fromkeys(supervoxels.tolist()))


def _contact_nm(scene: _Scene, edge: int) -> ZyxNm:
    z, y, x = scene.edges.centroid[edge].tolist()
    return scene.grid.to_nm((z, y, x))
