"""A small synthetic volume with noisy affinities, and the command line called in this process."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy import ndimage

from segmend.app.cli.main import run
from segmend.core.algorithms.affinities import affinities_from_labels
from segmend.core.synthesis import SampleSpec, save_sample, synthesize

SHAPE = (32, 96, 96)


@dataclass(frozen=True)
class Result:
    status: int
    out: str
    err: str

    @property
    def values(self) -> dict[str, Any]:
        return json.loads(self.out.splitlines()[-1])


Command = Callable[..., Result]


@pytest.fixture
def segmend(capfd: pytest.CaptureFixture[str]) -> Command:
    """Call the command line; everything that any library writes to the two streams is caught."""

    def call(*arguments: object) -> Result:
        capfd.readouterr()
        try:
            status = run([str(argument) for argument in arguments])
        except SystemExit as stopped:  # argparse
            status = int(stopped.code or 0)
        return Result(status, *capfd.readouterr())

    return call


def noisy_affinities(labels: np.ndarray, seed: int) -> np.ndarray:
    """Affinities of the truth, blurred and disturbed by smooth noise, so that both kinds of error appear."""
    noise = np.random.default_rng(seed)
    sharp = affinities_from_labels(labels).astype(np.float32)
    out = np.empty(sharp.shape, np.uint8)
    for channel, values in zip(out, sharp, strict=True):
        blurred = ndimage.gaussian_filter(ndimage.minimum_filter(values, 3), 0.7)
        clouds = ndimage.gaussian_filter(noise.normal(size=values.shape), 3.0)
        channel[...] = np.clip(blurred + 0.25 * clouds / clouds.std(), 0, 1) * 255
    return out


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``sample.h5`` with raw, labels and affinities."""
    path = tmp_path_factory.mktemp("sample") / "sample.h5"
    made = synthesize(SampleSpec(shape_zyx=SHAPE, seed=3))
    save_sample(made, path)
    with h5py.File(path, "a") as file:
        file["affinities"] = noisy_affinities(made.labels, seed=3)
    return path


@pytest.fixture(scope="session")
def finished(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that all stages have run on; not to be changed."""
    project = tmp_path_factory.mktemp("finished") / "sample.segmend"
    image, affinities = f"{sample}:/raw", f"{sample}:/affinities"
    assert run(["new", str(project), "--image", image, "--affinities", affinities]) == 0
    assert run(["run", str(project), "--scheduler", "synchronous"]) == 0
    return project


@pytest.fixture
def project(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished project, to be changed at will."""
    return Path(shutil.copytree(finished, tmp_path / "sample.segmend"))
