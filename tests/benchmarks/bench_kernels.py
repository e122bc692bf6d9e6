"""Time the segmentation kernels on 250^3 voxels; prints one JSON object and judges nothing.

Real labels are used where the development data is, synthetic ones elsewhere; affinities are made from labels by
blurring, missed membranes and noise, so that the number of supervoxels is like that of a small network.

    segmend bench kernels [--edge 250] [--repeats 3]
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from scipy import ndimage

from segmend.core.algorithms.affinities import affinities_from_labels
from segmend.core.algorithms.agglomeration import agglomerate, cut_tree
from segmend.core.algorithms.fragments import seeded_fragments
from segmend.core.algorithms.incremental_vi import VariationOfInformation
from segmend.core.algorithms.metrics import contingency, variation_of_information
from segmend.core.algorithms.region_graph import region_graph, supervoxel_table
from segmend.core.algorithms.seeded_partition import seeded_partition
from segmend.core.algorithms.watershed import watershed

Array = np.ndarray
Timings = dict[str, dict[str, float]]


def truth_labels(edge: int) -> tuple[Array, str]:
    """Return an (edge, edge, edge) uint32 label volume and where it comes from."""
    root = Path(__file__).resolve().parents[2]
    folder = Path(os.environ.get("SEGMEND_DATA", root.parent / "shared" / "data"))
    path = folder / "fib25_train.h5"
    if path.is_file():
        with h5py.File(path) as file:
            labels = file["labels"][:].astype(np.uint32)
        labels = np.pad(labels, [(0, max(0, edge - n)) for n in labels.shape], mode="reflect")
        return np.ascontiguousarray(labels[:edge, :edge, :edge]), path.name
    rng = np.random.default_rng(0)
    seeds = np.zeros((edge,) * 3, bool)
    seeds[tuple(rng.integers(0, edge, (3, max(8, edge**3 // 40000))))] = True
    numbered, _ = ndimage.label(seeds)
    nearest = ndimage.distance_transform_edt(~seeds, return_distances=False, return_indices=True)
    return numbered[tuple(nearest)].astype(np.uint32), "synthetic Voronoi cells"


def blurred_affinities(labels: Array) -> Array:
    """Return (3, z, y, x) float32 affinities with soft, noisy and partly missing membranes."""
    rng = np.random.default_rng(0)
    exact = affinities_from_labels(labels)
    out = np.empty(exact.shape, np.float32)
    for channel, same in zip(out, exact, strict=True):
        membrane = ndimage.gaussian_filter((~same).astype(np.float32), 0.8)
        grain = ndimage.gaussian_filter(rng.standard_normal(same.shape, dtype="f4"), 3.0)
        gate = ndimage.gaussian_filter(rng.standard_normal(same.shape, dtype="f4"), 4.0)
        seen = 1 / (1 + np.exp(-1.2 - 27 * gate))
        channel[:] = 1 / (1 + np.exp(-6.0 + 20.0 * membrane * seen - 22 * grain))
    return out


def timed(run: Callable[[], Any], name: str, repeats: int, into: Timings) -> Any:
    """Call `run`, keep the least wall and processor seconds, return its last result."""
    wall, cpu = [], []
    for _ in range(repeats):
        start = time.perf_counter(), time.process_time()
        result = run()
        wall.append(time.perf_counter() - start[0])
        cpu.append(time.process_time() - start[1])
    into[name] = {"wall_s": round(min(wall), 5), "cpu_s": round(min(cpu), 5)}
    return result


def edits(into: Timings, supervoxels: Array, truth: Array, segment_of: Array) -> None:
    """Time the incremental variation of information per call, and the seeded cut of the largest segment."""
    table = contingency(supervoxels, truth)
    vi = timed(lambda: VariationOfInformation(table, segment_of), "vi_incremental_build", 1, into)
    pairs = np.random.default_rng(0).integers(1, segment_of.max() + 1, (2000, 2)).tolist()
    start = time.perf_counter()
    for a, b in pairs:
        vi.merge_delta(a, b)
    middle = time.perf_counter()
    for a, b in pairs:
        vi.apply_merge(a, b)
    stop = time.perf_counter()
    into["vi_merge_delta"] = {"wall_s": round((middle - start) / len(pairs), 8)}
    into["vi_apply_merge"] = {"wall_s": round((stop - middle) / len(pairs), 8)}


def split_largest(into: Timings, graph: Any, segment_of: Array, repeats: int) -> int:
    """Time the division of the segment with most supervoxels between two of them; return their number."""
    members = np.flatnonzero(segment_of == np.bincount(segment_of[1:]).argmax())
    inside = np.isin(graph.edges, members).all(axis=1)
    rows = np.searchsorted(members, graph.edges[inside])
    seeds = [0], [len(members) - 1]
    timed(
        lambda: seeded_partition(
            rows, graph.affinity[inside], graph.area[inside], seeds, len(members)
        ),
        "seeded_partition",
        repeats,
        into,
    )
    return len(members)


def chain(
    affinities: Array, truth: Array, cut: Callable[[Array], Array], repeats: int
) -> dict[str, Any]:
    """Time everything from affinities to a score, after one small run that compiles."""
    into: Timings = {}
    supervoxels = timed(lambda: cut(affinities), "supervoxels", repeats, into)
    n = int(supervoxels.max())
    graph = timed(lambda: region_graph(supervoxels, affinities), "region_graph", repeats, into)
    timed(lambda: supervoxel_table(supervoxels), "supervoxel_table", repeats, into)
    tree = timed(
        lambda: agglomerate(graph.edges, graph.affinity, graph.area, n),
        "agglomerate",
        repeats,
        into,
    )
    segment_of = timed(lambda: cut_tree(tree, n, 0.5), "cut_tree", repeats, into)
    segments = timed(lambda: segment_of[supervoxels], "relabel", repeats, into)
    vi = timed(lambda: variation_of_information(segments, truth), "vi_full", repeats, into)
    edits(into, supervoxels, truth, segment_of)
    members = split_largest(into, graph, segment_of, repeats)
    return {
        "supervoxels": n,
        "edges": len(graph.edges),
        "merges": len(tree.scores),
        "largest_segment_supervoxels": members,
        "vi_split": round(vi.split, 4),
        "vi_merge": round(vi.merge, 4),
        "seconds": into,
    }


def main() -> None:
    """Print the timings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edge", type=int, default=250)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    truth, source = truth_labels(options.edge)
    affinities = blurred_affinities(truth)
    small = np.s_[..., :24, :24, :24]
    report: dict[str, Any] = {"shape_zyx": truth.shape, "labels": source, "load": os.getloadavg()}
    for dtype, values in (
        ("float32", affinities),
        ("uint8", (affinities * 255).round().astype(np.uint8)),
    ):
        for name, cut in (
            ("watershed", lambda a: watershed(a, low=0.01, high=0.99)),
            ("fragments", seeded_fragments),
        ):
            chain(np.ascontiguousarray(values[small]), truth[small], cut, 1)
            report[f"{name}_{dtype}"] = chain(values, truth, cut, options.repeats)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
