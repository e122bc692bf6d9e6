"""Input that is corrupt or has an odd shape: one line and status 2 before anything is kept, or a correct result."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tomli_w
from numpy.typing import NDArray

from segmend.core.algorithms.affinities import affinities_from_labels
from segmend.core.geometry import Box
from segmend.core.project import Project, open_project
from segmend.core.segmentation.graph_files import load_graph

SHAPE = (20, 40, 40)
SIZE = ("--voxel-size", "10", "10", "10")


def four_objects() -> NDArray[np.uint32]:
    labels = np.ones(SHAPE, np.uint32)
    labels[:, 20:] += 2
    labels[:, :, 20:] += 1
    return labels


LABELS = four_objects()
GREY = np.random.default_rng(0).integers(1, 255, SHAPE).astype(np.uint8)
AFFINITIES = np.where(affinities_from_labels(LABELS), 0.9, 0.1).astype(np.float32)


def spoilt(value: float) -> NDArray[np.float32]:
    array = AFFINITIES.copy()
    array[1, 3, 4, 5] = value
    return array


def without(labels: NDArray[np.uint32], *ids: int) -> NDArray[np.uint32]:
    return np.where(np.isin(labels, ids), 0, labels).astype(np.uint32)


Inputs = dict[str, NDArray[Any]]


@pytest.fixture
def new(segmend: Any, tmp_path: Path) -> Callable[..., Any]:
    """Make a project from arrays with a voxel size of 10 nm."""

    def call(inputs: Inputs) -> Any:
        options: list[str] = []
        for role, array in inputs.items():
            np.save(tmp_path / f"{role}.npy", array)
            options += [f"--{role}", str(tmp_path / f"{role}.npy")]
        return segmend("new", tmp_path / "p.segmend", *options, *SIZE)

    return call


@pytest.fixture
def run(segmend: Any, tmp_path: Path) -> Callable[..., Any]:
    path = tmp_path / "p.segmend"
    return lambda *more: segmend(
        "run", path, "--scheduler", "synchronous", "--device", "cpu", *more
    )


def opened(tmp_path: Path) -> Project:
    return open_project(tmp_path / "p.segmend")


def labels_of(project: Project) -> NDArray[Any]:
    assert project.supervoxel_pyramid is not None
    return project.supervoxel_pyramid[0].read(Box.of_shape(project.shape_zyx))


def refused(result: Any, *words: str) -> None:
    assert result.status == 2, result.err
    assert result.err.count("\n") == 1, result.err
    assert "Traceback" not in result.err
    for word in words:
        assert word in result.err


# -- what is refused before a project is made ------------------------------------------------------------------------

REFUSED: dict[str, tuple[Inputs, str]] = {
    "NaN": ({"image": GREY, "affinities": spoilt(np.nan)}, "expected float 0..1"),
    "infinite": ({"image": GREY, "affinities": spoilt(np.inf)}, "expected float 0..1"),
    "negative": ({"image": GREY, "affinities": spoilt(-0.5)}, "from -0.5 to 0.9"),
    "above one": ({"image": GREY, "affinities": spoilt(1.5)}, "from 0.1 to 1.5"),
    "one channel": ({"image": GREY, "affinities": AFFINITIES[:1]}, "at least three channels"),
    "two channels": ({"image": GREY, "affinities": AFFINITIES[:2]}, "at least three channels"),
    "other shape": ({"image": GREY, "affinities": AFFINITIES[:, 1:]}, "expected the same shape"),
    "labels of another shape": ({"image": GREY, "supervoxels": LABELS[1:]}, "the same shape"),
    "negative labels": ({"supervoxels": LABELS.astype(np.int64) - 2}, "negative label -1"),
    "background alone": ({"supervoxels": LABELS * 0}, "no label but background"),
    "mask of another extent": ({"image": GREY, "mask": LABELS[:, 9:]}, "along y"),
    "mask of zeros": ({"image": GREY, "mask": LABELS * 0}, "0 everywhere"),
    "mask of floats": ({"image": GREY, "mask": GREY / 255.0}, "integers or booleans"),
    "mask without an object": (
        {"supervoxels": without(LABELS, 1, 2, 3), "mask": LABELS < 4},
        "no label but background",
    ),
}


@pytest.mark.parametrize(("inputs", "words"), REFUSED.values(), ids=REFUSED)
def test_no_project_is_made(inputs: Inputs, words: str, new: Any, tmp_path: Path) -> None:
    refused(new(inputs), words)
    assert [path for path in tmp_path.iterdir() if path.suffix != ".npy"] == []


@pytest.mark.parametrize(
    ("option", "shape", "size", "words"),
    [
        ("affinities", (3, *SHAPE), (20, 10, 10), "image has the voxel size 10 10 10"),
        ("supervoxels", SHAPE, (10, 5, 10), "image has the voxel size 10 10 10"),
        ("mask", (10, 20, 15), (20, 20, 20), "along x"),
        ("mask", SHAPE, (20, 10, 10), "along z"),
    ],
)
def test_voxel_sizes_that_do_not_fit(
    option: str, shape: Any, size: Any, words: str, segmend: Any, tmp_path: Path
) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["image"], file["other"] = GREY, np.ones(shape, np.uint8)
        file["image"].attrs["resolution"] = (10, 10, 10)
        file["other"].attrs["resolution"] = size
    file = tmp_path / "a.h5"
    options = ("--image", f"{file}:/image", f"--{option}", f"{file}:/other")
    refused(segmend("new", tmp_path / "p.segmend", *options), words)
    assert not (tmp_path / "p.segmend").exists()


# -- what is refused while it runs -----------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.1, 1.1])
def test_affinities_outside_the_project_are_checked_where_they_are_read(
    value: float, new: Any, run: Any, tmp_path: Path
) -> None:
    assert new({"image": GREY, "affinities": AFFINITIES}).status == 0
    np.save(tmp_path / "wild.npy", spoilt(value))
    config = tmp_path / "p.segmend" / "project.toml"
    values = tomllib.loads(config.read_text())
    values["affinities"] = str(tmp_path / "wild.npy")
    config.write_text(tomli_w.dumps(values))
    refused(run(), "wild.npy has affinities from", "expected finite numbers 0..1")
    assert opened(tmp_path).generation == 0


@pytest.mark.parametrize("array", ["affinities.zarr", "mask.zarr", "image.zarr"])
def test_a_truncated_chunk_is_named(array: str, new: Any, run: Any, tmp_path: Path) -> None:
    inputs: Inputs = {"image": GREY, "affinities": AFFINITIES, "mask": LABELS != 1}
    if array == "image.zarr":
        del inputs["affinities"]
    assert new(inputs).status == 0
    chunk = next(
        path for path in (tmp_path / "p.segmend" / array / "0").rglob("0") if path.is_file()
    )
    chunk.write_bytes(chunk.read_bytes()[:-7])
    refused(run(), array, "truncated or damaged")


def test_a_truncated_chunk_of_the_supervoxels_is_named(new: Any, run: Any, tmp_path: Path) -> None:
    assert new({"supervoxels": LABELS, "affinities": AFFINITIES}).status == 0
    folder = tmp_path / "p.segmend" / "generation-1" / "supervoxels.zarr" / "0"
    chunk = next(path for path in folder.rglob("0") if path.is_file())
    chunk.write_bytes(chunk.read_bytes()[:-7])
    refused(run(), "supervoxels.zarr", "truncated or damaged")
    assert opened(tmp_path).generation == 1


def test_ids_that_are_not_dense_do_not_take_the_memory(new: Any, run: Any, tmp_path: Path) -> None:
    from segmend.core.volumes.zarr import open_zarr

    assert new({"supervoxels": LABELS, "affinities": AFFINITIES}).status == 0
    path = tmp_path / "p.segmend" / "generation-1" / "supervoxels.zarr"
    wild = LABELS.copy()
    wild[0, 0, 0] = 2**32 - 1
    open_zarr(path, writable=True).write(Box.of_shape(SHAPE), wild)
    refused(run("--stages", "graph"), "names supervoxel 4294967295")


# -- what is odd but right -------------------------------------------------------------------------------------------

WHOLE = {"image": GREY, "affinities": AFFINITIES}
ODD: dict[str, Inputs] = {
    "one section": {"image": GREY[:1], "affinities": AFFINITIES[:, :1]},
    "one column": {"image": GREY[:, :1, :1], "affinities": AFFINITIES[:, :, :1, :1]},
    "one voxel": {"image": GREY[:1, :1, :1], "affinities": AFFINITIES[:, :1, :1, :1]},
    "no affinity at all": {"image": GREY, "affinities": AFFINITIES * 0},
    "affinity 1 everywhere": {"image": GREY, "affinities": AFFINITIES * 0 + 1},
    "a mask of one voxel": {**WHOLE, "mask": np.arange(LABELS.size).reshape(SHAPE) == 777},
}


@pytest.mark.parametrize("inputs", ODD.values(), ids=ODD)
def test_odd_volumes_of_affinities_run_to_the_end(
    inputs: Inputs, new: Any, run: Any, tmp_path: Path
) -> None:
    assert new(inputs).status == 0
    result = run()
    assert result.status == 0, result.err
    project = opened(tmp_path)
    labels, graph = labels_of(project), load_graph(project.graph_dir)
    assert labels.max() == graph.supervoxel_count
    assert np.array_equal(np.bincount(labels.ravel())[1:], graph.size[1:])
    if inputs["affinities"].max() == 0:
        assert graph.supervoxel_count <= 1  # nothing says where one object ends
    if inputs["affinities"].min() == 1:
        assert graph.segment_count == 1


SMALL = {
    "constant": GREY * 0 + 77,
    "black": GREY * 0,
    "smaller than the network sees": GREY[:3, :5, :7],
    "one section": GREY[:1],
    "one voxel": GREY[:1, :1, :1],
}


@pytest.mark.parametrize("image", SMALL.values(), ids=SMALL)
def test_odd_images_run_to_the_end(
    image: NDArray[np.uint8], new: Any, run: Any, tmp_path: Path
) -> None:
    assert new({"image": image}).status == 0
    result = run()
    assert result.status == 0, result.err
    project = opened(tmp_path)
    assert project.affinities is not None
    values = project.affinities.read(Box.of_shape(image.shape))  # type: ignore[arg-type]
    assert values.shape[1:] == image.shape
    if len(np.unique(image)) == 1 and image.size > 1:
        assert values.std(axis=(1, 2, 3)).max() < 20  # nothing but the network's view of the border
    assert load_graph(project.graph_dir).size[1:].sum() == np.count_nonzero(labels_of(project))


@pytest.mark.parametrize("add", [2**31, 2**63, 2**64 - 5])
def test_large_ids_keep_their_names(add: int, new: Any, run: Any, tmp_path: Path) -> None:
    labels = LABELS.astype(np.uint64) + np.uint64(add)
    assert new({"supervoxels": labels}).status == 0
    assert run().status == 0
    project = opened(tmp_path)
    graph = load_graph(project.graph_dir)
    assert np.array_equal(graph.export_ids[graph.segment_of[labels_of(project)]], labels)


def test_objects_among_much_background(new: Any, run: Any, tmp_path: Path) -> None:
    labels = np.zeros(SHAPE, np.uint32)
    labels[0, 0, 0], labels[19, 39, 39] = 5, 9
    assert new({"supervoxels": labels, "affinities": AFFINITIES}).status == 0
    assert run().status == 0
    graph = load_graph(opened(tmp_path).graph_dir)
    assert graph.size.tolist() == [0, 1, 1]
    assert graph.point[1:].tolist() == [[0, 0, 0], [19, 39, 39]]
    assert len(graph.edges) == 0


# -- masks through all stages ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["fragments", "watershed", "mutex_watershed"])
def test_nothing_outside_the_mask_is_labelled(
    method: str, new: Any, run: Any, tmp_path: Path
) -> None:
    mask = np.ones(SHAPE, bool)
    mask[:, 12:28, 8:30] = False
    mask[15:] = False
    assert new({**WHOLE, "mask": mask}).status == 0
    (tmp_path / "s.toml").write_text(f'[watershed]\nmethod = "{method}"\n')
    result = run("--settings", tmp_path / "s.toml")
    assert result.status == 0, result.err
    project = opened(tmp_path)
    labels = labels_of(project)
    graph = load_graph(project.graph_dir)
    assert not labels[~mask].any()
    assert np.count_nonzero(labels) > 0.7 * np.count_nonzero(mask)
    assert graph.supervoxel_count >= 4
    assert (graph.box[1:, 3] <= 15).all()
    assert mask[tuple(graph.point[1:].T)].all()


def test_the_image_outside_the_mask_is_not_looked_at(
    new: Any, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from segmend.core.networks import inference

    monkeypatch.setattr("segmend.core.networks.tiles.TILE_ZYX", (16, 16, 16))
    passes: list[Any] = []
    original = inference._forward
    monkeypatch.setattr(
        inference, "_forward", lambda net, part: passes.append(part.shape) or original(net, part)
    )
    mask = np.zeros(SHAPE, np.uint8)
    mask[:10, :16, 20:] = 1
    assert new({"image": GREY, "mask": mask}).status == 0
    result = run()
    assert result.status == 0, result.err
    assert len(passes) == 2  # of 2 x 3 x 3 tiles
    project = opened(tmp_path)
    assert project.affinities is not None
    assert not project.affinities.read(Box.of_shape(SHAPE))[:, mask == 0].any()
    assert not labels_of(project)[mask == 0].any()
