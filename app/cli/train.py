"""``segmend train CONFIG``: train an affinity network."""

from __future__ import annotations

import argparse
from pathlib import Path

from segmend.app.cli.answer import Answer, Steps

HELP = "train an affinity network from a TOML file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("config", type=Path, help="a training configuration in TOML")
    parser.add_argument(
        "--out", type=Path, default=Path("runs"), help="folder of runs and checkpoints (runs)"
    )


def execute(options: argparse.Namespace) -> Answer:
    """Train, with checkpoints; started again, it goes on from the last one."""
    from segmend.core.training.config import read_training_config

    config = read_training_config(options.config)
    from segmend.core.training.learner import (
        train,
    )  # torch loads slowly: only for a good configuration

    steps = Steps()

    def progress(step: int, total: int, loss: float) -> None:
        steps(f"training {config.name} (loss {loss:.3f})", step / total)

    weights = train(config, progress=progress, runs=options.out)
    return Answer(
        {"name": config.name, "weights": str(weights), "steps": config.steps}, str(weights)
    )
