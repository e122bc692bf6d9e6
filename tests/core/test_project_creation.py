"""`create_project`: what goes in comes out, or no project appears."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from data import BEYOND_FLOAT, GRID, four_pieces, grey, save_hdf5, tiles, whole
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from segmend.core.algorithms.region_graph import region_graph, supervoxel_table
from segmend.core.errors import InputError, ProjectError
from segmend.core.geometry import Box, Grid
from segmend.core.project import create_project, open_project
from segmend.core.projects import importing
from segmend.core.projects.mapping import of_majority
from segmend.core.segmentation.graph_files import load_graph
from segmend.core.volumes.memory import MemoryVolume

SHAPE = (4, 8, 12)


def volume(array, grid=GRID) -> MemoryVolume:
    return MemoryVolume(array, grid)


def graph(project):
    return load_graph(project.graph_dir)


def exported(project):
    """Return the segmentation as the source would call it."""
    arrays = graph(project)
    return arrays.export_ids[arrays.segment_of[whole(project.supervoxel_pyramid[0])]]


# -- image -----------------------------------------------------------------------------------------------------------


def test_an_image_is_copied_with_its_place(tmp_path):
    file = save_hdf5(tmp_path / "a.h5", raw=grey(SHAPE))
    project = create_project(tmp_path / "p.segmend", image=file)
    assert np.array_equal(whole(project.image), grey(SHAPE))
    assert (project.grid, project.image.grid, project.shape_zyx) == (GRID, GRID, SHAPE)
    assert (project.generation, project.supervoxel_pyramid, project.affinities) == (0, None, None)
    assert project.config.sources == {"image": f"{file}:/raw"}
    file.unlink()
    assert np.array_equal(whole(open_project(project.path).image), grey(SHAPE))


def test_16_bits_stay_16_bits(tmp_path):
    image = grey(SHAPE).astype(np.uint16) * 257
    project = create_project(tmp_path / "p.segmend", image=volume(image))
    assert np.array_equal(whole(project.image), image)


def test_a_box_moves_the_origin(tmp_path):
    box = Box((1, 2, 3), (3, 8, 9))
    project = create_project(
        tmp_path / "p.segmend", image=volume(grey(SHAPE)), segmentation=volume(tiles()), box=box
    )
    assert np.array_equal(whole(project.image), grey(SHAPE)[box.slices])
    assert np.array_equal(exported(project), tiles()[box.slices])
    assert project.grid == GRID.cropped(box)


@pytest.mark.parametrize("box", [None, Box((1, 2, 3), (3, 8, 9))])
def test_an_image_may_stay_where_it_is(box, tmp_path):
    file = save_hdf5(tmp_path / "a.h5", raw=grey(SHAPE))
    project = create_project(tmp_path / "p.segmend", image=file, link_image=True, box=box)
    expected = grey(SHAPE) if box is None else grey(SHAPE)[box.slices]
    assert np.array_equal(whole(project.image), expected)
    assert project.image.grid == project.grid == (GRID if box is None else GRID.cropped(box))
    assert len(project.image_pyramid) == 1
    assert not (project.path / "image.zarr").exists()
    file.unlink()
    with pytest.raises(
        ProjectError, match=r"stays outside the project and cannot be opened: .*does not exist"
    ):
        _ = open_project(project.path).image


def test_an_array_in_memory_cannot_stay_outside(tmp_path):
    with pytest.raises(ProjectError, match="only an image in a file can stay outside"):
        create_project(tmp_path / "p.segmend", image=volume(grey(SHAPE)), link_image=True)
    assert not list(tmp_path.iterdir())


# -- supervoxels and segmentation ------------------------------------------------------------------------------------


def test_supervoxels_become_dense_and_keep_their_names(tmp_path):
    names = np.array([0, 5, 2**40, BEYOND_FLOAT, 2**64 - 1], np.uint64)
    source = names[np.minimum(tiles(), 4)]
    source[0, 0, 0] = 0
    project = create_project(tmp_path / "p.segmend", supervoxels=volume(source))
    arrays, own = graph(project), whole(project.supervoxel_pyramid[0])
    assert own.dtype == np.uint32
    assert np.array_equal(arrays.source_ids, names)
    assert np.array_equal(arrays.source_ids[own], source)
    assert np.array_equal(exported(project), source)
    assert np.array_equal(arrays.size[1:], np.bincount(own.ravel(), minlength=5)[1:])
    assert project.generation == 1


def test_blocks_agree_on_the_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr(importing, "BLOCK_ZYX", (2, 3, 5))
    source = tiles().astype(np.uint64) * 1000 + BEYOND_FLOAT
    project = create_project(tmp_path / "p.segmend", supervoxels=volume(source))
    assert np.array_equal(graph(project).source_ids[whole(project.supervoxel_pyramid[0])], source)


def test_a_segmentation_alone_is_cut_into_connected_pieces(tmp_path):
    project = create_project(tmp_path / "p.segmend", segmentation=volume(four_pieces()))
    arrays = graph(project)
    assert (arrays.supervoxel_count, arrays.segment_count) == (4, 2)
    assert np.array_equal(exported(project), four_pieces())
    assert sorted(map(int, arrays.export_ids)) == [0, 7, BEYOND_FLOAT]


def test_pieces_that_touch_at_a_corner_are_apart(tmp_path):
    labels = np.zeros((2, 2, 2), np.uint8)
    labels[0, 0, 0] = labels[1, 1, 1] = 3
    project = create_project(tmp_path / "p.segmend", segmentation=volume(labels))
    assert graph(project).supervoxel_count == 2


def test_touching_pieces_have_an_edge_of_unknown_affinity(tmp_path):
    project = create_project(
        tmp_path / "p.segmend", segmentation=volume(tiles((2, 2, 4), (2, 2, 2)))
    )
    arrays = graph(project)
    assert arrays.edges.tolist() == [[1, 2]]
    assert (arrays.affinity.tolist(), arrays.area.tolist(), arrays.strong.tolist()) == (
        [0.5],
        [4],
        [0],
    )


def test_both_give_each_supervoxel_the_segment_of_most_of_its_voxels(tmp_path):
    supervoxels = tiles()  # 2 x 4 x 4 voxels each, 12 of them
    labels = np.zeros(SHAPE, np.uint64)
    labels[:2, :4, :4] = 90
    labels[:2, :4, :1] = 80  # 8 of 32 voxels of supervoxel 1
    labels[:2, :4, 4:7] = 0  # 8 of 32 voxels of supervoxel 2 have a label
    labels[:2, :4, 7] = 80
    labels[2:] = BEYOND_FLOAT
    project = create_project(
        tmp_path / "p.segmend", supervoxels=volume(supervoxels), segmentation=volume(labels)
    )
    arrays = graph(project)
    called = arrays.export_ids[arrays.segment_of]
    assert called[:3].tolist() == [0, 90, 80]
    assert set(called[7:].tolist()) == {BEYOND_FLOAT}
    alone = called[3:7].tolist()
    assert len({*alone, 80, 90, BEYOND_FLOAT, 0}) == 8
    assert np.array_equal(arrays.segment_of == 0, np.arange(13) == 0)


labels_8 = hnp.arrays(
    np.uint64, (3, 4, 5), elements=st.sampled_from([0, 1, 7, BEYOND_FLOAT, 2**64 - 1])
)


@given(hnp.arrays(np.uint32, (3, 4, 5), elements=st.integers(0, 6)), labels_8)
@settings(max_examples=50, deadline=None)
def test_majority_is_that_of_counting(supervoxels, labels):
    mapping = of_majority(
        MemoryVolume(supervoxels), MemoryVolume(labels), np.arange(7, dtype=np.uint64)
    )
    called = mapping.export_ids[mapping.segment_of]
    for node in range(1, 7):
        inside = labels[(supervoxels == node) & (labels > 0)]
        if not len(inside):
            assert called[node] not in labels
            continue
        values, counts = np.unique(inside, return_counts=True)
        assert called[node] == values[counts.argmax()]
    assert len(np.unique(called)) == len(mapping.export_ids)


# -- affinities ------------------------------------------------------------------------------------------------------


def test_float_affinities_become_bytes_and_edges_their_mean(tmp_path):
    affinities = np.full((3, 2, 2, 4), 0.25, np.float32)
    affinities[2] = 0.8
    project = create_project(
        tmp_path / "p.segmend",
        supervoxels=volume(tiles((2, 2, 4), (2, 2, 2))),
        affinities=volume(affinities),
    )
    assert (project.affinities.dtype, project.affinities.channels) == (np.uint8, 3)
    assert set(np.unique(whole(project.affinities))) == {64, 204}
    assert graph(project).affinity.tolist() == pytest.approx([0.8], abs=0.002)
    assert graph(project).strong.tolist() == [1]


@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan])
def test_affinities_outside_0_1(value, tmp_path):
    affinities = np.full((3, *SHAPE), 0.5, np.float32)
    affinities[1, 1, 1, 1] = value
    with pytest.raises(InputError, match=r"expected float 0\.\.1 or uint8"):
        create_project(
            tmp_path / "p.segmend", image=volume(grey(SHAPE)), affinities=volume(affinities)
        )
    assert not list(tmp_path.iterdir())


# -- what does not fit -----------------------------------------------------------------------------------------------


def test_nothing_to_make_it_from(tmp_path):
    with pytest.raises(
        InputError, match="at least one of --image, --supervoxels and --segmentation"
    ):
        create_project(tmp_path / "p.segmend", affinities=volume(np.zeros((3, *SHAPE), np.uint8)))


def test_different_shapes(tmp_path):
    with pytest.raises(InputError, match=r"4 x 8 x 11 voxels, the image .* 4 x 8 x 12"):
        create_project(
            tmp_path / "p.segmend",
            image=volume(grey(SHAPE)),
            segmentation=volume(tiles()[..., :11]),
        )


def test_files_that_disagree_on_the_voxel_size(tmp_path):
    other = volume(tiles(), Grid((40.0, 6.0, 6.5), GRID.offset_nm_zyx))
    with pytest.raises(
        InputError, match=r"the image has the voxel size 30 6 6\.5 nm, the segmentation 40 6 6\.5"
    ):
        create_project(tmp_path / "p.segmend", image=volume(grey(SHAPE)), segmentation=other)
    project = create_project(
        tmp_path / "p.segmend",
        image=volume(grey(SHAPE)),
        segmentation=other,
        voxel_size_nm_zyx=(1, 2, 3),
    )
    assert project.grid.voxel_size_nm_zyx == (1, 2, 3)


def test_no_voxel_size_anywhere(tmp_path):
    np.save(tmp_path / "a.npy", grey(SHAPE))
    with pytest.raises(
        InputError, match=r"a\.npy has no voxel size: give --voxel-size Z Y X in nm"
    ):
        create_project(tmp_path / "p.segmend", image=tmp_path / "a.npy")


def test_one_file_tells_the_voxel_size_for_all(tmp_path):
    np.save(tmp_path / "a.npy", grey(SHAPE))
    file = save_hdf5(tmp_path / "a.h5", labels=tiles())
    project = create_project(tmp_path / "p.segmend", image=tmp_path / "a.npy", segmentation=file)
    assert project.grid == GRID


def test_a_box_outside(tmp_path):
    with pytest.raises(InputError, match="leaves the volume, which has 4 x 8 x 12"):
        create_project(
            tmp_path / "p.segmend", image=volume(grey(SHAPE)), box=Box((0, 0, 0), (5, 8, 12))
        )


@pytest.mark.parametrize("role", ["supervoxels", "segmentation"])
def test_only_background(role, tmp_path):
    with pytest.raises(InputError, match="no label but background"):
        create_project(tmp_path / "p.segmend", **{role: volume(np.zeros(SHAPE, np.uint32))})
    assert not list(tmp_path.iterdir())


def test_labels_too_large_to_be_taken_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(importing, "WHOLE_VOLUME", 100)
    with pytest.raises(
        InputError, match=r"up to 512 x 512 x 512 voxels; .* import a part with --box"
    ):
        create_project(tmp_path / "p.segmend", segmentation=volume(tiles()))
    assert not list(tmp_path.iterdir())
    given = {role: volume(tiles()) for role in ("supervoxels", "segmentation")}
    assert create_project(tmp_path / "p.segmend", **given).generation == 1


@pytest.mark.parametrize("role", ["supervoxels", "segmentation"])
@pytest.mark.parametrize("block", [(2, 3, 5), (1, 8, 4), (9, 9, 99)])
def test_the_graph_of_imported_labels_is_that_of_the_whole(role, block, tmp_path, monkeypatch):
    monkeypatch.setattr(importing, "BLOCK_ZYX", block)
    monkeypatch.setattr(importing, "CHUNK_ZYX", (1, 1, 1))
    labels = np.random.default_rng(0).integers(0, 6, SHAPE).astype(np.uint32)
    affinities = np.random.default_rng(1).integers(0, 256, (4, *SHAPE)).astype(np.uint8)
    given = {role: volume(labels), "affinities": volume(affinities)}
    project = create_project(tmp_path / "p.segmend", **given)
    own, found = whole(project.supervoxel_pyramid[0]), graph(project)
    for wanted in (region_graph(own, affinities), supervoxel_table(own)):
        for name in wanted._fields:
            assert np.array_equal(getattr(found, name), getattr(wanted, name)), name


# -- all or nothing --------------------------------------------------------------------------------------------------


def test_sources_are_not_written(tmp_path):
    file = save_hdf5(tmp_path / "a.h5", labels=tiles())
    before = hashlib.sha256(file.read_bytes()).digest(), file.stat().st_mtime_ns
    create_project(tmp_path / "p.segmend", segmentation=file)
    assert (hashlib.sha256(file.read_bytes()).digest(), file.stat().st_mtime_ns) == before


@pytest.mark.parametrize("there", ["project", "folder", "file"])
def test_nothing_is_replaced(there, tmp_path):
    path = tmp_path / "p.segmend"
    if there == "project":
        create_project(path, image=volume(grey(SHAPE)))
    elif there == "folder":
        path.mkdir()
    else:
        path.write_text("x")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ProjectError, match="exists already"):
        create_project(path, image=volume(grey(SHAPE)))
    assert sorted(tmp_path.rglob("*")) == before


class BrokenVolume(MemoryVolume):
    def read(self, box):
        raise OSError("the disk went away")


def test_a_failure_leaves_nothing(tmp_path):
    with pytest.raises(ProjectError, match=r"cannot be made \(the disk went away\)"):
        create_project(tmp_path / "p.segmend", image=BrokenVolume(grey(SHAPE), GRID))
    assert not list(tmp_path.iterdir())


KILLED = """
import os, signal, sys
import numpy as np
from segmend.core.geometry import Grid
from segmend.core.project import create_project
from segmend.core.volumes.memory import MemoryVolume

