"""How well one seed a side takes two merged neurons apart; prints one JSON object and judges nothing.

True neurons of `fib25_train.h5` that touch are merged (every supervoxel of NeuroProof goes to the neuron that most of
its voxels belong to), then split by `resolve_split` between one random voxel of each. Recall is counted in voxels of
the merged segment. A simulated user then adds a seed in the middle of the largest wrong piece.

A merger of ten touching neurons, each above 5,000 voxels, is cleaved by a user who clicks in the middle of the largest
wrong piece and names the right neuron. It has come apart when each of the ten is a segment of its own with recall and
precision of at least 90 %, in voxels of the merged segment. `in_one_piece` mergers are of neurons that hang together
inside the volume; `any` are not: whose a piece is that joins outside nothing in the volume says.

    python tests/benchmarks/bench_split_quality.py [--pairs 500] [--affinities model|image|none] [--tune]

`--tune` works on the sections below 128 with other seeds: what settings were chosen on. Affinities of the shipped model
are kept in `--cache`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cc3d
import edt
import fastremap
import h5py
import numpy as np
from scipy import ndimage

from segmend.core.algorithms.region_graph import region_graph, supervoxel_table
from segmend.core.algorithms.supervoxel_division import faces_from_image
from segmend.core.edits.model import Cleave, Resolved, Split, Spot
from segmend.core.edits.numbering import NextIds
from segmend.core.edits.splitting import resolve_cleave, resolve_split
from segmend.core.edits.voxels import SupervoxelVoxels
from segmend.core.geometry import Grid
from segmend.core.segmentation.graph_files import GraphArrays
from segmend.core.segmentation.patches import PatchStack
from segmend.core.segmentation.segmentation import Segmentation
from segmend.core.volumes.memory import MemoryVolume

Array = np.ndarray[Any, Any]
GRID = Grid((10.0, 10.0, 10.0))
SMALLEST_NEURON = 5000
RECALL = 0.95
APART = 0.9
MOST_SEEDS = 3
UNSEEN = 128
"""The shipped model has not seen the sections from here on."""


@dataclass
class Tissue:
    """Truth, supervoxels, and what stands for their contacts."""

    truth: Array
    supervoxels: Array
    voxels: SupervoxelVoxels
    base: GraphArrays
    majority: Array

    @property
    def neurons(self) -> Array:
        """Labels above the least size."""
        sizes = np.bincount(self.truth.ravel())
        sizes[0] = 0
        return np.flatnonzero(sizes > SMALLEST_NEURON)

    def pairs(self) -> tuple[Array, Array]:
        """Return neurons that touch, (p, 2), and the section of the middle of their contact."""
        graph = region_graph(self.truth, None)
        large = np.isin(graph.edges, self.neurons).all(axis=1)
        return graph.edges[large].astype(int), graph.centroid[large, 0]

    def merged(self, neurons: list[int]) -> tuple[Segmentation, Array]:
        """Return a segmentation in which segment 1 is some neurons, and the voxels of it."""
        ours = np.isin(self.majority, neurons)
        ours[0] = False
        segment_of = np.where(ours, 1, 2).astype(np.uint32)
        segment_of[0] = 0
        return Segmentation(replace(self.base, segment_of=segment_of)), ours[self.supervoxels]


def open_tissue(folder: Path, affinities: str, cache: Path, tune: bool) -> Tissue:
    """Read the data; affinities of the model are computed once."""
    stop = UNSEEN if tune else None
    with h5py.File(folder / "fib25_train.h5") as file:
        truth, supervoxels, image = (file[name][:stop] for name in ("labels", "supervoxels", "raw"))
    supervoxels = fastremap.renumber(supervoxels)[0].astype(np.uint32)
    values = None
    if affinities == "model":
        values = model_affinities(folder, cache)[:, :stop]
    elif affinities == "image":
        values = faces_from_image(image, np.ones(image.shape, bool))
    graph, table = region_graph(supervoxels, values), supervoxel_table(supervoxels)
    count = len(table.size)
    base = GraphArrays(
        **graph._asdict(), **table._asdict(), merge_edges=np.empty((0, 2)), merge_scores=np.empty(0),
        segment_of=np.ones(count, np.uint32), export_ids=np.arange(3), source_ids=np.arange(count),
    )  # fmt: skip
    both = np.bincount(
        supervoxels.ravel().astype(np.int64) * (int(truth.max()) + 1) + truth.ravel(),
        minlength=count * (int(truth.max()) + 1),
    ).reshape(count, -1)
    voxels = SupervoxelVoxels.of(
        (MemoryVolume(supervoxels, GRID),),
        PatchStack(),
        affinities=None if values is None else MemoryVolume(np.ascontiguousarray(values), GRID),
        image=MemoryVolume(image, GRID),
    )
    return Tissue(truth, supervoxels, voxels, base, both.argmax(axis=1))


def model_affinities(folder: Path, cache: Path) -> Array:
    """Return nearest affinities of the shipped model on the whole volume, (3, z, y, x) uint8."""
    path = cache / "fib25_train-isotropic-10nm.npy"
    if not path.exists():
        from segmend.core.networks.inference import load_affinity_model

        with h5py.File(folder / "fib25_train.h5") as file:
            image = file["raw"][:]
        values = load_affinity_model("isotropic-10nm").predict(image)[:3]
        cache.mkdir(parents=True, exist_ok=True)
        np.save(path, np.rint(255 * values).astype(np.uint8))
    return np.load(path, mmap_mode="r")


class Problem:
    """Some neurons merged into one segment, and the seeds so far."""

    def __init__(self, tissue: Tissue, neurons: list[int]) -> None:
        self.tissue = tissue
        self.neurons = neurons
        self.segmentation, inside = tissue.merged(neurons)
        where = ndimage.find_objects(inside.astype(np.uint8))
        self.box = where[0] if where else None
        if self.box is None:
            return
        self.inside = inside[self.box]
        self.supervoxels = tissue.supervoxels[self.box]
        self.start = np.array([s.start for s in self.box])
        truth = tissue.truth[self.box]
        self.truth = np.zeros(truth.shape, np.int16)  # 1, 2, ... and 0 for others
        for number, neuron in enumerate(neurons, start=1):
            self.truth[(truth == neuron) & self.inside] = number
        self.totals = np.bincount(self.truth.ravel(), minlength=len(neurons) + 1)[1:]
        self.seeds: list[list[Array]] = [[] for _ in neurons]

    def spots(self, seeds: list[Array]) -> tuple[Spot, ...]:
        """Return seeds as an edit names them."""
        return tuple(
            Spot(int(self.supervoxels[tuple(v)]), GRID.to_nm(tuple((v + self.start).tolist())))
            for v in seeds
        )

    def labels(self, resolved: Resolved) -> Array:
        """Return where each voxel of the segment goes, 1, 2, ... in the order of the seeds; 0 for none of them."""
        children = resolved.children
        count = max([len(self.tissue.base.size), *(c + 1 for c in children)])
        target = np.zeros(count, np.int64)
        for side, new in zip(resolved.sides, resolved.new_segments, strict=True):
            target[list(side)] = new
        out = target[self.supervoxels]
        for patch in resolved.patches:
            local = patch.local
            z, y, x = (
                slice(a - s, b - s)
                for a, b, s in zip(patch.box.start_zyx, patch.box.stop_zyx, self.start, strict=True)
            )
            part = out[z, y, x]
            ids = target[np.array([0, *patch.ids])]
            part[local > 0] = ids[local][local > 0]
        found = np.full(len(self.neurons) + 4, 0)
        for number, seeds in enumerate(self.seeds, start=1):
            for seed in seeds:
                found[out[tuple(seed)]] = number
        out = found[out]
        out[~self.inside] = 0
        return out

    def recall(self, labels: Array) -> Array:
        """Return the share of each neuron that came back."""
        right = self.truth[labels == self.truth]
        return np.bincount(right, minlength=len(self.neurons) + 1)[1:] / self.totals

    def apart(self, labels: Array) -> bool:
        """Say whether each neuron is a segment of its own."""
        right = np.bincount(self.truth[labels == self.truth], minlength=len(self.neurons) + 1)[1:]
        given = np.bincount(labels[labels > 0], minlength=len(self.neurons) + 1)[1:]
        share = np.minimum(right / self.totals, right / np.maximum(given, 1))
        return bool((share >= APART).all())

    def largest_wrong(self, labels: Array, open_sides: list[int]) -> tuple[int, Array] | None:
        """Return neuron number and middle of the largest wrong piece."""
        wrong = np.where((labels != self.truth) & np.isin(self.truth, open_sides), self.truth, 0)
        pieces = cc3d.connected_components(wrong.astype(np.uint16), connectivity=6)
        sizes = np.bincount(pieces.ravel())
        sizes[0] = 0
        if not sizes.any():
            return None
        piece = pieces == sizes.argmax()
        box = ndimage.find_objects(piece.astype(np.uint8))[0]
        depth = edt.edt(piece[box], black_border=True)
        middle = np.array(np.unravel_index(int(depth.argmax()), depth.shape))
        place = middle + [s.start for s in box]
        return int(self.truth[tuple(place)]), place


FREE = NextIds(segment=3, supervoxel=100_000)


def split_pair(tissue: Tissue, pair: list[int], rng: Any) -> dict[str, Any] | None:
    """Split with one seed a side, then as the simulated user does."""
    problem = Problem(tissue, pair)
    if problem.box is None or (problem.totals == 0).any():
        return None
    for number in (1, 2):
        places = np.argwhere(problem.truth == number)
        problem.seeds[number - 1].append(places[rng.integers(len(places))])
    answer: dict[str, Any] = {"first": [], "seeds": 0, "separated": True, "isolated": False}
    while True:
        edit = Split(tuple(problem.spots(seeds) for seeds in problem.seeds))
        started = time.perf_counter()
        resolved = resolve_split(edit, problem.segmentation, problem.tissue.voxels, FREE)
        elapsed = time.perf_counter() - started
        labels = problem.labels(resolved)
        recall = problem.recall(labels)
        answer["separated"] &= all(
            labels[tuple(seed)] == number
            for number, seeds in enumerate(problem.seeds, start=1)
            for seed in seeds
        )
        if not answer["first"]:
            answer |= {
                "first": recall.tolist(),
                "seconds": elapsed,
                "divided": len(resolved.patches),
            }
            answer["isolated"] = isolates(problem, labels, recall)
        if recall.min() >= RECALL:
            return answer | {"reached": True, "last": recall.tolist()}
        wrong = problem.largest_wrong(labels, [1, 2])
        if wrong is None or len(problem.seeds[wrong[0] - 1]) == MOST_SEEDS:
            return answer | {"reached": False, "last": recall.tolist()}
        problem.seeds[wrong[0] - 1].append(wrong[1])
        answer["seeds"] += 1


def isolates(problem: Problem, labels: Array, recall: Array) -> bool:
    """Say whether a side that should be more is only the supervoxel of its seed, or a part of it."""
    for number, seeds in enumerate(problem.seeds, start=1):
        own = problem.supervoxels[tuple(seeds[0])]
        alone = (problem.supervoxels[labels == number] == own).all()
        if alone and recall[number - 1] < RECALL:
            return True
    return False


def cleave(tissue: Tissue, neurons: list[int], most: int = 60) -> int | None:
    """Take a merger apart click by click; return the clicks until all neurons came back, None after too many."""
    problem = Problem(tissue, neurons)
    order: list[int] = []  # neurons by their first click

    def click(number: int, place: Array) -> None:
        problem.seeds[number - 1].append(place)
        if number not in order:
            order.append(number)

    labels = np.zeros(problem.truth.shape, np.int64)
    for clicks in range(1, most + 1):
        wrong = problem.largest_wrong(labels, list(range(1, len(neurons) + 1)))
        if wrong is None:
            return clicks - 1
        click(*wrong)
        if len(order) < 2:
            labels[problem.inside] = order[0]
            continue
        edit = Cleave(tuple(problem.spots(problem.seeds[n - 1]) for n in order))
        resolved = resolve_cleave(edit, problem.segmentation, tissue.voxels, FREE)
        labels = problem.labels(resolved)
        if problem.apart(labels):
            return clicks
    return None


def mergers(tissue: Tissue, count: int, size: int, together: bool, rng: Any) -> list[list[int]]:
    """Return sets of neurons joined by contacts; `together`: each of them in one piece inside the volume."""
    pairs, _ = tissue.pairs()
    owned = set(tissue.majority.tolist())
    pairs = np.array([p for p in pairs.tolist() if set(p) <= owned])
    whole = {n for n in owned if n in tissue.neurons and in_one_piece(tissue, n)}
    pairs = np.array([p for p in pairs.tolist() if set(p) <= whole or not together])
    found = []
    while len(found) < count:
        chosen = [int(rng.choice(np.unique(pairs)))]
        while len(chosen) < size:
            rim = pairs[np.isin(pairs, chosen).sum(axis=1) == 1]
            new = rim[~np.isin(rim, chosen)]
            if not len(new):
                break
            chosen.append(int(rng.choice(new)))
        else:
            found.append(chosen)
    return found


def in_one_piece(tissue: Tissue, neuron: int) -> bool:
    """Say whether a neuron hangs together inside the volume: one cannot see whose a piece is that joins outside."""
    pieces, _ = ndimage.label(tissue.truth == neuron)
    sizes = np.bincount(pieces.ravel())[1:]
    return bool(sizes.max() >= RECALL * sizes.sum())


def share(answers: list[dict[str, Any]], test: Any) -> float:
    """Return the share of answers that pass."""
    return round(sum(bool(test(a)) for a in answers) / max(len(answers), 1), 4)


def summary(answers: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of some pairs."""
    times = [1000 * a["seconds"] for a in answers] or [0.0]
    return {
        "pairs": len(answers),
        "one_seed_share": share(answers, lambda a: min(a["first"]) >= RECALL),
        "three_seeds_share": share(answers, lambda a: a["reached"]),
        "isolating": sum(a["isolated"] for a in answers),
        "not_separating": sum(not a["separated"] for a in answers),
        "with_divisions": sum(a["divided"] > 0 for a in answers),
        "preview_ms_p50": round(float(np.median(times)), 1),
        "preview_ms_p99": round(float(np.percentile(times, 99)), 1),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=500)
    parser.add_argument("--mergers", type=int, default=5)
    parser.add_argument("--affinities", choices=("model", "image", "none"), default="model")
    parser.add_argument("--tune", action="store_true")
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("SEGMEND_DATA", "../shared/data"))
    )
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "segmend-bench")
    parser.add_argument("--details", type=Path)
    options = parser.parse_args()
    tissue = open_tissue(options.data, options.affinities, options.cache, options.tune)
    rng = np.random.default_rng(77 if options.tune else 3)
    pairs, sections = tissue.pairs()
    order = rng.permutation(len(pairs))
    answers: list[dict[str, Any]] = []
    for i in order:
        if len(answers) == options.pairs:
            break
        answer = split_pair(tissue, pairs[i].tolist(), rng)
        if answer is not None:
            answers.append(answer | {"section": float(sections[i]), "pair": pairs[i].tolist()})
    report: dict[str, Any] = {
        "affinities": options.affinities,
        "sections": "0-127" if options.tune else "all",
    }
    report |= summary(answers)
    report["contact_in_unseen_sections"] = summary([a for a in answers if a["section"] >= UNSEEN])
    if options.details:
        options.details.write_text("\n".join(map(json.dumps, answers)))
    print(json.dumps(report), file=sys.stderr, flush=True)
    for name, together in (("in_one_piece", True), ("any", False)):
        groups = mergers(tissue, options.mergers, 10, together, rng) if options.mergers else []
        report[f"cleave_10_neurons_{name}_clicks"] = [cleave(tissue, group) for group in groups]
    print(json.dumps(report))


if __name__ == "__main__":
    main()
