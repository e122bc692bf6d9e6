"""Every format gives the same voxels and place, by boxes, without reading them on opening."""

from __future__ import annotations

import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
import tensorstore
import tifffile
import zarr
from data import BEYOND_FLOAT, GRID, grey, save_hdf5, whole
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from segmend.core.errors import InputError
from segmend.core.geometry import Box
from segmend.core.volumes.opening import open_image, open_labels, open_volume, split_path

IMAGE = grey()
PART = Box((1, 3, 5), (4, 17, 26))


def as_hdf5(folder: Path, image: np.ndarray = IMAGE) -> str:
    return f"{save_hdf5(folder / 'a.h5', raw=image, labels=image)}:/raw"


def as_npy(folder: Path, image: np.ndarray = IMAGE) -> str:
    np.save(folder / "a.npy", image)
    return str(folder / "a.npy")


def as_tiff(folder: Path, image: np.ndarray = IMAGE) -> str:
    tifffile.imwrite(folder / "a.tif", image)
    return str(folder / "a.tif")


def as_compressed_tiff(folder: Path, image: np.ndarray = IMAGE) -> str:
    tifffile.imwrite(folder / "a.tif", image, compression="zlib", tile=(16, 16))
    return str(folder / "a.tif")


def as_png_folder(folder: Path, image: np.ndarray = IMAGE) -> str:
    for z, section in enumerate(image):
        Image.fromarray(section).save(folder / f"section_{z + 7}.png")
    return str(folder)


def as_tiff_folder(folder: Path, image: np.ndarray = IMAGE) -> str:
    for z, section in enumerate(image):
        tifffile.imwrite(folder / f"{z + 8}.tif", section)
    return str(folder)


def as_zarr2(folder: Path, image: np.ndarray = IMAGE) -> str:
    zarr.create_array(folder / "a.zarr", data=image, chunks=(2, 8, 8), zarr_format=2)
    return str(folder / "a.zarr")


def as_zarr3(folder: Path, image: np.ndarray = IMAGE) -> str:
    zarr.create_array(folder / "a.zarr", data=image, chunks=(2, 8, 8), zarr_format=3)
    return str(folder / "a.zarr")


FORMATS = [
    as_hdf5, as_npy, as_tiff, as_compressed_tiff, as_png_folder, as_tiff_folder, as_zarr2, as_zarr3,
]  # fmt: skip


@pytest.mark.parametrize("save", FORMATS)
def test_voxels_of_a_box(save, tmp_path):
    volume = open_image(save(tmp_path), voxel_size_nm_zyx=(30, 6, 6))
    assert (volume.shape_zyx, volume.channels, volume.dtype) == (IMAGE.shape, None, np.uint8)
    assert np.array_equal(volume.read(PART), IMAGE[PART.slices])
    assert np.array_equal(whole(volume), IMAGE)
    assert volume.grid.voxel_size_nm_zyx == (30, 6, 6)


@pytest.mark.parametrize("save", FORMATS)
def test_a_volume_travels_to_another_process(save, tmp_path):
    volume = open_image(save(tmp_path), voxel_size_nm_zyx=(30, 6, 6), offset_nm_zyx=(1, 2, 3))
    again = pickle.loads(pickle.dumps(volume))
    assert np.array_equal(again.read(PART), IMAGE[PART.slices])
    assert again.grid == volume.grid


@pytest.mark.parametrize("save", FORMATS)
def test_a_read_may_be_changed_without_changing_the_file(save, tmp_path):
    path = save(tmp_path)
    open_image(path, need_voxel_size=False).read(PART)[:] = 0
    assert np.array_equal(whole(open_image(path, need_voxel_size=False)), IMAGE)


@pytest.mark.parametrize(
    ("save", "chunk"),
    [
        (as_npy, None),
        (as_tiff, None),
        (as_compressed_tiff, (1, 20, 30)),
        (as_png_folder, (1, 20, 30)),
        (as_zarr2, (2, 8, 8)),
        (as_zarr3, (2, 8, 8)),
    ],
)
def test_it_is_known_what_is_decoded_at_once(save, chunk, tmp_path):
    assert open_image(save(tmp_path), need_voxel_size=False).chunk_zyx == chunk


