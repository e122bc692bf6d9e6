"""The candidates of a session: loaded when first asked for, told of every step."""

from __future__ import annotations

from collections.abc import Iterable

from segmend.core.candidates.candidate import Candidate
from segmend.core.candidates.queue import CandidateQueue
from segmend.core.candidates.rescoring import PairScorer
from segmend.core.candidates.store import load_candidates
from segmend.core.journal.operation import Operation
from segmend.core.project import Project
from segmend.core.segmentation.segmentation import Segmentation
from segmend.core.session_changes import Changes


def load_queue(
    project: Project, segmentation: Segmentation, done: Iterable[Operation]
) -> CandidateQueue:
    """Return the candidates of a project in the order of review.

    Parameters
    ----------
    project : Project
    segmentation : Segmentation
    done : iterable of Operation
        In effect; their verdicts hold.
    """
    path = project.candidates_path
    known = load_candidates(path, segmentation.supervoxel_count) if path.exists() else []
    z, y, x = project.grid.voxel_size_nm_zyx
    return CandidateQueue(
        known,
        segmentation,
        scorer=PairScorer(segmentation, z * y * x),
        verdicts={o.candidate: o.verdict for o in done if o.candidate and o.verdict},
    )


def tell_queue(
    queue: CandidateQueue, changes: Changes, verdicts: Iterable[tuple[str, str]]
) -> list[tuple[Candidate, str]]:
    """Tell a queue what a step changed; return the candidates of it that were decided or opened again."""
    if changes.old_ids or changes.new_ids:
        queue.update((*changes.old_ids, *changes.new_ids))
    decided = []
    for candidate, verdict in verdicts:
        if candidate not in queue:
            continue
        if verdict == "open":
            queue.reopen(candidate)
        else:
            queue.mark(candidate, verdict)
        decided.append((queue.get(candidate), verdict))
    return decided
