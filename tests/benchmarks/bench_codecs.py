"""Ratio and speed of label codecs on real segmentations, on one thread; prints one JSON object.

For each volume and each chunk shape: bytes as uint32 over bytes stored, MB of uint32 per second of processor time in
and out, and whether every voxel came back. Beside Crackle and Compresso: zstd, as the project's own Zarr has it, blosc
with zstd, and Compresso under zstd.

``stored``: 64 sections of 1024 x 1024 of the same segmentations in files on disk, one per chunk, beside the project's
own Zarr: megabytes on disk, seconds of processor time to write, milliseconds for a section of 1024^2 and of 512^2 that
nobody looked at before (``first``), and for the section after it (``next``). Crackle and Compresso decode one section
of a chunk alone; blosc and zstd decode chunks whole, which the Zarr then has in its cache. The page cache is warm, so
reading is decoding.

    python tests/benchmarks/bench_codecs.py [--repeats 2] [--stored-only]
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import imagecodecs
import numpy as np

from segmend.core.geometry import Box, Grid, Zyx
from segmend.core.volumes import zarr_store
from segmend.core.volumes.label_codecs import decode_sections, encode_labels
from segmend.core.volumes.zarr import create_zarr, open_zarr

Array = np.ndarray
Pair = tuple[Callable[[Array], bytes], Callable[[bytes, Array], Array]]
CHUNKS: tuple[Zyx | None, ...] = (None, (64, 256, 256), (16, 128, 128))
STORED_CHUNKS: tuple[Zyx, ...] = ((16, 128, 128), (64, 64, 64), (64, 256, 256))
STORED = (64, 1024, 1024)


def codecs() -> dict[str, Pair]:
    """Return how to write and how to read, by name."""
    crackle = __import__("crackle")

    def like(raw: bytes, labels: Array) -> Array:
        return np.frombuffer(raw, labels.dtype).reshape(labels.shape)

    return {
        "crackle": (lambda a: encode_labels(a, "crackle"), lambda b, a: decode_sections(b, "crackle", 0, len(a))),
        "crackle_markov_5": (
            lambda a: crackle.compress(a.T, markov_model_order=5, parallel=1),
            lambda b, _: crackle.decompress(b, parallel=1).T,
        ),
        "compresso": (lambda a: encode_labels(a, "compresso"), lambda b, a: decode_sections(b, "compresso", 0, len(a))),
        "compresso_zstd": (
            lambda a: imagecodecs.zstd_encode(encode_labels(a, "compresso"), 3),
            lambda b, a: decode_sections(imagecodecs.zstd_decode(b), "compresso", 0, len(a)),
        ),
        "blosc_zstd_1": (
            lambda a: imagecodecs.blosc_encode(a.tobytes(), level=1, compressor="zstd", shuffle=1, typesize=4,
                                               numthreads=1),
            lambda b, a: like(imagecodecs.blosc_decode(b, numthreads=1), a),
        ),
        "zstd_3": (
            lambda a: imagecodecs.zstd_encode(a.tobytes(), 3),
            lambda b, a: like(imagecodecs.zstd_decode(b), a),
        ),
    }  # fmt: skip


def volumes(folder: Path) -> dict[str, Array]:
    """Return the real segmentations as (z, y, x) uint32."""
    found: dict[str, Array] = {}
    path = folder / "pinky40_segmentation_512.npy.ckl.gz"
    if path.is_file():
        decoded = __import__("crackle").decompress(gzip.decompress(path.read_bytes()))
        found["pinky40"] = np.ascontiguousarray(decoded.T, np.uint32)
    path = folder / "fib25_train.h5"
    if path.is_file():
        with h5py.File(path) as file:
            for name in ("labels", "supervoxels"):
                found[f"fib25_{name}"] = file[name][:].astype(np.uint32)
    return found


def measured(labels: Array, chunk: Zyx | None, pair: Pair, repeats: int) -> dict[str, Any]:
    """Write and read every chunk of a volume; least processor time of the repeats."""
    write, read = pair
    whole = Box.of_shape(labels.shape)
    boxes = [whole] if chunk is None else list(whole.blocks(chunk))
    chunks = [np.ascontiguousarray(labels[box.slices]) for box in boxes]
    seconds_in, seconds_out, exact = [], [], True
    for _ in range(repeats):
        start = time.process_time()
        stored = [write(part) for part in chunks]
        seconds_in.append(time.process_time() - start)
        start = time.process_time()
        back = [read(data, part) for data, part in zip(stored, chunks, strict=True)]
        seconds_out.append(time.process_time() - start)
        exact &= all((a == b).all() for a, b in zip(back, chunks, strict=True))
    size = sum(map(len, stored))
    return {
        "ratio": round(labels.nbytes / size, 1),
        "write_mb_s": round(labels.nbytes / 1e6 / min(seconds_in)),
        "read_mb_s": round(labels.nbytes / 1e6 / min(seconds_out)),
        "exact": bool(exact),
    }


def wide(labels: Array) -> Array:
    """Return 64 sections of 1024^2: the labels mirrored, each copy with ids of its own."""
    z, y, x = labels.shape
    fold = [np.arange(n) % (2 * k) for n, k in zip(STORED, labels.shape, strict=True)]
    place = [np.minimum(f, 2 * k - 1 - f) for f, k in zip(fold, labels.shape, strict=True)]
    out = labels[np.ix_(*place)]
    copy = (np.arange(STORED[1]) // y)[:, None] * 8 + np.arange(STORED[2]) // x
    copy = (np.arange(STORED[0]) // z)[:, None, None] * 64 + copy
    return np.where(out > 0, out + copy.astype(np.uint32) * (labels.max() + 1), 0).astype(np.uint32)


def one_section() -> dict[str, tuple[Callable[[Array], bytes], Callable[[bytes, int, Zyx], Array]]]:
    """Return how to write a chunk and how to read one of its sections, by name."""
    crackle, compresso = __import__("crackle"), __import__("compresso")

    def of_blosc(data: bytes, z: int, shape: Zyx) -> Array:
        raw = imagecodecs.blosc_decode(data, numthreads=1)
        return np.frombuffer(raw, np.uint32).reshape(shape)[z]

    return {
        "crackle": (
            lambda a: crackle.compress(a.T, parallel=1),
            lambda b, z, _: crackle.codec.decompress_range(b, z, z + 1, parallel=1)[..., 0].T,
        ),
        "compresso_zstd": (
            lambda a: imagecodecs.zstd_encode(compresso.compress(a.T), 3),
            lambda b, z, _: compresso.decompress(imagecodecs.zstd_decode(b), z=z)[..., 0].T,
        ),
        "blosc_zstd_1": (codecs()["blosc_zstd_1"][0], of_blosc),
        "zstd_3": (
            lambda a: imagecodecs.zstd_encode(a.tobytes(), 3),
            lambda b, z, shape: np.frombuffer(imagecodecs.zstd_decode(b), np.uint32).reshape(shape)[
                z
            ],
        ),
    }


def stored(labels: Array, folder: Path) -> dict[str, Any]:
    """Write labels to files in every way, and read sections."""
    report = {"zarr 16x128x128": stored_as_zarr(labels, folder / "own.zarr")}
    for chunk in STORED_CHUNKS:
        for name, (write, read) in one_section().items():
            key = f"{name} {'x'.join(map(str, chunk))}"
            report[key] = stored_in_files(
                labels, folder / key.replace(" ", "-"), chunk, write, read
            )
    return report


def stored_as_zarr(labels: Array, path: Path) -> dict[str, Any]:
    """Write and read as a project stores its supervoxels."""
    begin = time.process_time()
    made = create_zarr(path, labels.shape, labels.dtype, Grid())
    for box in Box.of_shape(labels.shape).blocks((16, 1024, 1024)):
        made.write(box, labels[box.slices])
    taken = time.process_time() - begin
    zarr_store.shared_context.cache_clear()  # what was written is still in its cache
    volume = open_zarr(path)

    def section(z: int, edge: int) -> Array:
        return volume.read(Box((z, 0, 0), (z + 1, edge, edge)))[0]

    return figures(labels, path, taken, section)


def stored_in_files(
    labels: Array,
    folder: Path,
    chunk: Zyx,
    write: Callable[[Array], bytes],
    read: Callable[..., Array],
) -> dict[str, Any]:
    """Write one file per chunk, and read sections from them."""
    folder.mkdir()
    begin = time.process_time()
    for box in Box.of_shape(labels.shape).blocks(chunk):
        name = "-".join(map(str, box.start_zyx))
        (folder / name).write_bytes(write(np.ascontiguousarray(labels[box.slices])))
    taken = time.process_time() - begin

    def section(z: int, edge: int) -> Array:
        out = np.empty((edge, edge), np.uint32)
        for y in range(0, edge, chunk[1]):
            for x in range(0, edge, chunk[2]):
                data = (folder / f"{z // chunk[0] * chunk[0]}-{y}-{x}").read_bytes()
                out[y : y + chunk[1], x : x + chunk[2]] = read(data, z % chunk[0], chunk)
        return out

    return figures(labels, folder, taken, section)


def figures(
    labels: Array, path: Path, write_s: float, section: Callable[[int, int], Array]
) -> dict[str, Any]:
    """Read sections in layers of chunks that were not read before; medians of processor time."""
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    report: dict[str, Any] = {"mb": round(size / 1e6, 2), "write_s": round(write_s, 2)}
    exact = True
    for edge, layers in ((512, (4, 36)), (1024, (20, 52))):
        first, following = [], []
        for z in layers:
            for times, k in ((first, z), (following, z + 1)):
                begin = time.process_time()
                voxels = section(k, edge)
                times.append(1e3 * (time.process_time() - begin))
                exact &= bool((voxels == labels[k, :edge, :edge]).all())
        report[f"section_{edge}_first_ms"] = round(float(np.median(first)), 1)
        report[f"section_{edge}_next_ms"] = round(float(np.median(following)), 1)
    return report | {"exact": exact}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--stored-only", action="store_true", help="files on disk only")
    options = parser.parse_args()
    root = Path(__file__).resolve().parents[2]
    folder = Path(os.environ.get("SEGMEND_DATA", root.parent / "shared" / "data"))
    report: dict[str, Any] = {"load": os.getloadavg()}
    for name, labels in volumes(folder).items():
        with tempfile.TemporaryDirectory() as scratch:
            report[f"{name} stored"] = stored(wide(labels), Path(scratch))
        for chunk in () if options.stored_only else CHUNKS:
            key = "whole" if chunk is None else "x".join(map(str, chunk))
            report[f"{name} {key}"] = {
                codec: measured(labels, chunk, pair, options.repeats)
                for codec, pair in codecs().items()
            }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
