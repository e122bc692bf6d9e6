"""What `segmend train` reads: a TOML file, checked strictly before anything is loaded."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from segmend.core.errors import InputError
from segmend.core.geometry import Zyx, ZyxNm
from segmend.core.networks.architecture import Architecture
from segmend.core.training.augmentation import AugmentationConfig


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LabelledSource(_Strict):
    """An image and dense labels (or 2D membranes) in one HDF5 file below the data folder.

    Parameters
    ----------
    file, image, labels : str
        File relative to `$SEGMEND_DATA`, and its datasets.
    start_zyx, stop_zyx : tuple of 3 int, optional
        Part to train on.
    membranes : bool
        `labels` is a membrane image (0 on membranes): objects are its components per section, and affinities
        across sections are not learnt from it.
    zoom_yx : float
        Resampling within the plane, to bring the volume to the model's voxel size.
    weight : float
        Relative chance that a patch comes from here.
    credit, licence : str
        For the model card.
    """

    kind: Literal["labelled"] = "labelled"
    file: str
    image: str = "raw"
    labels: str = "labels"
    start_zyx: Zyx | None = None
    stop_zyx: Zyx | None = None
    membranes: bool = False
    zoom_yx: float = Field(default=1.0, gt=0.1, lt=10)
    weight: float = Field(default=1.0, gt=0)
    credit: str
    licence: str


class SyntheticSource(_Strict):
    """Volumes made by `segmend.core.synthesis`, one per seed, each with tissue and imaging of its own.

    Parameters
    ----------
    shape_zyx : tuple of 3 int
    seeds : tuple of int
    weight : float
        Relative chance that a patch comes from any of them.
    """

    kind: Literal["synthetic"]
    shape_zyx: Zyx
    seeds: tuple[int, ...] = Field(min_length=1)
    weight: float = Field(default=1.0, gt=0)


Source = Annotated[LabelledSource | SyntheticSource, Field(discriminator="kind")]


class TrainingConfig(_Strict):
    """Everything a training run depends on.

    Parameters
    ----------
    name : str
        Of the model; the run's folder and the weights are named after it.
    description, licence : str
        For the model card; the licence is that of the weights.
    margin_zyx : tuple of 3 int
        Context that inference reads around a block.
    validation : LabelledSource, optional
        What training never sees; measured once at the end, for the model card, and never to choose anything.
    steps : int
        Optimiser steps, one batch each.
    erode_axes : tuple of int
        Axes along which touching labels are eroded for nearest affinities.
    average_decay : float
        Of the exponential moving average of the weights, which is what is shipped.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    description: str = ""
    licence: str = "CC BY 4.0"
    voxel_size_nm_zyx: ZyxNm
    margin_zyx: Zyx = (24, 24, 24)
    offsets_zyx: tuple[Zyx, ...] = Field(min_length=1)
    architecture: Architecture
    sources: tuple[Source, ...] = Field(min_length=1)
    validation: LabelledSource | None = None
    augmentation: AugmentationConfig = AugmentationConfig()
    patch_zyx: Zyx = (64, 64, 64)
    batch: int = Field(default=1, ge=1, le=64)
    steps: int = Field(ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    warm_up: int = Field(default=100, ge=1)
    weight_decay: float = Field(default=1e-4, ge=0)
    balance: float = Field(default=0.5, ge=0, le=1)
    erode_axes: tuple[int, ...] = (0, 1, 2)
    average_decay: float = Field(default=0.999, gt=0, lt=1)
    checkpoint_seconds: float = Field(default=120.0, gt=0)
    threads: int = Field(default=2, ge=1)
    seed: int = 0

    @model_validator(mode="after")
    def _fits(self) -> TrainingConfig:
        if self.architecture.outputs != len(self.offsets_zyx):
            raise ValueError(
                f"architecture.outputs is {self.architecture.outputs}, "
                f"expected one per offset, {len(self.offsets_zyx)}"
            )
        multiples = zip(self.patch_zyx, self.architecture.multiple_zyx, strict=True)
        if any(p < 1 or p % m for p, m in multiples):
            raise ValueError(
                f"patch_zyx must be a multiple of {self.architecture.multiple_zyx} on each axis"
            )
        if len(set(self.patch_zyx)) > 1 and self.augmentation.isotropic:
            raise ValueError("patch_zyx must be a cube where augmentation.isotropic turns it")
        if self.patch_zyx[1] != self.patch_zyx[2]:
            raise ValueError("patch_zyx must have as many rows as columns")
        return self


def read_training_config(path: Path) -> TrainingConfig:
    """Read and check a training configuration.

    Raises
    ------
    InputError
        If the file is missing, is no TOML, or a value is missing, unknown or out of range.
    """
    try:
        with path.open("rb") as file:
            return TrainingConfig.model_validate(tomllib.load(file))
    except FileNotFoundError:
        raise InputError(
            f"{path} does not exist: expected a training configuration in TOML; check the path"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise InputError(f"{path} cannot be read as TOML: {error}; correct the file") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise InputError(
            f"{path}: {where}: {first['msg']}; correct the value, see the shipped configurations"
        ) from None
