"""Training of the small network that judges whether two sides belong together."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
import tomli_w
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch.nn import functional

from segmend.core.algorithms.fragments import seeded_fragments
from segmend.core.candidates.edge_model import FEATURES, EdgeModel, save_edge_model
from segmend.core.errors import InputError
from segmend.core.geometry import Box, Grid, Zyx, ZyxNm
from segmend.core.training.config import LabelledSource, SyntheticSource
from segmend.core.training.edge_examples import Examples, LabelledGraph, gather_examples
from segmend.core.training.sources import data_folder, varied_spec
from segmend.core.volumes.memory import MemoryVolume

Array = NDArray[Any]
Progress = Callable[[int, int, float], None]


class EdgeModelConfig(BaseModel):
    """Everything the training of an edge model depends on.

    Parameters
    ----------
    affinity_model : str
        Network whose affinities the examples are measured on.
    boundary_thresholds, filter_sizes : tuple
        Settings of the supervoxels; every pair of them is used.
    thresholds : tuple of float
        Agglomeration thresholds at which examples are taken.
    sources, synthetic : volumes with truth
    hidden : tuple of int
        Widths of the hidden layers.
    noise : float
        Deviation of the noise put on the standardised features.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["edge-model"]
    name: str = Field(default="edge-model", pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    description: str = ""
    licence: str = "CC BY 4.0"
    voxel_size_nm_zyx: ZyxNm
    affinity_model: str = "isotropic-10nm"
    boundary_thresholds: tuple[float, ...] = (0.5,)
    filter_sizes: tuple[int, ...] = (9,)
    thresholds: tuple[float, ...] = (0.3, 0.4, 0.5, 0.6, 0.7)
    sources: tuple[LabelledSource, ...] = Field(min_length=1)
    synthetic: tuple[SyntheticSource, ...] = ()
    hidden: tuple[int, ...] = (32, 32)
    steps: int = Field(default=1500, ge=1)
    learning_rate: float = Field(default=3e-3, gt=0)
    weight_decay: float = Field(default=1e-3, ge=0)
    noise: float = Field(default=0.1, ge=0)
    seed: int = 0


def read_edge_model_config(path: Path) -> EdgeModelConfig:
    """Read a configuration.

    Raises
    ------
    InputError
        If the file is missing or is no configuration of an edge model.
    """
    try:
        return EdgeModelConfig.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: expected a training configuration") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path} cannot be read as TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise InputError(
            f"{path} is no configuration of an edge model: {where}: {first['msg']}"
        ) from None


def train_edge_model(
    config: EdgeModelConfig, *, runs: Path = Path("runs"), progress: Progress | None = None
) -> Path:
    """Predict affinities, segment, collect examples, train, and write the weights with their card.

    The affinities are predicted anew every time, so the model always fits the network that is installed.

    Parameters
    ----------
    config : EdgeModelConfig
    runs : Path
        The model is written into the folder of its name below this one.
    progress : callable, optional
        Told step, steps and loss.

    Returns
    -------
    Path
        The weights.
    """
    rng = np.random.default_rng(config.seed)
    parts = []
    for image, labels in _volumes(config):
        affinities = _affinities(config, image)
        parts += volume_examples(config, affinities, labels, rng)
    examples = Examples.joined(parts)
    model = fit(examples, config, progress=progress)
    folder = runs / config.name
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / f"{config.name}.safetensors"
    save_edge_model(weights, model)
    _write_card(folder, config, examples)
    return weights


def volume_examples(
    config: EdgeModelConfig, affinities: Array, labels: Array, rng: np.random.Generator
) -> list[Examples]:
    """Segment a volume in every way the configuration names and collect examples.

    Parameters
    ----------
    config : EdgeModelConfig
    affinities : (c, z, y, x) uint8
    labels : (z, y, x) integers, the truth
    rng : numpy.random.Generator
    """
    found = []
    for boundary in config.boundary_thresholds:
        for filter_size in config.filter_sizes:
            fragments = seeded_fragments(
                affinities, boundary_threshold=boundary, filter_size=filter_size
            )
            grid = Grid(config.voxel_size_nm_zyx)
            graph = LabelledGraph.of(fragments, affinities, labels, grid)
            found += [gather_examples(graph, threshold, rng) for threshold in config.thresholds]
    return found


