"""SIGKILL at random moments of ``segmend edit --stdin``: what was acknowledged is there, all fits together."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from segmend.core.geometry import Box
from segmend.core.volumes.opening import open_labels

KILLS = int(os.environ.get("SEGMEND_KILLS", "20"))
EDITS = 100
PART = 50
"""Kills of one project; the next ones begin with a fresh copy, as checking costs what was done before."""


@pytest.fixture(scope="module")
def places(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """Voxels that are not background."""
    from segmend.app.cli.main import run

    out = tmp_path_factory.mktemp("places") / "out.h5"
    assert run(["export", str(finished), str(out)]) == 0
    with h5py.File(out) as file:
        return np.argwhere(file["segmentation"][()] > 0)


KINDS = (
    *("merge", "merge", "merge", "split", "split", "cleave", "detach", "divide"),
    *("paint", "paint", "erase", "mark", "lock", "unlock", "switch", "undo", "redo"),
)


def random_edit(places: np.ndarray, rng: random.Random) -> dict[str, Any]:
    def place() -> list[int]:
        return places[rng.randrange(len(places))].tolist()

    first = place()
    z, y, x = first  # near enough to be in the same segment or beside it, and never outside
    near = [min(z + rng.randrange(5), 31), min(y + rng.randrange(6), 95), min(x + 1, 95)]
    forms: dict[str, dict[str, Any]] = {
        "merge": {"at": [first, place()]},
        "split": {"sides": [[first], [near]]},
        "cleave": {"groups": [[first], [near]]},
        "detach": {"at": [first]},
        "divide": {"sides": [[first], [near]]},
        "paint": {"points": [first, near], "radius": 25, "new": rng.random() < 0.3},
        "erase": {"points": [first], "radius": 15},
        "mark": {"at": first},
        "lock": {"at": places[0].tolist()},  # always the same one, or soon nothing could be edited
        "unlock": {"at": places[0].tolist()},
        "switch": {"off": [rng.randrange(1, 200)]},
    }
    kind = rng.choice(KINDS)
    edit = {"kind": kind, **forms.get(kind, {})}
    if kind == "paint" and not edit["new"]:
        edit["into"] = first
    return edit


def edit_until_killed(project: Path, edits: list[dict[str, Any]], rng: random.Random) -> list[dict]:
    """Return the answers that arrived before the program was killed."""
    command = [sys.executable, "-m", "segmend.app", "edit", str(project), "--stdin"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    lines = "".join(json.dumps(edit) + "\n" for edit in edits).encode()

    def write() -> None:
        try:
            process.stdin.write(lines)
            process.stdin.close()
        except BrokenPipeError:
            return

    writer = threading.Thread(target=write)
    writer.start()
    wanted, answers = rng.randrange(1, 40), []
    while len(answers) < wanted and (line := process.stdout.readline()):
        answers.append(json.loads(line))
    time.sleep(rng.random() * 0.02)
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read().splitlines(keepends=True)
    answers += [json.loads(line) for line in rest if line.endswith(b"\n")]
    process.wait()
    writer.join()
    process.stdout.close()
    return answers


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(-(-KILLS // PART)))
def test_no_acknowledged_edit_is_lost(
    segmend, project: Path, places: np.ndarray, part: int
) -> None:
    rng = random.Random(11 + part)
    acknowledged: dict[int, dict[str, Any]] = {}
    kills = min(PART, KILLS - part * PART)
    for _ in range(kills):
        edits = [random_edit(places, rng) for _ in range(EDITS)]
        answers = edit_until_killed(project, edits, rng)
        for edit, answer in zip(edits, answers, strict=False):
            if "operation" in answer:
                assert answer["operation"] not in acknowledged
                acknowledged[answer["operation"]] = edit
        checked = segmend("check", project, "--json")
        assert checked.status == 0, checked.out
        assert checked.values["clean"]
        operations = segmend("edit", project, "log", "--json").values["operations"]
        logged = {o["operation"]: o["kind"] for o in operations}
        wanted = {n: edit["kind"] for n, edit in acknowledged.items()}
        assert wanted.items() <= logged.items()
    assert len(acknowledged) > kills
    kinds = {edit["kind"] for edit in acknowledged.values()}
    assert kinds >= {"merge", "split", "paint", "erase", "switch", "undo", "redo"}


@pytest.mark.timeout(3600)
def test_a_killed_export_is_whole_or_not_there(
    segmend, project: Path, places: np.ndarray, tmp_path: Path
) -> None:
    """An export under its own name, and one that is brought up to date in place."""
    rng = random.Random(5)
    kept, fresh = tmp_path / "kept.zarr", tmp_path / "fresh.h5"
    began = "0"
    assert segmend("export", project, kept).status == 0
    for number in range(max(3, KILLS // 10)):
        edit_until_killed(project, [random_edit(places, rng) for _ in range(40)], rng)
        out = tmp_path / f"{number}.npy"
        killed_export(project, out, rng)
        killed_export(project, kept, rng, "--since", began)
        if out.exists():
            np.load(out, mmap_mode="r")
        open_labels(str(kept)).read(Box((0, 0, 0), (8, 8, 8)))
    assert segmend("export", project, kept, "--since", began).status == 0
    assert segmend("export", project, fresh).status == 0
    whole = Box.of_shape(open_labels(str(fresh)).shape_zyx)
    assert np.array_equal(open_labels(str(kept)).read(whole), open_labels(str(fresh)).read(whole))


def killed_export(project: Path, out: Path, rng: random.Random, *options: str) -> None:
    command = [sys.executable, "-m", "segmend.app", "export", str(project), str(out), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(rng.uniform(0.2, 2.5))
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_every_line_gets_its_answer(project: Path, places: np.ndarray) -> None:
    a, b = places[0].tolist(), places[-1].tolist()
    lines = [
        json.dumps({"kind": "merge", "at": [a, b]}),
        "",
        "not json",
        json.dumps({"kind": "merge", "at": [a, b]}),
        json.dumps({"kind": "merge", "at": [a]}),
        json.dumps({"kind": "merge", "at": [a, [-1, 0, 0]]}),
        json.dumps({"kind": "merge", "at": [a, ["x", 0, 0]]}),
        json.dumps({"kind": "abolish"}),
        json.dumps([1, 2]),
        json.dumps({"kind": "undo", "count": 5}),
        json.dumps({"kind": "undo"}),
    ]
    done = subprocess.run(
        [sys.executable, "-m", "segmend.app", "edit", str(project), "--stdin"],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert ["operation" in answer for answer in answers] == [True, *[False] * 8, True]
    assert all(list(answer) == ["error"] for answer in answers[1:-1])
    assert all("\n" not in answer["error"] for answer in answers[1:-1])
