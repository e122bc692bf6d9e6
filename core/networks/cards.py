"""Model cards: what a shipped network is, what it was trained on, and how good it was when measured.

A model is two files beside each other, ``NAME.toml`` (the card) and ``NAME.safetensors`` (the weights). Reading cards
needs no torch, so listing and choosing models is quick.
"""

from __future__ import annotations

import math
import tomllib
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from segmend.core.errors import InputError
from segmend.core.geometry import Zyx, ZyxNm
from segmend.core.networks.architecture import Architecture

LARGEST_CARD = 1 << 20


class TrainingData(BaseModel):
    """One data set a model was trained on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    credit: str
    licence: str


class ModelCard(BaseModel):
    """Description of an affinity model.

    Parameters
    ----------
    name : str
        Name of both files.
    description : str
        For whom the model is, in a sentence or two.
    licence : str
        Of the weights.
    voxel_size_nm_zyx : tuple of 3 float
        Voxel size the model was trained at.
    offsets_zyx : tuple of 3 int each
        Channel c is the affinity of a voxel to the one at this offset; nearest z, y, x come first.
    margin_zyx : tuple of 3 int
        Context read around a block; beyond it the output changes by less than a grey step.
    architecture : Architecture
    data : tuple of TrainingData
    steps : int
        Optimiser steps of the training.
    reproduce : str
        Command that trains the model anew.
    figures : dict
        Measured figures; names say what, on which part of which data.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    description: str
    licence: str
    voxel_size_nm_zyx: ZyxNm
    offsets_zyx: tuple[Zyx, ...] = Field(min_length=3)
    margin_zyx: Zyx
    architecture: Architecture
    data: tuple[TrainingData, ...]
    steps: int
    reproduce: str
    figures: dict[str, float] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> ModelCard:
        if self.architecture.outputs != len(self.offsets_zyx):
            raise ValueError("expected as many offsets_zyx as architecture.outputs")
        if self.offsets_zyx[:3] != ((-1, 0, 0), (0, -1, 0), (0, 0, -1)):
            raise ValueError("expected the nearest offsets -1 in z, y and x first")
        if not all(0 < size < math.inf for size in self.voxel_size_nm_zyx):
            raise ValueError("expected positive voxel_size_nm_zyx")
        if not all(0 <= margin <= 512 for margin in self.margin_zyx):
            raise ValueError("expected margin_zyx from 0 to 512")
        return self


def shipped_folder() -> Path:
    """Return the folder of the models that come with Segmend."""
    return Path(str(files("segmend.resources"))) / "weights"


def read_card(path: Path) -> ModelCard:
    """Read and check a model card.

    Raises
    ------
    InputError
        If the file is missing, too large, or not a model card.
    """
    try:
        if path.stat().st_size > LARGEST_CARD:
            raise InputError(
                f"{path} is larger than a model card: expected a TOML file below 1 MiB"
            )
        return ModelCard.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise InputError(
            f"{path} does not exist: a model needs its card NAME.toml beside NAME.safetensors"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path} cannot be read as a model card: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the card"
        raise InputError(f"{path} is no usable model card: {where}: {first['msg']}") from None


def list_models(folder: Path | None = None) -> tuple[ModelCard, ...]:
    """Return the cards of the shipped models, or of those in `folder`, by name."""
    folder = folder or shipped_folder()
    cards = (
        read_card(path)
        for path in sorted(folder.glob("*.toml"))
        if path.with_suffix(".safetensors").exists()
    )
    return tuple(cards)


def find_card(name_or_path: str | Path) -> tuple[ModelCard, Path]:
    """Return the card and the weights file of a shipped model, or of a file anywhere.

    Parameters
    ----------
    name_or_path : str or Path
        Name of a shipped model, or path of its ``.safetensors`` or ``.toml`` file.

    Raises
    ------
    InputError
        If there is no such model; the message lists those there are.
    """
    path = Path(name_or_path)
    if path.suffix in {".safetensors", ".toml"}:
        weights = path.with_suffix(".safetensors")
    else:
        weights = shipped_folder() / f"{path.name}.safetensors"
        if str(path) != path.name or not weights.exists():
            known = ", ".join(card.name for card in list_models()) or "none"
            raise InputError(
                f"there is no model {str(name_or_path)!r}: expected one of {known}, or a path to "
                "a .safetensors file with its card beside it"
            )
    if not weights.is_file():
        raise InputError(f"{weights} does not exist: expected the weights of a model")
    return read_card(weights.with_suffix(".toml")), weights


def choose_model(voxel_size_nm_zyx: ZyxNm, folder: Path | None = None) -> ModelCard:
    """Return the model whose voxels are most like the given ones, by the ratio of sizes.

    Raises
    ------
    InputError
        If there is no model at all.
    """
    cards = list_models(folder)
    if not cards:
        raise InputError("no affinity model is installed: give one with --model PATH")

    def distance(card: ModelCard) -> float:
        pairs = zip(card.voxel_size_nm_zyx, voxel_size_nm_zyx, strict=True)
        return sum(math.log(a / b) ** 2 for a, b in pairs)

    return min(cards, key=distance)
