"""Time the cut of a large neuron between strokes, beside PyMaxflow and igraph; prints one JSON object.

Two tubes of supervoxels in contact, 20,000 nodes and about 150,000 edges; 30 seeds on each side as a stroke leaves
them. All three get the same graph and capacities in the same run, interleaved; costs are those of the cuts returned.

    python tests/benchmarks/bench_split.py [--nodes 20000] [--repeats 25]
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import igraph
import maxflow
import numpy as np
from scipy.spatial import cKDTree

from segmend.core.algorithms.seeded_partition import cut_capacity, seeded_partition

Array = np.ndarray[Any, Any]
STROKE = 30
NEIGHBOURS = 15


def two_tubes(nodes: int, rng: Any) -> tuple[Array, Array, Array, Array, Array]:
    """Return points, the tube of each, and contacts: pairs, affinity, area."""
    half = nodes // 2
    length = half / 25
    tubes = []
    for tube in range(2):
        radius, angle = np.sqrt(rng.random(half)) * 3.2, rng.random(half) * 2 * np.pi
        along = rng.random(half) * length
        bend = 0.0004 * (along - length / 2) ** 2  # they touch in the middle
        away = (6.5 + bend) * (1 if tube else 0) - (bend if not tube else 0)
        tubes.append(np.c_[along, radius * np.cos(angle) + away, radius * np.sin(angle)])
    points = np.concatenate(tubes)
    tube = np.repeat([0, 1], half)
    _, near = cKDTree(points).query(points, NEIGHBOURS)
    pairs = np.c_[np.repeat(np.arange(nodes), NEIGHBOURS - 1), near[:, 1:].ravel()]
    pairs = np.unique(np.sort(pairs, axis=1), axis=0)
    gap = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
    pairs = pairs[gap < np.quantile(gap, min(1.0, 7.5 * nodes / len(pairs)))]
    across = tube[pairs[:, 0]] != tube[pairs[:, 1]]
    affinity = np.where(
        across, rng.normal(0.35, 0.12, len(pairs)), rng.normal(0.8, 0.12, len(pairs))
    )
    return points, tube, pairs, np.clip(affinity, 0.02, 1), rng.integers(5, 200, len(pairs))


def strokes(points: Array, tube: Array, rng: Any) -> list[Array]:
    """Return the supervoxels nearest to a random place on each tube."""
    found = []
    for side in range(2):
        ours = np.flatnonzero(tube == side)
        start = points[rng.choice(ours)]
        far = np.linalg.norm((points[ours] - start) * [0.3, 1, 1], axis=1)
        found.append(ours[np.argsort(far)[:STROKE]])
    return found


def by_maxflow(pairs: Array, capacity: Array, seeds: list[Array], n: int) -> Array:
    """Cut with PyMaxflow (Boykov and Kolmogorov)."""
    graph = maxflow.GraphFloat(n, len(pairs))
    nodes = graph.add_nodes(n)
    graph.add_edges(nodes[pairs[:, 0]], nodes[pairs[:, 1]], capacity, capacity)
    huge = float(capacity.sum() + 1)
    for side, rows in enumerate(seeds):
        for row in rows.tolist():
            graph.add_tedge(row, huge if side == 0 else 0, huge if side == 1 else 0)
    graph.maxflow()
    return np.asarray(graph.get_grid_segments(nodes)).astype(int)


def by_igraph(pairs: Array, capacity: Array, seeds: list[Array], n: int) -> Array:
    """Cut with igraph; the seeds of a side hang on one node each."""
    huge = float(capacity.sum() + 1)
    extra = [(n + side, int(row)) for side, rows in enumerate(seeds) for row in rows]
    graph = igraph.Graph(n + 2, [*map(tuple, pairs.tolist()), *extra])
    cut = graph.st_mincut(n, n + 1, capacity=[*capacity.tolist(), *[huge] * len(extra)])
    side = np.ones(n + 2, int)
    side[cut.partition[0]] = 0
    return side[:n]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=25)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    points, tube, pairs, affinity, area = two_tubes(options.nodes, rng)
    n = len(points)
    capacity = cut_capacity(affinity, area)
    ways = {
        "segmend": lambda seeds: seeded_partition(pairs, affinity, area, seeds, n),
        "pymaxflow": lambda seeds: by_maxflow(pairs, capacity, seeds, n),
        "igraph": lambda seeds: by_igraph(pairs, capacity, seeds, n),
    }
    ways["segmend"](strokes(points, tube, rng))  # compile
    times: dict[str, list[float]] = {name: [] for name in ways}
    cpu: dict[str, list[float]] = {name: [] for name in ways}
    costs: dict[str, list[float]] = {name: [] for name in ways}
    right = []
    for _ in range(options.repeats):
        seeds = strokes(points, tube, rng)
        for name, way in ways.items():
            started, busy = time.perf_counter(), time.process_time()
            side = way(seeds)
            cpu[name].append(1000 * (time.process_time() - busy))
            times[name].append(1000 * (time.perf_counter() - started))
            costs[name].append(float(capacity[side[pairs[:, 0]] != side[pairs[:, 1]]].sum()))
            if name == "segmend":
                right.append(float((side == tube).mean()))
    single, isolating = [], 0
    for _ in range(options.repeats):
        seeds = [rng.choice(np.flatnonzero(tube == side), 1) for side in range(2)]
        side = ways["segmend"](seeds)
        single.append(float((side == tube).mean()))
        isolating += min((side == 0).sum(), (side == 1).sum()) == 1
    p50 = {name: float(np.median(values)) for name, values in times.items()}
    exact = np.minimum(costs["pymaxflow"], costs["igraph"])
    report = {
        "supervoxels": n,
        "edges": len(pairs),
        "split_ms_p50": p50["segmend"],
        "split_ms_p99": float(np.percentile(times["segmend"], 99)),
        "pymaxflow_ms_p50": p50["pymaxflow"],
        "pymaxflow_ms_p99": float(np.percentile(times["pymaxflow"], 99)),
        "igraph_ms_p50": p50["igraph"],
        "cpu_ms_p50": {name: float(np.median(values)) for name, values in cpu.items()},
        "time_ratio_to_pymaxflow": p50["segmend"] / p50["pymaxflow"],
        "time_ratio_to_igraph": p50["segmend"] / p50["igraph"],
        "largest_excess_cost": float((np.array(costs["segmend"]) / exact - 1).max()),
        "largest_difference_of_exact_costs": float(
            np.abs(np.array(costs["pymaxflow"]) / np.array(costs["igraph"]) - 1).max()
        ),
        "share_right_p50": float(np.median(right)),
        "single_seed_share_right_p50": float(np.median(single)),
        "single_seed_share_right_least": min(single),
        "single_seed_isolating": int(isolating),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