def test_a_box_outside_is_refused(tmp_path):
    volume = open_image(as_npy(tmp_path), need_voxel_size=False)
    with pytest.raises(InputError, match=r"0:6,0:20,0:30 leaves .*5 x 20 x 30"):
        volume.read(Box((0, 0, 0), (6, 20, 30)))


@pytest.mark.parametrize("save", [as_npy, as_tiff, as_compressed_tiff, as_hdf5, as_zarr2])
def test_big_endian_is_read_as_native(save, tmp_path):
    volume = open_image(save(tmp_path, IMAGE.astype(">u2")), need_voxel_size=False)
    assert volume.read(PART).dtype == np.dtype("=u2")
    assert np.array_equal(volume.read(PART), IMAGE[PART.slices])


def test_a_voxel_read_lazily_touches_one_section(tmp_path):
    path = as_png_folder(tmp_path)
    volume = open_image(path, need_voxel_size=False)
    for name in ("section_7.png", "section_8.png", "section_10.png", "section_11.png"):
        data = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(data[:60])
    one = Box((2, 0, 0), (3, 20, 30))
    assert np.array_equal(volume.read(one), IMAGE[one.slices])


def test_pages_are_decoded_one_by_one(tmp_path):
    path = as_compressed_tiff(tmp_path)
    with tifffile.TiffFile(path) as tiff:
        first = tiff.pages[0].dataoffsets[0]
    with open(path, "r+b") as file:
        file.seek(first)
        file.write(b"\0" * 16)
    volume = open_image(path, need_voxel_size=False)
    assert np.array_equal(volume.read(PART), IMAGE[PART.slices])
    with pytest.raises(InputError, match="truncated or damaged"):
        volume.read(Box((0, 0, 0), (1, 20, 30)))


# -- voxel size and offset -------------------------------------------------------------------------------------------


def test_hdf5_tells_its_place(tmp_path):
    volume = open_image(as_hdf5(tmp_path))
    assert volume.grid == GRID


def test_arguments_win_over_the_file(tmp_path):
    volume = open_image(as_hdf5(tmp_path), voxel_size_nm_zyx=(1, 2, 3), offset_nm_zyx=(4, 5, 6))
    assert (volume.grid.voxel_size_nm_zyx, volume.grid.offset_nm_zyx) == ((1, 2, 3), (4, 5, 6))


