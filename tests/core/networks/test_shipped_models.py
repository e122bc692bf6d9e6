from pathlib import Path

import h5py
import numpy as np
import pytest

from segmend.core.networks.cards import choose_model, list_models, shipped_folder
from segmend.core.networks.inference import load_affinity_model
from segmend.core.synthesis import SampleSpec, synthesize
from segmend.core.training.validation import affinity_figures

NAMES = [card.name for card in list_models()]


def test_there_is_a_model_for_cubes_and_one_for_sections() -> None:
    assert choose_model((8.0, 8.0, 8.0)).name == "isotropic-10nm"
    assert choose_model((40.0, 4.0, 4.0)).name == "anisotropic-30x6nm"


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_model_is_small_credited_and_measured(name: str) -> None:
    card = next(card for card in list_models() if card.name == name)
    assert (shipped_folder() / f"{name}.safetensors").stat().st_size < 6_000_000
    assert all(data.credit and data.licence for data in card.data)
    assert card.figures


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_model_sees_the_membranes_of_a_synthetic_sample(name: str) -> None:
    model = load_affinity_model(name, "cpu")
    shape = (16, 64, 64) if model.voxel_size_nm_zyx[0] > 20 else (40, 48, 48)
    sample = synthesize(
        SampleSpec(shape_zyx=shape, voxel_size_nm_zyx=model.voxel_size_nm_zyx, seed=7)
    )
    axes = (1, 2) if model.voxel_size_nm_zyx[0] > 20 else (0, 1, 2)
    figures = affinity_figures(model, sample.image, sample.labels.astype(int), erode_axes=axes)
    assert figures["boundary_f_nearest"] > 0.6


@pytest.mark.real_data
def test_the_isotropic_model_sees_membranes_it_was_not_trained_on(real_data: Path) -> None:
    with h5py.File(real_data / "fib25_train.h5") as file:
        image, labels = (file[name][128:160, :96, :96] for name in ("raw", "labels"))
    figures = affinity_figures(
        load_affinity_model("isotropic-10nm", "cpu"),
        image,
        labels.astype(np.int64),
        erode_axes=(0, 1, 2),
    )
    assert figures["boundary_f_nearest"] > 0.75
