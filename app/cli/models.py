"""``segmend models``: the networks that are there."""

from __future__ import annotations

import argparse

from segmend.app.cli.answer import Answer

HELP = "list the affinity networks that come with Segmend"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""


def execute(options: argparse.Namespace) -> Answer:
    """List the model cards."""
    from segmend.core.networks import list_models

    cards = list_models()
    lines = [
        f"{card.name:>20}  {' x '.join(f'{s:g}' for s in card.voxel_size_nm_zyx)} nm  {card.summary}"
        for card in cards
    ]
    return Answer({"models": cards}, "\n".join(lines) or "no models are installed")
