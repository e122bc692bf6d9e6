"""Time multicut and lifted multicut, and compare their merges with thresholding; prints one JSON object.

Speed on a random geometric graph of 5,000 nodes and 25,000 edges. Quality on merge candidates of real data: contacts
between segments of fib25_train.h5 (fragments of the shipped network's affinities, agglomerated a little), judged on
z 128 to 159, which the network never saw; weights, the reach of a contact and the share of lifted edges were chosen on
z 64 to 127. As second volumes gala_train.h5 and snemi3d_mini.h5 with their own supervoxels and boundary maps, with the
same settings. The probability of an edge is the mean affinity (1 less the mean boundary) over the contact.

Curves: precision and recall over edges, an edge counting as merged if both ends end up in one segment, for every bias
on a fixed grid: the best precision with at least so much recall. "threshold" joins edges one by one without their
consequences (Matejek et al. 2019 report their classifier so), "threshold_closed" with them. "acyclic": the edges of a
segment form a tree; "ringless": the same for contacts more than 400 nm apart. Table 2 as the published code of Matejek
et al. counts: precision, recall and accuracy of the classifier and of the partition, on edges with known truth, both at
the bias of the best accuracy on z 64 to 127.

    python tests/benchmarks/bench_multicut.py [--nodes 5000] [--edges 25000] [--cache FOLDER]
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from bench_segmentation import JUDGED_ON, TUNED_ON, affinities_of
from merge_candidates import DATA, Candidates, fib25, pruned, with_boundaries
from scipy.spatial import cKDTree

from segmend.core.algorithms.contingency import Contingency, add_tables
from segmend.core.algorithms.lifted_edges import balanced, most_probable_paths
from segmend.core.algorithms.merge_scores import MergeScores, merge_scores
from segmend.core.algorithms.merge_weights import contact_weights, log_odds
from segmend.core.algorithms.metrics import vi_from_table
from segmend.core.algorithms.multicut import Multicut, Sites, lifted_multicut, multicut

Array = np.ndarray
RECALLS = [round(0.1 * k, 1) for k in range(1, 10)]
BIASES = [0.01, 0.02, 0.05, *np.arange(0.1, 0.96, 0.025).round(3).tolist(), 0.97, 0.98, 0.99]
BIASES += [0.993, 0.996, 0.998, 0.999]
RING_NM, SHARE, HOPS = 400.0, 0.1, 2
COLUMNS = ("precision", "recall", "accuracy")
PLAIN = ("multicut", "multicut_acyclic", "multicut_ringless")
SOLVERS = (*PLAIN, *(name.replace("multicut", "lifted") for name in PLAIN))


def geometric_graph(nodes: int, edges: int) -> tuple[Array, Array, Array]:
    """Return the shortest pairs among random points, probabilities that agree with a hidden partition, and places."""
    rng = np.random.default_rng(0)
    points = rng.random((nodes, 3))
    near = cKDTree(points).query(points, k=max(4, 4 * edges // nodes))
    pairs = np.stack([np.repeat(np.arange(nodes), near[1].shape[1]), near[1].ravel()], axis=1)
    use = pairs[:, 0] < pairs[:, 1]
    order = np.argsort(near[0].ravel()[use], kind="stable")[:edges]
    chosen = pairs[use][order]
    hidden = cKDTree(rng.random((nodes // 10, 3))).query(points)[1]
    same = hidden[chosen[:, 0]] == hidden[chosen[:, 1]]
    noisy = np.where(same, 0.75, 0.25) + rng.normal(0, 0.2, len(chosen))
    return chosen + 1, np.clip(noisy, 0.01, 0.99), points[chosen].mean(axis=1)


def timed(run: Callable[[], Any]) -> tuple[Any, float]:
    """Call twice, after the first has compiled, and return the result and the least CPU seconds."""
    run()
    best = np.inf
    for _ in range(3):
        start = time.process_time()
        result = run()
        best = min(best, time.process_time() - start)
    return result, round(best, 4)


def speed(nodes: int, edges: int) -> dict[str, Any]:
    """Time the parts and every solver on the geometric graph; lifted ones without the search for paths."""
    pairs, p, places = geometric_graph(nodes, edges)
    weights, sites = log_odds(p), Sites(places, 0.1)
    lifted, seconds = timed(lambda: most_probable_paths(pairs, p, nodes, hops=HOPS, least=0.5))
    more = balanced(log_odds(lifted.probability), len(pairs), share=SHARE)
    report: dict[str, Any] = {"nodes": nodes, "edges": len(pairs), "lifted_edges": len(more)}
    report["paths_s"] = seconds
    for name in SOLVERS:
        options = {"acyclic": "_" in name, "sites": sites if "ringless" in name else None}
        rest = (lifted.edges, more) if "lifted" in name else (lifted.edges[:0], more[:0])
        report[f"{name}_s"] = timed(
            lambda r=rest, o=options: lifted_multicut(pairs, weights, *r, nodes, **o)
        )[1]
    return report


def solve(name: str, found: Candidates, bias: float) -> tuple[Array, Multicut]:
    """Return which edges a method merges and its partition; that of "threshold" is the one with consequences."""
    p, edges, n = found.probability, found.edges, found.n
    if name.startswith("threshold"):
        cut = multicut(edges, np.where(p > bias, 1.0, 0.0), n)
        return (p > bias if name == "threshold" else cut.joined), cut
    weights = contact_weights(p, found.area, bias=bias)
    options: dict[str, Any] = {"acyclic": "_" in name}
    if "ringless" in name:
        options["sites"] = Sites(found.place_nm, RING_NM)
    if name.startswith("multicut"):
        cut = multicut(edges, weights, n, **options)
    else:
        paths = most_probable_paths(edges, p, n, hops=HOPS, least=bias)
        more = balanced(log_odds(paths.probability, bias=bias), len(edges), share=SHARE)
        cut = lifted_multicut(edges, weights, paths.edges, more, n, **options)
    return cut.joined, cut


def sweep(name: str, found: Candidates) -> list[tuple[float, MergeScores]]:
    """Score a method at every bias."""
    return [
        (bias, merge_scores(found.edges, solve(name, found, bias)[0], found.owner))
        for bias in BIASES
    ]


def curve(rows: list[tuple[float, MergeScores]]) -> list[float | None]:
    """Return the best precision at each recall of the grid, None where it is not reached."""
    return [
        max((round(s.precision, 4) for _, s in rows if s.recall >= least), default=None)
        for least in RECALLS
    ]


def figures(score: MergeScores) -> dict[str, float]:
    """Return the columns of Table 2."""
    return {name: round(getattr(score, name), 4) for name in COLUMNS}


def cycles(edges: Array, cut: Multicut) -> int:
    """Count the edges inside segments beyond those of a spanning tree."""
    pieces = len(np.unique(cut.segment_of[1:]))
    return int(cut.joined.sum()) - (len(cut.segment_of) - 1 - pieces)


def table_2(found: Candidates, biases: dict[str, float]) -> dict[str, Any]:
    """Return precision, recall and accuracy of every method at its bias, what the partition changed, VI and cycles."""
    before = vi_from_table(found.table)
    plain = merge_scores(found.edges, found.probability > 0.5, found.owner)
    report: dict[str, Any] = {"classifier above 0.5": figures(plain)}
    for name, bias in biases.items():
        start = time.process_time()
        joined, cut = solve(name, found, bias)
        seconds = time.process_time() - start
        merged = Contingency(
            cut.segment_of[found.table.labels], found.table.truths, found.table.counts
        )
        vi = vi_from_table(add_tables([merged]))
        row: dict[str, Any] = {"bias": bias}
        row |= figures(merge_scores(found.edges, joined, found.owner))
        row |= {
            "vi": [round(v, 4) for v in (vi.split, vi.merge, vi.sum)],
            "cpu_s": round(seconds, 4),
        }
        row["vi_change"] = round(vi.sum - before.sum, 4)
        if name not in ("threshold", "threshold_closed"):
            row["cycles"] = cycles(found.edges, cut)
            first = report["threshold"]
            row["change"] = {key: round(row[key] - first[key], 4) for key in COLUMNS}
        report[name] = row
    report["vi_before"] = [round(v, 4) for v in (before.split, before.merge, before.sum)]
    return report


def quality(tuned: Candidates, judged: dict[str, Candidates]) -> dict[str, Any]:
    """Choose each method's bias on one volume; report curves and Table 2 on others."""
    methods = ("threshold", "threshold_closed", *SOLVERS)
    biases = {m: max(sweep(m, tuned), key=lambda row: row[1].accuracy)[0] for m in methods}
    report = {}
    for name, found in judged.items():
        curves = {method: curve(sweep(method, found)) for method in methods}
        report[name] = {
            "segments": found.n,
            "edges": {
                "positive": int(found.same.sum()),
                "negative": int((found.known & ~found.same).sum()),
                "unknown": int((~found.known).sum()),
            },
            "recall": RECALLS,
            "precision_at_recall": curves,
            "lifted_less_plain": gaps(curves["lifted"], curves["multicut"]),
            "table_2": table_2(found, biases),
        }
    return report


