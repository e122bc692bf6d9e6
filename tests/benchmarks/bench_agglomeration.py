"""Compare the methods of agglomeration on the same supervoxels of real tissue; prints one JSON object.

fib25_train.h5 with the affinities of the shipped network (computed once, see --cache) and default fragments. Every
method is tried with a grid of settings on z 64..127; the one with the least variation of information there is judged
on z 128..159, which neither the network nor the edge model saw in training. Both were trained on z 0..127, so what
the learned method shows on z 64..127 is flattered. Keys per method: setting; vi_tuned and vi_tolerant_tuned on
z 64..127; vi_judged, vi_split_judged, vi_merge_judged and vi_tolerant_judged on z 128..159; seconds, of CPU, for the
tree and the segments of z 64..127; second_threshold_s, for another cut of that tree. Under speed, the same seconds on
the many small basins of fib25_raw_256.h5 (256^3) with default settings, but lifted edges from probability 0.5.

    segmend bench agglomeration [--cache FOLDER] [--only METHOD ...]
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from bench_segmentation import DATA, affinities_of  # first: it sets the number of threads

from segmend.core.algorithms.agglomeration import MergeTree, cut_tree
from segmend.core.algorithms.boundaries import beside_boundary
from segmend.core.algorithms.contingency import Contingency, add_tables, contingency
from segmend.core.algorithms.fragments import seeded_fragments
from segmend.core.algorithms.graph_parts import contact_part
from segmend.core.algorithms.metrics import vi_from_table
from segmend.core.algorithms.region_graph import region_graph, supervoxel_table
from segmend.core.algorithms.watershed import watershed
from segmend.core.candidates.edge_scorers import edge_scorer
from segmend.core.pipeline.settings import AgglomerationSettings, WatershedSettings
from segmend.core.pipeline.stages.agglomeration_methods import Contacts, agglomerated

Array = np.ndarray
TUNED_ON, JUDGED_ON = slice(64, 128), slice(128, 160)
VOXEL = (10.0, 10.0, 10.0)
BINS = 64
FINE = [round(0.05 * k, 2) for k in range(2, 20)]
BIASES = [0.2, 0.25, 0.3, 0.35, 0.4, 0.5]


def grid(method: str) -> Iterator[tuple[dict[str, Any], list[float]]]:
    """Give the settings of a method, each with the thresholds that one tree answers."""
    if method == "quantile":
        yield from (({"quantile": q}, FINE) for q in (0.25, 0.5, 0.6, 0.75, 0.85, 0.95))
    elif method == "multicut":
        yield from (({"area_power": p}, [b]) for p, b in product((0.0, 0.5, 1.0), BIASES))
    elif method == "lifted_multicut":
        shares = product((0.0, 0.5, 1.0), (2, 3), (0.05, 0.2, 1.0), BIASES)
        for power, steps, share, bias in shares:
            yield {"area_power": power, "lifted_steps": steps, "lifted_share": share}, [bias]
    else:
        yield {}, FINE


def contacts(supervoxels: Array, near: Array) -> Contacts:
    """Measure everything that any method reads."""
    graph = region_graph(supervoxels, near)
    return Contacts(
        graph.edges, graph.affinity, graph.area, graph.strong, supervoxel_table(supervoxels).size,
        contact_part(supervoxels, near, bins=BINS)[1], graph.centroid * np.asarray(VOXEL),
    )  # fmt: skip


class Slab:
    """Supervoxels of a part of the volume, their graph and the truth."""

    def __init__(self, values: Array, truth: Array, part: slice) -> None:
        near = np.ascontiguousarray(values[:3, part])
        chosen = WatershedSettings()
        self.supervoxels = seeded_fragments(
            near, boundary_threshold=chosen.boundary_threshold, filter_size=chosen.filter_size
        )
        true = np.ascontiguousarray(truth[part])
        self.tables = (
            contingency(self.supervoxels, true),
            contingency(self.supervoxels, true, ignore=beside_boundary(true)),
        )
        self.contacts = contacts(self.supervoxels, near)

    def scores(self, segment_of: Array) -> dict[str, float]:
        plain, tolerant = (
            vi_from_table(add_tables([Contingency(segment_of[t.labels], t.truths, t.counts)]))
            for t in self.tables
        )
        found = {
            "vi": plain.sum, "vi_split": plain.split, "vi_merge": plain.merge, "vi_tolerant": tolerant.sum,
        }  # fmt: skip
        return {name: round(value, 4) for name, value in found.items()}


def segmented(slab: Slab, chosen: AgglomerationSettings) -> tuple[MergeTree, Array]:
    return agglomerated(slab.contacts, chosen, edge_scorer(chosen.scorer, VOXEL))


def tuned(slab: Slab, method: str) -> tuple[AgglomerationSettings, dict[str, float]]:
    """Return the setting of least variation of information on a slab."""
    found = []
    for values, thresholds in grid(method):
        chosen = AgglomerationSettings(method=method, threshold=thresholds[0], **values)
        tree, segment_of = segmented(slab, chosen)
        for threshold in thresholds:
            cut = (
                segment_of
                if len(thresholds) == 1
                else cut_tree(tree, len(segment_of) - 1, threshold)
            )
            setting = chosen.model_copy(update={"threshold": threshold})
            found.append((setting, slab.scores(cut)))
    return min(found, key=lambda row: row[1]["vi"])


def seconds(run: Callable[[], Any]) -> float:
    """Return the least CPU seconds of three calls; everything is compiled by now."""
    took = []
    for _ in range(3):
        start = time.process_time()
        run()
        took.append(time.process_time() - start)
    return round(min(took), 5)


def compared(method: str, tuning: Slab, judging: Slab) -> dict[str, Any]:
    setting, at_best = tuned(tuning, method)
    names = {name for values, _ in grid(method) for name in values} | {"threshold"}
    judged = judging.scores(segmented(judging, setting)[1])
    tree, _ = segmented(tuning, setting)
    return {
        "setting": {name: getattr(setting, name) for name in sorted(names)},
        "vi_tuned": at_best["vi"],
        "vi_tolerant_tuned": at_best["vi_tolerant"],
        **{f"{name}_judged": value for name, value in judged.items()},
        "seconds": seconds(lambda: segmented(tuning, setting)),
        "second_threshold_s": seconds(lambda: cut_tree(tree, tuning.contacts.n, 0.5)),
    }


def speed(values: Array, methods: list[str]) -> dict[str, Any]:
    """Time every method with its default settings on a graph of many small basins."""
    near = np.ascontiguousarray(values[:3])
    graph = contacts(watershed(near, size_threshold=0, dust_threshold=0), near)
    out: dict[str, Any] = {"supervoxels": graph.n, "contacts": len(graph.edges)}
    for method in methods:
        # Basins of noise have neighbours by the thousand, and pairs of them make tens of millions of lifted edges.
        chosen = AgglomerationSettings(method=method, lifted_probability=0.5)
        scorer = edge_scorer("edge_model", VOXEL)
        start = time.process_time()
        tree, _ = agglomerated(graph, chosen, scorer)
        out[f"{method}_s"] = round(time.process_time() - start, 3)
        out[f"{method}_second_threshold_s"] = seconds(lambda t=tree: cut_tree(t, graph.n, 0.5))
    return out


def main() -> None:
    """Print the figures."""
    methods = AgglomerationSettings.model_json_schema()["properties"]["method"]["enum"]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "segmend-bench")
    parser.add_argument("--only", nargs="*", default=methods, choices=methods)
    options = parser.parse_args()
    values = affinities_of("fib25_train", options.cache)
    with h5py.File(DATA / "fib25_train.h5") as file:
        truth = file["labels"][:].astype(np.uint32)
    tuning, judging = Slab(values, truth, TUNED_ON), Slab(values, truth, JUDGED_ON)
    report: dict[str, Any] = {
        "load": os.getloadavg(),
        "supervoxels": tuning.contacts.n,
        "contacts": len(tuning.contacts.edges),
        "edge_model_trained_on": "z 0..127, with the affinity network: vi_tuned of learned is flattered",
        "vi_supervoxels_judged": judging.scores(np.arange(judging.contacts.n + 1, dtype=np.uint32)),
    }
    for method in options.only:
        report[method] = compared(method, tuning, judging)
        print(method, json.dumps(report[method]), flush=True)
    report["speed"] = speed(affinities_of("fib25_raw_256", options.cache), options.only)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
