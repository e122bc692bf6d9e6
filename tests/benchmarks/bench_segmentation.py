"""Compare watershed, agglomeration and mutex watershed with waterz and mwatershed; prints one JSON object.

Times and memory: affinities of the shipped network on fib25_raw_256.h5 (256^3 voxels of real tissue), every run in a
process of its own, on one thread, after a small run that compiles or loads; our runs and the peers' take turns, the
least of the repeats counts. Quality: variation of information on fib25_train.h5 at z >= 128, each method at the setting
that was best for it at z 64..127. The network never saw z >= 128. `--growth` measures time per voxel from 128^3 to
512^3 instead. Peers are not dependencies: pip install waterz mwatershed; without them their keys are null.

    segmend bench segmentation --json [--repeats 3] [--cache FOLDER] [--skip NAME ...] [--growth]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

THREADS = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS", "OPENBLAS_NUM_THREADS")
for name in THREADS:
    os.environ.setdefault(name, "1")

import fastremap  # noqa: E402
import h5py  # noqa: E402
import numpy as np  # noqa: E402
import segmenters  # noqa: E402

from segmend.core.algorithms.agglomeration import agglomerate, cut_tree  # noqa: E402
from segmend.core.algorithms.contact_means import contact_means  # noqa: E402
from segmend.core.algorithms.metrics import variation_of_information  # noqa: E402
from segmend.core.algorithms.mutex_watershed import mutex_watershed  # noqa: E402
from segmend.core.algorithms.watershed import watershed  # noqa: E402

Array = np.ndarray
ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("SEGMEND_DATA", ROOT.parent / "shared" / "data"))
TUNED_ON, JUDGED_ON = slice(64, 128), slice(128, 160)
DISTINCT_EDGE = 64
SLOW = ("ours_mutex", "mwatershed")
"""Repeated at most twice."""


def affinities_of(name: str, cache: Path) -> Array:
    """Return (9, z, y, x) uint8 affinities of a data file; computed once."""
    path = cache / f"{name}_affinities.npy"
    if not path.is_file():
        from segmend.core.networks.inference import load_affinity_model

        with h5py.File(DATA / f"{name}.h5") as file:
            image = file["raw"][:]
        values = np.rint(load_affinity_model("isotropic-10nm").predict(image) * 255)
        cache.mkdir(parents=True, exist_ok=True)
        with path.with_suffix(".part").open("wb") as file:
            np.save(file, values.astype(np.uint8))
        path.with_suffix(".part").rename(path)
    return np.load(path, mmap_mode="r")


def peak_mb(run: Callable[[], Any]) -> float:
    """Return how far resident memory rises above its start (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")  # forget the highest so far
    start = resident_mb("VmRSS")
    run()
    return resident_mb("VmHWM") - start


def resident_mb(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


def measured(method: str, cache: Path) -> dict[str, float]:
    """Time one method once, and its memory beyond its input."""
    values = np.array(affinities_of("fib25_raw_256", cache))
    small, run = segmenters.prepared(method, np.ascontiguousarray(values[:, :24, :24, :24]))
    run(*small)
    made, run = segmenters.prepared(method, values)
    wall, cpu = time.perf_counter(), time.process_time()
    peak = peak_mb(lambda: run(*made))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"wall_s": wall, "cpu_s": cpu, "peak_mb": peak}


def without_specks(segments: Array) -> Array:
    """Put all segments of fewer than ten voxels under one id, as mwatershed does with single voxels."""
    dense, _ = fastremap.renumber(np.ascontiguousarray(segments), preserve_zero=True)
    size = np.bincount(dense.ravel())
    number = np.where(size < 10, 1, np.arange(2, len(size) + 2)).astype(np.uint32)
    return number[dense]


def judged(method: str, cache: Path) -> dict[str, Any]:
    """Choose a setting on one part, report the variation of information on the other."""
    with h5py.File(DATA / "fib25_train.h5") as file:
        truth = file["labels"][:].astype(np.uint32)
    values = affinities_of("fib25_train", cache)

    def scores(part: slice, only: Any = None) -> dict[Any, Any]:
        piece = np.ascontiguousarray(values[:, part])
        found = segmenters.all_settings(method, piece, only)
        return {s: variation_of_information(without_specks(a), truth[part]) for s, a in found}

    tuned = scores(TUNED_ON)
    best = min(tuned, key=lambda s: tuned[s].sum)
    vi = scores(JUDGED_ON, best)[best]
    kind = "bias" if method in SLOW else "fragments" if len(best) == 3 else "watershed"
    return {
        "vi": vi.sum, "split": vi.split, "merge": vi.merge,
        "setting": [kind, *best], "vi_where_chosen": tuned[best].sum, "settings_tried": len(tuned),
    }  # fmt: skip


def second_threshold(cache: Path) -> dict[str, float]:
    """Time another cut of a recorded tree: the mapping, and the mapping laid over the voxels."""
    values = np.array(affinities_of("fib25_raw_256", cache)[:3])
    supervoxels = watershed(values)
    count = int(supervoxels.max())
    tree = agglomerate(*contact_means(supervoxels, values), count)
    out = np.empty_like(supervoxels)
    mapping, voxels = [], []
    for threshold in segmenters.THRESHOLDS:
        start = time.perf_counter()
        segment_of = cut_tree(tree, count, threshold)
        middle = time.perf_counter()
        np.take(segment_of, supervoxels, out=out, mode="clip")
        mapping.append(1000 * (middle - start))
        voxels.append(1000 * (time.perf_counter() - start))
    return {
        "second_threshold_mapping_ms": float(np.median(mapping)),
        "second_threshold_ms": float(np.median(voxels)),
    }


def same_partition(cache: Path) -> dict[str, Any]:
    """Compare the mutex partitions of real affinities whose weights were made distinct, ties in order of place."""
    box = (slice(None), *[slice(96, 96 + DISTINCT_EDGE)] * 3)
    stored = affinities_of("fib25_raw_256", cache)[box].astype(np.int16)
    strength = np.abs(2 * stored - 255).ravel()
    rank = np.empty(len(strength), np.float32)
    rank[np.argsort(strength, kind="stable")] = np.arange(1, len(rank) + 1)
    size = rank.reshape(stored.shape) / np.float32(2**23)  # exact, and so is its sum with a half
    weights = np.where(2 * stored > 255, size, -size)
    ours = mutex_watershed(
        weights + np.float32(0.5), segmenters.OFFSETS, bias=0.5, strides=segmenters.STRIDES
    )
    theirs = segmenters.mwatershed(weights.astype(np.float64)).astype(np.int64)
    alone = theirs == 0  # voxels that joined nothing
    theirs[alone] = theirs.max() + 1 + np.arange(alone.sum())
    pairs = len(np.unique(theirs * (int(ours.max()) + 1) + ours))
    segments = int(ours.max())
    return {
        "mutex_partition_identical": pairs == segments == len(np.unique(theirs)),
        "mutex_partition_segments": segments,
    }


def mirrored(values: Array) -> Array:
    """Double a volume along z, y and x by its mirror image, in which tissue goes on."""
    for axis in range(3):
        other = np.flip(values, axis + 1).copy()
        own = np.moveaxis(other[axis], axis, 0)
        own[1:] = own[:-1].copy()  # a mirrored voxel's neighbour before it is the one after it
        own[0] = np.moveaxis(values[axis], axis, 0)[-1]
        values = np.concatenate([values, other], axis=axis + 1)
    return values


def nanoseconds_per_voxel(volumes: list[Array], repeats: int) -> float:
    took = []
    for _ in range(repeats):
        start = time.process_time()
        for values in volumes:
            list(segmenters.ours(values, segmenters.TIMED_HIGH, [segmenters.TIMED_THRESHOLD]))
        took.append(time.process_time() - start)
    return 1e9 * min(took) / sum(v[0].size for v in volumes)


def growth(cache: Path, repeats: int) -> dict[str, float]:
    """Time watershed and agglomeration of the same tissue in eighths, whole, and mirrored to 512^3."""
    whole = np.array(affinities_of("fib25_raw_256", cache)[:3])
    halves = slice(0, 128), slice(128, 256)
    eighths = [
        np.ascontiguousarray(whole[:, z, y, x]) for z in halves for y in halves for x in halves
    ]
    nanoseconds_per_voxel([np.ascontiguousarray(whole[:, :24, :24, :24])], 1)
    found = {
        "ns_per_voxel_128": nanoseconds_per_voxel(eighths, repeats),
        "ns_per_voxel_256": nanoseconds_per_voxel([whole], repeats),
        "ns_per_voxel_512": nanoseconds_per_voxel([mirrored(whole)], repeats),
    }
    return found | {"growth_128_to_512": found["ns_per_voxel_512"] / found["ns_per_voxel_128"]}


def in_process(what: str, method: str, options: argparse.Namespace) -> dict[str, Any]:
    """Run a part by itself; what peers print around the result does not matter."""
    command = [sys.executable, __file__, "--part", what, method]
    command += ["--cache", str(options.cache), "--repeats", str(options.repeats)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads([line for line in done.stdout.splitlines() if line.startswith("{")][-1])


def times(methods: list[str], options: argparse.Namespace) -> dict[str, Any]:
    """Take the methods in turns, so that whatever else runs on the machine hits all of them."""
    runs: dict[str, list[dict[str, float]]] = {method: [] for method in methods}
    for turn in range(options.repeats):
        for method in methods:
            if turn < 2 or method not in SLOW:
                runs[method].append(in_process("time", method, options))
    out = {}
    for method, took in runs.items():
        out[f"{method}_s"] = min(run["cpu_s"] for run in took)
        out[f"{method}_wall_s"] = min(run["wall_s"] for run in took)
        out[f"peak_mb_{method}"] = max(run["peak_mb"] for run in took)
    return out


def report(options: argparse.Namespace) -> dict[str, Any]:
    """Run all parts; `_s` are processor seconds of one thread."""
    for data in ("fib25_train", "fib25_raw_256"):
        affinities_of(data, options.cache)
    missing = [m for m in segmenters.TIMED if m in options.skip or not segmenters.installed(m)]
    out: dict[str, Any] = {"shape_zyx": [256] * 3, "load": os.getloadavg()}
    out |= dict.fromkeys([k for m in missing for k in (f"{m}_s", f"peak_mb_{m}")])
    out |= times([m for m in segmenters.TIMED if m not in missing], options)
    for method in segmenters.JUDGED:
        if method in missing or method in options.skip:
            out[f"vi_{method}"] = None
            continue
        found = in_process("judge", method, options)
        out[f"vi_{method}"] = found.pop("vi")
        out |= {f"{key}_{method}": value for key, value in found.items()}
    out |= in_process("cut", "ours", options)
    if "mwatershed" not in missing:
        out |= in_process("same", "mwatershed", options)
    out["inputs"] = segmenters.TIMED
    out["note"] = f"not measured: {', '.join(missing)}" if missing else "all measured"
    return out


def part(what: str, method: str, options: argparse.Namespace) -> dict[str, Any]:
    if what == "judge":
        return judged(method, options.cache)
    if what == "time":
        return measured(method, options.cache)
    return second_threshold(options.cache) if what == "cut" else same_partition(options.cache)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "segmend-bench")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--skip", nargs="*", default=[], help="methods to leave out")
    parser.add_argument("--growth", action="store_true", help="time per voxel by size instead")
    parser.add_argument("--part", nargs=2, metavar=("WHAT", "METHOD"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        sys.stdout.flush()
        print("\n" + json.dumps(part(*options.part, options)), flush=True)
    else:
        found = growth(options.cache, options.repeats) if options.growth else report(options)
        print(json.dumps(found))


if __name__ == "__main__":
    main()
