"""``segmend train CONFIG``: train an affinity network."""

from __future__ import annotations

import argparse
from pathlib import Path

from segmend.app.cli.answer import Answer, say

HELP = "train an affinity network from a TOML file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("config", type=Path, help="a TOML file; docs/training.md explains it")


def execute(options: argparse.Namespace) -> Answer:
    """Train, with checkpoints; started again, it goes on from the last one."""
    from segmend.core.training import read_config, train

    result = train(read_config(options.config), progress=say)
    return Answer(result, "trained")
