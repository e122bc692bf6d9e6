"""Our own OME-Zarr arrays: written by blocks, read back, with a pyramid whose places agree."""

from __future__ import annotations

import json
import pickle

import imagecodecs
import numpy as np
import pytest
import zarr
from data import GRID, grey, tiles, whole
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from segmend.core.errors import VolumeError
from segmend.core.geometry import Box, Grid
from segmend.core.volumes.opening import open_image, open_labels
from segmend.core.volumes.pyramid import pyramid_factors
from segmend.core.volumes.zarr import (
    create_zarr,
    downsample_labels,
    open_pyramid,
    open_zarr,
    write_pyramid,
)


def written(path, array, *, labels, grid=GRID):
    channels = len(array) if array.ndim == 4 else None
    volume = create_zarr(path, array.shape[-3:], array.dtype, grid, channels=channels)
    volume.write(Box.of_shape(array.shape[-3:]), array)
    write_pyramid(path, labels=labels)
    return open_pyramid(path)


def test_blocks_come_back(tmp_path):
    image = grey((20, 150, 140))
    volume = create_zarr(tmp_path / "a.zarr", image.shape, np.uint8, GRID)
    for box in Box.of_shape(image.shape).blocks((16, 128, 128)):
        volume.write(box, image[box.slices])
    part = Box((3, 100, 7), (19, 140, 133))
    assert np.array_equal(open_zarr(tmp_path / "a.zarr").read(part), image[part.slices])
    assert volume.chunk_zyx == (16, 128, 128)
    assert volume.grid == GRID


