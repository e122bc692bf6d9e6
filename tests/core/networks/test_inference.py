from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from segmend.core.errors import InputError
from segmend.core.geometry import Box, Zyx
from segmend.core.networks import inference, tiles
from segmend.core.networks.inference import (
    AffinityModel,
    Intensity,
    intensity_of,
    load_affinity_model,
    predict_block,
    volume_intensity,
)
from segmend.core.volumes.memory import MemoryVolume


@pytest.fixture
def model(tiny: Path) -> AffinityModel:
    return load_affinity_model(tiny, "cpu")


NOISE = np.random.default_rng(0).integers(60, 200, (18, 20, 33)).astype(np.uint8)


@pytest.fixture
def volume() -> MemoryVolume:
    return MemoryVolume(NOISE)


def test_a_block_has_its_channels_and_shape(model: AffinityModel, volume: MemoryVolume) -> None:
    affinities = predict_block(model, volume, Box((1, 2, 3), (6, 9, 20)))
    assert affinities.shape == (3, 5, 7, 17)
    assert affinities.dtype == np.uint8
    assert affinities.std() > 0
    assert model.offsets[0] == (-1, 0, 0)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    tile=st.tuples(st.integers(5, 18), st.integers(9, 20), st.integers(9, 33)),
    step=st.tuples(st.integers(5, 18), st.integers(9, 20), st.integers(9, 33)),
)
def test_any_grid_of_blocks_gives_the_same_to_the_bit(
    model: AffinityModel, volume: MemoryVolume, tile: Zyx, step: Zyx
) -> None:
    box = Box.of_shape(volume.shape_zyx)
    whole = predict_block(model, volume, box, tile_zyx=tile)
    for block in box.blocks(step):
        part = predict_block(model, volume, block, tile_zyx=tile)
        assert np.array_equal(part, whole[(slice(None), *block.slices)])


def test_tiles_without_tissue_are_not_predicted(
    model: AffinityModel, volume: MemoryVolume, monkeypatch: pytest.MonkeyPatch
) -> None:
    box, tile = Box((1, 2, 3), (17, 20, 33)), (9, 10, 16)
    tissue = np.zeros(box.shape_zyx, bool)
    tissue[3:12, 9:14, 2:9] = True  # in two tiles of twelve
    expected = predict_block(model, volume, box, tile_zyx=tile) * tissue
    passes: list[Box] = []
    original = inference._forward

    def counted(*arguments: object) -> NDArray:
        passes.append(box)
        return original(*arguments)

    monkeypatch.setattr(inference, "_forward", counted)
    found = predict_block(model, volume, box, tile_zyx=tile, tissue=tissue)
    assert np.array_equal(found, expected)
    assert found.any()
    assert len(passes) == 2


def test_tiles_of_a_large_block_show_no_seam(
    model: AffinityModel, volume: MemoryVolume, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = Box((0, 1, 2), (18, 20, 33))
    whole = predict_block(model, volume, box).astype(int)
    monkeypatch.setattr(tiles, "LARGEST_TILE_VOXELS", 24**3)
    assert tiles.tile_shape(model.card) == (5, 8, 8)
    assert np.abs(predict_block(model, volume, box) - whole).max() <= 1


def test_array_and_block_predictions_agree(model: AffinityModel, volume: MemoryVolume) -> None:
    block = predict_block(
        model, volume, Box.of_shape(volume.shape_zyx), intensity=intensity_of(NOISE)
    )
    assert np.abs(model.predict(NOISE) * 255 - block).max() <= 0.51


def test_scaling_the_grey_levels_changes_nothing(
    model: AffinityModel, volume: MemoryVolume
) -> None:
    box = Box((0, 0, 0), (8, 8, 8))
    wide = MemoryVolume(NOISE.astype(np.uint16) * 200)
    difference = predict_block(model, volume, box).astype(int) - predict_block(model, wide, box)
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("value", [0, 7, 255])
def test_constant_images_give_finite_affinities(model: AffinityModel, value: int) -> None:
    predicted = model.predict(np.full((4, 5, 6), value, np.uint8))
    assert np.isfinite(predicted).all()
    assert predicted.min() >= 0
    assert predicted.max() <= 1


def test_nan_and_infinite_voxels_count_as_mean() -> None:
    image = np.array([[[1.0, 3.0, np.nan, np.inf]]], dtype=np.float32)
    statistics = intensity_of(image)
    assert statistics == Intensity(2.0, 1.0)
    assert statistics.normalise(image).tolist() == [[[-1.0, 1.0, 0.0, 0.0]]]


def test_black_padding_does_not_shift_the_grey_levels() -> None:
    image = np.full((4, 4, 4), 100, np.uint8)
    image[2:] = 104
    padded = np.pad(image, 10)
    assert intensity_of(padded) == intensity_of(image)


def test_statistics_of_a_large_volume_come_from_small_boxes() -> None:
    class Counted(MemoryVolume):
        voxels = 0

        def read(self, box: Box) -> NDArray:
            self.voxels += box.size
            return np.ones(box.shape_zyx, np.uint8)

    volume = Counted(np.broadcast_to(np.uint8(1), (5, 100_000, 100_000)))
    assert volume_intensity(volume) == Intensity(1.0, 0.0)
    assert 0 < volume.voxels <= 27 * 40**3


@pytest.mark.parametrize(
    "box", [Box((0, 0, 0), (19, 1, 1)), Box((-1, 0, 0), (1, 1, 1)), Box((0, 0, 0), (0, 1, 1))]
)
def test_boxes_outside_are_refused(model: AffinityModel, volume: MemoryVolume, box: Box) -> None:
    with pytest.raises(InputError, match="inside the volume"):
        predict_block(model, volume, box)


def test_unknown_devices_are_refused(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for device in ("tpu", "cuda"):
        with pytest.raises(InputError, match="--device"):
            load_affinity_model(tiny, device)
