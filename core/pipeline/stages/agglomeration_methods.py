"""The methods of agglomeration behind one door: a region graph in, a merge tree and a mapping out.

Every method records a tree whose scores never rise, so that any threshold is a prefix of it and needs no second run.
A multicut decides at once and not by a score. Its tree is that of the mean affinity inside its segments, and scores
below the threshold are raised to it: cut there or lower, the tree gives the multicut's segments; cut higher, it takes
them apart at their weakest merges.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.agglomeration import MergeTree, agglomerate, cut_tree
from segmend.core.algorithms.lifted_edges import LiftedEdges, balanced, most_probable_paths
from segmend.core.algorithms.merge_weights import log_odds
from segmend.core.algorithms.multicut import Multicut, Sites, lifted_multicut, multicut
from segmend.core.algorithms.quantile_agglomeration import (
    agglomerate_by_quantile,
    checked_histogram,
    largest_affinity,
)
from segmend.core.algorithms.scored_agglomeration import EdgeScorer, agglomerate_by_scorer
from segmend.core.algorithms.single_linkage import agglomerate_by_maximum
from segmend.core.errors import InputError
from segmend.core.pipeline.settings import AgglomerationSettings

Array = NDArray[Any]


@dataclass(frozen=True)
class Contacts:
    """What agglomeration reads of a region graph of n supervoxels and E contacts.

    Parameters
    ----------
    edges : (E, 2) uint32
    affinity, area, strong : (E,) arrays
        Mean affinity 0..1, faces, share of faces above 0.5.
    size : (n + 1,) uint32
        Voxels per supervoxel.
    histogram : (E, B) uint32, optional
        Faces by affinity.
    place_nm : (E, 3) float, optional
        z, y, x of each contact; for multicuts without rings.
    """

    edges: Array
    affinity: Array
    area: Array
    strong: Array
    size: Array
    histogram: Array | None = None
    place_nm: Array | None = None

    @property
    def n(self) -> int:
        """Largest supervoxel."""
        return len(self.size) - 1

    def inside(self, segment_of: Array) -> Contacts:
        """Return the contacts between supervoxels of one segment."""
        rows = segment_of[self.edges[:, 0]] == segment_of[self.edges[:, 1]]
        columns = {
            field.name: getattr(self, field.name)[rows]
            for field in fields(self)
            if field.name != "size" and getattr(self, field.name) is not None
        }
        return replace(self, **columns)


def agglomerated(
    graph: Contacts, settings: AgglomerationSettings, scorer: EdgeScorer | None = None
) -> tuple[MergeTree, NDArray[np.uint32]]:
    """Merge supervoxels into segments by the chosen method.

    Parameters
    ----------
    graph : Contacts
    settings : AgglomerationSettings
    scorer : EdgeScorer, optional
        For the method ``learned``.

    Returns
    -------
    tree : MergeTree
        Its cut at ``settings.threshold`` is the mapping.
    segment_of : (n + 1,) uint32

    Raises
    ------
    InputError
        If the graph lacks what the method reads.
    """
    if settings.method in _PARTITIONS:
        segment_of = _PARTITIONS[settings.method](graph, settings).segment_of
        tree = merge_tree(graph.inside(segment_of), settings)
        scores = np.maximum(tree.scores, np.float32(settings.threshold))
        return MergeTree(tree.edges, scores), segment_of
    tree = merge_tree(graph, settings, scorer)
    return tree, cut_tree(tree, graph.n, settings.threshold)


def merge_tree(
    graph: Contacts, settings: AgglomerationSettings, scorer: EdgeScorer | None = None
) -> MergeTree:
    """Merge everything that touches and record the order; for a multicut by mean affinity."""
    return _TREES.get(settings.method, _by_mean)(graph, settings, scorer)


def _by_mean(graph: Contacts, settings: AgglomerationSettings, scorer: EdgeScorer | None) -> MergeTree:  # fmt: skip
    return agglomerate(graph.edges, graph.affinity, graph.area, graph.n)


def _by_maximum(graph: Contacts, settings: AgglomerationSettings, scorer: EdgeScorer | None) -> MergeTree:  # fmt: skip
    return agglomerate_by_maximum(graph.edges, largest_affinity(_histogram(graph)), graph.n)


def _by_quantile(graph: Contacts, settings: AgglomerationSettings, scorer: EdgeScorer | None) -> MergeTree:  # fmt: skip
    return agglomerate_by_quantile(
        graph.edges, _histogram(graph), graph.n, quantile=settings.quantile
    )


def _by_scorer(graph: Contacts, settings: AgglomerationSettings, scorer: EdgeScorer | None) -> MergeTree:  # fmt: skip
    if scorer is None:
        raise InputError("learned agglomeration needs an edge scorer: give one")
    return agglomerate_by_scorer(
        graph.edges, graph.affinity, graph.area, graph.strong, graph.size, scorer
    )


def _histogram(graph: Contacts) -> Array:
    if graph.histogram is None:
        raise InputError(
            "this region graph has no histograms of affinities: run the graph stage with histogram_bins above 0"
        )
    return checked_histogram(graph.histogram, len(graph.edges))


def _multicut(graph: Contacts, settings: AgglomerationSettings) -> Multicut:
    weights = _weights(graph, settings)
    return multicut(graph.edges, weights, graph.n, acyclic=settings.acyclic, sites=_sites(graph, settings))  # fmt: skip


def _lifted(graph: Contacts, settings: AgglomerationSettings) -> Multicut:
    lifted = lifted_pairs(graph, settings.lifted_steps, settings.lifted_probability)
    odds = log_odds(lifted.probability, bias=_bias(settings))
    return lifted_multicut(
        graph.edges,
        _weights(graph, settings),
        lifted.edges,
        balanced(odds, len(graph.edges), share=settings.lifted_share),
        graph.n,
        acyclic=settings.acyclic,
        sites=_sites(graph, settings),
    )


def lifted_pairs(graph: Contacts, steps: int, least: float) -> LiftedEdges:
    """Return the pairs of supervoxels without contact that a path of likely contacts joins.

    As `most_probable_paths` for the whole graph, but contacts that no path can use, being less probable than the path
    has to be, are left out before the search; that is most of it where the supervoxels are small.
    """
    usable = np.asarray(graph.affinity) >= least
    found = most_probable_paths(
        graph.edges[usable], graph.affinity[usable], graph.n, hops=steps, least=least
    )
    apart = ~np.isin(_pair_keys(found.edges), _pair_keys(graph.edges[~usable]))
    return LiftedEdges(found.edges[apart], found.probability[apart])


def _pair_keys(pairs: Array) -> NDArray[np.uint64]:
    ends = np.asarray(pairs, np.uint64)
    return ends.min(axis=1, initial=2**32) << np.uint64(32) | ends.max(axis=1, initial=0)


def _sites(graph: Contacts, settings: AgglomerationSettings) -> Sites | None:
    if graph.place_nm is None or not settings.acyclic:
        return None
    return Sites(graph.place_nm, settings.one_contact_nm)


def _weights(graph: Contacts, settings: AgglomerationSettings) -> NDArray[np.float64]:
    """Return log odds of the mean affinity times a power of the area, which is 1 on average."""
    weight = np.asarray(graph.area, np.float64) ** settings.area_power
    mean = weight.mean() if len(weight) else 1.0
    return log_odds(graph.affinity, bias=_bias(settings)) * weight / mean


def _bias(settings: AgglomerationSettings) -> float:
    """Keep away from 0 and 1, where everything or nothing attracts and odds are infinite."""
    return min(max(settings.threshold, 1e-6), 1 - 1e-6)


_TREES: Mapping[str, Callable[[Contacts, AgglomerationSettings, EdgeScorer | None], MergeTree]] = {
    "mean": _by_mean,
    "maximum": _by_maximum,
    "quantile": _by_quantile,
    "learned": _by_scorer,
}
_PARTITIONS: Mapping[str, Callable[[Contacts, AgglomerationSettings], Multicut]] = {
    "multicut": _multicut,
    "lifted_multicut": _lifted,
}
