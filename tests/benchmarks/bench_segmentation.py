"""Compare watershed, agglomeration and mutex watershed with waterz and mwatershed; prints one JSON object.

Times and memory: the affinities of the shipped network on fib25_raw_256.h5 (256^3 voxels of real tissue), every method
in a process of its own, on one thread, after a small run that compiles or loads. Quality: variation of information on
fib25_train.h5 at z >= 128, every method at the setting that was best for it at z 64..127. The network never saw
z >= 128. Peers are not dependencies: pip install waterz mwatershed.

    python tests/benchmarks/bench_segmentation.py [--repeats 3] [--cache FOLDER] [--skip NAME ...]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

THREADS = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS", "OPENBLAS_NUM_THREADS")
for name in THREADS:
    os.environ.setdefault(name, "1")

import h5py  # noqa: E402
import numpy as np  # noqa: E402

Array = np.ndarray
ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("SEGMEND_DATA", ROOT.parent / "shared" / "data"))
OFFSETS = [tuple(-k * (axis == a) for axis in range(3)) for k in (1, 3, 9) for a in range(3)]
STRIDES = [(1, 1, 1)] * 3 + [(2, 2, 2)] * 3 + [(4, 4, 4)] * 3
TUNED_ON, JUDGED_ON = slice(64, 128), slice(128, 160)
THRESHOLDS = [round(0.05 * k, 2) for k in range(2, 20)]
HIGHS = (0.99, 0.999, 0.9999)
BIASES = [(0.5, 0.5, 0.5), (0.3, 0.5, 0.7), (0.1, 0.3, 0.5), (0.1, 0.2, 0.3), (0.05, 0.1, 0.2)]
WATERZ_SCORE = "OneMinus<MeanAffinity<RegionGraphType, ScoreValue>>"
Setting = Any
Segmentations = Iterator[tuple[Setting, Array]]


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


def as_float(values: Array) -> Array:
    return values.astype(np.float32) / np.float32(255)


def chain(supervoxels: Array, values: Array, thresholds: list[float]) -> Segmentations:
    """Agglomerate supervoxels, cut at every threshold."""
    from segmend.core.algorithms.agglomeration import agglomerate, cut_tree
    from segmend.core.algorithms.contact_means import contact_means

    count = int(supervoxels.max())
    tree = agglomerate(*contact_means(supervoxels, values), count, lowest=min(thresholds))
    for threshold in thresholds:
        yield threshold, cut_tree(tree, count, threshold)[supervoxels]


def ours(values: Array, high: float, thresholds: list[float]) -> Segmentations:
    from segmend.core.algorithms.watershed import watershed

    return chain(watershed(values[:3], low=0.0001, high=high), values, thresholds)


def fragments(values: Array, boundary: float, size: int) -> Array:
    from segmend.core.algorithms.fragments import seeded_fragments

    return seeded_fragments(values, boundary_threshold=boundary, filter_size=size)


def waterz(
    values: Array, high: float, thresholds: list[float], given: Array | None = None
) -> Segmentations:
    """Run waterz, silently; its thresholds are one minus ours."""
    from waterz import agglomerate

    rising = sorted(1 - t for t in thresholds)
    found = agglomerate(
        np.ascontiguousarray(values[:3]), rising, fragments=given,
        aff_threshold_low=0.0001, aff_threshold_high=high, scoring_function=WATERZ_SCORE,
    )  # fmt: skip
    for distance, segments in zip(rising, found, strict=True):
        yield round(1 - distance, 2), segments


def per_channel(bias: tuple[float, ...]) -> list[float]:
    return [b for b in bias for _ in range(3)]


def ours_mutex(values: Array, bias: tuple[float, ...]) -> Array:
    from segmend.core.algorithms.mutex_watershed import mutex_watershed

    return mutex_watershed(values, OFFSETS, bias=per_channel(bias), strides=STRIDES)


def mwatershed(weights: Array) -> Array:
    from mwatershed import agglom

    return agglom(weights, OFFSETS, strides=STRIDES)


def weights_of(values: Array, bias: tuple[float, ...]) -> Array:
    """Return signed weights as mwatershed wants them."""
    shift = np.float32(per_channel(bias))[:, None, None, None]
    return (as_float(values) - shift).astype(np.float64)


def peak_mb(run: Callable[[], Any]) -> tuple[Any, float]:
    """Return a result and how far resident memory rose above its start (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")  # forget the highest so far
    start = resident_mb("VmRSS")
    result = run()
    return result, resident_mb("VmHWM") - start


def resident_mb(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


def measured(method: str, values: Array, repeats: int) -> dict[str, Any]:
    """Time one method with its input in the form it takes, and its memory beyond that input."""
    bias = (0.3, 0.5, 0.7)
    made: Array
    if method == "waterz":
        made = as_float(values[:3])
        run = lambda a: list(waterz(a, 0.9999, [0.5]))  # noqa: E731
    elif method.startswith("ours_watershed"):
        made = as_float(values[:3]) if method.endswith("float32") else values[:3]
        run = lambda a: list(ours(a, 0.9999, [0.5]))  # noqa: E731
    elif method == "ours_mutex":
        made, run = values, lambda a: ours_mutex(a, bias)
    else:
        made, run = weights_of(values, bias), mwatershed
    made = np.ascontiguousarray(made)
    run(np.ascontiguousarray(made[:, :24, :24, :24]))
    wall, cpu, memory = [], [], []
    for _ in range(repeats):
        start = time.perf_counter(), time.process_time()
        _, peak = peak_mb(lambda: run(made))
        wall.append(time.perf_counter() - start[0])
        cpu.append(time.process_time() - start[1])
        memory.append(peak)
    return {"s": min(wall), "cpu_s": min(cpu), "peak_mb": max(memory)}


def all_settings(method: str, values: Array) -> Segmentations:
    """Segment with every setting of the grid."""
    if method in ("ours_mutex", "mwatershed"):
        for bias in BIASES:
            yield bias, (
                ours_mutex(values, bias) if method == "ours_mutex" else mwatershed(weights_of(values, bias))
            )  # fmt: skip
        return
    floats = as_float(values[:3])
    for high in HIGHS:
        run = waterz if method == "waterz" else ours
        yield from (((high, t), s) for t, s in run(floats, high, THRESHOLDS))
    for boundary in (0.5, 0.6, 0.7):
        for size in (7, 9):
            cut = fragments(floats, boundary, size)
            found = (
                waterz(floats, 0, THRESHOLDS, cut.astype(np.uint64)) if method == "waterz"
                else chain(cut, floats, THRESHOLDS)
            )  # fmt: skip
            yield from (((boundary, size, t), s) for t, s in found)


def without_specks(segments: Array) -> Array:
    """Put all segments of fewer than ten voxels under one id, as mwatershed does with single voxels."""
    _, row, size = np.unique(segments, return_inverse=True, return_counts=True)
    number = np.where(size < 10, 0, np.arange(1, len(size) + 1)).astype(np.uint32)
    return number[row].reshape(segments.shape) + np.uint32(1)


def judged(method: str, values: Array, truth: Array) -> dict[str, Any]:
    """Choose a setting on one part, report the variation of information on the other."""
    from segmend.core.algorithms.metrics import variation_of_information

    def scores(part: slice) -> dict[Setting, Any]:
        piece = np.ascontiguousarray(values[:, part])
        found = {}
        for setting, segments in all_settings(method, piece):
            found[setting] = variation_of_information(without_specks(segments), truth[part])
        return found

    tuned = scores(TUNED_ON)
    best = min(tuned, key=lambda s: tuned[s].sum)
    vi = scores(JUDGED_ON)[best]
    kind = "fragments" if len(best) == 3 and method in ("ours", "waterz") else "watershed"
    return {"vi": vi.sum, "split": vi.split, "merge": vi.merge, "setting": [kind, *best]}


def second_threshold(values: Array) -> dict[str, float]:
    """Time another cut of a recorded tree: the mapping, and the mapping laid over the voxels."""
    from segmend.core.algorithms.agglomeration import agglomerate, cut_tree
    from segmend.core.algorithms.contact_means import contact_means
    from segmend.core.algorithms.watershed import watershed

    supervoxels = watershed(values[:3])
    count = int(supervoxels.max())
    tree = agglomerate(*contact_means(supervoxels, values), count)
    out = np.empty_like(supervoxels)
    mapping, voxels = [], []
    for threshold in THRESHOLDS:
        start = time.perf_counter()
        segment_of = cut_tree(tree, count, threshold)
        middle = time.perf_counter()
        np.take(segment_of, supervoxels, out=out, mode="clip")
        mapping.append(middle - start)
        voxels.append(time.perf_counter() - start)
    return {
        "second_threshold_s": float(np.median(mapping)),
        "with_voxels_s": float(np.median(voxels)),
    }


def part(what: str, method: str, cache: Path, repeats: int) -> dict[str, Any]:
    if what == "judge":
        with h5py.File(DATA / "fib25_train.h5") as file:
            truth = file["labels"][:].astype(np.uint32)
        return judged(method, affinities_of("fib25_train", cache), truth)
    values = np.array(affinities_of("fib25_raw_256", cache))
    return second_threshold(values) if what == "cut" else measured(method, values, repeats)


def in_process(what: str, method: str, options: argparse.Namespace) -> dict[str, Any]:
    """Run a part by itself; what peers print around the result does not matter."""
    command = [sys.executable, __file__, "--part", what, method]
    command += ["--cache", str(options.cache), "--repeats", str(options.repeats)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads([line for line in done.stdout.splitlines() if line.startswith("{")][-1])


def report(options: argparse.Namespace) -> dict[str, Any]:
    """Run all parts; the keys say what each is."""
    for name in ("fib25_train", "fib25_raw_256"):
        affinities_of(name, options.cache)
    out: dict[str, Any] = {"shape_zyx": [256] * 3, "load": os.getloadavg()}
    names = {
        "ours_watershed_agglomeration": "ours_watershed_float32",
        "ours_watershed_agglomeration_uint8": "ours_watershed_uint8",
        "waterz": "waterz", "ours_mutex": "ours_mutex", "mwatershed": "mwatershed",
    }  # fmt: skip
    for key, method in names.items():
        if method not in options.skip:
            took = in_process("time", method, options)
            out |= {
                f"{key}_s": took["s"],
                f"{key}_cpu_s": took["cpu_s"],
                f"peak_mb_{key}": took["peak_mb"],
            }
    for method in ("ours", "waterz", "ours_mutex", "mwatershed"):
        if method not in options.skip:
            found = in_process("judge", method, options)
            out[f"vi_{method}"] = found["vi"]
            out[f"vi_{method}_parts"] = [found["split"], found["merge"]]
            out[f"setting_{method}"] = found["setting"]
    return out | in_process("cut", "ours", options)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "segmend-bench")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--skip", nargs="*", default=[])
    parser.add_argument("--part", nargs=2, metavar=("WHAT", "METHOD"))
    options = parser.parse_args()
    if options.part:
        sys.stdout.flush()
        print("\n" + json.dumps(part(*options.part, options.cache, options.repeats)), flush=True)
    else:
        print(json.dumps(report(options)))


if __name__ == "__main__":
    main()
