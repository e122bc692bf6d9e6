"""The work of the watershed stage on one block, and between its rounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.basin_pieces import Part
from segmend.core.algorithms.block_joining import BlockJoining
from segmend.core.algorithms.block_rest import Rest
from segmend.core.algorithms.fragments import fragments_margin, fragments_rest
from segmend.core.algorithms.mutex_blocks import agreeing, mutex_block, mutex_part
from segmend.core.algorithms.watershed import watershed_margin, watershed_rest
from segmend.core.geometry import Box, Zyx
from segmend.core.pipeline.inputs import all_affinities, nearest_affinities, tissue
from segmend.core.pipeline.settings import WatershedSettings
from segmend.core.pipeline.stages.watershed_files import WatershedFiles
from segmend.core.project import Project

Array = NDArray[Any]


class MutexEdges(NamedTuple):
    """Offset, bias and stride of each channel."""

    offsets: tuple[Zyx, ...]
    bias: list[float]
    strides: list[Zyx]


def cut_block(
    project: Project,
    box: Box,
    chosen: WatershedSettings,
    *,
    per_section: bool,
    edges: MutexEdges | None,
) -> tuple[Rest, dict[int, Array]]:
    """Cut a block into regions.

    Parameters
    ----------
    project : Project
    box : Box
    chosen : WatershedSettings
    per_section : bool
        For fragments.
    edges : MutexEdges, optional
        For the mutex watershed.

    Returns
    -------
    Rest, and for the mutex watershed the labels around the block's open sides
    """
    shape = project.shape_zyx
    if edges is not None:
        part = mutex_part(box, chosen.context, edges.strides, shape)
        found = mutex_block(
            all_affinities(project, part.box), edges.offsets, part, chosen.context,
            bias=edges.bias, strides=edges.strides, dust=chosen.dust, mask=tissue(project, part.box),
        )  # fmt: skip
        return found.rest, found.overlaps
    if chosen.method == "watershed":
        part = Part.around(box, watershed_margin(chosen.context), shape)
        return watershed_rest(
            nearest_affinities(project, part.box), part,
            low=chosen.low, high=chosen.high, size_threshold=chosen.size,
            link_affinity=chosen.link_affinity, mask=tissue(project, part.box),
        ), {}  # fmt: skip
    margin = fragments_margin(
        chosen.filter_size, chosen.farthest, chosen.context, per_section=per_section
    )
    part = Part.around(box, margin, shape)
    return fragments_rest(
        nearest_affinities(project, part.box), part,
        boundary_threshold=chosen.boundary_threshold, filter_size=chosen.filter_size,
        per_section=per_section, farthest=chosen.farthest, context=chosen.context,
        mask=tissue(project, part.box),
    ), {}  # fmt: skip


def join_blocks(
    files: WatershedFiles,
    boxes: Sequence[Box],
    shape_zyx: Zyx,
    chosen: WatershedSettings,
    scale: float,
) -> None:
    """Join the regions of all blocks into supervoxels and save a table for each block.

    Parameters
    ----------
    files : WatershedFiles
    boxes : sequence of Box
        All blocks of the first round.
    shape_zyx : tuple of 3 int
    chosen : WatershedSettings
    scale : float
        What means affinity 1 in the project's affinities.
    """
    counts = [files.regions_in(box) for box in boxes]
    threshold = {"fragments": 1, "watershed": chosen.size, "mutex_watershed": 0}[chosen.method]
    floor = chosen.link_affinity * scale if chosen.method == "watershed" else -np.inf
    join = BlockJoining(counts, shape_zyx, threshold=threshold, floor=floor)
    for index, box in enumerate(boxes):
        join.add(index, files.rest(box))
    for lower, upper, axis in _neighbours(boxes):
        pair = boxes[lower], boxes[upper]
        if chosen.method == "mutex_watershed":
            overlaps = files.overlap(pair[0], axis + 3), files.overlap(pair[1], axis)
            join.unite((lower, upper), agreeing(*overlaps))
            continue
        below, above = files.side(pair[0], axis + 3), files.side(pair[1], axis)
        if below is not None and above is not None:
            join.meet((lower, upper), (below, above), axis, pair[1].start_zyx)
    tables, count = join.solve(0 if chosen.method == "fragments" else chosen.dust)
    for box, table in zip(boxes, tables, strict=True):
        files.save_table(box, table)
    files.save_count(count)


def _neighbours(boxes: Sequence[Box]) -> Iterator[tuple[int, int, int]]:
    """Yield the blocks that share a side: the lower one, the upper one and the axis between them."""
    at = {box.start_zyx: index for index, box in enumerate(boxes)}
    for lower, box in enumerate(boxes):
        for axis in range(3):
            start = list(box.start_zyx)
            start[axis] = box.stop_zyx[axis]
            upper = at.get((start[0], start[1], start[2]))
            if upper is not None:
                yield lower, upper, axis
