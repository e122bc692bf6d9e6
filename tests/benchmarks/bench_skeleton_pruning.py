"""How many true merges the pruning of an adjacency graph by shape keeps, with how many edges; prints one JSON object.

Synthetic neuropil of 1,024 x 160 x 160 voxels of 10 nm (a long axis of 10.2 um): every neurite is cut at random places,
about once in 1.5 um, by dropping the affinities across it, on a flat or on a wavy surface. The pieces are what
connected affinities give, less dust below 100 voxels. fib25: fragments of the shipped network's affinities,
agglomerated a little. Least filling and reach of the rule were chosen on seed 31 (flat cuts) and on fib25 at z 64 to
127; judged on seeds 32 and 33 and on fib25 at z 128 to 159.

Per graph, as the published code of Matejek et al. 2019 counts: positive edges (both ends mostly in one true object),
negative, unknown; "baseline" is the adjacency graph. kept: share of the baseline's positive edges; factor: edges of the
baseline over edges left. "continuations" is this project's rule; "cone" theirs, on these skeletons: from each end
500 nm ahead within 0.3216 rad, among neighbours; "ends" what the skeletons stage pairs for review, among neighbours.
"large" counts only contacts between pieces of at least 500 voxels: they join small ones to others in a step before.

    python tests/benchmarks/bench_skeleton_pruning.py [--seeds 31 32 33] [--cache FOLDER]
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from bench_segmentation import JUDGED_ON, TUNED_ON, affinities_of
from merge_candidates import DATA, Candidates, candidates, fib25, rows_of, traced
from scipy.ndimage import find_objects

from segmend.core.algorithms.affinities import affinities_from_labels
from segmend.core.algorithms.continuations import continuations
from segmend.core.algorithms.skeleton_pairs import SkeletonPairs, ends_to_voxels, facing_ends
from segmend.core.algorithms.watershed import watershed
from segmend.core.synthesis import SampleSpec, synthesize

Array = np.ndarray
SHAPE, VOXEL_NM = (1024, 160, 160), 10.0
SPACING_NM, REACH = 1500.0, 30
WAVE, WAVES = (
    16.0,
    {"flat": 0.0, "wavy": 2.0},
)  # voxels: length and height of each of three waves on a cut
DUST = 100
LARGE = 500
CONE_NM, CONE_COSINE = 500.0, float(np.cos(0.3216))


def neuropil(seed: int, cache: Path) -> Array:
    """Return the labels of a synthetic volume; made once."""
    path = cache / f"neuropil-{seed}-{'x'.join(map(str, SHAPE))}.npy"
    if not path.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        labels = synthesize(SampleSpec(shape_zyx=SHAPE, seed=seed)).labels
        with path.with_suffix(".part").open("wb") as file:
            np.save(file, labels)
        path.with_suffix(".part").rename(path)
    return np.load(path)


def cut_pieces(labels: Array, seed: int, height: float) -> Array:
    """Drop the affinities across neurites at random voxels of theirs; return the pieces, dense ids."""
    rng = np.random.default_rng(seed)
    steps = ((-1, 0, 0), (0, -1, 0), (0, 0, -1))
    affinities = affinities_from_labels(labels, steps) * np.uint8(255)
    for label, extent in enumerate(find_objects(labels.astype(np.int32)), 1):
        if extent is None:
            continue
        length = np.linalg.norm([part.stop - part.start for part in extent]) * VOXEL_NM
        voxels = np.argwhere(labels[extent] == label) + [part.start for part in extent]
        for place in voxels[rng.integers(len(voxels), size=rng.poisson(length / SPACING_NM))]:
            cut_across(affinities, voxels, place, height, rng)
    return watershed(affinities, high=0.9999, low=0.0001, dust_threshold=DUST)


def cut_across(
    affinities: Array, voxels: Array, place: Array, waves: float, rng: np.random.Generator
) -> None:
    """Clear the affinities of a neurite along a wavy surface, about perpendicular to it where it passes `place`."""
    near = voxels[(np.abs(voxels - place) <= REACH).all(axis=1)]
    around = near - near.mean(axis=0)
    axis = np.linalg.eigh(around.T @ around)[1][:, 2] + rng.normal(0, 0.3, 3)
    height = (near - place) @ (axis / np.linalg.norm(axis))
    for wave in rng.normal(0, 2 * np.pi / WAVE, (3, 3)):
        height += waves * np.sin((near - place) @ wave + rng.uniform(0, 2 * np.pi))
    side = np.zeros((2 * REACH + 1,) * 3, np.int8)
    side[tuple((near - place + REACH).T)] = 1 + (height >= 0)
    for channel in range(3):
        turned = np.moveaxis(side, channel, 0)
        hit = np.zeros(turned.shape, bool)
        hit[1:] = (turned[1:] > 0) & (turned[:-1] > 0) & (turned[1:] != turned[:-1])
        found = np.argwhere(np.moveaxis(hit, 0, channel)) + place - REACH
        affinities[channel][tuple(found.T)] = 0


def columns(found: Candidates, keep: Array, large: Array) -> dict[str, Any]:
    """Return the counts of a pruned graph beside the baseline."""
    left = found.take(keep)
    of_large = found.take(large)
    return {
        **counts(left),
        "kept": round(int(left.same.sum()) / int(found.same.sum()), 4),
        "factor": round(len(found.edges) / max(1, len(left.edges)), 3),
        "large_kept": round(int((found.same & keep & large).sum()) / int(of_large.same.sum()), 4),
        "large_factor": round(int(large.sum()) / max(1, int((keep & large).sum())), 3),
    }


def counts(found: Candidates) -> dict[str, int]:
    """Return how many edges are true merges, false ones and unknown."""
    positive, known = int(found.same.sum()), int(found.known.sum())
    return {
        "edges": len(found.edges),
        "positive": positive,
        "negative": known - positive,
        "unknown": len(found.edges) - known,
    }


def table_1(found: Candidates) -> dict[str, Any]:
    """Return the baseline and what every rule leaves of it, with CPU seconds."""
    start = time.process_time()
    coarse, size, offset, ends = traced(found)
    traced_at = time.process_time()
    ours = continuations(coarse, size, offset, ends).edges
    done = time.process_time()
    cone = ends_to_voxels(ends, coarse, size, offset, reach_nm=CONE_NM, min_agreement=CONE_COSINE)
    review = ends_to_voxels(ends, coarse, size, offset).joined(facing_ends(ends))
    voxels = np.bincount(found.segments.ravel(), minlength=found.n + 1)
    large = (voxels[found.edges] >= LARGE).all(axis=1)
    rules = {"continuations": ours, "cone": both(cone), "ends": both(review)}
    return {
        "segments": found.n,
        "skeleton_ends": len(ends),
        "baseline": counts(found),
        "baseline_large": counts(found.take(large)),
        **{name: columns(found, rows_of(found, pairs), large) for name, pairs in rules.items()},
        "skeletons_cpu_s": round(traced_at - start, 2),
        "pruning_cpu_s": round(done - traced_at, 3),
    }


def both(pairs: SkeletonPairs) -> Array:
    """Return the segments of pairs, (k, 2)."""
    return np.stack([pairs.segment_a, pairs.segment_b], axis=1)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="*", default=[31, 32, 33])
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "segmend-bench")
    options = parser.parse_args()
    report: dict[str, Any] = {"load": os.getloadavg()}
    for seed in options.seeds:
        labels = neuropil(seed, options.cache)
        for kind, waves in WAVES.items():
            pieces = cut_pieces(labels, seed, waves)
            found = candidates(pieces, labels, (VOXEL_NM,) * 3, None)
            report[f"synthetic {seed}, {kind} cuts"] = table_1(found)
    if (DATA / "fib25_train.h5").is_file():
        values = affinities_of("fib25_train", options.cache)
        for slab in (TUNED_ON, JUDGED_ON):
            for threshold in (0.6, 0.8):
                name = f"fib25 z {slab.start} to {slab.stop - 1}, agglomerated to {threshold}"
                report[name] = table_1(fib25(slab, values, threshold))
    print(json.dumps(report))


if __name__ == "__main__":
    main()
