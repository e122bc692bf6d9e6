"""A disk that fills up while somebody edits: a clear error, nothing lost, and work goes on once there is room."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOM = 300_000
"""Bytes left on the small disk when the edits begin."""


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    """Return where a small file system can be mounted, or skip where a user may not."""
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed: no small file system can be made")
    place = tmp_path / "small"
    place.mkdir()
    if on_small_disk(place, 1_000_000, "true").returncode:
        pytest.skip("this system does not let a user mount a tmpfs in a namespace of their own")
    return place


def on_small_disk(place: Path, size: int, command: str) -> subprocess.CompletedProcess[str]:
    """Run a shell command that sees a file system of some bytes at a place."""
    mounted = f"mount -t tmpfs -o size={size} tmpfs {place} && {command}"
    return subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mounted],
        capture_output=True,
        text=True,
        check=False,
    )


def paints(shape: tuple[int, int, int], count: int) -> list[str]:
    """Return strokes that pack badly, so that the disk is full soon, between merges."""
    rng = np.random.default_rng(2)
    lines = []
    for _ in range(count):
        places = rng.integers(0, shape, (400, 3)).tolist()
        lines.append(json.dumps({"kind": "paint", "points": places, "radius": 12, "new": True}))
    return lines


def test_a_full_disk_loses_nothing(small_disk: Path, project: Path, tmp_path: Path) -> None:
    edits = tmp_path / "edits.jsonl"
    edits.write_text("\n".join(paints((32, 96, 96), 200)) + "\n")
    here = small_disk / project.name
    size = sum(path.stat().st_size for path in project.rglob("*") if path.is_file())
    files = sum(1 for _ in project.rglob("*"))
    script = Path(__file__).with_name("full_disk.py")
    done = on_small_disk(
        small_disk,
        size + 4096 * files + ROOM,
        f"cp -r {project} {here} && exec {sys.executable} {script} {here} {edits}",
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["acknowledged"] > 0
    assert report["refused"] > 0
    assert any("full" in error or "space" in error for error in report["errors"])
    assert not any("Traceback" in error for error in report["errors"])
    assert report["lost"] == []
    assert report["clean_while_full"]
    assert report["clean_afterwards"]
    assert report["edit_afterwards"]
    assert os.path.lexists(small_disk)
