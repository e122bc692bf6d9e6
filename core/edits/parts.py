"""From pieces of a supervoxel and their sides to the parts that are recorded."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from segmend.core.algorithms.region_graph import region_graph
from segmend.core.edits.mask import VoxelMask
from segmend.core.edits.straddling import Pieces, Seed, inside_box, relative_to
from segmend.core.geometry import Zyx
from segmend.core.segmentation.patches import Patch

Array = NDArray[Any]

SMALLEST_PART = 50
"""Parts with fewer voxels and no seed are left where they are."""


def patch_of(
    supervoxel: int, pieces: Pieces, side: Array, seeds: list[Seed], first_id: int
) -> tuple[Patch | None, tuple[tuple[int, int], ...]]:
    """Return the patch that divides a supervoxel by the sides of its pieces, and (child, side) of each part.

    Every part is connected; bits without a seed that are not the largest of their side in this supervoxel join the
    part they touch most. No patch, and the supervoxel itself with its side, if one side has it all.

    Parameters
    ----------
    supervoxel : int
    pieces : Pieces
    side : (m,) integer array
        Of piece 1, 2, ...; -1 counts as a side.
    seeds : list of Seed
    first_id : int
        Id of the first part; the others follow.
    """
    sided = np.concatenate([[0], np.asarray(side) + 2])[pieces.local]
    places = [inside_box(pieces.box, s.voxel_zyx) for s in seeds if s.supervoxel == supervoxel]
    local, sides = _connected(sided, places)
    if len(set(sides)) < 2:
        return None, ((supervoxel, sides[0] - 2),)
    ids = tuple(range(first_id, first_id + len(sides)))
    box = VoxelMask.of(pieces.box, local > 0).box
    inside = local[relative_to(box, pieces.box).slices]
    patch = Patch.of(box, (supervoxel,), ids, (supervoxel,) * len(ids), inside)
    return patch, tuple(zip(ids, (s - 2 for s in sides), strict=True))


def _connected(sided: Array, places: list[Zyx]) -> tuple[Array, list[int]]:
    """Return parts 1, 2, ... and the value of each: connected pieces of equal value, loose bits given away."""
    parts, values, kept = np.zeros(sided.shape, np.int64), [0], [True]
    half = np.count_nonzero(sided) / 2
    for value in np.unique(sided[sided > 0]).tolist():
        bits, count = ndimage.label(sided == value)
        sizes = np.bincount(bits.ravel(), minlength=count + 1)
        sizes[0] = 0
        keep = np.zeros(count + 1, bool)
        keep[sizes.argmax()] = sizes.max() >= min(SMALLEST_PART, half)
        keep[[bits[place] for place in places]] = True
        parts[bits > 0] = bits[bits > 0] + len(values) - 1
        values += [value] * count
        kept += keep[1:].tolist()
    target = _given_away(parts, np.array(kept))
    numbers = np.zeros(len(values), np.int64)
    stay = [i for i in range(1, len(values)) if target[i] == i]
    numbers[stay] = np.arange(1, len(stay) + 1)
    return numbers[target][parts], [values[i] for i in stay]


def _given_away(parts: Array, kept: Array) -> Array:
    """Return where each part goes: loose ones to the kept one they touch most, again and again."""
    target = np.arange(len(kept))
    if kept.all():
        return target
    graph = region_graph(parts.astype(np.uint32), None)
    while True:
        merged: dict[tuple[int, int], int] = {}
        for (a, b), area in zip(graph.edges.tolist(), graph.area.tolist(), strict=True):
            for loose, other in ((a, b), (b, a)):
                if not kept[target[loose]] and kept[target[other]]:
                    key = (loose, int(target[other]))
                    merged[key] = merged.get(key, 0) + area
        best: dict[int, tuple[int, int]] = {}
        for (loose, other), area in merged.items():
            best[loose] = max(best.get(loose, (0, 0)), (area, -other))
        if not best:
            break
        for loose, (_, other) in best.items():
            target[loose] = -other
    sizes = np.where(kept, np.bincount(parts.ravel(), minlength=len(kept)), 0)
    sizes[0] = 0
    target[~kept[target]] = sizes.argmax()  # bits that touch nothing else
    return target
