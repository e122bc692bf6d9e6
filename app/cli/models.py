"""``segmend models``: the networks that are there."""

from __future__ import annotations

import argparse

from segmend.app.cli.answer import Answer

HELP = "list the affinity networks that come with Segmend"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""


def execute(options: argparse.Namespace) -> Answer:
    """List the model cards."""
    from segmend.core.networks.cards import list_models

    cards = list_models()
    lines = [
        f"{card.name}  ({' x '.join(f'{size:g}' for size in card.voxel_size_nm_zyx)} nm, {card.licence}): "
        f"{card.description}"
        for card in cards
    ]
    values = {"models": [card.model_dump(mode="json") for card in cards]}
    return Answer(values, "\n".join(lines) or "no models are installed")
