"""``segmend bench NAME``: the benchmarks of a source checkout."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from segmend.app.cli.answer import Answer
from segmend.core.errors import InputError

HELP = "run a benchmark of the source checkout; without a name: list them"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("name", nargs="?", help="for example segmentation, queue, edits")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="passed on to the benchmark")


def execute(options: argparse.Namespace) -> Answer:
    """Run the script in a process of its own, so that it measures itself and nothing else."""
    scripts = find_benchmarks()
    if options.name is None:
        return Answer({"benchmarks": sorted(scripts)}, "\n".join(sorted(scripts)))
    if options.name not in scripts:
        raise InputError(
            f"no benchmark is called {options.name!r}: expected one of {', '.join(sorted(scripts)) or '(none here)'}"
        )
    passed_on = [word for word in options.rest if word != "--json"]
    command = [sys.executable, str(scripts[options.name]), *passed_on]
    done = subprocess.run(
        command, check=False
    )  # it prints one JSON object itself, with or without --json
    if done.returncode:
        raise InputError(f"benchmark {options.name} failed with status {done.returncode}")
    return Answer(None)


def find_benchmarks() -> dict[str, Path]:
    """Return the scripts by name.

    Raises
    ------
    InputError
        If Segmend runs from an installed package, which has no benchmarks.
    """
    import segmend.core

    folder = Path(segmend.core.__file__).resolve().parent.parent / "tests" / "benchmarks"
    if not folder.is_dir():
        raise InputError(
            "benchmarks come with the source checkout only: clone the repository, then run make bench"
        )
    return {path.stem.removeprefix("bench_"): path for path in folder.glob("bench_*.py")}
