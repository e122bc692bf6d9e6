"""``segmend train CONFIG``: train an affinity network, or the model that ranks candidates."""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Callable
from pathlib import Path

from segmend.app.cli.answer import Answer, Steps

HELP = "train an affinity network or an edge model from a TOML file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("config", type=Path, help="a training configuration in TOML")
    parser.add_argument(
        "--out", type=Path, default=Path("runs"), help="folder of runs and checkpoints (runs)"
    )


def execute(options: argparse.Namespace) -> Answer:
    """Train, with checkpoints; started again, a network goes on from the last one."""
    progress = _tell(Steps())
    if _kind(options.config) == "edge-model":
        from segmend.core.training.edge_model import read_edge_model_config, train_edge_model

        edges = read_edge_model_config(options.config)
        weights = train_edge_model(edges, runs=options.out, progress=progress)
        return Answer(_values(edges.name, weights, edges.steps), str(weights))
    from segmend.core.training.config import read_training_config

    config = read_training_config(options.config)
    from segmend.core.training.learner import train  # torch: only for a good configuration

    weights = train(config, progress=progress, runs=options.out)
    return Answer(_values(config.name, weights, config.steps), str(weights))


def _kind(path: Path) -> object:
    """Return what the file says it configures; whether it can be read at all is told by its reader."""
    try:
        with path.open("rb") as file:
            return tomllib.load(file).get("kind")
    except (OSError, ValueError):
        return None


def _values(name: str, weights: Path, steps: int) -> dict[str, object]:
    return {"name": name, "weights": str(weights), "steps": steps}


def _tell(steps: Steps) -> Callable[[int, int, float], None]:
    def tell(step: int, total: int, loss: float) -> None:
        steps(f"training (loss {loss:.3f})", step / total)

    return tell
