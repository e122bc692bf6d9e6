"""The graph stage in blocks: equal to the graph of the whole, resumable, with histograms where they are asked for."""

from __future__ import annotations

import numpy as np
import pytest

from segmend.core.algorithms.region_graph import region_graph, supervoxel_table
from segmend.core.errors import StageError
from segmend.core.geometry import Box, Grid
from segmend.core.pipeline.runner import run_pipeline
from segmend.core.pipeline.settings import GraphSettings, PipelineSettings
from segmend.core.pipeline.stages.graph import GraphStage
from segmend.core.project import create_project, open_project
from segmend.core.segmentation.graph_files import load_array
from segmend.core.volumes.memory import MemoryVolume

SHAPE = (13, 20, 26)
GRID = Grid((10.0, 10.0, 10.0))


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr("segmend.core.volumes.zarr.CHUNK_ZYX", (7, 10, 13))


@pytest.fixture
def labels() -> np.ndarray:
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 40, (5, 7, 9)).astype(np.uint32)
    fine = np.kron(coarse, np.ones((3, 3, 3), np.uint32))
    return fine[tuple(slice(n) for n in SHAPE)]


@pytest.fixture
def affinities() -> np.ndarray:
    return np.random.default_rng(4).integers(0, 256, (3, *SHAPE)).astype(np.uint8)


def run(project, **settings):
    chosen = PipelineSettings(graph=GraphSettings(**settings))
    report = run_pipeline(
        open_project(project.path), ["graph"], chosen, scheduler="synchronous", new_generation=False
    )
    return open_project(project.path), report


def made(project, name):
    """Read from the generation that the run built; it is not current until there are segments."""
    return load_array(project.generation_path(2) / "graph" / f"{name}.npy")


def arrays(project, form):
    return form(*(made(project, name) for name in form._fields))


def assert_equal_to_the_whole(project, affinities):
    labels = project.supervoxel_pyramid[0].read(Box.of_shape(SHAPE))
    for wanted in (region_graph(labels, affinities), supervoxel_table(labels)):
        found = arrays(project, type(wanted))
        for name in wanted._fields:
            assert np.array_equal(getattr(found, name), getattr(wanted, name)), name


@pytest.mark.parametrize("block", [(7, 10, 13), (99, 10, 99), (192, 192, 192)])
@pytest.mark.parametrize("masked", [False, True])
def test_any_blocks_give_the_graph_of_the_whole(
    block, masked, labels, affinities, small_chunks, tmp_path
):
    mask = None
    if masked:
        mask = MemoryVolume(np.random.default_rng(5).random(SHAPE) < 0.7, GRID)
    project = create_project(
        tmp_path / "p.segmend",
        supervoxels=MemoryVolume(labels, GRID),
        affinities=MemoryVolume(affinities, GRID),
        mask=mask,
    )
    project, _ = run(project, block_zyx=block)
    assert_equal_to_the_whole(project, affinities)
    assert made(project, "histogram").shape[1] == 0
    assert len(GraphStage(GraphSettings(block_zyx=block)).blocks(project)) > (block[0] < 99)


def test_without_affinities(labels, small_chunks, tmp_path):
    project = create_project(tmp_path / "p.segmend", supervoxels=MemoryVolume(labels, GRID))
    project, _ = run(project, block_zyx=(7, 10, 13))
    assert_equal_to_the_whole(project, None)


def test_histograms_are_written_where_they_are_asked_for(
    labels, affinities, small_chunks, tmp_path
):
    project = create_project(
        tmp_path / "p.segmend",
        supervoxels=MemoryVolume(labels, GRID),
        affinities=MemoryVolume(affinities, GRID),
    )
    project, _ = run(project, block_zyx=(7, 10, 13))
    project, report = run(project, block_zyx=(7, 10, 13), histogram_bins=16)
    assert not report.stages[0].skipped
    histogram = made(project, "histogram")
    assert (histogram.dtype, histogram.shape[1]) == (np.uint32, 16)
    assert np.array_equal(histogram.sum(axis=1), made(project, "area"))
    middle = (histogram * (np.arange(16) + 0.5)).sum(axis=1) / histogram.sum(axis=1) / 16
    assert np.abs(middle - made(project, "affinity")).max() < 1 / 32


def test_an_interrupted_run_goes_on(labels, affinities, small_chunks, tmp_path, monkeypatch):
    project = create_project(
        tmp_path / "p.segmend",
        supervoxels=MemoryVolume(labels, GRID),
        affinities=MemoryVolume(affinities, GRID),
    )
    original, done = GraphStage.run_block, []

    def stumbling(self, context, box):
        if len(done) == 11:
            raise ValueError("stumbled")
        original(self, context, box)
        done.append((context.round, box))

    with monkeypatch.context() as patch:
        patch.setattr(GraphStage, "run_block", stumbling)
        with pytest.raises(StageError, match="stumbled"):
            run(project, block_zyx=(7, 10, 13))
    blocks = len(GraphStage(GraphSettings(block_zyx=(7, 10, 13))).blocks(project))
    assert blocks < 11 < 2 * blocks
    again = []

    def counting(self, context, box):
        original(self, context, box)
        again.append((context.round, box))

    monkeypatch.setattr(GraphStage, "run_block", counting)
    project, _ = run(project, block_zyx=(7, 10, 13))
    assert len(done) + len(again) == 2 * blocks
    assert not set(done) & set(again)
    assert_equal_to_the_whole(project, affinities)


def test_ids_that_leave_gaps_larger_than_the_volume_are_refused(labels, small_chunks, tmp_path):
    project = create_project(tmp_path / "p.segmend", supervoxels=MemoryVolume(labels, GRID))
    from segmend.core.volumes.zarr import open_zarr

    path = project.generation_dir / "supervoxels.zarr"
    spoilt = labels.copy()
    spoilt[5, 5, 5] = 4_000_000_000
    open_zarr(path, writable=True).write(Box.of_shape(SHAPE), spoilt)
    with pytest.raises(StageError, match="names supervoxel 4000000000 but has"):
        run(project, block_zyx=(7, 10, 13))