def at_the_graph(step, done, total):
    if step == "graph":
        os.kill(os.getpid(), signal.SIGKILL)

labels = MemoryVolume(np.ones((2, 2, 2), np.uint8), Grid())
create_project(sys.argv[1], segmentation=labels, progress=at_the_graph)
"""


def test_killed_on_the_way_it_leaves_no_project_and_works_again(tmp_path):
    path = tmp_path / "p.segmend"
    dead = subprocess.run([sys.executable, "-c", KILLED, path], check=False)
    assert dead.returncode == -signal.SIGKILL
    assert not path.exists()
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".p.segmend.partial-")
    with pytest.raises(ProjectError):
        open_project(path)
    project = create_project(path, segmentation=volume(tiles()))
    assert np.array_equal(exported(project), tiles())
    assert [p.name for p in tmp_path.iterdir()] == ["p.segmend"]


def test_what_another_live_program_builds_is_left_alone(tmp_path):
    theirs = tmp_path / f".p.segmend.partial-{os.getppid()}"
    theirs.mkdir()
    create_project(tmp_path / "p.segmend", image=volume(grey(SHAPE)))
    assert theirs.is_dir()


def test_progress_is_told(tmp_path):
    told: list[tuple[str, int, int]] = []
    create_project(
        tmp_path / "p.segmend",
        image=volume(grey(SHAPE)),
        supervoxels=volume(tiles()),
        progress=lambda *step: told.append(step),
    )
    assert ("image", 1, 1) in told
    assert {step for step, _, _ in told} == {"image", "supervoxels", "graph"}


def test_a_relative_path_is_made_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    project = create_project("p.segmend", image=volume(grey(SHAPE)))
    assert project.path == Path(tmp_path / "p.segmend").resolve()
    assert project.name == "p"


def test_a_place_where_no_folder_can_be(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ProjectError, match="cannot be made"):
        create_project(tmp_path / "file" / "p.segmend", image=volume(grey(SHAPE)))


@pytest.mark.parametrize(
    ("chunk", "first"),
    [
        (None, (64, 256, 256)),
        ((20, 32, 63), (64, 256, 256)),
        ((100, 300, 32), (112, 384, 256)),
        ((1, 1000, 1500), (16, 1024, 1536)),
        ((1, 9000, 9000), (16, 384, 9000)),
    ],
)
def test_blocks_are_whole_chunks_and_bounded(chunk, first):
    source = volume(np.broadcast_to(np.uint8(1), (200, 9000, 9000)))
    source.chunk_zyx = chunk
    boxes = importing.blocks_of(source)
    assert boxes[0].shape_zyx == first
    assert boxes[0].size <= importing.LARGEST_BLOCK
    assert sum(box.size for box in boxes) == 200 * 9000 * 9000


@pytest.mark.real_data
def test_real_supervoxels_and_labels(real_data, tmp_path):
    file = real_data / "fib25_train.h5"
    box = Box((0, 0, 0), (40, 120, 120))
    project = create_project(
        tmp_path / "p.segmend",
        image=f"{file}:/raw", supervoxels=f"{file}:/supervoxels", segmentation=f"{file}:/labels", box=box,
    )  # fmt: skip
    arrays = graph(project)
    assert project.grid.voxel_size_nm_zyx == (10, 10, 10)
    assert arrays.supervoxel_count > arrays.segment_count > 10
    assert int(arrays.size[1:].sum()) == int((whole(project.supervoxel_pyramid[0]) > 0).sum())
