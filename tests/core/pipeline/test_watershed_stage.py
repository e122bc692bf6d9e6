"""Supervoxels are the same on every grid of blocks, and however often a block is done."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from segmend.core.algorithms.affinities import affinities_from_labels
from segmend.core.algorithms.fragments import seeded_fragments
from segmend.core.algorithms.metrics import variation_of_information
from segmend.core.algorithms.mutex_watershed import mutex_watershed
from segmend.core.algorithms.watershed import watershed, without_dust
from segmend.core.geometry import Box, Grid
from segmend.core.pipeline.settings import WatershedSettings
from segmend.core.pipeline.stage import StageContext
from segmend.core.pipeline.stages.watershed import WatershedStage
from segmend.core.project import create_project
from segmend.core.volumes.memory import MemoryVolume
from segmend.core.volumes.zarr import open_pyramid, open_zarr

SHAPE = (21, 34, 40)
GRIDS = ((64, 64, 64), (8, 17, 40), (7, 12, 13))
FRAGMENTS = WatershedSettings(boundary_threshold=0.5, filter_size=3, farthest=4)
LINKED = WatershedSettings(method="watershed", low=0.3, high=0.95, size=30, link_affinity=0.4)
MUTEX = WatershedSettings(
    method="mutex_watershed",
    offsets=((-1, 0, 0), (0, -1, 0), (0, 0, -1), (-3, 0, 0), (0, -4, 0), (0, 0, -4)),
)


def cells(count=40):
    """Voronoi cells."""
    seeds = np.zeros(SHAPE, int)
    places = np.random.default_rng(2).integers(0, SHAPE, (count, 3))
    seeds[tuple(places.T)] = np.arange(1, count + 1)
    near = ndimage.distance_transform_edt(seeds == 0, return_distances=False, return_indices=True)
    return seeds[tuple(near)]


def noisy(offsets=MUTEX.offsets, noise=0.25):
    """Affinities of the cells, uint8."""
    exact = affinities_from_labels(cells(), offsets).astype(float)
    rng = np.random.default_rng(3)
    grain = [ndimage.gaussian_filter(rng.standard_normal(SHAPE), 1.0) * 4 for _ in exact]
    soft = ndimage.gaussian_filter(exact, (0, 0.7, 0.7, 0.7))
    return np.round(np.clip(soft + noise * np.array(grain), 0, 1) * 255).astype(np.uint8)


def project_of(tmp_path, affinities, *, mask=None, size=(10.0, 10.0, 10.0)):
    grid = Grid(size)
    given = {"mask": MemoryVolume(mask.astype(np.uint8), grid)} if mask is not None else {}
    return create_project(
        tmp_path / "p.segmend",
        image=MemoryVolume(affinities[0], grid),
        affinities=MemoryVolume(affinities, grid),
        **given,
    )


def started(project, settings, block, monkeypatch):
    """The stage on blocks of any shape, and where it is to work."""
    monkeypatch.setattr(
        "segmend.core.pipeline.stages.watershed.chunk_blocks",
        lambda shape, _: list(Box.of_shape(shape).blocks(block)),
    )
    folder = project.path.parent / f"{settings.method}-{block}"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "scratch").mkdir(parents=True)
    return WatershedStage(settings), StageContext(project, folder, folder / "scratch")


def supervoxels(project, settings, block, monkeypatch):
    """Run the stage and read what it made."""
    stage, context = started(project, settings, block, monkeypatch)
    stage.prepare(context)
    for number in range(stage.rounds):
        here = replace(context, round=number)
        for box in stage.blocks(project):
            stage.run_block(here, box)
        if number == 0:
            stage.join(here)
    summary = stage.finish(context)
    found = open_pyramid(context.supervoxels_path)[0]
    labels = found.read(Box.of_shape(found.shape_zyx))
    assert summary == {"supervoxels": labels.max(initial=0)}
    return labels


def a_mask():
    mask = np.ones(SHAPE, bool)
    mask[:, 10:14, :25] = False
    mask[4:9, :, 30:] = False
    return mask


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("settings", [FRAGMENTS, LINKED], ids=["fragments", "watershed"])
def test_supervoxels_do_not_depend_on_the_blocks(tmp_path, monkeypatch, settings, masked):
    affinities, mask = noisy(), a_mask() if masked else None
    if settings is FRAGMENTS:
        wanted = seeded_fragments(
            affinities, boundary_threshold=0.5, filter_size=3, farthest=4, mask=mask
        )
    else:
        wanted = watershed(
            affinities, low=0.3, high=0.95, size_threshold=30, link_affinity=0.4,
            dust_threshold=10, mask=mask,
        )  # fmt: skip
    assert wanted.max() > 10
    project = project_of(tmp_path, affinities, mask=mask)
    for block in GRIDS:
        found = supervoxels(project, settings, block, monkeypatch)
        assert np.array_equal(found, wanted), block


def test_sections_are_cut_alone_on_every_grid(tmp_path, monkeypatch):
    affinities = noisy()
    wanted = seeded_fragments(affinities, filter_size=3, farthest=4, per_section=True)
    project = project_of(tmp_path, affinities, size=(40.0, 10.0, 10.0))
    for block in GRIDS:
        assert np.array_equal(supervoxels(project, FRAGMENTS, block, monkeypatch), wanted)


def test_mutex_watershed_hardly_depends_on_the_blocks(tmp_path, monkeypatch):
    affinities = noisy(noise=0.15)
    strides = [(max(1, max(map(abs, o)) // 2),) * 3 for o in MUTEX.offsets]
    wanted = without_dust(mutex_watershed(affinities, MUTEX.offsets, strides=strides), 10)
    project = project_of(tmp_path, affinities)
    for block in GRIDS:
        found = supervoxels(project, MUTEX, block, monkeypatch)
        scores = variation_of_information(found, wanted)
        assert scores.split + scores.merge <= 0.1, block
    assert np.array_equal(supervoxels(project, MUTEX, SHAPE, monkeypatch), wanted)


@pytest.mark.parametrize("settings", [LINKED, MUTEX])
def test_objects_known_exactly_come_back_from_blocks(tmp_path, monkeypatch, settings):
    labels = cells(12)
    affinities = affinities_from_labels(labels, MUTEX.offsets).astype(np.uint8) * 255
    project = project_of(tmp_path, affinities)
    found = supervoxels(project, settings, (9, 13, 16), monkeypatch)
    pairs = np.unique(np.stack([found[found > 0], labels[found > 0]]), axis=1)
    assert pairs.shape[1] == len(np.unique(labels)) == found.max()
    assert (found > 0).mean() > 0.99


def test_done_twice_and_in_any_order_is_the_same(tmp_path, monkeypatch):
    affinities = noisy()
    project = project_of(tmp_path, affinities)
    wanted = supervoxels(project, LINKED, SHAPE, monkeypatch)
    stage, context = started(project, LINKED, (8, 17, 20), monkeypatch)
    boxes = stage.blocks(project)
    for number in range(2):
        here = replace(context, round=number)
        for box in [*reversed(boxes), *boxes[:3]]:
            stage.prepare(here)
            stage.run_block(here, box)
        stage.join(here)
    summaries = [dict(stage.finish(context)) for _ in range(2)]
    found = open_zarr(context.supervoxels_path)
    assert np.array_equal(found.read(Box.of_shape(found.shape_zyx)), wanted)
    assert summaries == [{"supervoxels": int(wanted.max())}] * 2
    source_ids = np.load(context.graph_dir / "source_ids.npy")
    assert source_ids.tolist() == list(range(int(wanted.max()) + 1))


def test_blocks_without_tissue_are_empty(tmp_path, monkeypatch):
    mask = np.zeros(SHAPE, bool)
    mask[:3, :5, :6] = True
    project = project_of(tmp_path, np.full((6, *SHAPE), 200, np.uint8), mask=mask)
    for settings in (FRAGMENTS, LINKED, MUTEX):
        found = supervoxels(project, settings, (8, 17, 20), monkeypatch)
        assert np.array_equal(found, mask)


@pytest.mark.parametrize("shape", [(1, 5, 7), (3, 1, 40), (2, 2, 2)])
@pytest.mark.parametrize("value", [0, 255])
def test_thin_and_constant_volumes(tmp_path, monkeypatch, shape, value):
    project = project_of(tmp_path, np.full((6, *shape), value, np.uint8))
    for block in ((16, 128, 128), (1, 3, 4)):
        assert (supervoxels(project, FRAGMENTS, block, monkeypatch) == 1).all()
        linked = supervoxels(project, LINKED, block, monkeypatch)
        kept = value > 0 and linked.size >= LINKED.dust
        assert (linked == kept).all()


def test_any_volume_size_is_fine(tmp_path):
    stage = WatershedStage(WatershedSettings(block_zyx=(16, 128, 128)))
    project = project_of(tmp_path, np.zeros((3, 40, 130, 20), np.uint8))
    stage.check(project)
    blocks = stage.blocks(project)
    assert len(blocks) == 6
    assert sum(box.size for box in blocks) == 40 * 130 * 20
    assert stage.rounds == 2
