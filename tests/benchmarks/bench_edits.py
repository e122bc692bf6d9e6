"""Time edits from the call to the acknowledgement; prints one JSON object and judges nothing.

Random merges and their undos on a grid of cubes, each one committed to the journal; then the project is reopened,
which replays them all.

    python tests/benchmarks/bench_edits.py [--edge 128] [--edits 1000] [--durable]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from segmend.core.edits.model import Merge
from segmend.core.errors import EditRefused
from segmend.core.geometry import Grid
from segmend.core.project import create_project
from segmend.core.session import Session
from segmend.core.volumes.memory import MemoryVolume

CUBE = 8


def cubes(edge: int) -> np.ndarray:
    """Return (edge, edge, edge) uint32 cubes, numbered from 1."""
    z, y, x = np.indices((edge,) * 3, np.uint32) // CUBE
    side = -(-edge // CUBE)
    return ((z * side + y) * side + x + 1).astype(np.uint32)


def timed(work: Callable[[], object], seconds: list[float]) -> bool:
    """Do one edit and note its time; say whether it fitted."""
    started = time.perf_counter()
    try:
        work()
    except EditRefused:
        return False
    seconds.append(time.perf_counter() - started)
    return True


def figures(seconds: list[float]) -> dict[str, float]:
    """Return milliseconds."""
    values = 1000 * np.array(seconds)
    return {
        "count": len(seconds),
        "median_ms": float(np.median(values)),
        "p95_ms": float(np.percentile(values, 95)),
        "most_ms": float(values.max()),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--edge", type=int, default=128)
    parser.add_argument("--edits", type=int, default=1000)
    parser.add_argument("--durable", action="store_true")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    grid = Grid((10.0, 10.0, 10.0))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.segmend"
        create_project(path, supervoxels=MemoryVolume(cubes(options.edge), grid))
        merges: list[float] = []
        undos: list[float] = []
        with Session.open(path, durable=options.durable) as session:
            for _ in range(options.edits):
                places = rng.integers(0, options.edge, (2, 3)) * 10.0
                edit = Merge(tuple(session.spot_at(tuple(place)) for place in places))
                if timed(lambda edit=edit: session.apply(edit), merges) and rng.random() < 0.2:
                    timed(session.undo, undos)
        started = time.perf_counter()
        with Session.open(path, read_only=True) as session:
            supervoxels = session.segmentation.supervoxel_count
        reopened = time.perf_counter() - started
    report = {
        "supervoxels": supervoxels,
        "durable": options.durable,
        "merge": figures(merges),
        "undo": figures(undos),
        "reopen_seconds": reopened,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
