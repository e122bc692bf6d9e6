"""A candidate is decided once: also where an operation that accepted it comes back into effect later."""

import pytest

from segmend.core.edits.model import Detach, Verdict
from segmend.core.errors import EditRefused
from segmend.core.timeline.replay import Conflict

NOWHERE = (0.0, 0.0, 0.0)
ACCEPTED = {"candidate": "c", "verdict": "accept"}
REJECTED = {"candidate": "c", "verdict": "reject"}


def reject(world):
    return world.timeline.commit(Verdict("c", "reject", NOWHERE), **REJECTED)


def test_what_was_accepted_is_not_decided_again(world):
    world.timeline.commit(world.merge(1, 5), **ACCEPTED)
    with pytest.raises(EditRefused, match="accepted already"):
        reject(world)
    world.timeline.undo()
    reject(world)
    assert world.segmentation.accepted == set()


def test_what_was_rejected_may_be_asked_again(world):
    reject(world)
    world.timeline.commit(world.merge(1, 5), **ACCEPTED)
    assert world.segmentation.accepted == {"c"}


def test_a_decision_that_comes_back_puts_later_ones_out_of_effect(world):
    first = world.commit(world.merge(1, 5)).row.number
    spot = world.merge(1, 5).spots[0]
    detached = world.commit(Detach((spot,))).row.number
    accepted = world.timeline.commit(world.merge(1, 5), **ACCEPTED).row.number
    world.timeline.switch(off=[detached])  # nothing to merge any more: out of effect
    assert [p.number for p in world.timeline.problems] == [accepted]
    rejected = reject(world).row.number
    step = world.timeline.switch(on=[detached])
    assert [p.number for p in step.conflicts] == [rejected]
    assert isinstance(world.timeline.problems[0], Conflict)
    world.timeline.switch(off=[detached])
    assert [p.number for p in world.timeline.problems] == [accepted]
    assert first not in {p.number for p in world.timeline.problems}


def test_reopening_remembers_what_was_accepted(world):
    world.timeline.commit(world.merge(1, 5), **ACCEPTED)
    again = world.reopened()
    with pytest.raises(EditRefused, match="accepted already"):
        reject(again)
    again.close()
