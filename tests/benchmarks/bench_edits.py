"""Time edits on a synthetic region graph, each from the call to its acknowledgement; judges nothing.

Random merges, splits, undos and redos, each committed to the journal, then the project is reopened in a new process.
Neurons have up to 20,000 supervoxels, whatever the size of the volume. The "cpu" figures leave out waiting, for the
disk and for other programs on a busy machine. Prints one JSON object: figures of the default
mode (every row survives a killed program) and, as "durable", of the mode whose rows survive a power cut too.

    python tests/benchmarks/bench_edits.py [--supervoxels 1000000] [--operations 10000] [--folder DIR]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from synthetic_graph import create_synthetic_project

from segmend.core.edits.model import Merge, Split, Spot
from segmend.core.errors import EditRefused
from segmend.core.segmentation.mapped_labels import map_labels, remap_changed
from segmend.core.session import Session

LARGEST = 20_000
WARM_UP = 40
SEEDS = 5
COMPARED = (100, 200)
"""Merges that relabel so many supervoxels are reported on their own: they compare volumes of different size."""


@dataclass
class Times:
    """Seconds of every acknowledged operation by kind, and how many supervoxels merges relabelled."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    cpu_seconds: dict[str, list[float]] = field(default_factory=dict)
    relabelled: list[int] = field(default_factory=list)
    refused: int = 0

    def measure(self, kind: str, work: Callable[[], Any]) -> Any:
        """Do one operation; a refused one does not count."""
        started, cpu_started = time.perf_counter(), time.thread_time()
        try:
            done = work()
        except EditRefused:
            self.refused += 1
            return None
        self.seconds.setdefault(kind, []).append(time.perf_counter() - started)
        self.cpu_seconds.setdefault(kind, []).append(time.thread_time() - cpu_started)
        return done

    def figures(self) -> dict[str, Any]:
        """Return milliseconds."""
        report: dict[str, Any] = {}
        for kind, percentiles in (("merge", (50, 99)), ("split", (50, 99)), ("undo", (50,))):
            for name, seconds in ((kind, self.seconds), (f"{kind}_cpu", self.cpu_seconds)):
                values = [1000 * s for s in seconds.get(kind, [])]
                for p in percentiles:
                    report[f"{name}_ms_p{p}"] = float(np.percentile(values, p)) if values else None
        moved, merges = np.array(self.relabelled), np.array(self.seconds["merge"])
        alike = (moved >= COMPARED[0]) & (moved <= COMPARED[1])
        return report | {
            "merge_alike_ms_p50": float(1000 * np.median(merges[alike])) if alike.any() else None,
            "mean_relabelled": float(moved.mean()),
            "mean_relabelled_alike": float(moved[alike].mean()) if alike.any() else None,
            "operations": {kind: len(values) for kind, values in self.seconds.items()},
            "refused": self.refused,
        }


class Player:
    """Chooses random operations that fit a session and does them."""

    def __init__(self, session: Session, seed: int) -> None:
        self.session = session
        self.times = Times()
        self._rng = np.random.default_rng(seed)
        self._pairs = self._random_pairs()

    def play(self, count: int) -> None:
        """Do `count` operations that are acknowledged."""
        done = 0
        while done < count:
            kind = self._rng.choice(["merge", "split", "undo", "redo"], p=[0.5, 0.1, 0.33, 0.07])
            done += getattr(self, kind)() is not None

    def merge(self) -> Any:
        """Merge two touching segments."""
        segmentation = self.session.segmentation
        pair = next(self._pairs)
        if pair is None:
            return None
        sizes = [len(segmentation.members(int(s))) for s in segmentation.segment_of[pair]]
        edit = Merge(tuple(self._spots(pair)))
        done = self.times.measure("merge", lambda: self.session.apply(edit))
        if done is not None:
            self.times.relabelled.append(min(sizes))
        return done

    def split(self) -> Any:
        """Split the segment of a random supervoxel between two strokes."""
        segmentation = self.session.segmentation
        alive = int(self._rng.integers(1, segmentation.base.supervoxel_count + 1))
        members = segmentation.members(int(segmentation.segment_of[alive]))
        if len(members) < 4 * SEEDS:
            return None
        points = segmentation.points(members)
        strokes = [self._nearest(members, points) for _ in range(2)]
        if np.intersect1d(*strokes).size:
            return None
        edit = Split(tuple(tuple(self._spots(stroke)) for stroke in strokes))
        return self.times.measure("split", lambda: self.session.apply(edit))

    def undo(self) -> Any:
        """Take the last operation back."""
        return self.times.measure("undo", self.session.undo) if self.session.can_undo else None

    def redo(self) -> Any:
        """Carry out again what was undone."""
        return self.times.measure("redo", self.session.redo) if self.session.can_redo else None

    def _nearest(self, members: np.ndarray, points: np.ndarray) -> np.ndarray:
        middle = points[self._rng.integers(len(points))]
        distance = np.abs(points - middle).sum(axis=1)
        return members[np.argpartition(distance, SEEDS)[:SEEDS]]

    def _spots(self, supervoxels: np.ndarray) -> Iterator[Spot]:
        grid = self.session.project.grid
        points = self.session.segmentation.points(supervoxels)
        for supervoxel, point in zip(supervoxels.tolist(), points.tolist(), strict=True):
            yield Spot(supervoxel, grid.to_nm(tuple(point)))

    def _random_pairs(self) -> Iterator[np.ndarray | None]:
        """Yield touching supervoxels whose segments may be merged; None where none was found for a while."""
        segmentation = self.session.segmentation
        edges = segmentation.base.edges
        while True:
            for pair in edges[self._rng.integers(0, len(edges), 1024)]:
                one, other = segmentation.segment_of[pair].tolist()
                together = len(segmentation.members(one)) + len(segmentation.members(other))
                if one != other and one and other and together <= LARGEST:
                    yield pair
            yield None


