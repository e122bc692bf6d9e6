"""How many decisions each order of the queue needs; prints one JSON object.

Volumes: the automatic segmentation of fib25_train.h5 counted in z 128 to 159, of gala_train.h5, and of synthetic
volumes. On each a perfect reviewer works off the queue in every order, beside the best possible order, which reads the
truth; reviewers who answer 5 and 10 % wrong follow the default order. With vi_reachable the lowest sum that any order
of right decisions came to, and N edits on the best way there,

    area = mean of (VI - vi_reachable) / (vi_before - vi_reachable) over the first 3 N decisions,

where a queue that ends sooner stays at its last figure. Recall counts errors of parts of at least 1,000 voxels.

    python tests/benchmarks/bench_queue.py [--synthetic 10] [--only NAME ...] [--orders gain,affinity] [--cache FOLDER]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cc3d
import h5py
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("SEGMEND_DATA", ROOT.parent / "shared" / "data"))
ORDERS = ("random", "affinity", "size", "probability", "gain")
NOISE = (0.05, 0.1)
SYNTHETIC_SHAPE = (96, 192, 192)


@dataclass(frozen=True)
class Case:
    """A volume with truth, and where it is counted."""

    name: str
    image: Path
    labels: Path
    box: str | None = None
    voxel_nm: tuple[str, ...] = ()


def cases(options: argparse.Namespace) -> list[Case]:
    """Return the volumes that are there, synthetic ones made where they are missing."""
    found = [
        Case("fib25", DATA / "fib25_train.h5", DATA / "fib25_train.h5", "128:160,0:250,0:250"),
        Case("gala", DATA / "gala_train.h5", DATA / "gala_train.h5"),
    ]
    found = [case for case in found if case.image.is_file()]
    found += [synthetic(options.cache, k) for k in range(options.synthetic)]
    return [case for case in found if not options.only or case.name in options.only]


def synthetic(cache: Path, k: int) -> Case:
    """Make a volume in a style of its own: calibre, membranes and noise differ from seed to seed."""
    from segmend.core.synthesis import SampleSpec, synthesize
    from segmend.core.synthesis.sample import save_sample

    path = cache / f"synthetic-{k}.h5"
    if not path.is_file():
        rng = np.random.default_rng(1000 + k)
        spec = SampleSpec(
            shape_zyx=SYNTHETIC_SHAPE,
            seed=100 + k,
            calibre=float(rng.uniform(0.8, 1.4)),
            membrane_gap=float(rng.uniform(0.03, 0.07)),
            smudges=float(rng.uniform(6, 14)),
            noise=float(rng.uniform(4, 9)),
            contrast=float(rng.uniform(0.8, 1.2)),
        )
        save_sample(synthesize(spec), path)
    return Case(f"synthetic-{k}", path, path)


def project_of(case: Case, cache: Path) -> Path:
    """Return the case's project with its queue; made once."""
    path = cache / f"{case.name}.segmend"
    if not (path / "generation-1" / "candidates.json").is_file():
        shutil.rmtree(path, ignore_errors=True)
        call("new", str(path), "--image", f"{case.image}:/raw")
        call("run", str(path))
    return path


def call(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "segmend.app", *words], check=True, stdout=sys.stderr)


def truth_of(case: Case) -> Any:
    """Return the true objects, each connected: parts that lie apart in the volume are objects of their own."""
    from segmend.core.geometry import Grid
    from segmend.core.volumes.memory import MemoryVolume

    with h5py.File(case.labels) as file:
        labels, size = file["labels"][:], file["labels"].attrs.get("resolution_nm_zyx", (10.0,) * 3)
    connected = cc3d.connected_components(labels, connectivity=6).astype(np.uint32)
    connected[labels == 0] = 0
    return MemoryVolume(connected, Grid(tuple(map(float, size)), (0.0, 0.0, 0.0)))


class Mistaken:
    """A perfect reviewer whose answer is turned round now and then."""

    def __init__(self, reviewer: Any, share: float) -> None:
        self._reviewer, self._share = reviewer, share
        self._rng = np.random.default_rng(7)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reviewer, name)

    def decide(self, candidate: Any, session: Any) -> Any:
        right = self._reviewer.decide(candidate, session)
        if self._rng.random() >= self._share:
            return right
        return "reject" if right == "accept" else "accept"


def reviewed(case: Case, project: Path, truth: Any, order: str, noise: float = 0.0) -> list[float]:
    """Work off a copy of the project; return the sums, one per decision."""
    from segmend.core.geometry import parse_box
    from segmend.core.review import PerfectReviewer, review
    from segmend.core.session import Session

    reviewer: Any = PerfectReviewer(truth, parse_box(case.box) if case.box else None)
    with tempfile.TemporaryDirectory() as folder:
        path = shutil.copytree(project, Path(folder) / project.name)
        with Session.open(path, author="benchmark") as session:
            report = review(session, Mistaken(reviewer, noise) if noise else reviewer, order=order)
    return [value for _, value in report.curve]


