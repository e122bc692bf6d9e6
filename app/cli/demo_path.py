"""The whole path on the synthetic sample: volumes, project, pipeline, review, export, figures, pictures."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segmend.app.cli.answer import say, to_json
from segmend.core.errors import InputError

PICTURE_SECONDS = 180
SAMPLE, LABELS, PROJECT = "sample.h5", "sample.h5:/labels", "sample.segmend"


@dataclass
class Stopwatch:
    """Seconds per step, said aloud as they pass."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time one step."""
        say(f"demo: {name}")
        started = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - started, 2)


def prepare_demo(out: Path) -> Path:
    """Make the sample, the project and its queue in a folder; one that is there already is kept.

    Returns
    -------
    Path
        The project, ready for the window.
    """
    project = out / PROJECT
    if not _has_queue(project):
        watch = Stopwatch()
        _start_afresh(out)
        _make_project(out, watch)
        _run_pipeline(project, watch)
    else:
        say(f"demo: going on with {project}; remove the folder to start again")
    return project


def headless_demo(out: Path) -> dict[str, Any]:
    """Take the sample through everything and write ``report.json``.

    Returns
    -------
    dict
        What the report holds.
    """
    watch = Stopwatch()
    started = time.perf_counter()
    _start_afresh(out)
    sample = _make_project(out, watch)
    run = _run_pipeline(out / PROJECT, watch)
    with watch.step("picture of the queue"):
        pictures = _pictures(out / PROJECT, {out / "window-queue.png": ("--queue",)})
    with watch.step("review"):
        review = _review(out)
    with watch.step("export"):
        _call("export", str(out / PROJECT), str(out / "segmentation.h5"))
    with watch.step("evaluate"):
        scores = _call("evaluate", str(out / "segmentation.h5"), str(out / LABELS))
    with watch.step("picture after review"):
        pictures += _pictures(out / PROJECT, {out / "window-after.png": ()})
    with watch.step("check"):
        check = _call("check", str(out / PROJECT))
    report = {
        "sample": sample,
        **{name: run[name] for name in ("supervoxels", "segments", "candidates", "stages")},
        **review_figures(review),
        "evaluate": scores,
        "clean": check["clean"],
        "pictures": pictures,
        "seconds": {**watch.seconds, "total": round(time.perf_counter() - started, 2)},
    }
    (out / "report.json").write_text(to_json(report) + "\n", encoding="utf-8")
    return report


def review_figures(review: dict[str, Any]) -> dict[str, Any]:
    """Return what a complete review says about the queue.

    Parameters
    ----------
    review : dict
        Of a review without a budget, so that what was accepted is what could be corrected.

    Returns
    -------
    dict
        ``N`` candidates could be corrected; ``gap_closed_at_N`` and ``gap_closed_at_2N`` are the shares of
        ``vi_before - vi_reachable`` closed after as many decisions.
    """
    count, before = review["accepted"], review["vi_before"]["sum"]
    gap = before - review["vi_reachable"]
    return {
        "N": count,
        "vi_before": before,
        "vi_after": review["vi_after"]["sum"],
        "vi_best": review["vi_best"],
        "vi_reachable": review["vi_reachable"],
        "gap_closed_at_N": _share(before - value_at(review["curve"], count), gap),
        "gap_closed_at_2N": _share(before - value_at(review["curve"], 2 * count), gap),
        "decisions": review["decisions"],
        "curve": review["curve"],
    }


def value_at(curve: Sequence[Sequence[float]], decisions: int) -> float:
    """Return the VI after a number of decisions; the curve has a point wherever it changed."""
    return [value for count, value in curve if count <= decisions][-1]


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def _start_afresh(out: Path) -> None:
    """Remove what an earlier demo made here, and nothing else."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(out / PROJECT, ignore_errors=True)
        for name in (
            SAMPLE,
            "segmentation.h5",
            "report.json",
            "window-queue.png",
            "window-after.png",
        ):
            (out / name).unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot write to {out} ({error.strerror}): choose a folder with --out"
        ) from None


def _has_queue(project: Path) -> bool:
    from segmend.core.errors import SegmendError
    from segmend.core.project import open_project

    try:
        return open_project(project).candidates_path.is_file()
    except SegmendError:
        return False


def _make_project(out: Path, watch: Stopwatch) -> dict[str, Any]:
    with watch.step("sample"):
        described = _write_sample(out / SAMPLE)
    with watch.step("new"):
        _call("new", str(out / PROJECT), "--image", str(out / f"{SAMPLE}:/raw"))
    return described


def _write_sample(path: Path) -> dict[str, Any]:
    from segmend.core.synthesis import DEMO_SPEC, save_sample, synthesize

    save_sample(synthesize(DEMO_SPEC), path)
    return {
        "shape_zyx": DEMO_SPEC.shape_zyx,
        "voxel_size_nm_zyx": DEMO_SPEC.voxel_size_nm_zyx,
        "seed": DEMO_SPEC.seed,
    }


def _run_pipeline(project: Path, watch: Stopwatch) -> dict[str, Any]:
    with watch.step("run"):
        return _call("run", str(project))


def _review(out: Path) -> dict[str, Any]:
    return _call("review", str(out / PROJECT), "--oracle", str(out / LABELS))


def _call(command: str, *arguments: str) -> dict[str, Any]:
    """Do what the command line would do: the demo shows the commands that users have, and no other way."""
    from importlib import import_module

    from segmend.app.cli.main import build_parser

    options = build_parser().parse_args([command, *arguments])
    values: dict[str, Any] = import_module(f"segmend.app.cli.{command}").execute(options).values
    return values


def _pictures(project: Path, wanted: dict[Path, tuple[str, ...]]) -> list[str]:
    from segmend.app.cli.open import has_screen
    from segmend.app.cli.virtual_screen import virtual_screen

    taken = []
    with virtual_screen() as screen:
        if screen is None and not has_screen():
            say("demo: no pictures of the window: Xvfb is not installed (apt-get install xvfb)")
            return []
        for path, options in wanted.items():
            if _take_picture(project, path, options, screen):
                taken.append(str(path))
    return taken


def _take_picture(
    project: Path, path: Path, options: Sequence[str], screen: dict[str, str] | None
) -> bool:
    command = [sys.executable, "-m", "segmend.app", "picture", str(project), str(path), *options]
    try:
        done = subprocess.run(
            command,
            env=screen,
            capture_output=True,
            text=True,
            timeout=PICTURE_SECONDS,
            check=False,
        )
        problem = (done.stderr.strip().splitlines() or [""])[-1]
    except subprocess.TimeoutExpired:
        problem = f"it took longer than {PICTURE_SECONDS} s"
    if not path.is_file():
        say(f"demo: no picture of the window: {problem}")
    return path.is_file()
