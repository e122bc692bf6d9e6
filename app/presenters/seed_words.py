"""Seeds in words: what is in hand, what the pieces are, what to do next. No Qt, no napari."""

from __future__ import annotations

from dataclasses import dataclass

from segmend.app.presenters.pieces import REST, Pieces
from segmend.core.geometry import Grid


@dataclass(frozen=True, slots=True)
class SeedLine:
    """Everything the bar above the views shows.

    Parameters
    ----------
    title : str
        What is in hand: "Split segment 40".
    sides : tuple of int
        Offered to choose from.
    side : int
        The one that the next seeds belong to.
    words : str
        The pieces, or what to do next, or what is wrong.
    warning : bool
        It is what is wrong.
    working : bool
        An answer is on its way.
    ready : bool
        The edit could be applied.
    seeds : int
        Strokes placed so far.
    apply : str
        What the button says.
    """

    title: str
    sides: tuple[int, ...]
    side: int
    words: str
    warning: bool
    working: bool
    ready: bool
    seeds: int
    apply: str


def seed_title(kind: str, name: int) -> str:
    """Say what is in hand."""
    return f"{'Split' if kind == 'split' else 'Cleave'} segment {name}"


def apply_words(kind: str, sides: tuple[int, ...]) -> str:
    """Say what applying does."""
    count = max(2, len(sides))
    return f"Cut into {count}" if kind == "split" else f"Cleave into {count}"


def preview_words(sides: tuple[int, ...], side: int, pieces: Pieces | None, grid: Grid) -> str:
    """Say what the seeds would do, or what is missing.

    Parameters
    ----------
    sides : tuple of int
        With seeds.
    side : int
        The one that is chosen.
    pieces : Pieces, optional
        Of these seeds, if they are known.
    grid : Grid
        Of the finest voxels.
    """
    if not sides:
        return f"Click inside the segment to place a seed of side {side}."
    if len(sides) == 1:
        other = side if side not in sides else next(n for n in (1, 2) if n not in sides)
        key = "" if side == other else f"Press {other}, then click"
        return f"{key or 'Click'} on the part that belongs to side {other}."
    if pieces is None:
        return "Working out the pieces…"
    parts = [f"{n}: {volume_words(pieces.voxels[n], grid)}" for n in sides if n in pieces.voxels]
    if REST in pieces.voxels:
        parts.append(f"rest: {volume_words(pieces.voxels[REST], grid)}")
    divided = pieces.divided
    if divided:
        parts.append(f"{divided} supervoxel{'s' * (divided > 1)} divided")
    return "   ".join(parts)


def volume_words(voxels: int, grid: Grid) -> str:
    """Return a volume in µm³ with two digits, or in voxels where it is tiny."""
    z, y, x = grid.voxel_size_nm_zyx
    volume = voxels * z * y * x / 1e9
    if volume >= 10:
        return f"{volume:,.0f} µm³"
    return f"{volume:.2g} µm³" if volume >= 0.01 else f"{voxels:,} voxels"