def fit(
    examples: Examples, config: EdgeModelConfig, *, progress: Progress | None = None
) -> EdgeModel:
    """Train the network on all examples at once, reproducibly.

    An example weighs the more the more is at stake, but only with the square root: small ones are many and easy.
    """
    mean = examples.features.mean(axis=0).astype(np.float32)
    scale = np.maximum(examples.features.std(axis=0), 1e-3).astype(np.float32)
    x = torch.from_numpy(((examples.features - mean) / scale).astype(np.float32))
    y = torch.from_numpy(examples.together.astype(np.float32))
    stake = np.sqrt(examples.stake / examples.stake.mean())
    weight = torch.from_numpy((0.1 + stake).astype(np.float32))
    torch.manual_seed(config.seed)
    layers = _layers((len(FEATURES), *config.hidden, 1))
    parameters = [tensor for layer in layers for tensor in layer]
    optimiser = torch.optim.AdamW(
        parameters, config.learning_rate, weight_decay=config.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.learning_rate, config.steps)
    for step in range(config.steps):
        noisy = x + config.noise * torch.randn_like(x)
        loss = functional.binary_cross_entropy_with_logits(
            _forward(layers, noisy), y, weight=weight
        )
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        if progress and step % 100 == 99:
            progress(step + 1, config.steps, float(loss.detach()))
    arrays = [(w.detach().numpy(), b.detach().numpy()) for w, b in layers]
    return EdgeModel(mean, scale, tuple(w for w, _ in arrays), tuple(b for _, b in arrays))


def _layers(widths: tuple[int, ...]) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [
        (
            (torch.randn(a, b) * (2.0 / a) ** 0.5).requires_grad_(),
            torch.zeros(b, requires_grad=True),
        )
        for a, b in pairwise(widths)
    ]


def _forward(layers: list[tuple[torch.Tensor, torch.Tensor]], x: torch.Tensor) -> torch.Tensor:
    for i, (weight, bias) in enumerate(layers):
        x = (functional.relu(x) if i else x) @ weight + bias
    return x[:, 0]


def _volumes(config: EdgeModelConfig) -> list[tuple[Array, Array]]:
    """Read or make image and truth of every source."""
    from segmend.core.synthesis import synthesize

    found = [_read(source) for source in config.sources]
    for source in config.synthetic:
        for seed in source.seeds:
            sample = synthesize(varied_spec(source, config.voxel_size_nm_zyx, seed))
            found.append((sample.image, sample.labels))
    return found


def _read(source: LabelledSource) -> tuple[Array, Array]:
    path = data_folder() / source.file
    if not path.is_file():
        raise InputError(
            f"{path} does not exist: expected training data; set SEGMEND_DATA to its folder"
        )
    with h5py.File(path, "r") as file:
        start, stop = source.start_zyx or (0, 0, 0), source.stop_zyx or file[source.labels].shape
        part = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
        return file[source.image][part], file[source.labels][part]


def _affinities(config: EdgeModelConfig, image: Array) -> Array:
    from segmend.core.networks.inference import load_affinity_model, predict_block, volume_intensity
    from segmend.core.networks.tiles import TILE_ZYX

    model = load_affinity_model(config.affinity_model)
    volume = MemoryVolume(image, Grid(config.voxel_size_nm_zyx))
    intensity = volume_intensity(volume)
    shape: Zyx = volume.shape_zyx
    affinities = np.empty((3, *shape), np.uint8)
    for block in Box.of_shape(shape).blocks(TILE_ZYX):
        part = predict_block(model, volume, block, intensity=intensity)
        affinities[(slice(None), *block.slices)] = part[:3]
    return affinities


def _write_card(folder: Path, config: EdgeModelConfig, examples: Examples) -> None:
    card = {
        "name": config.name,
        "description": config.description,
        "licence": config.licence,
        "inputs": list(FEATURES),
        "affinity_model": config.affinity_model,
        "examples": len(examples.together),
        "reproduce": "segmend train core/training/configs/edge-model.toml",
        "data": [
            {"name": source.file, "credit": source.credit, "licence": source.licence}
            for source in config.sources
        ],
        "config": config.model_dump(mode="json", exclude_none=True),
    }
    path = folder / f"{config.name}-card.toml"
    temporary = path.with_suffix(".partial")
    temporary.write_text(tomli_w.dumps(card), encoding="utf-8")
    temporary.replace(path)
