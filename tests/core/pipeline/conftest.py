"""Small projects for the pipeline tests; ``fake_stages`` must be importable in worker processes too."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from segmend.core.geometry import Grid
from segmend.core.project import Project, create_project
from segmend.core.volumes.memory import MemoryVolume

GRID = Grid((10.0, 10.0, 10.0))


def tubes(shape: tuple[int, int, int] = (24, 32, 40)) -> np.ndarray:
    """Four blocks of 2 x 2 in y and x, separate labels 1..4."""
    labels = np.ones(shape, np.uint32)
    labels[:, shape[1] // 2 :] += 2
    labels[:, :, shape[2] // 2 :] += 1
    return labels


def affinities_of(labels: np.ndarray) -> np.ndarray:
    """High inside objects, low within a voxel of their borders, with a little noise."""
    out = np.full((3, *labels.shape), 230, np.uint8)
    for axis in range(3):
        cut = np.zeros(labels.shape, bool)
        after = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
        before = tuple(slice(None, -1) if a == axis else slice(None) for a in range(3))
        differs = labels[after] != labels[before]
        cut[after] |= differs
        cut[before] |= differs
        out[:, cut] = 20
    noise = np.random.default_rng(0).integers(-10, 10, out.shape)
    return (out + noise).astype(np.uint8)


@pytest.fixture
def image_project(tmp_path: Path) -> Project:
    """A project with an image alone, 16 x 16 x 16."""
    image = np.random.default_rng(1).integers(0, 255, (16, 16, 16), dtype=np.uint8)
    return create_project(tmp_path / "image.segmend", image=MemoryVolume(image, GRID))


@pytest.fixture
def make_project(tmp_path: Path) -> Callable[..., Project]:
    """Return a function that makes a project with affinities of four blocks and what else it is given."""

    def make(name: str = "blocks", **sources: np.ndarray) -> Project:
        labels = tubes()
        given = {"affinities": affinities_of(labels), **sources}
        if not {"image", "supervoxels", "segmentation"} & set(given):
            given["image"] = (labels * 40).astype(np.uint8)
        volumes = {role: MemoryVolume(array, GRID) for role, array in given.items()}
        return create_project(tmp_path / f"{name}.segmend", **volumes)

    return make


@pytest.fixture
def blocks() -> np.ndarray:
    """The objects under the affinities that `make_project` gives by default, 1..4."""
    return tubes()


@pytest.fixture
def near(blocks: np.ndarray) -> np.ndarray:
    """The affinities that `make_project` gives by default, (3, z, y, x) uint8."""
    return affinities_of(blocks)