def edits(path: Path, operations: int, durable: bool, with_labels: bool) -> dict[str, Any]:
    """Play in a session and report; runs in a process of its own."""
    with Session.open(path, durable=durable) as session:
        player = Player(session, seed=1)
        player.play(WARM_UP)
        player.times = Times()
        player.play(operations)
        report = player.times.figures()
        if with_labels:
            report |= label_figures(player)
        return report | {"peak_rss_mb": peak_rss_mb(), "state": fingerprint(session)}


def reopen(path: Path) -> dict[str, Any]:
    """Open a project for the first time in this process."""
    started, cpu_started = time.perf_counter(), time.process_time()
    with Session.open(path) as session:
        return {
            "reopen_s": time.perf_counter() - started,
            "reopen_cpu_s": time.process_time() - cpu_started,
            "reopen_rss_mb": peak_rss_mb(),
            "state": fingerprint(session),
        }


def label_figures(player: Player) -> dict[str, float]:
    """Map a section, then bring it up to date after merges of what it shows."""
    session = player.session
    voxels = section(session.segmentation.base.supervoxel_count)
    out = np.zeros_like(voxels)
    refresh = Times()
    for _ in range(20):
        refresh.measure("all", lambda: map_labels(voxels, session.segmentation.segment_of, out))
    for _ in range(20):
        changes = None
        while changes is None:
            changes = player.merge()
        gone = tuple(set(changes.old_ids) - set(changes.new_ids))
        work = partial(remap_changed, voxels, session.segmentation.segment_of, out, gone)
        refresh.measure("changed", work)
        if not np.array_equal(out, session.segmentation.segment_of[voxels]):
            raise AssertionError("the labels on show are not those of the segmentation")
    return {
        f"{name}_{unit}": 1000 * float(np.median(seconds[kind]))
        for unit, seconds in (("ms", refresh.seconds), ("cpu_ms", refresh.cpu_seconds))
        for name, kind in (("lut_refresh", "all"), ("lut_incremental", "changed"))
    }


def section(supervoxels: int, edge: int = 2048, cell: int = 20) -> np.ndarray:
    """Return (edge, edge) uint32 with random supervoxels, each about `cell` voxels wide, with ragged borders."""
    rng = np.random.default_rng(2)
    count = edge // cell + 2
    ids = rng.integers(1, supervoxels + 1, (count, count)).astype(np.uint32)
    y, x = np.indices((edge, edge), np.int32)
    shift = np.abs(np.cumsum(rng.integers(-1, 2, (2, edge), np.int32), axis=1)) % cell
    return np.ascontiguousarray(ids[(y + shift[0]) // cell, (x + shift[1][:, None]) // cell])


def fingerprint(session: Session) -> int:
    """Return a number that tells mappings apart."""
    return crc32(np.ascontiguousarray(session.segmentation.segment_of))


def peak_rss_mb() -> float:
    """Return the most memory that this process has had."""
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / (1024**2 if sys.platform == "darwin" else 1024)


def alone(work: Callable[..., Any], *arguments: Any) -> Any:
    """Do something in a new process."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as process:
        return process.submit(work, *arguments).result()


def measured(path: Path, operations: int, durable: bool) -> dict[str, Any]:
    """Return the figures of one mode on a project that nobody has edited."""
    report = alone(edits, path, operations, durable, not durable)
    report |= (again := alone(reopen, path)) | {"state_survived": report["state"] == again["state"]}
    del report["state"]
    return report


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--supervoxels", type=int, default=1_000_000)
    parser.add_argument("--operations", type=int, default=10_000)
    parser.add_argument("--durable-operations", type=int, default=1_000)
    parser.add_argument("--folder", type=Path, help="where the project is made, for a while")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        modes: dict[bool, Any] = {}
        pristine = Path(folder) / "pristine.segmend"
        for durable, count in ((False, options.operations), (True, options.durable_operations)):
            path = Path(folder) / f"{durable}.segmend"
            if not modes:
                alone(create_synthetic_project, pristine, options.supervoxels)
            shutil.copytree(pristine, path)
            modes[durable] = measured(path, count, durable)
            shutil.rmtree(path)
    print(
        json.dumps({"supervoxels": options.supervoxels} | modes[False] | {"durable": modes[True]})
    )


if __name__ == "__main__":
    main()
