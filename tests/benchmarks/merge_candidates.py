"""Merge candidates with known truth: contacts between the segments of oversegmented volumes, for benchmarks."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from segmend.core.algorithms.agglomeration import agglomerate, cut_tree
from segmend.core.algorithms.contacts import contact_pairs
from segmend.core.algorithms.contingency import Contingency, contingency, majority_truth
from segmend.core.algorithms.continuations import continuations
from segmend.core.algorithms.fragments import seeded_fragments
from segmend.core.algorithms.region_graph import region_graph
from segmend.core.algorithms.skeletons import (
    EndPoints,
    coarse_factor,
    downsample_thin,
    end_points,
    skeletonize,
)

Array = np.ndarray
ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("SEGMEND_DATA", ROOT.parent / "shared" / "data"))


@dataclass(frozen=True)
class Candidates:
    """Contacts of n segments, E of them.

    `owner` is the true object that holds most of a segment, 0 where unknown; `probability` that both sides are one.
    """

    segments: Array
    voxel_nm: tuple[float, float, float]
    table: Contingency
    owner: Array
    edges: Array
    area: Array
    place_nm: Array
    probability: Array

    @property
    def n(self) -> int:
        """Return the number of segments."""
        return len(self.owner) - 1

    @property
    def known(self) -> Array:
        """Return which edges have truth on both sides."""
        return (self.owner[self.edges] > 0).all(axis=1)

    @property
    def same(self) -> Array:
        """Return which edges are true merges."""
        a, b = self.owner[self.edges].T
        return (a == b) & (a > 0)

    def take(self, rows: Array) -> Candidates:
        """Return the chosen edges over the same segments."""
        names = ("edges", "area", "place_nm", "probability")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})


def candidates(
    segments: Array,
    truth: Array,
    voxel_nm: Any,
    affinities: Array | None,
    inside: Array | None = None,
) -> Candidates:
    """Measure contacts; the probability is the mean affinity, or the mean of `inside` (0..1, low on membranes)."""
    graph = region_graph(segments, affinities)
    table = contingency(segments, truth)
    if inside is not None:
        probability = contact_pairs(segments, inside).mean
    else:
        probability = graph.affinity if affinities is not None else np.full(len(graph.edges), 0.5)
    size = tuple(float(v) for v in voxel_nm)
    return Candidates(
        segments, size, table, majority_truth(table, int(segments.max())), graph.edges.astype(np.int64),
        graph.area.astype(float), graph.centroid.astype(float) * size,
        np.clip(np.asarray(probability, float), 0, 1),
    )  # fmt: skip


def fib25(slab: slice, affinities: Array, threshold: float) -> Candidates:
    """Return the contacts of fragments of fib25 that were agglomerated down to a mean affinity."""
    values = np.ascontiguousarray(affinities[:3, slab])
    with h5py.File(DATA / "fib25_train.h5") as file:
        truth = file["labels"][slab]
    fragments = seeded_fragments(values, boundary_threshold=0.6, filter_size=9)
    graph, n = region_graph(fragments, values), int(fragments.max())
    segment_of = cut_tree(agglomerate(graph.edges, graph.affinity, graph.area, n), n, threshold)
    return candidates(segment_of[fragments], truth, (10, 10, 10), values)


def with_boundaries(name: str) -> Candidates:
    """Return the contacts of the supervoxels of a file with a boundary map (gala_train, snemi3d_mini)."""
    with h5py.File(DATA / f"{name}.h5") as file:
        supervoxels, truth, boundary = (
            file[k][:] for k in ("supervoxels", "labels", "boundary_probability")
        )
        voxel_nm = file.attrs["resolution_nm_zyx"]
    ids, dense = np.unique(supervoxels, return_inverse=True)
    dense = (dense.reshape(supervoxels.shape) + (ids[0] != 0)).astype(np.uint32)
    scale = 255 if boundary.dtype == np.uint8 else 1
    inside = 1 - boundary.astype(np.float32) / scale
    if contact_pairs(dense, inside).mean.mean() > inside.mean():
        inside = 1 - inside  # this file's map is high inside objects
    return candidates(dense, truth.astype(np.uint32), voxel_nm, None, inside)


def traced(found: Candidates) -> tuple[Array, tuple[float, ...], tuple[float, ...], EndPoints]:
    """Return a coarse copy of the segments, its voxel size and offset, and the ends of its skeletons."""
    factor = coarse_factor(found.voxel_nm, 30.0)
    size = tuple(v * f for v, f in zip(found.voxel_nm, factor, strict=True))
    offset = tuple(v * (f - 1) / 2 for v, f in zip(found.voxel_nm, factor, strict=True))
    voxels = np.bincount(found.segments.ravel(), minlength=found.n + 1)
    every = np.arange(found.n + 1, dtype=np.uint32)
    coarse = downsample_thin(found.segments, every, voxels, factor)
    return coarse, size, offset, end_points(skeletonize(coarse, size, offset_nm_zyx=offset))


def pruned(found: Candidates) -> Array:
    """Return which contacts (rows) the rule for continuations keeps."""
    coarse, size, offset, ends = traced(found)
    return rows_of(found, continuations(coarse, size, offset, ends).edges)


def rows_of(found: Candidates, pairs: Array) -> Array:
    """Return which contacts are among pairs of segments in any order."""
    low, high = np.sort(np.asarray(pairs, np.int64).reshape(-1, 2), axis=1).T
    keys = found.edges[:, 0] * (found.n + 1) + found.edges[:, 1]
    return np.isin(keys, low * (found.n + 1) + high)