def known_errors(case: Case, project: Path, truth: Any) -> dict[str, Any]:
    """Return the best possible curve, and recall of split and of merge errors."""
    from segmend.core.edits.resolving import split_sides
    from segmend.core.errors import EditRefused
    from segmend.core.geometry import parse_box
    from segmend.core.review import PerfectReviewer
    from segmend.core.review.correctable import merge_recall, parts, split_recall
    from segmend.core.review.loop import inside
    from segmend.core.session import Session

    box = parse_box(case.box) if case.box else None
    reviewer = PerfectReviewer(truth, box)
    with Session.open(project, author="benchmark", read_only=True) as session:
        queue, segmentation = session.queue, session.segmentation
        candidates = queue.peek(len(queue), within=inside(queue, session.project.grid, box))
        best = reviewer.trial(session).best_first(candidates)
        cuts = []
        for candidate in candidates:
            if candidate.kind == "split" and reviewer.decide(candidate, session) == "accept":
                try:
                    (side,) = split_sides(candidate.edit, segmentation)
                except EditRefused:
                    continue
                cuts.append((int(segmentation.segment_of[side[0]]), side))
        known = parts(reviewer.table(session), segmentation.segment_of)
        splits = split_recall(known, candidates, segmentation.segment_of)
        merges = merge_recall(known, cuts, segmentation.mapping.size)
    return {"best": best, "splits": splits, "merges": merges, "candidates": len(candidates)}


def area(curve: list[float], reachable: float, decisions: int) -> float:
    """Return the mean share of the reachable gain that is still missing over the first decisions."""
    values = np.array((curve + [curve[-1]] * decisions)[1 : decisions + 1])
    return float(((values - reachable) / (curve[0] - reachable)).mean())


def decisions_to(share: float, curve: list[float], reachable: float) -> int | None:
    wanted = curve[0] - share * (curve[0] - reachable)
    return next((k for k, value in enumerate(curve) if value <= wanted), None)


def precision(curve: list[float], count: int) -> float:
    """Return the share of the first decisions that brought something."""
    return float((np.diff(curve[: count + 1]) < -1e-9).mean()) if count else 0.0


def figures(case: Case, options: argparse.Namespace) -> dict[str, Any]:
    """Measure one volume."""
    project, truth = project_of(case, options.cache), truth_of(case)
    known = known_errors(case, project, truth)
    curves = {order: reviewed(case, project, truth, order) for order in options.orders}
    curves |= {
        f"gain_{share:.0%}_wrong": reviewed(case, project, truth, "gain", share) for share in NOISE
    }
    best, count = known["best"], max(1, len(known["best"]) - 1)
    reachable = min(best[-1], *(min(curves[order]) for order in options.orders))
    curves["greedy"] = best
    splits, merges = known["splits"], known["merges"]
    gain = curves.get("gain", best)
    return {
        "vi_before": best[0],
        "vi_reachable": reachable,
        "n_correctable": len(best) - 1,
        "candidates": known["candidates"],
        "area_under_curve": {k: area(curve, reachable, 3 * count) for k, curve in curves.items()},
        "decisions_to_90pct": {k: decisions_to(0.9, c, reachable) for k, c in curves.items()},
        "vi_after_3n": {k: (c + [c[-1]] * 3 * count)[3 * count] for k, c in curves.items()},
        "precision_first": precision(gain, min(100, count // 2)),
        "recall": {
            "split_errors": [splits.found, splits.errors],
            "merge_errors": [merges.found, merges.errors],
        },
    }


def pooled(results: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Add recall up over the volumes, with Wilson intervals."""
    from segmend.core.review.correctable import Recall

    told = {}
    for kind in ("split_errors", "merge_errors"):
        counts = [result["recall"][kind] for result in results.values()]
        recall = Recall(sum(c[1] for c in counts), sum(c[0] for c in counts))
        told[kind] = {**recall._asdict(), "share": recall.share, "interval": recall.interval()}
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--synthetic", type=int, default=10)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--orders", type=lambda text: text.split(","), default=list(ORDERS))
    default = Path(tempfile.gettempdir()) / "segmend-bench-queue"
    parser.add_argument("--cache", type=Path, default=default)
    parser.add_argument("--json", action="store_true", help="accepted: the answer is JSON anyway")
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    results = {}
    for case in cases(options):
        started = time.perf_counter()
        results[case.name] = figures(case, options)
        print(f"{case.name}: {time.perf_counter() - started:.0f} s", file=sys.stderr)
    print(json.dumps({"volumes": results, "recall": pooled(results)}))


if __name__ == "__main__":
    main()
