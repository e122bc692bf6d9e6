"""`segmend check`: whether everything acknowledged is still there and fits together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segmend.core.candidates.store import load_candidates
from segmend.core.edits.voxels import SupervoxelVoxels
from segmend.core.errors import SegmendError
from segmend.core.geometry import Box
from segmend.core.journal.journal import Journal, Operation, Problem
from segmend.core.project import Project
from segmend.core.segmentation.graph_files import GraphArrays, load_graph
from segmend.core.segmentation.patches import PatchStack
from segmend.core.segmentation.segmentation import Segmentation
from segmend.core.timeline.history import history
from segmend.core.timeline.replay import Conflict, replay
from segmend.core.volumes.absent import opened_or_absent
from segmend.core.volumes.base import Volume

_BLOCK = (64, 256, 256)
_MOST_ROWS = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not fit.

    Parameters
    ----------
    place : str
        "journal", "history", "graph", "mapping", "voxels", "image", "affinities" or "candidates".
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
    operations, supervoxels, segments, patches : int
        How many were checked; patches are voxel edits in effect.
    findings : tuple of Finding
        Empty for a sound project.
    conflicts : tuple of Finding
        Operations that are on and do not fit what is on before them: for a person to decide, no damage.
    """

    operations: int
    supervoxels: int
    segments: int
    patches: int
    findings: tuple[Finding, ...]
    conflicts: tuple[Finding, ...] = ()


def check_project(project: Project) -> CheckReport:
    """Read the whole project and verify journal, history, graph, mapping and volumes; nothing is changed."""
    operations, findings = _journal(project)
    findings += _readable(project)
    try:
        pyramid = project.supervoxel_pyramid
        if pyramid is None:
            return CheckReport(len(operations), 0, 0, 0, tuple(findings))
        base = load_graph(project.graph_dir)
        affinities = opened_or_absent(lambda: project.affinities, project.shape_zyx, project.grid)
        voxels = SupervoxelVoxels.of(pyramid, PatchStack(), affinities=affinities)
    except SegmendError as error:
        return CheckReport(len(operations), 0, 0, 0, (*findings, Finding("graph", str(error))))
    past = history(operations, project.generation)
    segmentation, _, problems = replay(base, past.done, voxels)
    conflicts = [problem for problem in problems if isinstance(problem, Conflict)]
    damaged = [*past.problems, *(p for p in problems if not isinstance(p, Conflict))]
    findings += map(_finding, damaged[:_MOST_ROWS])
    findings += _more(len(damaged))
    findings += _graph_findings(base)
    findings += _mapping_findings(base, segmentation)
    findings += _candidate_findings(project, base)
    findings += _voxel_findings(voxels.over(segmentation.patches), segmentation)
    return CheckReport(
        len(operations),
        segmentation.supervoxel_count,
        len(segmentation.mapping.segments()),
        len(segmentation.patches.operations),
        tuple(findings),
        tuple(map(_finding, conflicts)),
    )


def _journal(project: Project) -> tuple[list[Operation], list[Finding]]:
    try:
        journal = Journal(project.journal_location, read_only=True)
    except SegmendError as error:
        return [], [Finding("journal", str(error))]
    try:
        found = [
            Finding(
                "journal",
                f"the database says: {text}; save what can be read (segmend edit PROJECT log --json) and put the "
                "journal back from a copy",
            )
            for text in journal.integrity()
        ]
        operations = journal.operations()
        damaged = (*journal.damaged, *_missing(operations, {p.number for p in journal.damaged}))
    except SegmendError as error:
        return [], [Finding("journal", str(error))]
    finally:
        journal.close()
    found += map(_finding, damaged[:_MOST_ROWS])
    return operations, [*found, *_more(len(damaged))]


def _missing(operations: list[Operation], damaged: set[int]) -> Iterator[Problem]:
    """Yield rows that are not there: their numbers have no gaps."""
    there = {operation.number for operation in operations} | damaged
    gone = sorted(set(range(1, max(there, default=0) + 1)) - there)
    if gone:
        yield Problem(gone[0], f"{len(gone)} journal rows are missing, the first is {gone[0]}")


