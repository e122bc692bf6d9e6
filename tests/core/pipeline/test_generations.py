"""What a run makes current, what it keeps, and when it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from fake_stages import NegativeSettings, NegativeStage

from segmend.core.errors import ProjectError, StageError
from segmend.core.geometry import Box
from segmend.core.pipeline.runner import default_stages, run_pipeline
from segmend.core.pipeline.settings import (
    AgglomerationSettings,
    PipelineSettings,
    StageSettings,
    WatershedSettings,
)
from segmend.core.pipeline.stage import BaseStage
from segmend.core.pipeline.stages.agglomeration import AgglomerationStage
from segmend.core.project import Project, open_project
from segmend.core.segmentation.graph_files import load_graph

CHAIN = ("watershed", "graph", "agglomeration", "candidates")
SETTINGS = PipelineSettings()
FINER = PipelineSettings(watershed=WatershedSettings(method="watershed", size=4, dust=0))
LOOSER = SETTINGS.model_copy(update={"agglomeration": AgglomerationSettings(threshold=0.02)})


def run(project: Project, stages=CHAIN, settings=SETTINGS, **options):
    return run_pipeline(
        open_project(project.path), stages, settings, scheduler="synchronous", **options
    )


def skipped(report) -> dict[str, bool]:
    return {stage.name: stage.skipped for stage in report.stages}


def labels_of(project: Project) -> np.ndarray:
    now = open_project(project.path)
    voxels = now.supervoxel_pyramid[0].read(Box.of_shape(now.shape_zyx))
    return load_graph(now.graph_dir).segment_of[voxels]


def same_partition(a: np.ndarray, b: np.ndarray) -> bool:
    pairs = np.unique(np.stack([a.ravel(), b.ravel()]), axis=1).shape[1]
    return pairs == len(np.unique(a)) == len(np.unique(b))


def fail_in(monkeypatch, stage: type) -> None:
    def broken(self, context, box):
        raise ValueError("broken")

    monkeypatch.setattr(stage, "run_block", broken)


def test_the_first_run_makes_generation_1_current(make_project):
    project = make_project()
    report = run(project)
    assert report.generation == open_project(project.path).generation == 1
    graph = load_graph(open_project(project.path).graph_dir)
    assert (report.supervoxels, report.segments) == (graph.supervoxel_count, graph.segment_count)
    assert report.candidates is not None
    inside = (slice(None), slice(4, 12), slice(4, 16)), (slice(None), slice(20, 28), slice(24, 36))
    found = labels_of(project)
    assert report.segments == 4
    assert [len(np.unique(found[part])) for part in inside] == [1, 1]
    assert found[inside[0]][0, 0, 0] != found[inside[1]][0, 0, 0]


def test_a_second_run_does_nothing(make_project):
    project = make_project()
    first = run(project)
    second = run(project)
    assert all(skipped(second).values())
    assert (second.supervoxels, second.segments) == (first.supervoxels, first.segments)
    assert second.generation == 1


def test_changed_settings_redo_that_stage_and_those_after_it_in_a_new_generation(make_project):
    project = make_project()
    run(project)
    report = run(project, settings=LOOSER)
    assert skipped(report) == {
        "watershed": True,
        "graph": True,
        "agglomeration": False,
        "candidates": False,
    }
    assert report.generation == 2
    old = load_graph(project.path / "generation-1" / "graph")
    new = load_graph(project.path / "generation-2" / "graph")
    assert np.array_equal(old.edges, new.edges)
    assert new.segment_count < old.segment_count


def test_nothing_becomes_current_before_the_end(make_project, monkeypatch):
    project = make_project()
    with monkeypatch.context() as patch:
        fail_in(patch, AgglomerationStage)
        with pytest.raises(StageError, match="agglomeration"):
            run(project)
        assert open_project(project.path).generation == 0
    report = run(project)
    assert skipped(report)["watershed"]
    assert skipped(report)["graph"]
    assert report.generation == 1


def test_a_failed_rerun_leaves_the_current_generation_untouched(make_project, monkeypatch):
    project = make_project()
    run(project)
    before = labels_of(project)
    with monkeypatch.context() as patch:
        fail_in(patch, AgglomerationStage)
        with pytest.raises(StageError):
            run(project, settings=FINER)
    assert open_project(project.path).generation == 1
    assert np.array_equal(labels_of(project), before)
    assert all(skipped(run(project)).values())  # the settings of generation 1 are still finished
    assert skipped(run(project, settings=FINER))["watershed"]  # and so is what the failed run did


def test_stages_may_run_one_by_one(make_project):
    project = make_project()
    for stage in CHAIN[:2]:
        assert run(project, [stage]).generation is None
    assert open_project(project.path).generation == 0
    assert run(project, [CHAIN[2]]).generation == 1
    assert run(project, [CHAIN[3]]).candidates is not None
    assert all(skipped(run(project)).values())


def test_stale_results_of_an_abandoned_run_are_not_committed(make_project, monkeypatch):
    project = make_project()
    run(project)
    run(project, ["watershed", "graph"], FINER)  # abandoned half-way, other supervoxels
    report = run(project, settings=LOOSER)
    assert report.generation == 2
    graph = load_graph(project.path / "generation-2" / "graph")
    first = load_graph(project.path / "generation-1" / "graph")
    assert graph.supervoxel_count == first.supervoxel_count


def test_an_edited_project_is_refused_with_the_number_of_edits(make_project):
    project = make_project()
    run(project)
    with pytest.raises(ProjectError, match=r"has 7 edits .* --new-generation"):
        run(project, edit_count=lambda: 7)
    assert open_project(project.path).generation == 1


def test_stages_that_leave_supervoxels_alone_run_on_an_edited_project(image_project):
    report = run(image_project, [NegativeStage(NegativeSettings())], edit_count=7)
    assert not report.stages[0].skipped


def test_new_generation_starts_again_beside_the_edits(make_project):
    project = make_project()
    run(project)
    report = run(project, edit_count=7, new_generation=True)
    assert report.generation == open_project(project.path).generation == 2
    assert (project.path / "generation-1" / "graph" / "edges.npy").exists()
    assert same_partition(
        load_graph(project.path / "generation-1" / "graph").segment_of,
        load_graph(project.path / "generation-2" / "graph").segment_of,
    )


def test_overlay_chunks_of_edits_do_not_enter_a_new_generation(make_project):
    project = make_project()
    run(project)
    overlay = open_project(project.path).overlay_dir
    overlay.mkdir()
    (overlay / "chunk").write_bytes(b"edit")
    run(project, edit_count=1, new_generation=True)
    assert not open_project(project.path).overlay_dir.exists()
    assert (overlay / "chunk").exists()


def test_imported_segments_and_ids_stay_when_the_graph_is_measured(make_project, blocks):
    blocks[0, 0, 0] = 0
    ids = np.array([0, 2**53 + 1, 7, 9, 11], np.uint64)
    project = make_project(segmentation=ids[blocks])
    assert default_stages(project) == ("graph", "agglomeration", "skeletons", "candidates")
    report = run(project, ["graph", "agglomeration", "candidates"])
    graph = load_graph(open_project(project.path).graph_dir)
    assert set(graph.export_ids.tolist()) == set(ids.tolist())
    assert report.segments == 4
    assert same_partition(labels_of(project), blocks)


def test_imported_supervoxels_keep_their_source_ids(make_project, blocks):
    ids = np.array([0, 70, 7, 9, 2**60], np.uint64)
    project = make_project(supervoxels=ids[blocks])
    run(project, default_stages(project)[:2])
    graph = load_graph(open_project(project.path).graph_dir)
    assert set(graph.source_ids.tolist()) == set(ids.tolist())
    assert (graph.affinity < 0.3).all()


def test_a_tree_inside_imported_segments_is_recorded(make_project, blocks):
    halves = blocks.copy()
    halves[: len(blocks) // 2] += 4  # supervoxels: each block in two pieces along z
    project = make_project(supervoxels=halves, segmentation=blocks)
    run(project, ["graph", "agglomeration"])
    graph = load_graph(open_project(project.path).graph_dir)
    assert len(graph.merge_edges) == 4
    ends = graph.segment_of[graph.merge_edges]
    assert (ends[:, 0] == ends[:, 1]).all()


def test_counts_inside_a_box(make_project):
    project = make_project()
    whole = run(project)
    corner = run(project, box=Box((0, 0, 0), (24, 8, 8)))
    assert 1 <= corner.supervoxels < whole.supervoxels
    assert corner.segments == 1


def test_settings_are_recorded_in_the_project(make_project):
    project = make_project()
    run(project, settings=LOOSER)
    stages = open_project(project.path).config.stages
    assert stages["agglomeration"] == AgglomerationSettings(threshold=0.02).model_dump(mode="json")
    assert stages["watershed"]["method"] == "fragments"


def test_volumes_above_the_limit_are_refused(make_project, monkeypatch):
    monkeypatch.setattr("segmend.core.pipeline.stage.WHOLE_VOLUME_LIMIT", 1000)
    with pytest.raises(StageError, match=r"more than 512 x 512 x 512; .*--box"):
        BaseStage(StageSettings()).check(make_project())
