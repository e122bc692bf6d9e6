"""What cannot be used is refused with one line that says what is wrong, what was expected and what to do."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import tifffile
import zarr
from data import grey, save_hdf5, whole
from PIL import Image

from segmend.core.errors import VolumeError
from segmend.core.volumes.opening import open_affinities, open_image, open_labels

IMAGE = grey((6, 64, 64))


def refusal(open_it, *arguments, **options) -> str:
    """Return the one line of a refusal, on opening or on the first reading."""
    with pytest.raises(VolumeError) as caught:
        whole(open_it(*arguments, **options))
    message = str(caught.value)
    assert "\n" not in message
    assert ":" in message  # what is wrong: what to do
    return message


def image(path) -> str:
    return refusal(open_image, path, need_voxel_size=False)


def test_missing_file(tmp_path):
    assert "does not exist" in image(tmp_path / "no.h5")


def test_unknown_format(tmp_path):
    (tmp_path / "a.mrc").write_bytes(b"x")
    assert "HDF5 (.h5 .hdf5 .hdf), TIFF" in image(tmp_path / "a.mrc")


def test_missing_dataset_lists_those_there(tmp_path):
    save_hdf5(tmp_path / "a.h5", raw=IMAGE, labels=IMAGE)
    message = image(f"{tmp_path / 'a.h5'}:/membranes")
    assert "no dataset /membranes" in message
    assert "/labels (6 x 64 x 64 uint8), /raw (6 x 64 x 64 uint8)" in message


def test_a_group_is_not_a_dataset(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["volumes/raw"] = IMAGE
    assert "it has /volumes/raw" in image(f"{tmp_path / 'a.h5'}:/volumes")


def test_several_datasets_without_a_name(tmp_path):
    save_hdf5(tmp_path / "a.h5", raw=IMAGE, labels=IMAGE)
    assert "several arrays: /labels" in image(tmp_path / "a.h5")


def test_the_only_three_dimensional_dataset_is_taken(tmp_path):
    save_hdf5(tmp_path / "a.h5", raw=IMAGE, table=IMAGE[0])
    assert open_image(tmp_path / "a.h5").source.endswith("a.h5:/raw")


def test_a_file_without_arrays(tmp_path):
    save_hdf5(tmp_path / "a.h5")
    assert "no arrays at all" in image(tmp_path / "a.h5")


def test_many_datasets_are_not_all_listed(tmp_path):
    save_hdf5(tmp_path / "a.h5", **{f"a{i:02}": IMAGE[:1] for i in range(20)})
    assert "and 8 more" in image(tmp_path / "a.h5")


def test_missing_zarr_array_lists_those_there(tmp_path):
    group = zarr.create_group(tmp_path / "a.zarr", zarr_format=2)
    group.create_array("raw", data=IMAGE)
    group.create_array("deep/labels", data=IMAGE)
    message = image(f"{tmp_path / 'a.zarr'}:/membranes")
    assert "/deep/labels, /raw" in message
    assert "several arrays" in image(tmp_path / "a.zarr")


def test_an_empty_zarr_folder(tmp_path):
    (tmp_path / "a.zarr").mkdir()
    assert "holds no Zarr array" in image(tmp_path / "a.zarr")


def test_n5_is_named(tmp_path):
    (tmp_path / "a.n5").mkdir()
    assert "is N5" in image(tmp_path / "a.n5")


@pytest.mark.parametrize("shape", [(64,), (64, 64), (2, 2, 6, 64, 64)])
def test_wrong_number_of_dimensions(shape, tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(shape, np.uint8))
    assert f"{len(shape)} dimensions" in image(tmp_path / "a.npy")


def test_four_dimensions_are_no_image_and_no_labels(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((3, 6, 8, 8), np.uint8))
    assert "expected an image with three" in image(tmp_path / "a.npy")
    assert "expected labels with three" in refusal(open_labels, tmp_path / "a.npy")


@pytest.mark.parametrize("shape", [(0, 8, 8), (6, 8, 0)])
def test_zero_size(shape, tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(shape, np.uint8))
    assert "has no voxels" in image(tmp_path / "a.npy")
    save_hdf5(tmp_path / "a.h5", raw=np.zeros(shape, np.uint8))
    assert "has no voxels" in image(tmp_path / "a.h5")


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2", "i4", "u4", "?"])
def test_image_types(dtype, tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((2, 3, 4), dtype))
    assert "uint8 or uint16" in image(tmp_path / "a.npy")


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "?", "c8"])
def test_label_types(dtype, tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((2, 3, 4), dtype))
    assert "expected labels as integers" in refusal(open_labels, tmp_path / "a.npy")


@pytest.mark.parametrize("shape", [(6, 8, 8), (2, 6, 8, 8)])
def test_affinities_with_too_few_channels(shape, tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(shape, np.float32))
    message = refusal(open_affinities, tmp_path / "a.npy", need_voxel_size=False)
    assert "at least three channels" in message


def test_affinities_of_another_type(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((3, 6, 8, 8), np.int32))
    assert "float 0..1" in refusal(open_affinities, tmp_path / "a.npy", need_voxel_size=False)


def test_python_objects_are_not_loaded(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[["x", None]]], object), allow_pickle=True)
    assert "a.npy" in image(tmp_path / "a.npy")


# -- colour ----------------------------------------------------------------------------------------------------------


def test_colour_tiff(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((6, 64, 64, 3), np.uint8), photometric="rgb")
    assert "colour" in image(tmp_path / "a.tif")


def test_colour_array(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((6, 8, 8, 3), np.uint8))
    assert "looks like a colour image" in image(tmp_path / "a.npy")


def test_colour_png_folder(tmp_path):
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(tmp_path / "1.png")
    assert "colour" in image(tmp_path)


def test_colour_tiff_folder(tmp_path):
    tifffile.imwrite(tmp_path / "1.tif", np.zeros((64, 64, 3), np.uint8), photometric="rgb")
    assert "colour" in image(tmp_path)


# -- folders of sections ---------------------------------------------------------------------------------------------


def test_an_empty_folder(tmp_path):
    assert "no sections" in image(tmp_path)


def test_sections_of_two_kinds(tmp_path):
    Image.fromarray(IMAGE[0]).save(tmp_path / "1.png")
    tifffile.imwrite(tmp_path / "2.tif", IMAGE[0])
    assert "PNG and TIFF" in image(tmp_path)


@pytest.mark.parametrize("other", [IMAGE[0, :32], IMAGE[0].astype(np.uint16)])
def test_sections_of_different_shape_or_type(other, tmp_path):
    Image.fromarray(IMAGE[0]).save(tmp_path / "1.png")
    Image.fromarray(other).save(tmp_path / "2.png")
    message = image(tmp_path)
    assert "2.png" in message
    assert "one shape and type" in message


def test_a_stack_among_the_sections(tmp_path):
    tifffile.imwrite(tmp_path / "1.tif", IMAGE)
    assert "one section per file" in image(tmp_path)


def test_one_png_is_no_volume(tmp_path):
    Image.fromarray(IMAGE[0]).save(tmp_path / "1.png")
    assert "one section" in image(tmp_path / "1.png")


def test_one_page_of_tiff_is_no_volume(tmp_path):
    tifffile.imwrite(tmp_path / "1.tif", IMAGE[0])
    assert "expected one stack" in image(tmp_path / "1.tif")


# -- truncated and damaged -------------------------------------------------------------------------------------------


def _cut(path, share: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


def _saved(end: str, folder):
    path = folder / f"a.{end}"
    if end == "h5":
        save_hdf5(path, raw=IMAGE)
    elif end == "npy":
        np.save(path, IMAGE)
    elif end == "tif":
        tifffile.imwrite(path, IMAGE)
    else:
        path = folder / "a.tif"
        tifffile.imwrite(path, IMAGE, compression="zlib")
    return path


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("end", ["h5", "npy", "tif", "zlib"])
def test_truncated_files(end, share, tmp_path):
    path = _saved(end, tmp_path)
    _cut(path, share)
    assert "truncated or damaged" in image(path)


def test_a_damaged_hdf5_chunk(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        array = file.create_dataset("raw", data=IMAGE, chunks=(1, 64, 64), compression="gzip")
        place = array.id.get_chunk_info(3).byte_offset
    with (tmp_path / "a.h5").open("r+b") as file:
        file.seek(place)
        file.write(b"\xff" * 100)
    assert "truncated or damaged" in image(tmp_path / "a.h5")


@pytest.mark.parametrize("form", [2, 3])
def test_a_short_zarr_chunk(form, tmp_path):
    array = zarr.create_array(tmp_path / "a.zarr", data=IMAGE, chunks=(3, 64, 64), zarr_format=form)
    assert array.nchunks == 2
    files = [p for p in (tmp_path / "a.zarr").rglob("*") if p.is_file()]
    chunk = next(p for p in files if p.name not in (".zarray", ".zattrs", "zarr.json"))
    _cut(chunk, 0.5)
    assert "truncated or damaged" in image(tmp_path / "a.zarr")


@pytest.mark.parametrize("form", [2, 3])
def test_zarr_metadata_without_any_chunk(form, tmp_path):
    zarr.create_array(
        tmp_path / "a.zarr", shape=(6, 8, 8), chunks=(3, 8, 8), dtype="u1", zarr_format=form
    )
    assert "not one chunk" in image(tmp_path / "a.zarr")


@pytest.mark.parametrize("name", [".zarray", "zarr.json"])
def test_damaged_zarr_metadata(name, tmp_path):
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / name).write_text('{"shape": [1, ')
    assert "damaged" in image(tmp_path / "a.zarr")


def test_zarr_metadata_of_an_unknown_codec(tmp_path):
    zarr.create_array(tmp_path / "a.zarr", data=IMAGE, zarr_format=2)
    metadata = tmp_path / "a.zarr" / ".zarray"
    text = metadata.read_text()
    assert '"id": "zstd"' in text
    metadata.write_text(text.replace('"id": "zstd"', '"id": "unheard-of"'))
    assert "unknown kind" in image(tmp_path / "a.zarr")


@pytest.mark.parametrize(
    "metadata",
    [
        '{"multiscales": [{"axes": ["z", "y", "x"]}]}',
        '{"multiscales": [{"axes": 3, "datasets": [{"path": "0"}]}]}',
        '{"multiscales": 5}',
        '{"multiscales": [{"datasets": [{"path": "0", "coordinateTransformations": [{"scale": [1]}]}]}]}',
    ],
)
def test_damaged_ome_metadata(metadata, tmp_path):
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / ".zgroup").write_text('{"zarr_format": 2}')
    (tmp_path / "a.zarr" / ".zattrs").write_text(metadata)
    assert "OME-Zarr metadata that cannot be used" in image(tmp_path / "a.zarr")


def test_a_truncated_png_section(tmp_path):
    for z in range(2):
        Image.fromarray(IMAGE[z]).save(tmp_path / f"{z}.png")
    _cut(tmp_path / "1.png", 0.5)
    message = image(tmp_path)
    assert "1.png" in message
    assert "truncated or damaged" in message


def test_a_file_that_is_no_png(tmp_path):
    (tmp_path / "0.png").write_bytes(b"hello")
    assert "truncated or damaged" in image(tmp_path)
