"""`segmend check`: whether everything acknowledged is still there and fits together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from segmend.core.edits.history import history, references
from segmend.core.edits.journal import Journal, Operation
from segmend.core.edits.replay import replay
from segmend.core.errors import SegmendError
from segmend.core.geometry import Box
from segmend.core.project import Project
from segmend.core.segmentation.graph_files import GraphArrays, load_graph
from segmend.core.segmentation.overlay import OverlaidVolume, OverlayFiles
from segmend.core.segmentation.segmentation import Segmentation

_BLOCK = (64, 256, 256)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not fit.

    Parameters
    ----------
    place : str
        "journal", "graph", "mapping", "chunks" or "voxels".
    problem : str
        One line: what is wrong and what to do.
    """

    place: str
    problem: str


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What was looked at and what was found.

    Parameters
    ----------
    operations, supervoxels, segments, chunks : int
        How many were checked.
    findings : tuple of Finding
        Empty for a sound project.
    """

    operations: int
    supervoxels: int
    segments: int
    chunks: int
    findings: tuple[Finding, ...]


def check_project(project: Project) -> CheckReport:
    """Read the whole project and verify journal, chunks, graph and mapping; nothing is changed."""
    try:
        journal = Journal(project.journal_path, read_only=True)
    except SegmendError as error:
        return CheckReport(0, 0, 0, 0, (Finding("journal", str(error)),))
    try:
        broken = [Finding("journal", text) for text in journal.integrity()]
        operations = journal.operations()
    except SegmendError as error:
        return CheckReport(0, 0, 0, 0, (Finding("journal", str(error)),))
    finally:
        journal.close()
    if project.supervoxel_pyramid is None:
        return CheckReport(len(operations), 0, 0, 0, tuple(broken))
    try:
        base = load_graph(project.graph_dir)
        files = OverlayFiles(project.overlay_dir)
        past = history(operations, project.generation)
        segmentation, _ = replay(base, past.done, files)
    except SegmendError as error:
        return CheckReport(len(operations), 0, 0, 0, (*broken, Finding("journal", str(error))))
    findings = (
        *broken,
        *_graph_findings(base),
        *_mapping_findings(base, segmentation),
        *_chunk_findings(operations, project.generation, files),
        *_voxel_findings(project, segmentation, files),
    )
    return CheckReport(
        len(operations),
        segmentation.supervoxel_count,
        len(segmentation.mapping.segments()),
        len(segmentation.chunks),
        findings,
    )


def _graph_findings(base: GraphArrays) -> Iterator[Finding]:
    again = "run the graph stage again"
    if len(base.edges):
        if (base.edges[:, 0] >= base.edges[:, 1]).any() or (base.edges == 0).any():
            yield Finding(
                "graph", f"edges.npy holds loops, background or pairs in wrong order; {again}"
            )
        keys = base.edges[:, 0].astype(np.uint64) << np.uint64(32) | base.edges[:, 1]
        if (keys[1:] <= keys[:-1]).any():
            yield Finding("graph", f"edges.npy is not sorted or holds an edge twice; {again}")
    if not np.isfinite(base.affinity).all():
        yield Finding("graph", f"affinity.npy holds values that are not finite; {again}")


def _mapping_findings(base: GraphArrays, segmentation: Segmentation) -> Iterator[Finding]:
    orphans = np.flatnonzero((base.segment_of == 0) & (base.size > 0))
    orphans = orphans[orphans > 0]
    if len(orphans):
        yield Finding(
            "mapping",
            f"{len(orphans)} supervoxels have no segment (first: {orphans[0]}); "
            "run the agglomeration stage again",
        )
    lengths = sum(len(segmentation.members(int(s))) for s in segmentation.mapping.segments())
    alive = int(np.count_nonzero(segmentation.segment_of))
    if lengths != alive:
        yield Finding(
            "mapping",
            f"segments list {lengths} members for {alive} supervoxels; report this as a bug",
        )


def _chunk_findings(
    operations: list[Operation], generation: int, files: OverlayFiles
) -> Iterator[Finding]:
    for operation in operations:
        if operation.generation != generation:
            continue  # its files lie with the generation it belongs to
        try:
            for chunk in references(operation).chunks:
                files.read(chunk[4])
        except SegmendError as error:
            yield Finding("chunks", f"operation {operation.number}: {error}")


def _voxel_findings(
    project: Project, segmentation: Segmentation, files: OverlayFiles
) -> Iterator[Finding]:
    assert project.supervoxel_pyramid is not None
    finest = OverlaidVolume(project.supervoxel_pyramid[0], 0, files, segmentation.chunks)
    sizes = np.zeros(segmentation.supervoxel_count + 1, np.int64)
    beyond = 0
    try:
        for box in Box.of_shape(finest.shape_zyx).blocks(_BLOCK):
            voxels = finest.read(box).reshape(-1)
            known = voxels < len(sizes)
            beyond += voxels.size - int(np.count_nonzero(known))
            sizes += np.bincount(voxels[known], minlength=len(sizes))
    except SegmendError as error:
        yield Finding("voxels", str(error))
        return
    if beyond:
        yield Finding(
            "voxels", f"{beyond} voxels hold supervoxels that the graph does not know; run again"
        )
    alive = segmentation.segment_of > 0
    wrong = np.flatnonzero(alive & (sizes != segmentation.mapping.size))
    dead = np.flatnonzero(~alive[1:] & (sizes[1:] > 0)) + 1
    for supervoxels, what in ((wrong, "have another size than"), (dead, "are dead but present in")):
        if len(supervoxels):
            yield Finding(
                "voxels",
                f"{len(supervoxels)} supervoxels {what} the voxels (first: {supervoxels[0]}); "
                "restore the project from a copy or run with --new-generation",
            )
