"""Time multicut and lifted multicut, and compare their merges with thresholding; prints one JSON object.

Speed on a random geometric graph of 5,000 nodes and 25,000 edges; quality, where the development data is, on merge
candidates of fib25: contacts of NeuroProof's supervoxels, all of them and those that an end of a skeleton points
across, with a probability from brightness and area alone, so that the solvers have something to correct.

    python tests/benchmarks/bench_multicut.py [--nodes 5000] [--edges 25000]
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
from scipy.spatial import cKDTree

from segmend.core.algorithms.contacts import contact_pairs
from segmend.core.algorithms.contingency import Contingency, add_tables, contingency, majority_truth
from segmend.core.algorithms.lifted_edges import LiftedEdges, balanced, most_probable_paths
from segmend.core.algorithms.merge_scores import merge_scores
from segmend.core.algorithms.metrics import vi_from_table
from segmend.core.algorithms.multicut import Multicut, lifted_multicut, log_odds, multicut
from segmend.core.algorithms.skeleton_pairs import ends_to_voxels, facing_ends
from segmend.core.algorithms.skeletons import downsample_thin, end_points, skeletonize

Array = np.ndarray
_HOPS = (2, 3)


def geometric_graph(nodes: int, edges: int) -> tuple[Array, Array]:
    """Return the shortest pairs among random points in space, and probabilities that agree with a hidden partition."""
    rng = np.random.default_rng(0)
    points = rng.random((nodes, 3))
    tree = cKDTree(points)
    near = tree.query(points, k=max(4, 4 * edges // nodes))
    pairs = np.stack([np.repeat(np.arange(nodes), near[1].shape[1]), near[1].ravel()], axis=1)
    use = pairs[:, 0] < pairs[:, 1]
    order = np.argsort(near[0].ravel()[use], kind="stable")[:edges]
    chosen = pairs[use][order]
    hidden = cKDTree(rng.random((nodes // 10, 3))).query(points)[1]
    same = hidden[chosen[:, 0]] == hidden[chosen[:, 1]]
    noisy = np.where(same, 0.75, 0.25) + rng.normal(0, 0.2, len(chosen))
    return chosen + 1, np.clip(noisy, 0.01, 0.99)


def timed(run: Callable[[], Any]) -> tuple[Any, float]:
    """Call twice, after the first has compiled, and return the result and the least seconds."""
    run()
    best = np.inf
    for _ in range(3):
        start = time.perf_counter()
        result = run()
        best = min(best, time.perf_counter() - start)
    return result, round(best, 4)


def speed(nodes: int, edges: int) -> dict[str, Any]:
    """Time each solver on the geometric graph."""
    pairs, p = geometric_graph(nodes, edges)
    weights = log_odds(p)
    report: dict[str, Any] = {"nodes": nodes, "edges": len(pairs)}
    for name, acyclic in (("multicut", False), ("multicut_acyclic", True)):
        _, report[f"{name}_s"] = timed(lambda a=acyclic: multicut(pairs, weights, nodes, acyclic=a))
    for hops in _HOPS:
        lifted, seconds = timed(lambda h=hops: most_probable_paths(pairs, p, nodes, hops=h))
        report[f"paths_{hops}_hops_s"], report[f"lifted_edges_{hops}_hops"] = (
            seconds,
            len(lifted.edges),
        )
        more = balanced(log_odds(lifted.probability), len(pairs))
        for name, acyclic in (("lifted", False), ("lifted_acyclic", True)):
            _, report[f"{name}_{hops}_hops_s"] = timed(
                lambda e=lifted.edges, w=more, a=acyclic: lifted_multicut(
                    pairs, weights, e, w, nodes, acyclic=a
                )
            )
    return report


def candidates(folder: Path) -> tuple[Contingency, Array, Array, int]:
    """Return what fib25's supervoxels share with the truth, their contacts and a probability for each contact.

    The probability is a logistic function of mean brightness at the contact, fitted on the lower half (z < 80) and
    used on the upper half, where everything is counted.
    """
    with h5py.File(folder / "fib25_train.h5") as file:
        raw, supervoxels, truth = (file[k][:] for k in ("raw", "supervoxels", "labels"))
    tables, found = [], []
    for half in (np.s_[:80], np.s_[80:]):
        sv = supervoxels[half].astype(np.uint32)
        tables.append(contingency(sv, truth[half]))
        found.append(contact_pairs(sv, raw[half].astype(np.float32) / 255))
    n = int(supervoxels.max())
    owner = [majority_truth(table, n) for table in tables]
    features = [np.stack([c.mean, np.log(c.area), np.ones(len(c.area))], axis=1) for c in found]
    known = (owner[0][found[0].edges] > 0).all(axis=1)
    same = owner[0][found[0].edges[:, 0]] == owner[0][found[0].edges[:, 1]]
    model = logistic(features[0][known], same[known])
    return tables[1], found[1].edges, 1 / (1 + np.exp(-features[1] @ model)), n


def logistic(features: Array, same: Array) -> Array:
    """Fit by Newton's method with a little weight decay."""
    w = np.zeros(features.shape[1])
    for _ in range(30):
        p = 1 / (1 + np.exp(-features @ w))
        slope = features.T @ (p - same) + 1e-3 * w
        curve = (features.T * (p * (1 - p))) @ features + 1e-3 * np.eye(len(w))
        w -= np.linalg.solve(curve, slope)
    return w