def _finding(problem: Problem) -> Finding:
    if isinstance(problem, Conflict):
        return Finding(
            "history",
            f"{problem.reason}; it is left out: switch it off, or switch on what it was made after (row "
            f"{problem.number} in the history)",
        )
    return Finding(
        "journal",
        f"{problem.reason} (row {problem.number}; everything else is in effect: make this edit again, or put the "
        "journal back from a copy)",
    )


def _more(count: int) -> Iterator[Finding]:
    if count > _MOST_ROWS:
        yield Finding("journal", f"{count - _MOST_ROWS} more rows like these are not listed")


def _readable(project: Project) -> list[Finding]:
    """Read one plane of image and affinities: are they there, and are they what the project says."""
    volumes: dict[str, Callable[[], Volume | None]] = {
        "image": lambda: project.image,
        "affinities": lambda: project.affinities,
    }
    found = []
    for name, volume in volumes.items():
        try:
            opened = volume()
            if opened is not None:
                opened.read(_middle(project))
        except (SegmendError, OSError, ValueError) as error:
            found.append(
                Finding(
                    name,
                    f"{error}; put the file back where it was, edits are not concerned",
                )
            )
    return found


def _middle(project: Project) -> Box:
    z, y, x = project.shape_zyx
    return Box((z // 2, 0, 0), (z // 2 + 1, min(y, _BLOCK[1]), min(x, _BLOCK[2])))


def _graph_findings(base: GraphArrays) -> Iterator[Finding]:
    again = (
        "put the folder graph/ back from a copy, or make a new segmentation beside this one "
        "(segmend run PROJECT --new-generation)"
    )
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
            f"{len(orphans)} supervoxels have no segment (first: {orphans[0]}); put segment_of.npy back from a copy, "
            "or make a new segmentation beside this one (segmend run PROJECT --new-generation)",
        )
    lengths = sum(len(segmentation.members(int(s))) for s in segmentation.mapping.segments())
    alive = int(np.count_nonzero(segmentation.segment_of))
    if lengths != alive:
        yield Finding(
            "mapping",
            f"segments list {lengths} members for {alive} supervoxels; report this as a bug",
        )


def _candidate_findings(project: Project, base: GraphArrays) -> Iterator[Finding]:
    path = project.candidates_path
    if not path.exists():
        return
    try:
        load_candidates(path, base.supervoxel_count)
    except SegmendError as error:
        yield Finding(
            "candidates",
            f"{error}; put the file back from a copy, or move it away: edits and verdicts are safe in the journal, "
            "only the list of what to look at is gone",
        )


def _voxel_findings(voxels: SupervoxelVoxels, segmentation: Segmentation) -> Iterator[Finding]:
    try:
        sizes, beyond = _counted(voxels, segmentation.supervoxel_count)
    except (SegmendError, OSError, ValueError) as error:
        yield Finding("voxels", f"{error}; put supervoxels.zarr back from a copy")
        return
    advice = (
        "put supervoxels.zarr and graph/ back from one copy, or make a new segmentation beside this one "
        "(segmend run PROJECT --new-generation)"
    )
    if beyond:
        yield Finding(
            "voxels", f"{beyond} voxels hold supervoxels that the graph does not know; {advice}"
        )
    alive = segmentation.segment_of > 0
    wrong = np.flatnonzero(alive & (sizes != segmentation.mapping.size))
    dead = np.flatnonzero(~alive[1:] & (sizes[1:] > 0)) + 1
    for supervoxels, what in ((wrong, "have another size than"), (dead, "are dead but present in")):
        if len(supervoxels):
            yield Finding(
                "voxels",
                f"{len(supervoxels)} supervoxels {what} the voxels (first: {supervoxels[0]}); {advice}",
            )


def _counted(voxels: SupervoxelVoxels, count: int) -> tuple[NDArray[np.int64], int]:
    sizes = np.zeros(count + 1, np.int64)
    beyond = 0
    for box in Box.of_shape(voxels.shape_zyx).blocks(_BLOCK):
        found = voxels.read(box).reshape(-1)
        known = found < len(sizes)
        beyond += found.size - int(np.count_nonzero(known))
        sizes += np.bincount(found[known], minlength=len(sizes))
    return sizes, beyond
