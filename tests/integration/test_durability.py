"""``--durable`` means one flush to disk before every acknowledgement; only the system calls can tell."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

EDITS = 25


@pytest.fixture
def strace() -> str:
    """Return the tracer, or skip where there is none or it may not trace."""
    tool = shutil.which("strace")
    if tool is None:
        pytest.skip("strace is not installed")
    if subprocess.run([tool, "-o", "/dev/null", "true"], check=False).returncode:
        pytest.skip("this system does not allow strace to trace")
    return tool


def flushes_before_answers(strace: str, project: Path, lines: list[str], *options: str) -> list:
    """Return how often the log was flushed before each answer, and the answers."""
    trace = project.parent / "trace.txt"
    traced = [strace, "-f", "-y", "-s", "20", "-e", "trace=fdatasync,fsync,write", "-o", str(trace)]
    edit = [sys.executable, "-m", "segmend.app", "edit", str(project), "--stdin", *options]
    done = subprocess.run(
        [*traced, *edit],
        input="".join(lines),
        capture_output=True,
        text=True,
        check=True,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    flushes, counts = 0, []
    for call in trace.read_text(errors="replace").splitlines():
        if re.search(r"(fdatasync|fsync)\(\d+<[^>]*journal\.sqlite-wal>", call):
            flushes += 1
        elif re.search(r'write\(1<[^>]*>, "{\\"operation', call):
            counts.append(flushes)
            flushes = 0
    return [counts, answers]


@pytest.fixture
def lines(finished: Path, tmp_path: Path, segmend) -> list[str]:
    """Merges of places in random segments."""
    out = tmp_path / "labels.h5"
    assert segmend("export", finished, out).status == 0
    with h5py.File(out) as file:
        places = np.argwhere(file["segmentation"][()] > 0)
    pairs = places[np.random.default_rng(5).integers(0, len(places), (EDITS, 2))]
    return [json.dumps({"kind": "merge", "at": pair.tolist()}) + "\n" for pair in pairs]


def test_a_durable_edit_is_flushed_before_it_is_acknowledged(
    strace: str, project: Path, lines: list[str]
) -> None:
    counts, answers = flushes_before_answers(strace, project, lines, "--durable")
    acknowledged = [answer for answer in answers if "operation" in answer]
    assert len(counts) == len(acknowledged) > EDITS / 2
    assert min(counts) >= 1


def test_the_default_does_not_flush_each_edit(strace: str, project: Path, lines: list[str]) -> None:
    counts, answers = flushes_before_answers(strace, project, lines)
    assert len(counts) == sum("operation" in answer for answer in answers)
    assert sum(counts) < len(counts)
