"""A small project with candidates, jobs that answer at once, and a look at leaking windows."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from edits_world import voronoi

from segmend.core.candidates.candidate import Candidate, candidate_id
from segmend.core.candidates.store import save_candidates
from segmend.core.edits.model import Merge, Split
from segmend.core.geometry import Grid
from segmend.core.project import create_project
from segmend.core.session import Session
from segmend.core.volumes.memory import MemoryVolume

SHAPE = (12, 40, 44)
GRID = Grid((10.0, 10.0, 10.0), (0.0, 200.0, 0.0))


class InstantJobs:
    """The jobs of the window, done at once and without Qt."""

    def query(self, work, then, failed=None, topic=""):
        self._do(work, then, failed)

    def edit(self, work, then, failed=None, topic=""):
        self._do(work, then, failed)

    def compute(self, work, then, failed=None):
        self._do(work, then, failed)

    def _do(self, work, then, failed):
        try:
            answer = work()
        except Exception as error:
            if failed is None:
                raise
            failed(error)
        else:
            then(answer)


@pytest.fixture
def jobs():
    return InstantJobs()


@pytest.fixture(scope="session")
def project_template(tmp_path_factory):
    """60 supervoxels in 20 segments of three, an image, affinities, six candidates."""
    labels = voronoi(SHAPE, 60)
    segments = ((labels.astype(np.uint64) - 1) // np.uint64(3)) + np.uint64(101)
    rng = np.random.default_rng(1)
    path = tmp_path_factory.mktemp("window") / "t.segmend"
    create_project(
        path,
        image=MemoryVolume(rng.integers(60, 200, SHAPE).astype(np.uint8), GRID),
        supervoxels=MemoryVolume(labels, GRID),
        segmentation=MemoryVolume(segments, GRID),
        affinities=MemoryVolume(rng.integers(0, 256, (3, *SHAPE)).astype(np.uint8), GRID),
    )
    with Session.open(path) as session:
        save_candidates(session.project.candidates_path, _candidates(session))
    return path


def _candidates(session):
    segmentation = session.segmentation
    points = segmentation.points(np.arange(61))
    spots = [None, *(session.spot_at(GRID.to_nm(tuple(p))) for p in points[1:].tolist())]
    merges = [Merge((spots[1], spots[other])) for other in (4, 7, 10, 13)]
    splits = [Split(((spots[a],), (spots[b],))) for a, b in ((16, 17), (19, 21))]
    evidence = {"area": 40.0, "mean_affinity": 0.6, "size_a": 500.0, "size_b": 900.0}
    return [
        Candidate(
            candidate_id(edit),
            "merge" if isinstance(edit, Merge) else "split",
            edit.place_nm,
            edit,
            evidence,
            0.9 - 0.1 * i,
            0.9 - 0.1 * i,
        )
        for i, edit in enumerate([*merges, *splits])
    ]


@pytest.fixture
def project_path(project_template, tmp_path):
    return shutil.copytree(project_template, tmp_path / "p.segmend")


@pytest.fixture
def session(project_path):
    with Session.open(project_path) as session:
        yield session
