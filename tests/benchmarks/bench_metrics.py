"""Time the metrics beside scikit-image's and the incremental ones per edit; prints one JSON object.

The volume is fib25 (supervoxels agglomerated at random against the truth), padded by reflection to 250^3. Block by
block, all scores of a volume eight times as large as another, mirrored on the fly, show time and memory per voxel.

    python tests/benchmarks/bench_metrics.py [--edge 250] [--repeats 3] [--edits 10000] [--large]
"""

from __future__ import annotations

import argparse
import json
import os
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from skimage.metrics import adapted_rand_error as skimage_rand
from skimage.metrics import variation_of_information as skimage_vi

from segmend.core.algorithms.contingency import add_tables, contingency
from segmend.core.algorithms.incremental_vi import VariationOfInformation
from segmend.core.algorithms.metrics import (
    adapted_rand_error,
    rand_from_table,
    segmentation_scores,
    variation_of_information,
    vi_from_table,
)
from segmend.core.geometry import Box, Grid
from segmend.core.review.evaluation import evaluate
from segmend.core.volumes.memory import MemoryVolume

Array = np.ndarray


def volumes(edge: int) -> tuple[Array, Array, str]:
    """Return supervoxels and truth of (edge, edge, edge) voxels."""
    root = Path(__file__).resolve().parents[2]
    folder = Path(os.environ.get("SEGMEND_DATA", root.parent / "shared" / "data"))
    path = folder / "fib25_train.h5"
    if path.is_file():
        with h5py.File(path) as file:
            both = [file[name][:].astype(np.uint32) for name in ("supervoxels", "labels")]
        wide = [np.pad(a, [(0, max(0, edge - n)) for n in a.shape], mode="reflect") for a in both]
        supervoxels, truth = (np.ascontiguousarray(a[:edge, :edge, :edge]) for a in wide)
        return supervoxels, truth, path.name
    rng = np.random.default_rng(0)
    coarse = rng.integers(1, 4000, (-(-edge // 10),) * 3, dtype=np.uint32)
    supervoxels = np.kron(coarse, np.ones((10, 10, 10), np.uint32))[:edge, :edge, :edge]
    return np.ascontiguousarray(supervoxels), np.ascontiguousarray(supervoxels // 20 + 1), "blocks"


def fragments(supervoxels: Array) -> Array:
    """Cut supervoxels along a grid of 5 voxels, into as many pieces as a watershed without dust removal makes."""
    z, y, x = (np.arange(n, dtype=np.int64) // 5 for n in supervoxels.shape)
    cell = (z[:, None, None] * 1000 + y[:, None]) * 1000 + x
    _, number = np.unique(supervoxels.astype(np.int64) << 32 | cell, return_inverse=True)
    return number.reshape(supervoxels.shape).astype(np.uint32) + np.uint32(1)


def timed(run: Callable[[], Any], repeats: int) -> tuple[Any, dict[str, float]]:
    """Return the last result and the least wall and processor seconds."""
    wall, cpu = [], []
    for _ in range(repeats):
        start = time.perf_counter(), time.process_time()
        result = run()
        wall.append(time.perf_counter() - start[0])
        cpu.append(time.process_time() - start[1])
    return result, {"wall_s": round(min(wall), 5), "cpu_s": round(min(cpu), 5)}


def whole(segments: Array, truth: Array, repeats: int) -> dict[str, Any]:
    """Compare full scores with scikit-image's."""
    vi, ours = timed(lambda: variation_of_information(segments, truth), repeats)
    (split, merge), theirs = timed(lambda: skimage_vi(truth, segments, ignore_labels=(0,)), 1)
    table, _ = timed(lambda: contingency(segments, truth), 1)
    (error, _, _), theirs_rand = timed(lambda: skimage_rand(truth, segments, ignore_labels=(0,)), 1)
    _, rand = timed(lambda: rand_from_table(contingency(segments, truth)), repeats)
    _, scores = timed(lambda: segmentation_scores(segments, truth), repeats)
    volumes_ = MemoryVolume(segments), MemoryVolume(truth)
    _, everything = timed(lambda: evaluate(*volumes_), 1)
    blocks = [
        contingency(segments[box.slices], truth[box.slices])
        for box in Box.of_shape(truth.shape).blocks((64, 128, 128))
    ]
    return {
        "cells": len(table.counts),
        "vi_ours": ours, "vi_skimage": theirs, "vi_speedup": round(theirs["cpu_s"] / ours["cpu_s"], 1),
        "vi_difference": max(abs(vi.split - split), abs(vi.merge - merge)),
        "rand_ours": rand, "rand_skimage": theirs_rand,
        "rand_difference": abs(adapted_rand_error(table) - error),
        "vi_and_tolerant_and_rand": scores, "evaluate_all_scores": everything,
        "blockwise_difference": abs(vi_from_table(add_tables(blocks)).sum - vi.sum),
    }  # fmt: skip


def incremental(supervoxels: Array, truth: Array, segment_of: Array, edits: int) -> dict[str, Any]:
    """Time every kind of edit over a long chain and compare the end with a recount."""
    rng = np.random.default_rng(1)
    supervoxels, table = supervoxels.copy(), contingency(supervoxels, truth)
    vi, build = timed(lambda: VariationOfInformation(table, segment_of), 1)
    seconds: dict[str, list[float]] = {
        "merge": [],
        "split": [],
        "division": [],
        "division_counting": [],
    }
    worst = 0.0
    for step in range(edits):
        kind = ("merge", "split", "division")[int(rng.choice(3, p=[0.49, 0.5, 0.01]))]
        if kind == "division":
            segment_of, taken, counting = divided(vi, rng, supervoxels, truth, segment_of)
            seconds["division_counting"].append(counting)
        elif kind == "merge":
            a, b = (int(k) for k in rng.choice(segment_of[1:], 2))
            taken = clocked(vi.apply_merge, a, b)
            segment_of[segment_of == b] = a
        else:
            source = int(rng.choice(segment_of[1:]))
            members = np.flatnonzero(segment_of == source)
            part, fresh = members[: rng.integers(1, len(members) + 1)], int(segment_of.max()) + 1
            taken = clocked(vi.apply_move, part, source, fresh)
            segment_of[part] = fresh
        seconds[kind].append(taken)
        if step % max(1, edits // 4) == max(1, edits // 4) - 1:
            again = variation_of_information(segment_of[supervoxels], truth)
            worst = max(worst, abs(vi.split - again.split), abs(vi.merge - again.merge))
    report: dict[str, Any] = {"build": build, "edits": edits, "largest_drift_bits": worst}
    for kind, values in seconds.items():
        if values:
            p50, p99 = np.percentile(values, [50, 99]) * 1e6
            report[f"{kind}_us"] = {"p50": round(p50, 1), "p99": round(p99, 1), "n": len(values)}
    return report


class Mirrored:
    """A volume of any size that repeats an array, every other time in reverse; computed where it is read."""

    channels, source, grid = None, "mirrored", Grid((10.0, 10.0, 10.0))

    def __init__(self, array: Array, shape: tuple[int, int, int]) -> None:
        self._array, self.shape_zyx, self.dtype = array, shape, array.dtype

    def read(self, box: Box) -> Array:
        """Return the voxels of a box."""
        places = []
        for start, stop, n in zip(box.start_zyx, box.stop_zyx, self._array.shape, strict=True):
            place = np.arange(start, stop) % (2 * n)
            places.append(np.minimum(place, 2 * n - 1 - place))
        return self._array[np.ix_(*places)]


def blockwise(supervoxels: Array, truth: Array, shape: tuple[int, int, int]) -> dict[str, float]:
    """Return processor seconds and the most memory that all scores take beside the volumes themselves."""
    volumes_ = Mirrored(supervoxels, shape), Mirrored(truth, shape)
    _, taken = timed(lambda: evaluate(*volumes_), 1)
    tracemalloc.start()
    evaluate(*volumes_)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {
        "cpu_s": taken["cpu_s"],
        "ns_per_voxel": round(taken["cpu_s"] / np.prod(shape) * 1e9, 1),
        "peak_mb": round(peak / 1e6, 1),
    }


def clocked(run: Callable[..., Any], *arguments: Any, **options: Any) -> float:
    """Return the seconds of one call."""
    start = time.perf_counter()
    run(*arguments, **options)
    return time.perf_counter() - start


def divided(
    vi: VariationOfInformation, rng: Any, supervoxels: Array, truth: Array, segment_of: Array
) -> tuple[Array, float, float]:
    """Cut a supervoxel in two halves; return the mapping, and the seconds of the update and of counting its voxels."""
    parent = int(supervoxels[tuple(int(rng.integers(n)) for n in supervoxels.shape)])
    places = np.nonzero(supervoxels == parent)
    fresh = len(segment_of)
    parts = np.where(places[0] < np.median(places[0]), fresh, fresh + 1).astype(np.uint32)
    grown = np.concatenate([segment_of, [segment_of[parent], segment_of.max() + 1]])
    known, was = truth[places], supervoxels[places]
    start = time.perf_counter()
    before, after = contingency(was, known), contingency(parts, known)
    counting = time.perf_counter() - start
    segments = grown[before.labels], grown[after.labels]
    taken = clocked(vi.apply_relabelling, before, after, *segments, largest=fresh + 1)
    supervoxels[places] = parts
    return grown, taken, counting


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edge", type=int, default=250)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--edits", type=int, default=10000)
    parser.add_argument("--large", action="store_true", help="block by block up to 1024x512x512")
    options = parser.parse_args()
    supervoxels, truth, source = volumes(options.edge)
    rng = np.random.default_rng(0)
    n = int(supervoxels.max())
    segment_of = np.concatenate([[0], rng.integers(1, n // 4 + 1, n)])
    small = np.s_[:16, :16, :16]
    incremental(supervoxels[small], truth[small], segment_of.copy(), 200)  # compiles
    segments = segment_of.astype(np.uint32)[supervoxels]
    full = whole(segments, truth, options.repeats)
    edited = incremental(supervoxels, truth, segment_of, options.edits)
    large = (1024, 512, 512) if options.large else (128, 256, 256)
    report: dict[str, Any] = {
        "shape_zyx": truth.shape, "volume": source, "load": os.getloadavg(),
        "vi_ours_s": full["vi_ours"]["cpu_s"], "vi_skimage_s": full["vi_skimage"]["cpu_s"],
        "vi_speedup": full["vi_speedup"], "vi_difference": full["vi_difference"],
        "vi_update_merge_us": edited["merge_us"]["p50"], "vi_update_split_us": edited["split_us"]["p50"],
        "vi_update_p99_us": max(edited[kind]["p99"] for kind in ("merge_us", "split_us")),
        "vi_drift_bits": edited["largest_drift_bits"],
        "whole": full, "whole_of_fragments": whole(fragments(supervoxels), truth, options.repeats),
        "incremental": edited,
        "blockwise_small": blockwise(supervoxels, truth, tuple(n // 2 for n in large)),
        "blockwise_large": blockwise(supervoxels, truth, large),
    }  # fmt: skip
    print(json.dumps(report))


if __name__ == "__main__":
    main()
