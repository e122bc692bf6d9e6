"""A run that dies at any rename leaves a project that opens, and the next run ends as if nothing had happened."""

from __future__ import annotations

import pathlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from segmend.core.geometry import Box
from segmend.core.pipeline.runner import run_pipeline
from segmend.core.pipeline.settings import AgglomerationSettings, PipelineSettings
from segmend.core.project import Project, open_project
from segmend.core.segmentation.graph_files import load_graph

STAGES = ("watershed", "graph", "agglomeration", "candidates")
FIRST = PipelineSettings()
SECOND = PipelineSettings(agglomeration=AgglomerationSettings(threshold=0.02))
POINTS = 8


class Crash(BaseException):
    """Nobody catches this, as nobody catches a power cut."""


class Fuse:
    """Lets a number of renames pass and then crashes; counts them all."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, passes: int) -> None:
        self.renames = 0
        for name in ("rename", "replace"):
            monkeypatch.setattr(
                pathlib.Path, name, self._guarded(getattr(pathlib.Path, name), passes)
            )

    def _guarded(self, original, passes):
        def rename(path: Path, target: Path) -> Path:
            self.renames += 1
            if self.renames > passes:
                raise Crash
            return original(path, target)

        return rename


def run(project: Project, settings: PipelineSettings) -> None:
    run_pipeline(open_project(project.path), STAGES, settings, scheduler="synchronous")


def content(project: Project) -> tuple:
    now = open_project(project.path)
    voxels = now.supervoxel_pyramid[0].read(Box.of_shape(now.shape_zyx))
    graph = load_graph(now.graph_dir)
    arrays = [getattr(graph, name).tobytes() for name in graph.__dataclass_fields__]
    return now.generation, voxels.tobytes(), arrays, now.candidates_path.read_text()


def copy_of(project: Project, name: str) -> Project:
    target = project.path.with_name(f"{name}.segmend")
    shutil.copytree(project.path, target)
    return open_project(target)


@pytest.mark.parametrize("part", range(2))
def test_every_crash_is_recovered_from(make_project, monkeypatch, part):
    fresh = make_project()
    finished = copy_of(fresh, "finished")
    run(finished, FIRST)
    for start, settings in ((fresh, FIRST), (finished, SECOND)):
        reference = copy_of(start, f"reference-{settings is SECOND}")
        with monkeypatch.context() as patch:
            fuse = Fuse(patch, 10**6)
            run(reference, settings)
        assert fuse.renames > 10
        for passes in np.unique(np.linspace(0, fuse.renames - 1, POINTS, dtype=int))[part::2]:
            project = copy_of(start, f"crash-{settings is SECOND}-{passes}")
            with monkeypatch.context() as patch:
                Fuse(patch, passes)
                with pytest.raises(Crash):
                    run(project, settings)
            assert open_project(project.path).generation == open_project(start.path).generation
            run(project, settings)
            assert content(project) == content(reference)
            shutil.rmtree(project.path)
