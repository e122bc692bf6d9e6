"""Edits beside rows that are damaged: what was acknowledged is there again when the journal is read anew."""

import pytest

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
