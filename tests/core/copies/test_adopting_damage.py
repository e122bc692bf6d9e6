"""Damaged rows on either side harm no good ones."""

from dataclasses import replace

import numpy as np

from segmend.core.journal.operation import Operation


def test_an_edit_of_another_kind_than_its_row_says_is_damage(copies):
    ada, bob = copies
    row = bob.commit(bob.merge(9, 11)).row
    foreign = replace(bob.foreign(), operations=(replace(row, kind="verdict"),))
    adoption = ada.adopt(foreign)
    assert [problem.number for problem in adoption.damaged] == [row.number]
    assert not ada.timeline.done
    assert ada.journal.operations() == []


def test_ids_that_only_a_damaged_row_of_ours_names_are_not_given_to_theirs(copies):
    ada, bob = copies
    free = ada.base.segment_count + 1
    ada.journal.append(Operation("x", 1, {"kind": "x", "new_segments": [free, 1]}, "eve"))
    ada.timeline.catch_up()
    bob.commit(bob.split(*bob.segmentation.members(1)))
    (adopted,) = ada.adopt(bob).applied
    assert [o.number for o in ada.timeline.done] == [adopted.number]
    assert np.array_equal(ada.partition(), bob.partition())
