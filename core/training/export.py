"""From a training run to a model that can be shipped: folded weights and a card."""

from __future__ import annotations

import re
from pathlib import Path

import tomli_w
import torch

from segmend.core.errors import InputError
from segmend.core.networks.cards import ModelCard, TrainingData
from segmend.core.networks.unet import ResidualUNet, folded_state
from segmend.core.networks.weights import save_weights
from segmend.core.training.config import LabelledSource, TrainingConfig

SYNTHETIC = TrainingData(
    name="synthetic volumes", credit="segmend.core.synthesis", licence="made by this program"
)


def export_model(
    checkpoint: Path,
    config: TrainingConfig,
    folder: Path,
    *,
    figures: dict[str, float] | None = None,
) -> Path:
    """Write ``NAME.safetensors`` and its card ``NAME.toml``.

    Parameters
    ----------
    checkpoint : Path
        Of a run with `config`; its averaged weights are taken.
    config : TrainingConfig
    folder : Path
        Made where missing.
    figures : dict, optional
        Measured figures for the card.

    Returns
    -------
    Path
        The weights.

    Raises
    ------
    InputError
        If the checkpoint does not belong to the configuration.
    """
    state = torch.load(checkpoint, weights_only=True, map_location="cpu")
    network = ResidualUNet(config.architecture, standardised=True)
    try:
        network.load_state_dict(state["average"])
    except (RuntimeError, KeyError):
        raise InputError(
            f"{checkpoint} is no checkpoint of the configuration {config.name!r}: "
            "use the configuration it was trained with, or remove it to train anew"
        ) from None
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / f"{config.name}.safetensors"
    save_weights(weights, folded_state(network))
    _write_card(card_of(config, steps=state["step"], figures=figures or {}), folder)
    return weights


def card_of(config: TrainingConfig, *, steps: int, figures: dict[str, float]) -> ModelCard:
    """Return the model card of a training run."""
    return ModelCard(
        name=config.name,
        description=config.description,
        licence=config.licence,
        voxel_size_nm_zyx=config.voxel_size_nm_zyx,
        offsets_zyx=config.offsets_zyx,
        margin_zyx=config.margin_zyx,
        architecture=config.architecture,
        data=_credits(config),
        steps=steps,
        reproduce=f"segmend train core/training/configs/{config.name}.toml",
        figures=figures,
    )


def _credits(config: TrainingConfig) -> tuple[TrainingData, ...]:
    rows = [
        TrainingData(name=source.file, credit=source.credit, licence=source.licence)
        if isinstance(source, LabelledSource)
        else SYNTHETIC
        for source in config.sources
    ]
    return tuple(dict.fromkeys(rows))


def _write_card(card: ModelCard, folder: Path) -> None:
    path = folder / f"{card.name}.toml"
    temporary = path.with_suffix(".part")
    text = tomli_w.dumps(card.model_dump(mode="json"), indent=2)
    temporary.write_text(_short_arrays_on_one_line(text), encoding="utf-8")
    temporary.replace(path)


def _short_arrays_on_one_line(toml: str) -> str:
    def joined(match: re.Match[str]) -> str:
        return "[" + ", ".join(match[1].replace(",", " ").split()) + "]"

    return re.sub(r"\[\s+((?:-?[\d.]+,\s+)+)\]", joined, toml)
