"""The training loop: draws patches, learns affinities, keeps checkpoints, exports weights."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from segmend.core.errors import InputError
from segmend.core.networks.inference import bfloat16_is_fast, load_affinity_model
from segmend.core.networks.losses import balanced_affinity_loss
from segmend.core.networks.unet import ResidualUNet
from segmend.core.training.augmentation import augment
from segmend.core.training.config import LabelledSource, TrainingConfig
from segmend.core.training.export import export_model
from segmend.core.training.sources import TrainingVolume, load_sources, read_labelled
from segmend.core.training.targets import affinity_targets
from segmend.core.training.validation import affinity_figures

Progress = Callable[[int, int, float], None]
AVERAGE_OF_LOSS = 0.98


@dataclass
class _Run:
    network: ResidualUNet
    average: ResidualUNet
    optimizer: torch.optim.Optimizer
    rng: Generator
    step: int = 0
    seconds: float = 0.0


def draw_batch(
    volumes: list[TrainingVolume], config: TrainingConfig, rng: Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Return image (n,1,z,y,x), targets and weights (n,c,z,y,x) of augmented random patches."""
    chance = np.array([volume.weight for volume in volumes])
    drawn = rng.choice(len(volumes), size=config.batch, p=chance / chance.sum())
    patches = [_patch(volumes[index], config, rng) for index in drawn]
    images, targets, valid = (np.stack(arrays) for arrays in zip(*patches, strict=True))
    return torch.from_numpy(images[:, None]), torch.from_numpy(targets), torch.from_numpy(valid)


def _patch(
    volume: TrainingVolume, config: TrainingConfig, rng: Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    image, labels = augment(*volume.draw(config.patch_zyx, rng), config.augmentation, rng)
    axes = () if volume.membranes else config.erode_axes
    target, valid = affinity_targets(labels, config.offsets_zyx, erode_axes=axes)
    if volume.planar:
        across = [channel for channel, offset in enumerate(config.offsets_zyx) if offset[0]]
        valid[across] = 0.0
    return image, target, valid


def learning_rate(step: int, config: TrainingConfig) -> float:
    """Return the rate at a step: linear warm-up, then half a cosine down to a fiftieth."""
    if step < config.warm_up:
        return config.learning_rate * (step + 1) / config.warm_up
    done = (step - config.warm_up) / max(1, config.steps - config.warm_up)
    return config.learning_rate * (0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * min(1.0, done))))


def train(
    config: TrainingConfig, *, progress: Progress | None = None, runs: Path = Path("runs")
) -> Path:
    """Train a model, continuing from its checkpoint where there is one.

    Parameters
    ----------
    config : TrainingConfig
    progress : callable, optional
        Called as ``progress(step, steps, loss)``.
    runs : Path
        The run's folder, `config.name`, is made here.

    Returns
    -------
    Path
        The weights, ``NAME.safetensors`` with its card beside it, in the run's folder.

    Raises
    ------
    InputError
        If data are missing, the checkpoint is of another network, or the loss is no longer a number; the last
        checkpoint stays.
    """
    torch.set_num_threads(config.threads)
    folder = runs / config.name
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / "checkpoint.pt"
    run = _start(config, checkpoint)
    volumes = load_sources(config)
    loss, saved = float("nan"), time.monotonic()
    while run.step < config.steps:
        value = _learn(run, volumes, config)
        loss = value if math.isnan(loss) else loss + (1.0 - AVERAGE_OF_LOSS) * (value - loss)
        if progress is not None:
            progress(run.step, config.steps, loss)
        if time.monotonic() - saved > config.checkpoint_seconds or run.step == config.steps:
            run.seconds += time.monotonic() - saved
            saved = time.monotonic()
            _save(run, checkpoint)
            _log(folder / "log.jsonl", run, loss)
    weights = export_model(checkpoint, config, folder)
    if config.validation is None:
        return weights
    return export_model(
        checkpoint, config, folder, figures=_validate(weights, config, config.validation)
    )


def _validate(weights: Path, config: TrainingConfig, unseen: LabelledSource) -> dict[str, float]:
    image, labels = read_labelled(unseen)
    axes = () if unseen.membranes else config.erode_axes
    figures = affinity_figures(load_affinity_model(weights), image, labels, erode_axes=axes)
    return {f"validation_{name}": round(value, 4) for name, value in figures.items()}


def _start(config: TrainingConfig, checkpoint: Path) -> _Run:
    torch.manual_seed(config.seed)
    network = ResidualUNet(config.architecture, standardised=True)
    place = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = network.to(place, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    run = _Run(network, copy.deepcopy(network), optimizer, np.random.default_rng(config.seed))
    if checkpoint.exists():
        _resume(run, checkpoint, config)
    return run


def _resume(run: _Run, checkpoint: Path, config: TrainingConfig) -> None:
    state = torch.load(checkpoint, weights_only=True, map_location="cpu")
    try:
        run.network.load_state_dict(state["network"])
        run.average.load_state_dict(state["average"])
        run.optimizer.load_state_dict(state["optimizer"])
    except (RuntimeError, KeyError, ValueError):
        raise InputError(
            f"{checkpoint} is no checkpoint of this configuration {config.name!r}: "
            "rename the model or remove the folder to train anew"
        ) from None
    run.step, run.seconds = state["step"], state["seconds"]
    # Patches after a restart differ from those before it without keeping the generator's state.
    run.rng = np.random.default_rng([config.seed, run.step])


def _learn(run: _Run, volumes: list[TrainingVolume], config: TrainingConfig) -> float:
    for group in run.optimizer.param_groups:
        group["lr"] = learning_rate(run.step, config)
    place = next(run.network.parameters()).device
    image, target, valid = (t.to(place) for t in draw_batch(volumes, config, run.rng))
    with torch.autocast(place.type, torch.bfloat16, enabled=bfloat16_is_fast(place)):
        logits = run.network(image.contiguous(memory_format=torch.channels_last_3d))
    loss = balanced_affinity_loss(logits, target, valid, balance=config.balance)
    value = float(loss.detach())
    if not math.isfinite(value):
        raise InputError(
            f"the loss is {value} at step {run.step}: expected a number; lower learning_rate and "
            "start again from the last checkpoint"
        )
    run.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(run.network.parameters(), 1.0)
    run.optimizer.step()
    run.step += 1
    _average(run, config.average_decay)
    return value


@torch.no_grad()
def _average(run: _Run, decay: float) -> None:
    decay = min(decay, (1.0 + run.step) / (10.0 + run.step))
    for mean, value in zip(run.average.parameters(), run.network.parameters(), strict=True):
        mean.lerp_(value, 1.0 - decay)


def _save(run: _Run, checkpoint: Path) -> None:
    temporary = checkpoint.with_suffix(".part")
    state = {
        "network": run.network.state_dict(),
        "average": run.average.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "step": run.step,
        "seconds": run.seconds,
    }
    torch.save(state, temporary)
    temporary.replace(checkpoint)


def _log(path: Path, run: _Run, loss: float) -> None:
    with path.open("a") as file:
        file.write(json.dumps({"step": run.step, "seconds": run.seconds, "loss": loss}) + "\n")
