"""Skeletons of segments on disk, and the links that the candidates stage reads."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from segmend.core.algorithms.skeletons import Skeleton, downsample_thin
from segmend.core.candidates import skeleton_links
from segmend.core.candidates.skeleton_links import load_links
from segmend.core.candidates.store import load_candidates
from segmend.core.errors import ProjectError, StageError
from segmend.core.geometry import Box, Grid
from segmend.core.pipeline.runner import run_pipeline
from segmend.core.pipeline.settings import PipelineSettings, SkeletonsSettings
from segmend.core.pipeline.skeleton_files import load_skeletons, save_skeletons
from segmend.core.pipeline.stages import skeletons
from segmend.core.pipeline.stages.skeletons import SkeletonsStage
from segmend.core.project import create_project
from segmend.core.volumes.memory import MemoryVolume


def skeleton(vertices: int) -> Skeleton:
    steps = np.arange(vertices, dtype=np.float32)
    return Skeleton(
        np.stack([steps, steps * 2, steps * 3], axis=1),
        np.stack([steps[:-1], steps[1:]], axis=1).astype(np.uint32),
        steps + 5,
    )


@pytest.mark.parametrize("counts", [(), (4,), (3, 1, 7)])
def test_skeletons_come_back_from_disk(tmp_path, counts):
    saved = {10 + i: skeleton(count) for i, count in enumerate(counts)}
    save_skeletons(tmp_path, saved)
    loaded = load_skeletons(tmp_path)
    assert list(loaded) == list(saved)
    for one, other in zip(loaded.values(), saved.values(), strict=True):
        assert np.array_equal(one.vertices_nm, other.vertices_nm)
        assert np.array_equal(one.edges, other.edges)
        assert np.array_equal(one.radius_nm, other.radius_nm)


def test_no_files_are_no_skeletons(tmp_path):
    assert load_skeletons(tmp_path) == {}


def test_files_that_do_not_fit_each_other_are_refused(tmp_path):
    save_skeletons(tmp_path, {1: skeleton(4), 2: skeleton(5)})
    np.save(tmp_path / "skeleton_segment.npy", np.array([1], np.uint32))
    with pytest.raises(ProjectError, match="do not fit each other; run the skeletons stage"):
        load_skeletons(tmp_path)


def test_a_broken_neurite_gets_skeletons_a_link_and_a_candidate(tmp_path):
    labels = np.zeros((24, 24, 130), np.uint32)
    labels[8:16, 8:16, :62] = 1
    labels[8:16, 8:16, 68:] = 2  # 60 nm further on the same line
    project = create_project(
        tmp_path / "p.segmend", segmentation=MemoryVolume(labels, Grid((10.0, 10.0, 10.0)))
    )
    settings = PipelineSettings(skeletons=SkeletonsSettings(minimum_voxels=100))
    report = run_pipeline(project, None, settings, scheduler="synchronous")
    assert [stage.name for stage in report.stages] == ["skeletons", "candidates"]
    assert report.generation == 1
    folder = project.generation_dir
    skeletons = load_skeletons(folder / "skeletons")
    assert set(skeletons) == {1, 2}
    assert all(one.cable_nm > 400 for one in skeletons.values())
    links = load_links(folder / "skeletons")
    assert {tuple(sorted(pair)) for pair in links.supervoxels.tolist()} == {(1, 2)}
    merges = [c for c in load_candidates(folder / "candidates.json") if c.kind == "merge"]
    assert [tuple(sorted(c.anchors)) for c in merges] == [(1, 2)]
    assert report.candidates == len(load_candidates(folder / "candidates.json"))


# -- large volumes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("block", "factor"), [((4, 5, 6), (1, 1, 1)), ((5, 9, 7), (2, 3, 1))])
def test_the_coarser_copy_does_not_depend_on_the_blocks_it_is_read_by(monkeypatch, block, factor):
    labels = np.random.default_rng(0).integers(0, 9, (11, 20, 17)).astype(np.uint32)
    segment_of, sizes = np.arange(9, dtype=np.uint32), np.arange(9) + 1
    volume = MemoryVolume(labels, Grid(tuple(30.0 / f for f in factor)))
    monkeypatch.setattr(skeleton_links, "_BLOCK_ZYX", block)
    found = skeleton_links.coarse_supervoxels(volume, segment_of, sizes, 30.0)
    assert np.array_equal(found.supervoxels, downsample_thin(labels, segment_of, sizes, factor))


def test_blocks_are_read_in_whole_chunks_and_coarse_voxels():
    class Chunked(MemoryVolume):
        chunk_zyx = (16, 128, 128)
        read_boxes: ClassVar[list[Box]] = []

        def read(self, box):
            self.read_boxes.append(box)
            return super().read(box)

    labels = np.ones((100, 600, 700), np.uint8).astype(np.uint32)
    volume = Chunked(labels, Grid((10.0, 10.0, 15.0)))
    segment_of, sizes = np.arange(2, dtype=np.uint32), np.array([0, labels.size])
    found = skeleton_links.coarse_supervoxels(volume, segment_of, sizes, 30.0)
    assert found.supervoxels.shape == (34, 200, 350)
    assert (found.supervoxels == 1).all()
    assert len(volume.read_boxes) == 12
    for box in volume.read_boxes:
        units = zip(box.start_zyx, (16, 128, 128), (3, 3, 2), strict=True)
        assert all(a % c == a % f == 0 for a, c, f in units)


def test_the_limit_is_that_of_the_coarser_copy(tmp_path, monkeypatch):
    labels = np.ones((9, 12, 30), np.uint32)
    project = create_project(
        tmp_path / "p.segmend", supervoxels=MemoryVolume(labels, Grid((10.0, 10.0, 10.0)))
    )
    stage = SkeletonsStage(SkeletonsSettings())
    monkeypatch.setattr(skeletons, "LARGEST_COPY", 3 * 4 * 10)
    stage.check(project)
    monkeypatch.setattr(skeletons, "LARGEST_COPY", 3 * 4 * 10 - 1)
    with pytest.raises(StageError, match=r"its 3 x 4 x 10 voxels are more than 119; raise"):
        stage.check(project)
