"""Each stage writes exactly what its pure function returns for the settings it was given."""

from __future__ import annotations

import numpy as np
import pytest

from segmend.core.algorithms.affinities import NEAREST_OFFSETS, affinities_from_labels
from segmend.core.algorithms.agglomeration import agglomerate, cut_tree
from segmend.core.algorithms.fragments import seeded_fragments
from segmend.core.algorithms.mutex_watershed import mutex_watershed
from segmend.core.algorithms.region_graph import region_graph, supervoxel_table
from segmend.core.algorithms.watershed import watershed, without_dust
from segmend.core.errors import StageError
from segmend.core.geometry import Box, Grid
from segmend.core.pipeline.runner import run_pipeline
from segmend.core.pipeline.settings import (
    AgglomerationSettings,
    CandidatesSettings,
    PipelineSettings,
    WatershedSettings,
)
from segmend.core.project import Project, create_project, open_project
from segmend.core.segmentation.graph_files import load_graph
from segmend.core.volumes.memory import MemoryVolume

CHAIN = ("watershed", "graph", "agglomeration", "candidates")


def run(project: Project, settings: PipelineSettings, stages=CHAIN):
    run_pipeline(project, stages, settings, scheduler="synchronous")
    return open_project(project.path)


def supervoxels(project: Project) -> np.ndarray:
    return project.supervoxel_pyramid[0].read(Box.of_shape(project.shape_zyx))


def affinities(project: Project) -> np.ndarray:
    return project.affinities.read(Box.of_shape(project.shape_zyx))


def test_fragments_with_their_settings(make_project):
    chosen = WatershedSettings(boundary_threshold=0.3, filter_size=5)
    project = run(make_project(), PipelineSettings(watershed=chosen))
    wanted = seeded_fragments(affinities(project), boundary_threshold=0.3, filter_size=5)
    assert np.array_equal(supervoxels(project), wanted)


def test_watershed_with_its_settings(make_project):
    chosen = WatershedSettings(
        method="watershed", low=0.05, high=0.88, size=9, link_affinity=0.2, dust=3
    )
    project = run(make_project(), PipelineSettings(watershed=chosen))
    wanted = watershed(
        affinities(project),
        low=0.05,
        high=0.88,
        size_threshold=9,
        link_affinity=0.2,
        dust_threshold=3,
    )
    assert np.array_equal(supervoxels(project), wanted)


@pytest.mark.parametrize(
    ("z", "choice", "per_section"),
    [(10.0, "auto", False), (30.0, "auto", True), (30.0, "no", False)],
)
def test_coarse_sections_are_cut_one_by_one(tmp_path, z, choice, per_section):
    array = np.random.default_rng(0).integers(0, 255, (3, 6, 20, 20), dtype=np.uint8)
    grid = Grid((z, 10.0, 10.0))
    project = create_project(
        tmp_path / "p.segmend",
        image=MemoryVolume(array[0], grid),
        affinities=MemoryVolume(array, grid),
    )
    chosen = WatershedSettings(per_section=choice, boundary_threshold=0.4, filter_size=5)
    found = supervoxels(run(project, PipelineSettings(watershed=chosen)))
    wanted = seeded_fragments(array, boundary_threshold=0.4, filter_size=5, per_section=per_section)
    assert np.array_equal(found, wanted)


def test_graph_and_tree(make_project):
    settings = PipelineSettings(agglomeration=AgglomerationSettings(threshold=0.03))
    project = run(make_project(), settings)
    graph = load_graph(project.graph_dir)
    labels = supervoxels(project)
    wanted, table = region_graph(labels, affinities(project)), supervoxel_table(labels)
    for name in wanted._fields:
        assert np.array_equal(getattr(graph, name), getattr(wanted, name)), name
    for name in table._fields:
        assert np.array_equal(getattr(graph, name), getattr(table, name)), name
    n = graph.supervoxel_count
    tree = agglomerate(graph.edges, graph.affinity, graph.area, n)
    assert np.array_equal(graph.merge_edges, tree.edges)
    assert np.array_equal(graph.merge_scores, tree.scores)
    assert np.array_equal(graph.segment_of, cut_tree(tree, n, 0.03))
    assert np.array_equal(graph.export_ids, np.arange(graph.segment_count + 1))


def test_only_the_nearest_of_many_channels_count(make_project, near):
    many = np.concatenate([near, np.zeros_like(near)])
    one, other = (
        run(make_project(name, affinities=array), PipelineSettings())
        for name, array in (("near", near), ("many", many))
    )
    assert np.array_equal(supervoxels(one), supervoxels(other))


def test_detection_has_the_settings_that_the_stage_has():
    from segmend.core.candidates.detection import DetectionSettings

    ours = CandidatesSettings().model_dump(exclude={"stage"})
    assert DetectionSettings(**ours) == DetectionSettings()


def test_nothing_to_agglomerate_by_is_said(make_project, blocks, tmp_path):
    project = create_project(
        tmp_path / "p.segmend", supervoxels=MemoryVolume(blocks, Grid((10.0, 10.0, 10.0)))
    )
    with pytest.raises(StageError, match="no affinities to agglomerate by; run the affinities"):
        run(project, PipelineSettings(), ["agglomeration"])


def test_candidates_of_another_edge_model_are_made_again(make_project, monkeypatch):
    project = run(make_project(), PipelineSettings())
    again = run_pipeline(project, ["candidates"], scheduler="synchronous")
    assert [stage.skipped for stage in again.stages] == [True]
    monkeypatch.setattr("segmend.core.candidates.edge_model.shipped_identity", lambda: "another")
    other = run_pipeline(project, ["candidates"], scheduler="synchronous")
    assert [stage.skipped for stage in other.stages] == [False]


def test_mutex_watershed_with_its_settings(make_project, near):
    chosen = WatershedSettings(method="mutex_watershed", bias=(0.6,), dust=20)
    project = run(make_project(), PipelineSettings(watershed=chosen))
    wanted = without_dust(mutex_watershed(near, NEAREST_OFFSETS, bias=0.6), 20)
    assert np.array_equal(supervoxels(project), wanted)
    assert wanted.max() >= 4


def test_mutex_watershed_reads_long_range_channels(make_project, blocks):
    offsets = ((-1, 0, 0), (0, -1, 0), (0, 0, -1), (0, -4, 0))
    exact = affinities_from_labels(blocks, offsets).astype(np.uint8) * 255
    chosen = WatershedSettings(
        method="mutex_watershed", offsets=offsets, bias=(0.5, 0.5, 0.5, 0.7), strides=(1, 1, 1, 3)
    )
    project = run(make_project(affinities=exact), PipelineSettings(watershed=chosen))
    assert np.array_equal(supervoxels(project), blocks)


@pytest.mark.parametrize(
    "wrong", [{"bias": (0.5, 0.5)}, {"strides": (1, 1)}, {"offsets": ((0, 0, 1),) * 4}]
)
def test_mutex_watershed_that_does_not_fit_the_channels_is_refused(make_project, wrong):
    chosen = WatershedSettings(method="mutex_watershed", **wrong)
    with pytest.raises(StageError, match="mutex watershed"):
        run(make_project(), PipelineSettings(watershed=chosen))


def test_another_bias_is_another_result(make_project):
    project = make_project()
    for bias in (0.5, 0.6):
        chosen = WatershedSettings(method="mutex_watershed", bias=(bias,))
        report = run_pipeline(
            project, ("watershed",), PipelineSettings(watershed=chosen), scheduler="synchronous"
        )
        assert [stage.skipped for stage in report.stages] == [False]
