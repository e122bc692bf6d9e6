"""The parser and the exit statuses, without any real work."""

from __future__ import annotations

import argparse
import importlib
import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from segmend.app.cli import main as command_line
from segmend.app.cli.answer import Answer, Steps, to_json
from segmend.app.cli.arguments import triples
from segmend.core.errors import Cancelled, InputError


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    def execute(options: argparse.Namespace) -> Answer:
        raise error

    models = importlib.import_module("segmend.app.cli.models")
    monkeypatch.setattr(models, "execute", execute)
    return command_line.run(["models"])


@pytest.mark.parametrize("command", command_line.COMMANDS)
def test_every_command_takes_json_and_explains_itself(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        command_line.run([command, "--help"])
    assert stopped.value.code == 0
    assert "--json" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["new"],
        ["new", "p", "--voxel-size", "1", "2"],
        ["new", "p", "--box", "0:4,0:4"],
        ["run", "p", "--device", "abacus"],
        ["edit", "p", "merge", "--at", "1", "2"],
    ],
)
def test_wrong_usage_is_one_line_and_status_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        command_line.run(arguments)
    assert stopped.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (InputError("two\nlines"), 2, "segmend: two lines\n"),
        (Cancelled("stopped"), 130, "segmend: stopped\n"),
        (KeyboardInterrupt(), 130, "segmend: interrupted; what was finished is kept\n"),
    ],
)
def test_errors_are_one_line(
    error: BaseException,
    status: int,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert failing(monkeypatch, error) == status
    assert capsys.readouterr().err == text


def test_a_bug_is_one_line_that_says_where_the_traceback_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failing(monkeypatch, ZeroDivisionError("oh")) == 1
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    log = line.rsplit("the details are in ", 1)[1].strip()
    with open(log, encoding="utf-8") as file:
        assert "ZeroDivisionError: oh" in file.read()


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    code = (
        "import sys; from segmend.app.cli.main import build_parser; build_parser().format_help();"
        "print([m for m in ('numpy', 'torch', 'dask', 'napari', 'qtpy', 'numba', 'zarr') if m in sys.modules])"
    )
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
    assert time.perf_counter() - started < 5  # 0.1 s alone; a busy machine is slower


def test_a_reader_that_has_gone_is_no_error() -> None:
    code = (
        "import os, sys; from segmend.app.cli.main import run; reader, writer = os.pipe();"
        "os.close(reader); os.dup2(writer, 1); sys.exit(run(['--version']))"
    )
    done = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, check=False)
    assert done.returncode == 141
    assert done.stderr == b""


def test_options_may_stand_before_or_after_the_action_of_edit() -> None:
    parser = command_line.build_parser()
    for arguments in (
        ["edit", "p", "--nm", "--json", "undo"],
        ["edit", "p", "undo", "--nm", "--json"],
    ):
        options = parser.parse_args(arguments)
        assert (options.nm, options.json, options.action, options.count) == (True, True, "undo", 1)


def test_negative_places_are_numbers_not_options() -> None:
    options = command_line.build_parser().parse_args(
        ["edit", "p", "split", "--side", "-1", "2", "3", "4", "5", "6", "--side", "7", "8", "9"]
    )
    assert [triples(side, "--side") for side in options.side] == [
        [(-1.0, 2.0, 3.0), (4.0, 5.0, 6.0)],
        [(7.0, 8.0, 9.0)],
    ]


def test_points_that_are_not_triples_are_refused() -> None:
    with pytest.raises(InputError, match="multiple of three"):
        triples([1.0, 2.0], "--side")


def test_json_keeps_large_ids_and_has_no_nan() -> None:
    values = {
        "id": np.uint64(2**63 + 1),
        "sizes": np.float32([1.5]),
        "none": float("nan"),
        "t": (1,),
    }
    text = to_json(values)
    assert json.loads(text) == {"id": 2**63 + 1, "sizes": [1.5], "none": None, "t": [1]}
    assert "\n" not in text


def test_progress_is_silent_about_quick_work(capsys: pytest.CaptureFixture[str]) -> None:
    for steps in (Steps(), Steps(seconds=0.0)):
        steps("graph", 0.5)
    assert capsys.readouterr().err == "graph: 50 %\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(number: int) -> None:
    code = (
        "import sys, time; from segmend.app.cli import models;"
        "from segmend.app.cli.main import run;"
        "models.execute = lambda options: (print('working', flush=True), time.sleep(600));"
        "sys.exit(run(['models']))"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.send_signal(number)
        assert process.stderr.read() == b"segmend: interrupted; what was finished is kept\n"
        assert process.wait() == 130
