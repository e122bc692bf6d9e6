"""The segmenters that `bench_segmentation` compares, each with its input in the form that it takes.

Peers are not dependencies: waterz and mwatershed are used where they are installed.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from segmend.core.algorithms.agglomeration import agglomerate, cut_tree
from segmend.core.algorithms.contact_means import contact_means
from segmend.core.algorithms.fragments import seeded_fragments
from segmend.core.algorithms.mutex_watershed import mutex_watershed
from segmend.core.algorithms.watershed import watershed

Array = np.ndarray
Setting = Any
Segmentations = Iterator[tuple[Setting, Array]]

OFFSETS = [tuple(-k * (axis == a) for axis in range(3)) for k in (1, 3, 9) for a in range(3)]
STRIDES = [(1, 1, 1)] * 3 + [(2, 2, 2)] * 3 + [(4, 4, 4)] * 3
THRESHOLDS = [round(0.05 * k, 2) for k in range(2, 20)]
HIGHS = (0.99, 0.999, 0.9999)
FRAGMENTS = [(boundary, size) for boundary in (0.5, 0.6, 0.7) for size in (7, 9)]
BIASES = [(0.5, 0.5, 0.5), (0.3, 0.5, 0.7), (0.1, 0.3, 0.5), (0.1, 0.2, 0.3), (0.05, 0.1, 0.2)]
LOW = 0.0001
TIMED_HIGH, TIMED_FRAGMENTS, TIMED_BIAS, TIMED_THRESHOLD = 0.9999, (0.6, 9), (0.3, 0.5, 0.7), 0.5
WATERZ_SCORE = "OneMinus<MeanAffinity<RegionGraphType, ScoreValue>>"

TIMED = {
    "ours_watershed_agglomeration": "uint8, as a project stores affinities",
    "ours_watershed_agglomeration_float32": "float32, the form waterz takes",
    "waterz": "float32",
    "ours_fragments_agglomeration": "uint8; distance-transform fragments (Funke et al. 2018) and mean affinity",
    "ours_on_fragments": "float32 and the fragments, which are not timed",
    "waterz_on_fragments": "float32 and the fragments, which are not timed",
    "ours_mutex": "uint8, nine channels",
    "mwatershed": "float64, nine channels",
}
JUDGED = ("ours", "waterz", "ours_mutex", "mwatershed")


def installed(method: str) -> bool:
    """Say whether the library of a method is there."""
    peer = method.split("_")[0]
    return peer == "ours" or importlib.util.find_spec(peer) is not None


def as_float(values: Array) -> Array:
    return values.astype(np.float32) / np.float32(255)


def per_channel(bias: tuple[float, ...]) -> list[float]:
    return [b for b in bias for _ in range(3)]


def weights_of(values: Array, bias: tuple[float, ...]) -> Array:
    """Return signed weights as mwatershed wants them."""
    shift = np.float32(per_channel(bias))[:, None, None, None]
    return (as_float(values) - shift).astype(np.float64)


def chain(supervoxels: Array, values: Array, thresholds: list[float]) -> Segmentations:
    """Agglomerate supervoxels, cut at every threshold."""
    count = int(supervoxels.max())
    tree = agglomerate(*contact_means(supervoxels, values), count, lowest=min(thresholds))
    for threshold in thresholds:
        yield threshold, cut_tree(tree, count, threshold)[supervoxels]


def ours(values: Array, high: float, thresholds: list[float]) -> Segmentations:
    return chain(watershed(values[:3], low=LOW, high=high), values, thresholds)


def fragments(values: Array, boundary: float, size: int) -> Array:
    return seeded_fragments(values, boundary_threshold=boundary, filter_size=size)


def waterz(
    values: Array, high: float, thresholds: list[float], given: Array | None = None
) -> Segmentations:
    """Run waterz, silently; its thresholds are one minus ours."""
    from waterz import agglomerate as run

    rising = sorted(1 - t for t in thresholds)
    found = run(
        np.ascontiguousarray(values[:3]), rising, fragments=given,
        aff_threshold_low=LOW, aff_threshold_high=high, scoring_function=WATERZ_SCORE,
    )  # fmt: skip
    for distance, segments in zip(rising, found, strict=True):
        yield round(1 - distance, 2), segments


def ours_mutex(values: Array, bias: tuple[float, ...]) -> Array:
    return mutex_watershed(values, OFFSETS, bias=per_channel(bias), strides=STRIDES)


def mwatershed(weights: Array) -> Array:
    from mwatershed import agglom

    return agglom(weights, OFFSETS, strides=STRIDES)


def prepared(method: str, values: Array) -> tuple[tuple[Array, ...], Callable[..., Any]]:
    """Return the input of a method that is to be timed, from uint8 affinities, and what runs on it."""
    at = [TIMED_THRESHOLD]
    if method == "ours_mutex":
        return (values,), lambda a: ours_mutex(a, TIMED_BIAS)
    if method == "mwatershed":
        return (weights_of(values, TIMED_BIAS),), mwatershed
    near = np.ascontiguousarray(values[:3])
    if method == "ours_watershed_agglomeration":
        return (near,), lambda a: list(ours(a, TIMED_HIGH, at))
    if method == "ours_fragments_agglomeration":
        return (near,), lambda a: list(chain(fragments(a, *TIMED_FRAGMENTS), a, at))
    if method == "ours_watershed_agglomeration_float32":
        return (as_float(near),), lambda a: list(ours(a, TIMED_HIGH, at))
    if method == "waterz":
        return (as_float(near),), lambda a: list(waterz(a, TIMED_HIGH, at))
    cut = fragments(near, *TIMED_FRAGMENTS)
    if method == "ours_on_fragments":
        return (as_float(near), cut), lambda a, f: list(chain(f, a, at))
    return (as_float(near), cut.astype(np.uint64)), lambda a, f: list(waterz(a, TIMED_HIGH, at, f))


def all_settings(method: str, values: Array, only: Setting | None = None) -> Segmentations:
    """Segment with every setting of the grid, or one of them; both programs search the same kinds of settings."""
    if method in ("ours_mutex", "mwatershed"):
        for bias in BIASES if only is None else [only]:
            yield bias, (
                ours_mutex(values, bias) if method == "ours_mutex" else mwatershed(weights_of(values, bias))
            )  # fmt: skip
        return
    floats = as_float(values[:3])
    thresholds = THRESHOLDS if only is None else [only[-1]]
    for start in [(high,) for high in HIGHS] + FRAGMENTS if only is None else [only[:-1]]:
        if len(start) == 1:
            run = waterz if method == "waterz" else ours
            found = run(floats, *start, thresholds)
        else:
            cut = fragments(floats, *start)
            found = (
                waterz(floats, 0, thresholds, cut.astype(np.uint64)) if method == "waterz"
                else chain(cut, floats, thresholds)
            )  # fmt: skip
        yield from (((*start, t), s) for t, s in found)
