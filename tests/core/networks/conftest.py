from collections.abc import Callable
from pathlib import Path

import pytest
import tomli_w
import torch

from segmend.core.networks.architecture import Architecture
from segmend.core.networks.cards import ModelCard
from segmend.core.networks.unet import ResidualUNet, folded_state
from segmend.core.networks.weights import save_weights

NEAREST = ((-1, 0, 0), (0, -1, 0), (0, 0, -1))


def card(name: str = "tiny", voxel_size: float = 10.0) -> ModelCard:
    return ModelCard(
        name=name,
        description="For tests.",
        licence="CC0 1.0",
        voxel_size_nm_zyx=(voxel_size, voxel_size, voxel_size),
        offsets_zyx=NEAREST,
        margin_zyx=(8, 8, 8),
        architecture=Architecture(
            widths=(2, 2), factors_zyx=((2, 2, 2),), kernels_zyx=((3, 3, 3), (1, 1, 1)), outputs=3
        ),
        data=(),
        steps=0,
        reproduce="segmend train tiny.toml",
    )


def write_model(folder: Path, model: ModelCard) -> Path:
    torch.manual_seed(0)
    network = ResidualUNet(model.architecture, standardised=True)
    torch.nn.init.normal_(network.head.weight)
    weights = folder / f"{model.name}.safetensors"
    save_weights(weights, folded_state(network))
    weights.with_suffix(".toml").write_text(tomli_w.dumps(model.model_dump(mode="json")))
    return weights


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write_model(tmp_path, card())


@pytest.fixture
def make_model() -> Callable[[Path, str, float], Path]:
    return lambda folder, name, voxel_size: write_model(folder, card(name, voxel_size))
