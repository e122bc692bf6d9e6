"""What `segmend check` finds, and that it says what to do."""

import sqlite3
from contextlib import closing

import numpy as np
import pytest
from edits_world import voronoi

from segmend.core.edits.model import Detach, Merge, SplitSupervoxel, Spot
from segmend.core.errors import EditRefused
from segmend.core.geometry import Box, Grid
from segmend.core.project import create_project, open_project
from segmend.core.session import Session
from segmend.core.verification import check_project
from segmend.core.volumes.memory import MemoryVolume

SHAPE = (8, 20, 22)


@pytest.fixture
def path(tmp_path):
    """A project in which a supervoxel is divided and one part detached."""
    labels, grid = voronoi(SHAPE, 12), Grid((10.0, 10.0, 10.0))
    image = np.full(SHAPE, 7, np.uint8)
    create_project(
        tmp_path / "p.segmend",
        image=MemoryVolume(image, grid),
        supervoxels=MemoryVolume(labels, grid),
        segmentation=MemoryVolume((labels + 3) // 4, grid),
    )
    with Session.open(tmp_path / "p.segmend") as session:
        ends = np.argwhere(session.supervoxels[0].read(Box.of_shape(SHAPE)) == 1)[[0, -1]]
        sides = tuple((Spot(1, session.project.grid.to_nm(tuple(end))),) for end in ends)
        session.apply(SplitSupervoxel(sides))
        session.apply(Detach((Spot(13, sides[0][0].place_nm),)))
    return tmp_path / "p.segmend"


def findings(path):
    return [(f.place, f.problem) for f in check_project(open_project(path)).findings]


def test_an_edited_project_is_sound(path):
    report = check_project(open_project(path))
    assert report.findings == ()
    assert (report.operations, report.supervoxels, report.patches) == (2, 14, 1)


def test_a_conflict_is_named_with_what_to_do(path):
    with Session.open(path) as session:
        session.switch(off=[1])
    report = check_project(open_project(path))
    assert report.findings == ()  # a conflict is a person's to decide, no damage
    (conflict,) = report.conflicts
    assert conflict.place == "history"
    assert "operation 2" in conflict.problem
    assert "switch" in conflict.problem


def test_a_damaged_row_is_named_by_its_number(path):
    with closing(sqlite3.connect(path / "journal.sqlite")) as database, database:
        database.execute("UPDATE operations SET payload = '[]' WHERE number = 2")
    ((place, problem),) = findings(path)
    assert place == "journal"
    assert "row 2" in problem


def test_candidates_and_volumes_are_read_too(path):
    project = open_project(path)
    project.candidates_path.write_text("{")
    for chunk in (path / "image.zarr").rglob("*"):
        if chunk.is_file() and not chunk.name.startswith(("zarr", ".z")):
            chunk.write_bytes(b"damaged")
    assert {place for place, _ in findings(path)} == {"candidates", "image"}


def test_sizes_that_are_not_those_of_the_voxels_are_found(path):
    sizes = open_project(path).graph_dir / "size.npy"
    size = np.load(sizes)
    size[5] += 1
    np.save(sizes, size)
    assert ("voxels", "1 supervoxels") in [(place, p[:13]) for place, p in findings(path)]


def test_affinities_that_are_gone_stop_only_the_edits_that_need_them(path, tmp_path):
    outside, grid = tmp_path / "outside.segmend", Grid((10.0, 10.0, 10.0))
    create_project(
        outside,
        supervoxels=MemoryVolume(voronoi(SHAPE, 12), grid),
        affinities=MemoryVolume(np.full((3, *SHAPE), 99, np.uint8), grid),
    )
    (outside / "affinities.zarr").rename(tmp_path / "elsewhere.zarr")
    with Session.open(outside) as session:
        spots = [
            session.spot_at(grid.to_nm(place)) for place in ((0, 0, 0), (7, 19, 21), (0, 2, 1))
        ]
        session.apply(Merge((spots[0], spots[1])))
        with pytest.raises(EditRefused, match="cannot be read"):
            session.apply(SplitSupervoxel(((spots[0],), (spots[2],))))
    assert [place for place, _ in findings(outside)] == ["affinities"]


def test_rows_that_are_gone_are_told(path):
    with closing(sqlite3.connect(path / "journal.sqlite")) as database, database:
        database.execute("DELETE FROM operations WHERE number = 1")
    assert any("missing" in problem for place, problem in findings(path) if place == "journal")