def test_the_dataset_wins_over_its_groups(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["resolution"] = [1, 1, 1]
        array = file.create_dataset("volumes/raw", data=IMAGE)
        array.attrs["element_size_um"] = [0.04, 0.004, 0.004]
        file["volumes"].attrs["offset"] = [40, 0, 0]
    grid = open_image(tmp_path / "a.h5").grid
    assert grid.voxel_size_nm_zyx == pytest.approx((40, 4, 4))
    assert grid.offset_nm_zyx == (40, 0, 0)


def test_imagej_stack_tells_its_voxel_size(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif", IMAGE, imagej=True, resolution=(1 / 0.006, 1 / 0.008),
        metadata={"spacing": 0.03, "unit": "um", "axes": "ZYX"},
    )  # fmt: skip
    assert open_image(tmp_path / "a.tif").grid.voxel_size_nm_zyx == pytest.approx((30, 8, 6))


def test_ome_tiff_tells_its_voxel_size_in_any_unit(tmp_path):
    metadata = {
        "axes": "ZYX",
        "PhysicalSizeZ": 0.03, "PhysicalSizeZUnit": "µm",
        "PhysicalSizeY": 6.0, "PhysicalSizeYUnit": "nm",
        "PhysicalSizeX": 650.0, "PhysicalSizeXUnit": "Å",
    }  # fmt: skip
    tifffile.imwrite(tmp_path / "a.ome.tif", IMAGE, metadata=metadata)
    assert open_image(tmp_path / "a.ome.tif").grid.voxel_size_nm_zyx == pytest.approx((30, 6, 65))


def test_resolution_tags_alone_are_not_a_voxel_size(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", IMAGE, resolution=(72, 72), resolutionunit="INCH")
    with pytest.raises(InputError, match="has no voxel size: give --voxel-size Z Y X in nm"):
        open_image(tmp_path / "a.tif")


def test_labels_need_no_voxel_size(tmp_path):
    assert open_labels(as_npy(tmp_path)).grid.voxel_size_nm_zyx == (1, 1, 1)


@pytest.mark.parametrize(
    "size", [(0, 1, 1), (-1, 1, 1), (float("nan"), 1, 1), (float("inf"), 1, 1)]
)
def test_unusable_voxel_sizes(size, tmp_path):
    with pytest.raises(InputError, match="expected three positive numbers"):
        open_image(as_npy(tmp_path), voxel_size_nm_zyx=size)


# -- OME-Zarr --------------------------------------------------------------------------------------------------------


def ome_group(
    path: Path, axes: list[dict], scale: list[float], image, *, version: str = "0.4", outer=()
):
    dataset = {"path": "s0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}
    image_metadata = {"axes": axes, "datasets": [dataset, {**dataset, "path": "s1"}]}
    if outer:
        image_metadata["coordinateTransformations"] = list(outer)
    form = 3 if version == "0.5" else 2
    group = zarr.create_group(path, zarr_format=form)
    group.create_array("s0", data=image)
    group.create_array("s1", data=image[..., ::2, ::2])
    group.attrs.update(
        {"ome": {"version": version, "multiscales": [image_metadata]}}
        if version == "0.5"
        else {"multiscales": [image_metadata]}
    )


def space(unit: str) -> list[dict]:
    return [{"name": a, "type": "space", "unit": unit} for a in "zyx"]


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_ome_zarr_gives_the_finest_level_in_nm(version, tmp_path):
    outer = [{"type": "translation", "translation": [0.1, 0.2, 0.3]}]
    ome_group(
        tmp_path / "a.zarr",
        space("micrometer"),
        [0.03, 0.006, 0.006],
        IMAGE,
        version=version,
        outer=outer,
    )
    volume = open_image(tmp_path / "a.zarr")
    assert volume.grid.voxel_size_nm_zyx == pytest.approx((30, 6, 6))
    assert volume.grid.offset_nm_zyx == pytest.approx((100, 200, 300))
    assert np.array_equal(volume.read(PART), IMAGE[PART.slices])


def test_a_level_named_directly_knows_its_place(tmp_path):
    ome_group(tmp_path / "a.zarr", space("nanometer"), [30, 12, 12], IMAGE)
    volume = open_image(f"{tmp_path / 'a.zarr'}:/s1")
    assert (volume.shape_zyx, volume.grid.voxel_size_nm_zyx) == ((5, 10, 15), (30, 12, 12))


def test_time_and_channel_of_length_one_are_dropped(tmp_path):
    axes = [{"name": "t", "type": "time"}, {"name": "c", "type": "channel"}, *space("nanometer")]
    ome_group(tmp_path / "a.zarr", axes, [1, 1, 30, 6, 6], IMAGE[None, None])
    volume = open_image(tmp_path / "a.zarr")
    assert (volume.shape_zyx, volume.channels) == (IMAGE.shape, None)
    assert np.array_equal(volume.read(PART), IMAGE[PART.slices])


def test_axes_in_another_order_are_turned(tmp_path):
    axes = [{"name": a, "type": "space", "unit": "nanometer"} for a in "xyz"]
    ome_group(tmp_path / "a.zarr", axes, [6, 7, 30], np.ascontiguousarray(IMAGE.transpose(2, 1, 0)))
    volume = open_image(tmp_path / "a.zarr")
    assert volume.grid.voxel_size_nm_zyx == (30, 7, 6)
    assert np.array_equal(volume.read(PART), IMAGE[PART.slices])


def test_several_time_points_are_refused(tmp_path):
    axes = [{"name": "t", "type": "time"}, *space("nanometer")]
    ome_group(tmp_path / "a.zarr", axes, [1, 30, 6, 6], np.stack([IMAGE, IMAGE]))
    with pytest.raises(InputError, match="expected one time point"):
        open_image(tmp_path / "a.zarr")


def test_ome_zarr_without_units_has_no_voxel_size(tmp_path):
    ome_group(tmp_path / "a.zarr", [{"name": a, "type": "space"} for a in "zyx"], [1, 1, 1], IMAGE)
    with pytest.raises(InputError, match="no voxel size"):
        open_image(tmp_path / "a.zarr")


def test_the_only_array_of_a_plain_group_is_taken(tmp_path):
    zarr.create_group(tmp_path / "a.zarr", zarr_format=2).create_array("volumes/raw", data=IMAGE)
    assert open_image(tmp_path / "a.zarr", need_voxel_size=False).source.endswith(
        "a.zarr:/volumes/raw"
    )


def test_chunks_left_out_by_other_programs_are_fill_values(tmp_path):
    array = zarr.create_array(
        tmp_path / "a.zarr", shape=(4, 8, 8), chunks=(2, 8, 8), dtype="u1", zarr_format=2
    )
    array[:2] = 5
    read = whole(open_image(tmp_path / "a.zarr", need_voxel_size=False))
    assert (read[:2] == 5).all()
    assert (read[2:] == 0).all()


# -- labels ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8"])
def test_labels_of_any_width(dtype, tmp_path):
    labels = (IMAGE % 100).astype(dtype)
    np.save(tmp_path / "a.npy", labels)
    volume = open_labels(tmp_path / "a.npy")
    assert volume.dtype == np.dtype(f"u{labels.itemsize}")
    assert np.array_equal(whole(volume), labels)


@pytest.mark.parametrize("end", ["a.h5", "a.zarr", "a.tif", "a.npy"])
def test_ids_above_2_53_survive(end, tmp_path):
    labels = np.full((2, 3, 4), BEYOND_FLOAT, np.uint64)
    labels[0, 0, 0] = 2**64 - 1
    path = tmp_path / end
    if end == "a.h5":
        save_hdf5(path, labels=labels)
    elif end == "a.zarr":
        zarr.create_array(path, data=labels)
    elif end == "a.tif":
        tifffile.imwrite(path, labels, photometric="minisblack")
    else:
        np.save(path, labels)
    assert np.array_equal(whole(open_labels(path)), labels)


def test_negative_labels_are_refused_when_they_are_met(tmp_path):
    labels = np.zeros((2, 3, 4), np.int64)
    labels[1, 1, 1] = -1
    np.save(tmp_path / "a.npy", labels)
    volume = open_labels(tmp_path / "a.npy")
    assert not volume.read(Box((0, 0, 0), (1, 3, 4))).any()
    with pytest.raises(InputError, match="negative label -1"):
        whole(volume)


# -- paths -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "file", "dataset"),
    [
        ("a.h5:/raw", "a.h5", "/raw"),
        ("a.hdf5:/x/y", "a.hdf5", "/x/y"),
        ("/d/a.zarr:/0", "/d/a.zarr", "/0"),
        ("C:/data/a.h5", "C:/data/a.h5", None),
        ("C:/data/a.H5:/raw", "C:/data/a.H5", "/raw"),
        ("a.h5:/b.h5:/c", "a.h5:/b.h5", "/c"),
        ("a.tif:/x", "a.tif:/x", None),
        ("a.h5:raw", "a.h5:raw", None),
    ],
)
def test_split_path(text, file, dataset):
    assert split_path(text) == (Path(file), dataset)


@given(st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8}){0,3}", fullmatch=True))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_any_dataset_name_survives_the_split(name):
    assert split_path(f"some.where/file.h5:/{name}") == (Path("some.where/file.h5"), f"/{name}")


def test_the_cache_is_one_and_bounded():
    from segmend.core.volumes.zarr_store import CACHE_BYTES, shared_context

    assert shared_context() is shared_context()
    assert isinstance(shared_context(), tensorstore.Context)
    assert shared_context()["cache_pool"].to_json() == {"total_bytes_limit": CACHE_BYTES}


@pytest.mark.parametrize(("told", "size"), [("64", 2**26), ("", 2**28), ("much", 2**28)])
def test_the_environment_may_set_the_size_of_the_cache(monkeypatch, told, size):
    from segmend.core.volumes.zarr_store import shared_context

    monkeypatch.setenv("SEGMEND_CACHE_MB", told)
    pool = shared_context.__wrapped__()["cache_pool"]
    assert pool.to_json() == {"total_bytes_limit": size}


def test_open_volume_takes_affinities(tmp_path):
    np.save(tmp_path / "a.npy", np.stack([IMAGE] * 3))
    volume = open_volume(tmp_path / "a.npy", need_voxel_size=False)
    assert (volume.channels, volume.shape_zyx) == (3, IMAGE.shape)
    assert np.array_equal(volume.read(PART)[2], IMAGE[PART.slices])
