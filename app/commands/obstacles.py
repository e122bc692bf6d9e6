"""Why a command cannot be done in a situation, in words for a person; an empty text where it can."""

from __future__ import annotations

from collections.abc import Callable

from segmend.app.commands.command import Situation

Obstacle = Callable[[Situation], str]


def first_of(*obstacles: Obstacle) -> Obstacle:
    """Return what names the first obstacle of several."""

    def found(situation: Situation) -> str:
        return next(filter(None, (obstacle(situation) for obstacle in obstacles)), "")

    return found


def needs_project(situation: Situation) -> str:
    """Ask for a project."""
    return "" if situation.project else "open a project first"


def needs_segments(situation: Situation) -> str:
    """Ask for supervoxels."""
    if situation.segmented:
        return ""
    return needs_project(situation) or "there are no segments yet, run the pipeline first"


def needs_pipeline_at_rest(situation: Situation) -> str:
    """Ask for a pipeline that does not run."""
    return "the pipeline is running" if situation.running else ""


def needs_running(situation: Situation) -> str:
    """Ask for a pipeline that runs."""
    return "" if situation.running else "the pipeline is not running"


def not_seeding(situation: Situation) -> str:
    """Ask for the seeds to be dealt with first."""
    return "apply or cancel the seeds first" if situation.seeding else ""


def not_trying(situation: Situation) -> str:
    """Ask for the threshold to be used or left."""
    return "use the threshold or leave it first" if situation.trying else ""


def needs_trying(situation: Situation) -> str:
    """Ask for thresholds that are being tried."""
    return "" if situation.trying else "begin to try a threshold first"


def needs_tree(situation: Situation) -> str:
    """Ask for a merge tree whose cuts are the segments."""
    return situation.no_cut


def needs_truth(situation: Situation) -> str:
    """Ask for a truth to compare with."""
    return "" if situation.truth else "compare with a truth first"


def needs_report(situation: Situation) -> str:
    """Ask for a page about the result."""
    if situation.report:
        return ""
    return needs_project(situation) or "there is no report yet, a run writes it"


def needs_seeding(situation: Situation) -> str:
    """Ask for a split or a cleave that has begun."""
    return "" if situation.seeding else "begin a split or a cleave first"


def needs_seeds(situation: Situation) -> str:
    """Ask for a seed."""
    return "" if situation.seeds else "there is no seed yet"


def needs_solution(situation: Situation) -> str:
    """Ask for the preview of the seeds there are."""
    return "" if situation.solved else "place seeds on two sides first"


def needs_target(situation: Situation) -> str:
    """Ask for a segment to act on."""
    return "" if situation.target else "point at a segment, or pick one with a double click"


def needs_unlocked(situation: Situation) -> str:
    """Ask for a segment that may be changed."""
    return "the segment is locked, unlock it with L first" if situation.locked else ""


def needs_picks(situation: Situation) -> str:
    """Ask for two picked segments."""
    return "" if situation.picked > 1 else "pick two segments or more with a double click or P"


def needs_candidate(situation: Situation) -> str:
    """Ask for a candidate on show."""
    return "" if situation.candidate else "there is no candidate on show"


def can_undo(situation: Situation) -> str:
    """Ask for something to undo."""
    return "" if situation.can_undo else "there is nothing to undo"


def can_redo(situation: Situation) -> str:
    """Ask for something to redo."""
    return "" if situation.can_redo else "nothing was undone"


def may_answer(situation: Situation) -> str:
    """Ask for segments and for hands that are free."""
    return needs_segments(situation) or not_seeding(situation) or not_trying(situation)


def may_run(situation: Situation) -> str:
    """Ask for the right to make other segments."""
    return situation.no_edit


def may_mark(situation: Situation) -> str:
    """Ask for the right to mark segments, which seeds are not in the way of."""
    return needs_segments(situation) or not_trying(situation) or situation.no_edit


def may_edit(situation: Situation) -> str:
    """Ask for the right to change the segmentation."""
    return may_answer(situation) or situation.no_edit
