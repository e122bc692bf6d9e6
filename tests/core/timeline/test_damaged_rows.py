"""Edits beside rows that are damaged: what was acknowledged is there again when the journal is read anew."""

import pytest

from segmend.core.edits import numbering
from segmend.core.edits.codec import edit_to_json, resolved_to_json
from segmend.core.edits.model import Detach, Resolved
from segmend.core.edits.numbering import NextIds
from segmend.core.errors import JournalError
from segmend.core.journal.operation import Operation


def by_hand(kind, **payload):
    return Operation(kind, 1, {"kind": kind, **payload}, "eve")


@pytest.mark.parametrize("patches", [[{"ids": [5]}], [{"ids": [2**32 - 1]}], []])
@pytest.mark.parametrize("kind", ["split", "verdict", "unheard of"])
def test_an_edit_after_a_row_that_took_its_ids_is_kept(world, kind, patches):
    first, second = world.segmentation.members(1)[:2].tolist()
    free = world.segmentation.base.segment_count + 1
    world.journal.append(by_hand(kind, new_segments=[free], patches=patches))
    world = world.reopened()
    step = world.commit(world.split(first, second))
    state = world.segmentation.state()
    world = world.reopened()
    assert [o.number for o in world.timeline.done] == [step.row.number]
    assert world.segmentation.state().same_as(state)
    world.close()


def test_an_edit_that_would_not_be_read_again_is_not_acknowledged(world):
    first, second, third = world.segmentation.members(1).tolist()
    world.commit(world.split(first, [second, third]))
    world.timeline.undo()
    before, rows = world.segmentation.state(), world.journal.operations()
    base = world.segmentation.base
    world.timeline._free = NextIds(base.segment_count + 1, base.supervoxel_count + 1)
    with pytest.raises(JournalError, match="nothing was changed"):
        world.commit(world.split(*world.segmentation.members(2)[:2]))
    assert world.segmentation.state().same_as(before)
    assert world.journal.operations() == rows


def test_a_row_whose_content_is_of_another_kind_is_a_problem_and_no_edit(world):
    row = Operation("verdict", 1, edit_to_json(world.merge(1, 9)), "eve")
    world.journal.append(row)
    world = world.reopened()
    assert world.timeline.done == ()
    assert [problem.number for problem in world.timeline.problems] == [1]
    assert "another kind" in world.timeline.problems[0].reason
    world.close()


def test_lists_of_more_supervoxels_than_can_be_there_are_not_unpacked(world, monkeypatch):
    monkeypatch.setattr(numbering, "MOST_NEW", 3)
    payload = resolved_to_json(Resolved(Detach((world.spot(1),)), (range(1, 29),), (9,)))
    world.journal.append(Operation("detach", 1, payload, "eve"))
    world = world.reopened()
    assert "with a count up to 27" in world.timeline.problems[0].reason
    world.close()