def test_labels_are_stored_smaller_than_shuffled_and_other_programs_read_them(tmp_path):
    ids = np.random.default_rng(0).integers(1, 2**24, 600, dtype=np.uint32)
    z, y, x = np.indices((16, 128, 128))
    labels = ids[(z // 5 * 97 + (y + x // 3) // 13 * 31 + (x + y // 4) // 17) % 600]
    written(tmp_path / "a.zarr", labels, labels=True)
    chunk = tmp_path / "a.zarr" / "0" / "0" / "0" / "0"
    shuffled = imagecodecs.blosc_encode(
        labels.tobytes(), level=1, compressor="zstd", shuffle=1, typesize=4
    )
    assert chunk.stat().st_size < len(shuffled)
    assert (zarr.open_array(tmp_path / "a.zarr" / "0", mode="r")[:] == labels).all()


def test_channels_come_first(tmp_path):
    affinities = np.stack([grey((4, 8, 12), seed) for seed in range(3)])
    (volume,) = written(tmp_path / "a.zarr", affinities, labels=False)
    part = Box((1, 2, 3), (3, 7, 12))
    assert (volume.channels, volume.shape_zyx) == (3, (4, 8, 12))
    assert np.array_equal(volume.read(part), affinities[(slice(None), *part.slices)])


def test_some_channels_can_be_read_alone(tmp_path):
    affinities = np.stack([grey((4, 8, 12), seed) for seed in range(5)])
    (volume,) = written(tmp_path / "a.zarr", affinities, labels=False)
    (tmp_path / "a.zarr" / "0" / "4" / "0" / "0" / "0").write_bytes(b"damaged")
    box = Box.of_shape(volume.shape_zyx)
    assert np.array_equal(volume.read(box, channels=slice(0, 3)), affinities[:3])
    with pytest.raises(VolumeError, match="truncated or damaged"):
        volume.read(box)


def test_levels_of_channels(tmp_path):
    affinities = np.stack([grey((2, 6, 1030), seed) for seed in range(3)])
    levels = written(tmp_path / "a.zarr", affinities, labels=False)
    assert [(v.channels, v.shape_zyx) for v in levels] == [
        (3, (2, 6, 1030)),
        (3, (2, 3, 515)),
        (3, (2, 2, 258)),
    ]
    mean = affinities.reshape(3, 2, 3, 2, 515, 2).mean((3, 5))
    assert np.abs(whole(levels[1]).astype(float) - mean).max() <= 0.5


def test_other_programs_read_it(tmp_path):
    labels = tiles()
    written(tmp_path / "a.zarr", labels, labels=True)
    group = zarr.open_group(tmp_path / "a.zarr", mode="r", zarr_format=2)
    assert np.array_equal(group["0"][:], labels)
    (image,) = group.attrs["multiscales"]
    assert image["version"] == "0.4"
    assert [a["name"] for a in image["axes"]] == ["z", "y", "x"]
    assert group.attrs["image-label"] == {"version": "0.4"}


def test_opened_as_any_other_volume_it_keeps_its_place(tmp_path):
    written(tmp_path / "a.zarr", tiles(), labels=True)
    volume = open_labels(tmp_path / "a.zarr")
    assert volume.grid == GRID
    assert np.array_equal(whole(volume), tiles())


def test_levels_go_down_to_512_and_say_where_they_lie(tmp_path):
    image = grey((3, 40, 1100))
    levels = written(tmp_path / "a.zarr", image, labels=False)
    assert [v.shape_zyx for v in levels] == [(3, 40, 1100), (3, 20, 550), (3, 10, 275)]
    assert [v.grid.voxel_size_nm_zyx[1:] for v in levels] == [(6, 6.5), (12, 13), (24, 26)]
    z, y, x = GRID.offset_nm_zyx
    assert levels[1].grid.offset_nm_zyx == (z, y + 3.0, x + 3.25)
    assert levels[2].grid.offset_nm_zyx == (z, y + 9.0, x + 9.75)


def test_a_small_array_has_one_level(tmp_path):
    assert len(written(tmp_path / "a.zarr", grey(), labels=False)) == 1


def test_image_levels_are_means(tmp_path):
    image = grey((2, 6, 1030))
    levels = written(tmp_path / "a.zarr", image, labels=False)
    mean = image.reshape(2, 3, 2, 515, 2).mean((2, 4))
    assert np.abs(whole(levels[1]).astype(float) - mean).max() <= 0.5


def test_label_levels_hold_the_most_frequent_label(tmp_path):
    labels = tiles((2, 6, 1030), (2, 4, 5))
    levels = written(tmp_path / "a.zarr", labels, labels=True)
    assert np.array_equal(whole(levels[1]), downsample_labels(labels, (1, 2, 2)))
    assert set(np.unique(whole(levels[1]))) <= set(np.unique(labels))


def test_writing_the_pyramid_again_replaces_it(tmp_path):
    image = grey((2, 6, 1030))
    written(tmp_path / "a.zarr", image, labels=False)
    open_zarr(tmp_path / "a.zarr", writable=True).write(Box.of_shape(image.shape), image // 2)
    write_pyramid(tmp_path / "a.zarr", labels=False)
    mean = (image // 2).reshape(2, 3, 2, 515, 2).mean((2, 4))
    assert np.abs(whole(open_pyramid(tmp_path / "a.zarr")[1]).astype(float) - mean).max() <= 0.5


@pytest.mark.parametrize(
    ("shape", "size", "factors"),
    [
        ((100, 512, 512), (10, 10, 10), []),
        ((100, 513, 20), (10, 10, 10), [(2, 2, 2)]),
        ((1, 600, 600), (10, 10, 10), [(1, 2, 2)]),
        ((100, 4096, 4096), (30, 6, 6), [(1, 2, 2), (1, 2, 2), (2, 2, 2)]),
    ],
)
def test_factors(shape, size, factors):
    assert pyramid_factors(shape, Grid(size)) == factors


@given(hnp.arrays(np.uint64, hnp.array_shapes(min_dims=3, max_dims=3, max_side=7), elements=st.integers(0, 3)),
       st.sampled_from([(1, 2, 2), (2, 2, 2), (1, 1, 1)]))  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_a_coarse_label_is_a_most_frequent_one_below(labels, factor):
    coarse = downsample_labels(labels, factor)
    assert coarse.shape == tuple(-(-n // f) for n, f in zip(labels.shape, factor, strict=True))
    padded = np.pad(
        labels, [(0, -n % f) for n, f in zip(labels.shape, factor, strict=True)], mode="edge"
    )
    for place in np.ndindex(coarse.shape):
        below = padded[tuple(slice(p * f, p * f + f) for p, f in zip(place, factor, strict=True))]
        values, counts = np.unique(below, return_counts=True)
        assert counts[values == coarse[place]] == counts.max()


def test_a_part_of_a_level_can_be_renewed_alone():
    labels = tiles((8, 16, 16), (3, 5, 3))
    part = (slice(2, 6), slice(4, 12), slice(8, 16))
    coarse = downsample_labels(labels, (2, 2, 2))
    assert np.array_equal(downsample_labels(labels[part], (2, 2, 2)), coarse[1:3, 2:6, 4:8])


# -- damage and misuse -----------------------------------------------------------------------------------------------


def test_a_missing_chunk_of_a_finished_array_is_damage(tmp_path):
    written(tmp_path / "a.zarr", np.zeros((20, 8, 12), np.uint32), labels=True)
    (tmp_path / "a.zarr" / "0" / "1" / "0" / "0").unlink()
    (volume,) = open_pyramid(tmp_path / "a.zarr")
    assert not volume.read(Box((0, 0, 0), (16, 8, 12))).any()
    with pytest.raises(VolumeError, match="truncated or damaged"):
        whole(volume)


def test_a_missing_chunk_of_an_unfinished_array_is_zero(tmp_path):
    create_zarr(tmp_path / "a.zarr", (20, 8, 12), np.uint32, GRID).write(
        Box((0, 0, 0), (16, 8, 12)), np.ones((16, 8, 12), np.uint32)
    )
    assert whole(open_zarr(tmp_path / "a.zarr")).sum() == 16 * 8 * 12


def test_a_missing_level_is_named(tmp_path):
    written(tmp_path / "a.zarr", grey((2, 6, 1030)), labels=False)
    (tmp_path / "a.zarr" / "1" / ".zarray").unlink()
    with pytest.raises(VolumeError, match=r"a\.zarr/1 cannot be opened"):
        open_pyramid(tmp_path / "a.zarr")


def test_no_array_is_written_over(tmp_path):
    written(tmp_path / "a.zarr", tiles(), labels=True)
    with pytest.raises(VolumeError, match="exists already"):
        create_zarr(tmp_path / "a.zarr", (1, 1, 1), np.uint8, GRID)


@pytest.mark.parametrize("wrong", [np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2, 2), np.uint16)])
def test_shape_and_type_of_a_block_must_fit(wrong, tmp_path):
    volume = create_zarr(tmp_path / "a.zarr", (4, 4, 4), np.uint8, GRID)
    with pytest.raises(VolumeError, match="expected 2 x 2 x 2 uint8"):
        volume.write(Box((0, 0, 0), (2, 2, 2)), wrong)


def test_opened_for_reading_it_cannot_be_written(tmp_path):
    written(tmp_path / "a.zarr", grey(), labels=False)
    volume = open_zarr(tmp_path / "a.zarr")
    with pytest.raises(VolumeError, match="cannot be written"):
        volume.write(Box((0, 0, 0), (1, 1, 1)), np.zeros((1, 1, 1), np.uint8))


def test_open_pyramid_of_nothing(tmp_path):
    with pytest.raises(VolumeError, match="missing or not an OME-Zarr group"):
        open_pyramid(tmp_path / "a.zarr")


def test_a_level_travels_to_another_process(tmp_path):
    levels = written(tmp_path / "a.zarr", grey((2, 6, 1030)), labels=False)
    again = pickle.loads(pickle.dumps(levels[1]))
    assert again.grid == levels[1].grid
    assert np.array_equal(whole(again), whole(levels[1]))


def test_metadata_is_replaced_whole(tmp_path):
    written(tmp_path / "a.zarr", grey(), labels=False)
    assert not list((tmp_path / "a.zarr").glob("*.partial"))
    assert json.loads((tmp_path / "a.zarr" / ".zgroup").read_text()) == {"zarr_format": 2}


def test_open_image_sees_a_missing_chunk_of_our_own_array(tmp_path):
    written(tmp_path / "a.zarr", grey((20, 8, 12)), labels=False)
    (tmp_path / "a.zarr" / "0" / "1" / "0" / "0").unlink()
    with pytest.raises(VolumeError, match="truncated or damaged"):
        whole(open_image(tmp_path / "a.zarr"))
