"""Ratio and speed of label codecs on real segmentations, on one thread; prints one JSON object.

For each volume and each chunk shape: bytes as uint32 over bytes stored, MB of uint32 per second of processor time in
and out, and whether every voxel came back. Beside Crackle and Compresso: blosc with zstd, as the project's own Zarr has
it, and Compresso under zstd.

    python tests/benchmarks/bench_codecs.py [--repeats 2]
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import imagecodecs
import numpy as np

from segmend.core.geometry import Box, Zyx
from segmend.core.volumes.label_codecs import decode_labels, encode_labels

Array = np.ndarray
Pair = tuple[Callable[[Array], bytes], Callable[[bytes, Array], Array]]
CHUNKS: tuple[Zyx | None, ...] = (None, (64, 256, 256), (16, 128, 128))


def codecs() -> dict[str, Pair]:
    """Return how to write and how to read, by name."""
    crackle = __import__("crackle")

    def like(raw: bytes, labels: Array) -> Array:
        return np.frombuffer(raw, labels.dtype).reshape(labels.shape)

    return {
        "crackle": (lambda a: encode_labels(a, "crackle"), lambda b, _: decode_labels(b)),
        "crackle_markov_5": (
            lambda a: crackle.compress(a.T, markov_model_order=5, parallel=1),
            lambda b, _: crackle.decompress(b, parallel=1).T,
        ),
        "compresso": (lambda a: encode_labels(a, "compresso"), lambda b, _: decode_labels(b)),
        "compresso_zstd": (
            lambda a: imagecodecs.zstd_encode(encode_labels(a, "compresso"), 3),
            lambda b, _: decode_labels(imagecodecs.zstd_decode(b)),
        ),
        "blosc_zstd_1": (
            lambda a: imagecodecs.blosc_encode(a.tobytes(), level=1, compressor="zstd", shuffle=1, typesize=4,
                                               numthreads=1),
            lambda b, a: like(imagecodecs.blosc_decode(b, numthreads=1), a),
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


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    root = Path(__file__).resolve().parents[2]
    folder = Path(os.environ.get("SEGMEND_DATA", root.parent / "shared" / "data"))
    report: dict[str, Any] = {"load": os.getloadavg()}
    for name, labels in volumes(folder).items():
        for chunk in CHUNKS:
            key = "whole" if chunk is None else "x".join(map(str, chunk))
            report[f"{name} {key}"] = {
                codec: measured(labels, chunk, pair, options.repeats)
                for codec, pair in codecs().items()
            }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
