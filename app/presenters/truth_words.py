"""Figures against the truth in words. No Qt, no napari."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from segmend.app.presenters.truth_scores import Errors
from segmend.core.algorithms.metrics import VariationScores
from segmend.core.volumes.opening import split_path

UPDATING = "Counting voxels…"
_SMALLEST = 0.0005


@dataclass(frozen=True, slots=True)
class Figures:
    """What a comparison found.

    Parameters
    ----------
    now, tolerant : Errors
        Of all voxels, and without those beside a true boundary.
    first : Errors
        When the truth was opened.
    best, best_tolerant : VariationScores
        What remains when every supervoxel is with its true object.
    """

    now: Errors
    tolerant: Errors
    first: Errors
    best: VariationScores
    best_tolerant: VariationScores


@dataclass(frozen=True, slots=True)
class TruthLine:
    """One row of the table.

    Parameters
    ----------
    title : str
    value, tolerant : str
    change : str
        Since the truth was opened; empty where nothing changed.
    better : bool
        The change is for the better.
    explanation : str
    """

    title: str
    value: str
    tolerant: str
    change: str
    better: bool
    explanation: str


@dataclass(frozen=True, slots=True)
class TruthCard:
    """Everything the panel shows.

    Parameters
    ----------
    name : str
        Of the file, and of the dataset in it.
    source : str
        All of its path.
    lines : tuple of TruthLine
        Empty before the first figures: those that are on show stay.
    note : str
        What is being done.
    """

    name: str
    source: str
    lines: tuple[TruthLine, ...]
    note: str


def card_of(source: str, figures: Figures | None, *, updating: bool = False) -> TruthCard:
    """Put figures into words."""
    lines = () if figures is None else _lines(figures)
    return TruthCard(_name(source), source, lines, UPDATING if updating else "")


def _lines(figures: Figures) -> tuple[TruthLine, ...]:
    now, tolerant, first = figures.now, figures.tolerant, figures.first
    return (
        _line(
            "VI split", now.vi.split, tolerant.vi.split, first.vi.split,
            "Split errors, in bits: what is not known about the segment of a voxel when its true object is known",
        ),
        _line(
            "VI merge", now.vi.merge, tolerant.vi.merge, first.vi.merge,
            "Merge errors, in bits: what is not known about the true object of a voxel when its segment is known",
        ),
        _line(
            "VI sum", now.vi.sum, tolerant.vi.sum, first.vi.sum,
            "Variation of information, in bits: both together, 0 is perfect",
        ),
        _line(
            "Adapted Rand error", now.adapted_rand, tolerant.adapted_rand, first.adapted_rand,
            "1 minus the F-score over pairs of voxels that belong together, 0 is perfect",
        ),
        _line(
            "Best VI sum", figures.best.sum, figures.best_tolerant.sum, figures.best.sum,
            "What would remain if every supervoxel were with its true object: less needs cuts through supervoxels",
        ),
    )  # fmt: skip


def _line(title: str, now: float, tolerant: float, first: float, explanation: str) -> TruthLine:
    change = now - first
    words = "" if abs(change) < _SMALLEST else f"{'+' if change > 0 else '−'}{abs(change):.3f}"
    return TruthLine(title, f"{now:.3f}", f"{tolerant:.3f}", words, change < 0, explanation)


def _name(source: str) -> str:
    file, dataset = split_path(source)
    name = Path(file).name or source
    return f"{name}:{dataset}" if dataset else name