def near_ends(folder: Path, edges: Array, n: int) -> Array:
    """Say which contacts (rows) an end of a skeleton points across: the merge candidates of Matejek et al. 2019."""
    with h5py.File(folder / "fib25_train.h5") as file:
        supervoxels = file["supervoxels"][80:].astype(np.uint32)
    size = np.bincount(supervoxels.ravel(), minlength=n + 1)
    coarse = downsample_thin(supervoxels, np.arange(n + 1, dtype=np.uint32), size, (2, 2, 2))
    ends = end_points(skeletonize(coarse, (20.0,) * 3, offset_nm_zyx=(5.0,) * 3))
    found = ends_to_voxels(ends, coarse, (20.0,) * 3, (5.0,) * 3).joined(facing_ends(ends))
    pairs = np.sort(np.stack([found.segment_a, found.segment_b], axis=1), axis=1).astype(np.int64)
    both = edges.astype(np.int64)
    return np.isin(both[:, 0] * (n + 1) + both[:, 1], pairs[:, 0] * (n + 1) + pairs[:, 1])


def quality(table: Contingency, edges: Array, p: Array, n: int) -> dict[str, Any]:
    """Sweep the bias of every solver; report the best rows and the best precision at a recall of at least so much."""
    owner = majority_truth(table, n)
    lifted = most_probable_paths(edges, p, n, hops=2)
    curves: dict[str, list[dict[str, float]]] = {}
    for bias in np.arange(0.3, 0.96, 0.025):
        for name, cut in solved(edges, p, lifted, n, float(bias)).items():
            score = merge_scores(edges, cut.joined, owner)
            merged = add_tables(
                [Contingency(cut.segment_of[table.labels], table.truths, table.counts)]
            )
            vi = vi_from_table(merged)
            row = {
                "bias": float(bias), "precision": score.precision, "recall": score.recall,
                "accuracy": score.accuracy, "vi_split": vi.split, "vi_merge": vi.merge, "vi_sum": vi.sum,
            }  # fmt: skip
            curves.setdefault(name, []).append({k: round(v, 4) for k, v in row.items()})
    all_joined = merge_scores(edges, np.ones(len(edges), bool), owner)
    return {
        "edges": len(edges),
        "true_merges": all_joined.true_merges,
        "lifted_edges": len(lifted.edges),
        "least_vi": {name: min(rows, key=lambda r: r["vi_sum"]) for name, rows in curves.items()},
        "precision_at_recall": {
            name: {str(least): best_precision(rows, least) for least in (0.1, 0.15, 0.2, 0.25, 0.3)}
            for name, rows in curves.items()
        },
    }


def solved(edges: Array, p: Array, lifted: LiftedEdges, n: int, bias: float) -> dict[str, Multicut]:
    """Return what each solver makes of the candidates; thresholding joins everything above the bias."""
    weights = log_odds(p, bias=bias)
    more = balanced(log_odds(lifted.probability, bias=bias), len(edges))
    return {
        "threshold": multicut(edges, np.where(p > bias, 1.0, 0.0), n),
        "multicut": multicut(edges, weights, n),
        "multicut_acyclic": multicut(edges, weights, n, acyclic=True),
        "lifted": lifted_multicut(edges, weights, lifted.edges, more, n),
        "lifted_acyclic": lifted_multicut(edges, weights, lifted.edges, more, n, acyclic=True),
    }


def best_precision(rows: list[dict[str, float]], least: float) -> float | None:
    """Return the best precision among rows of enough recall, None if there is none."""
    return max((row["precision"] for row in rows if row["recall"] >= least), default=None)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=5000)
    parser.add_argument("--edges", type=int, default=25000)
    options = parser.parse_args()
    report: dict[str, Any] = {"load": os.getloadavg()}
    report["speed"] = speed(options.nodes, options.edges)
    root = Path(__file__).resolve().parents[2]
    folder = Path(os.environ.get("SEGMEND_DATA", root.parent / "shared" / "data"))
    if (folder / "fib25_train.h5").is_file():
        table, edges, p, n = candidates(folder)
        keep = near_ends(folder, edges, n)
        report["fib25_contacts"] = quality(table, edges, p, n)
        report["fib25_skeleton_candidates"] = quality(table, edges[keep], p[keep], n)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
