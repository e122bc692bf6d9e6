"""The mask of a project: placed by physical coordinates, read by boxes, part of what decides a result."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import h5py
import numpy as np
import pytest
from data import GRID, grey, tiles, whole
from hypothesis import given, settings
from hypothesis import strategies as st

from segmend.core.errors import InputError, ProjectError, StageError
from segmend.core.geometry import Box, Grid
from segmend.core.pipeline.inputs import nearest_affinities, tissue
from segmend.core.pipeline.plan import Plan
from segmend.core.pipeline.settings import StageSettings
from segmend.core.pipeline.stage import BaseStage
from segmend.core.project import create_project, open_project
from segmend.core.projects.tissue_mask import sampled
from segmend.core.volumes.memory import MemoryVolume
from segmend.core.volumes.writing import open_writer

SHAPE = (4, 8, 12)
WHOLE = Box.of_shape(SHAPE)


def holes(shape=SHAPE, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape) < 0.6


def coarse(mask, factor=2) -> MemoryVolume:
    size = tuple(s * factor for s in GRID.voxel_size_nm_zyx)
    return MemoryVolume(mask, Grid(size, GRID.to_nm(((factor - 1) / 2,) * 3)))


def make(folder: Path, mask, **sources):
    sources = sources or {"image": MemoryVolume(grey(SHAPE), GRID)}
    return create_project(folder / "p.segmend", mask=mask, **sources)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.uint16])
def test_voxel_on_voxel(dtype, tmp_path):
    mask = holes().astype(dtype) * dtype(1)
    project = make(tmp_path, MemoryVolume(mask, GRID))
    assert np.array_equal(tissue(project, WHOLE), mask != 0)
    box = Box((1, 2, 3), (3, 8, 4))
    assert np.array_equal(tissue(open_project(project.path), box), mask[box.slices] != 0)
    assert project.config.mask == "mask.zarr"


def test_without_a_mask_there_is_none(tmp_path):
    project = create_project(tmp_path / "p.segmend", image=MemoryVolume(grey(SHAPE), GRID))
    assert (project.mask, tissue(project, WHOLE)) == (None, None)


@pytest.mark.parametrize("box", [None, Box((1, 3, 2), (4, 8, 9))])
def test_coarser_voxels_stand_for_those_they_cover(box, tmp_path):
    mask = holes((2, 4, 6))
    project = make(tmp_path, coarse(mask), image=MemoryVolume(grey(SHAPE), GRID), box=box)
    fine = np.kron(mask, np.ones((2, 2, 2), bool))
    expected = fine if box is None else fine[box.slices]
    assert np.array_equal(tissue(project, Box.of_shape(project.shape_zyx)), expected)


def test_a_file_without_a_place_begins_where_the_volume_begins(tmp_path):
    mask = holes((2, 4, 6)).astype(np.uint8)
    size = tuple(2 * s for s in GRID.voxel_size_nm_zyx)
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["tissue"] = mask
        file["tissue"].attrs["resolution_nm_zyx"] = size
    project = make(tmp_path, f"{tmp_path / 'm.h5'}:/tissue")
    assert np.array_equal(tissue(project, WHOLE), np.kron(mask, np.ones((2, 2, 2))) != 0)


def test_a_file_without_a_voxel_size_lies_on_the_voxels(tmp_path):
    np.save(tmp_path / "m.npy", holes())
    assert np.array_equal(tissue(make(tmp_path, tmp_path / "m.npy"), WHOLE), holes())


@settings(max_examples=100, deadline=None)
@given(
    st.tuples(*[st.integers(1, 9)] * 3),
    st.tuples(*[st.floats(0.4, 5.0)] * 3),
    st.tuples(*[st.floats(-3.0, 3.0)] * 3),
    st.data(),
)
def test_any_box_reads_what_the_whole_reads(shape, ratio, shift, data):
    """The nearest mask voxel is that of the smallest distance, and the same whatever box is asked for."""
    grid = Grid((3.0, 1.0, 2.0), (5.0, 0.0, -7.0))
    own = tuple(max(1, round(n / r)) for n, r in zip(shape, ratio, strict=True))
    size = tuple(s * r for s, r in zip(grid.voxel_size_nm_zyx, ratio, strict=True))
    place = tuple(o + s for o, s in zip(grid.offset_nm_zyx, shift, strict=True))
    mask = MemoryVolume(holes(own), Grid(size, place))
    all_of_it = sampled(mask, grid, Box.of_shape(shape))
    start = tuple(data.draw(st.integers(0, n - 1)) for n in shape)
    stop = tuple(data.draw(st.integers(a + 1, n)) for a, n in zip(start, shape, strict=True))
    box = Box(start, stop)
    assert np.array_equal(sampled(mask, grid, box), all_of_it[box.slices])
    picks = []
    for axis in range(3):
        fine = place_of(grid, shape, axis)
        far = np.abs(place_of(mask.grid, own, axis)[None] - fine[:, None])
        near = far.min(axis=1)
        picks.append(far <= near[:, None] + 1e-5)
    possible = np.einsum("az,by,cx,zyx->abc", *picks, holes(own).astype(int)) > 0
    assert (possible | ~all_of_it).all()


def place_of(grid, shape, axis):
    return grid.offset_nm_zyx[axis] + np.arange(shape[axis]) * grid.voxel_size_nm_zyx[axis]


@pytest.mark.parametrize("role", ["supervoxels", "segmentation"])
def test_imported_labels_become_background_outside(role, tmp_path):
    project = make(tmp_path, MemoryVolume(holes(), GRID), **{role: MemoryVolume(tiles(), GRID)})
    found = whole(project.supervoxel_pyramid[0])
    assert np.array_equal(found != 0, holes() & (tiles() != 0))


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (MemoryVolume(holes((4, 8, 9)), GRID), "expected the same extent"),
        (coarse(holes((2, 4, 9))), "along x"),
        (MemoryVolume(holes(), Grid(GRID.voxel_size_nm_zyx, (900.0, 0, 0))), "along z"),
        (MemoryVolume(np.zeros(SHAPE, np.uint8), GRID), "0 everywhere"),
        (MemoryVolume(holes().astype(np.float32), GRID), "expected z y x integers or booleans"),
        (MemoryVolume(np.zeros((3, *SHAPE), np.uint8), GRID), "4 dimensions"),
    ],
)
def test_masks_that_do_not_fit_are_refused(mask, words, tmp_path):
    with pytest.raises(InputError, match=words):
        make(tmp_path, mask)
    assert not list(tmp_path.iterdir())


def test_a_voxel_size_that_was_given_holds_for_a_mask_of_as_many_voxels(tmp_path):
    mask = MemoryVolume(holes(), Grid((1.0, 1.0, 1.0)))
    project = make(
        tmp_path, mask, image=MemoryVolume(grey(SHAPE), GRID), voxel_size_nm_zyx=(7.0, 7.0, 7.0)
    )
    assert np.array_equal(tissue(project, WHOLE), holes())


@pytest.mark.parametrize("box", [None, Box((1, 2, 3), (3, 8, 9))])
def test_it_may_stay_outside(box, tmp_path):
    np.save(tmp_path / "m.npy", holes())
    project = create_project(tmp_path / "p.segmend", image=MemoryVolume(grey(SHAPE), GRID), box=box)
    outside = None if box is None else (*box.start_zyx, *box.stop_zyx)
    project = project.with_config(mask=str(tmp_path / "m.npy"), outside_box_zyx=outside)
    expected = holes() if box is None else holes()[box.slices]
    assert np.array_equal(tissue(project, Box.of_shape(project.shape_zyx)), expected)


@pytest.mark.parametrize("where", ["/none/m.npy", "gone.zarr"])
def test_one_that_is_gone_is_told(where, tmp_path):
    project = make(tmp_path, None).with_config(mask=where)
    with pytest.raises(ProjectError, match=r"the mask of p\.segmend cannot be used"):
        _ = project.mask


@dataclass(frozen=True)
class Reading(BaseStage):
    """A stage that reads the mask."""

    settings: StageSettings
    name: ClassVar[str] = "reading"
    inputs: ClassVar[tuple[str, ...]] = ("image",)
    optional: ClassVar[tuple[str, ...]] = ("mask",)
    outputs: ClassVar = {"anything": ("anything.npy",)}


class Unmasked(Reading):
    optional: ClassVar[tuple[str, ...]] = ()


def test_its_content_decides_the_key_of_a_stage_that_reads_it(tmp_path):
    keys = []
    for name, seed in (("none", None), ("one", 0), ("again", 0), ("other", 1)):
        (tmp_path / name).mkdir()
        mask = None if seed is None else MemoryVolume(holes(seed=seed), GRID)
        project = make(tmp_path / name, mask)
        stages = [Reading(StageSettings()), Unmasked(StageSettings())]
        keys.append([Plan(project, [stage]).key(stage) for stage in stages])
    (none, bare), (one, _), (again, _), (other, unread) = keys
    assert none == bare == unread  # without a mask, keys are as if there had never been masks
    assert len({none, one, other}) == 3
    assert one == again


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -0.1, 1.5])
def test_floats_that_are_no_affinities_are_refused_where_they_are_read(wrong, tmp_path):
    values = np.full((4, *SHAPE), 0.5, np.float32)
    values[1, 2, 3, 4] = wrong
    np.save(tmp_path / "a.npy", values)
    project = make(tmp_path, None).with_config(affinities=str(tmp_path / "a.npy"))
    assert nearest_affinities(project, Box((0, 0, 0), (2, 8, 12))).shape == (3, 2, 8, 12)
    with pytest.raises(StageError, match=r"in 2:4,0:8,0:12: expected finite numbers 0\.\.1"):
        nearest_affinities(project, Box((2, 0, 0), (4, 8, 12)))


@pytest.mark.parametrize("start", [(0, 0, 0), (4, 0, 8)])
@pytest.mark.parametrize("factor", [1, 2, 4])
def test_a_precomputed_mask_lies_corner_on_corner(tmp_path, start, factor):
    """Written from a grid that counts centres, read back, and laid over finer voxels."""
    fine = Grid(GRID.voxel_size_nm_zyx).cropped(Box(start, (99, 99, 99)))
    mask = np.random.default_rng(1).random((2, 2, 3)) < 0.5
    size = tuple(s * factor for s in fine.voxel_size_nm_zyx)
    coarse_grid = Grid(size, fine.to_nm(((factor - 1) / 2,) * 3))
    place = f"precomputed://{tmp_path / 'm'}"
    with open_writer(place, mask.shape, np.uint8, coarse_grid) as writer:
        writer.write(Box.of_shape(mask.shape), mask.astype(np.uint8))
    expected = np.kron(mask, np.ones((factor,) * 3)) != 0
    image = MemoryVolume(grey(expected.shape), fine)
    project = make(tmp_path, place, image=image)
    assert project.mask.grid == coarse_grid
    assert np.array_equal(tissue(project, Box.of_shape(expected.shape)), expected)


def test_tissue_of_a_coarse_precomputed_mask_ends_at_its_voxels_border(tmp_path):
    fine = Grid((8.0, 8.0, 8.0))
    mask = np.zeros((8, 1, 1), np.uint8)
    mask[:4] = 1
    with open_writer(
        f"precomputed://{tmp_path / 'm'}", mask.shape, np.uint8, Grid((64.0,) * 3)
    ) as out:
        out.write(Box.of_shape(mask.shape), mask)
    image = MemoryVolume(grey((64, 8, 8)), fine)
    project = make(tmp_path, f"precomputed://{tmp_path / 'm'}", image=image)
    assert np.flatnonzero(tissue(project, Box.of_shape((64, 8, 8)))[:, 0, 0]).tolist() == list(
        range(32)
    )


def test_every_voxel_of_a_large_mask_outside_decides_the_key(tmp_path, monkeypatch):
    monkeypatch.setattr("segmend.core.pipeline.artifacts._EXACT_LIMIT_BYTES", 1000)
    mask = np.zeros((4, 8, 150), np.uint8)
    project = make(tmp_path, None, image=MemoryVolume(grey(mask.shape), GRID))
    keys = []
    for value in (0, 1):
        mask[2, 4, 35] = value  # in none of the samples that stand for a large volume
        np.save(tmp_path / f"{value}.npy", mask)
        masked = project.with_config(mask=str(tmp_path / f"{value}.npy"))
        stage = Reading(StageSettings())
        keys.append(Plan(masked, [stage]).key(stage))
    assert keys[0] != keys[1]