def gaps(first: list[float | None], second: list[float | None]) -> list[float | None]:
    """Return differences of precision where both curves get so far."""
    both = zip(first, second, strict=True)
    return [None if a is None or b is None else round(a - b, 4) for a, b in both]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=5000)
    parser.add_argument("--edges", type=int, default=25000)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "segmend-bench")
    options = parser.parse_args()
    report: dict[str, Any] = {"load": os.getloadavg()}
    report["speed"] = speed(options.nodes, options.edges)
    if (DATA / "fib25_train.h5").is_file():
        values = affinities_of("fib25_train", options.cache)
        others = {name: with_boundaries(name) for name in ("gala_train", "snemi3d_mini")}
        for threshold in (0.6, 0.8):
            tuned, judged = (fib25(slab, values, threshold) for slab in (TUNED_ON, JUDGED_ON))
            name = f"fib25 agglomerated to {threshold}"
            volumes = {name: judged, **(others if threshold == 0.8 else {})}
            report["adjacency"] = report.get("adjacency", {}) | quality(tuned, volumes)
            sparse = {key: found.take(pruned(found)) for key, found in volumes.items()}
            tuned_sparse = tuned.take(pruned(tuned))
            report["pruned"] = report.get("pruned", {}) | quality(tuned_sparse, sparse)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
