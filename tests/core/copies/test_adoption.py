"""Two copies become one: nothing is lost, nothing overlapping happens silently, twice is once."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from two_copies import IDENTITY, begin, edit_at_random

from segmend.core.edits.model import Erase, Merge, Paint, Verdict
from segmend.core.errors import InputError, StaleEdit
from segmend.core.journal.lines import ProjectIdentity


def same_partition(a, b):
    return np.array_equal(a.partition(), b.partition())


def test_edits_of_different_segments_come_in_with_author_and_time(copies):
    ada, bob = copies
    ada.commit(ada.merge(1, 3))
    theirs = bob.commit(bob.merge(9, 11)).row
    adoption = ada.adopt(bob)
    assert [a.theirs for a in adoption.applied] == [theirs.number]
    row = ada.journal.operations()[-1]
    assert (row.author, row.time, row.place_nm) == ("bob", theirs.time, theirs.place_nm)
    assert ada.segmentation.segment_of[9] == ada.segmentation.segment_of[11]
    assert not bob.adopt(ada).overlapping
    assert same_partition(ada, bob)


def test_adopting_again_changes_nothing(copies):
    ada, bob = copies
    ada.commit(ada.merge(1, 3))
    bob.commit(bob.merge(1, 5))
    bob.commit(bob.merge(9, 11))
    foreign = bob.foreign()
    ada.adopt(foreign)
    count = len(ada.journal.operations())
    again = ada.adopt(foreign)
    assert (again.applied, again.same, again.overlapping) == ((), (), ())
    assert again.known == 2
    assert len(ada.journal.operations()) == count


def test_ids_of_both_copies_are_kept_apart(copies):
    ada, bob = copies
    ada.commit(ada.divide(1))
    bob.commit(bob.divide(9))
    parts = [s for s in np.unique(bob.finest()).tolist() if s > 24]
    bob.commit(bob.split(parts[0], parts[1]))
    ada.commit(ada.split(25, 26))
    ada.adopt(bob)
    assert not ada.timeline.problems
    born = [s for s in np.unique(ada.finest()).tolist() if s > 24]
    assert len(born) == 4
    assert len(np.unique(ada.segmentation.segment_of[born])) == 4
    bob.adopt(ada)
    assert same_partition(ada, bob)


def test_an_overlapping_edit_comes_in_switched_off_and_is_listed(copies):
    ada, bob = copies
    ours = ada.commit(ada.merge(1, 3)).row
    theirs = bob.commit(bob.merge(1, 5)).row
    before = ada.partition()
    adoption = ada.adopt(bob)
    (found,) = adoption.overlapping
    assert (found.theirs, found.author, found.ours) == (theirs.number, "bob", (ours.number,))
    assert np.array_equal(ada.partition(), before)
    ada.timeline.switch(off=[ours.number], on=[found.number])
    assert np.array_equal(ada.partition(), bob.partition())


def test_what_depends_on_an_overlapping_edit_waits_with_it(copies):
    ada, bob = copies
    ada.commit(ada.merge(1, 3))
    bob.commit(bob.merge(1, 5))
    bob.commit(bob.merge(5, 7))
    bob.commit(bob.split(7, 8))
    bob.commit(bob.merge(9, 11))
    adoption = ada.adopt(bob)
    assert [a.theirs for a in adoption.overlapping] == [1, 2, 3]
    assert [a.theirs for a in adoption.applied] == [4]
    assert adoption.overlapping[0].depends_on == ()
    assert adoption.overlapping[1].depends_on == (adoption.overlapping[0].number,)


def test_the_same_decisions_are_recognised_and_what_follows_them_fits(copies):
    ada, bob = copies
    for copy in copies:
        copy.commit(copy.merge(1, 3))
        copy.commit(copy.split(1, 2))
        copy.commit(copy.divide(9))
    bob.commit(bob.split(25, 26))
    adoption = ada.adopt(bob)
    assert [(a.theirs, a.same_as) for a in adoption.same] == [(1, 1), (2, 2), (3, 3)]
    assert [a.theirs for a in adoption.applied] == [4]
    assert same_partition(ada, bob)
    back = bob.adopt(ada)
    assert (back.applied, back.overlapping) == ((), ())
    assert same_partition(ada, bob)


def test_the_same_merge_after_different_splits_is_not_the_same(copies):
    ada, bob = copies
    for copy in copies:
        copy.commit(copy.merge(1, 3, 5))
    ada.commit(ada.split(1, [3, 5]))
    bob.commit(bob.split(5, [3, 1]))
    ada.commit(ada.merge(1, 3))
    bob.commit(bob.merge(5, 3))
    adoption = ada.adopt(bob)
    assert len(adoption.same) == 1
    assert [a.theirs for a in adoption.overlapping] == [2, 3]


def test_merges_that_mean_the_same_only_thanks_to_an_older_one_are_not_the_same(copies, tmp_path):
    ada, _ = copies
    common = ada.commit(ada.merge(1, 7)).row.number
    bob = ada.copied(tmp_path / "c", "bob")
    ada.commit(ada.merge(17, 1))
    bob.commit(bob.merge(17, 7))
    ada.timeline.switch(off=[common])
    adoption = ada.adopt(bob)
    assert not adoption.same
    assert len(adoption.overlapping) == 1
    bob.adopt(ada)
    assert same_partition(ada, bob)
    bob.close()


def test_the_same_merge_may_be_pointed_at_in_other_places(copies):
    ada, bob = copies
    ada.commit(ada.merge(1, 3))
    bob.commit(bob.merge(2, 4))
    assert [a.same_as for a in ada.adopt(bob).same] == [1]


def test_taking_back_a_common_edit_is_an_edit_of_its_segments(copies, tmp_path):
    ada, _ = copies
    common = ada.commit(ada.merge(1, 3)).row.number
    elsewhere = ada.commit(ada.merge(9, 11)).row.number
    bob = ada.copied(tmp_path / "c", "bob")
    ada.commit(ada.merge(1, 5))
    bob.timeline.switch(off=[common])
    bob.timeline.switch(off=[elsewhere])
    adoption = ada.adopt(bob)
    assert [a.theirs for a in adoption.overlapping] == [3]
    assert [a.theirs for a in adoption.applied] == [4]
    s = ada.segmentation.segment_of
    assert s[1] == s[3]
    assert s[9] != s[11]
    bob.adopt(ada)
    assert same_partition(ada, bob)
    bob.close()


def test_what_the_other_took_back_itself_comes_in_off_and_stops_nobody(copies):
    ada, bob = copies
    ada.commit(ada.merge(1, 3))
    bob.commit(bob.merge(1, 5))
    bob.timeline.undo()
    before = ada.partition()
    adoption = ada.adopt(bob)
    assert len(adoption.applied) == 2
    assert not adoption.overlapping
    assert np.array_equal(ada.partition(), before)


def test_strokes_over_the_same_voxels_overlap_even_on_background(copies):
    ada, bob = copies
    stroke = ada.stroke((2, 2, 2), (3, 4, 4))
    for copy in copies:
        copy.commit(Erase(stroke, None, (0.0, 0.0, 0.0)))
    ada.commit(Paint(stroke, ada.spot(20), (0.0, 0.0, 0.0)))
    bob.commit(Paint(stroke, bob.spot(24), (0.0, 0.0, 0.0)))
    adoption = ada.adopt(bob)
    assert [a.theirs for a in adoption.same] == [1]
    assert [a.theirs for a in adoption.overlapping] == [2]


@pytest.mark.parametrize(("verdict", "where"), [("reject", "same"), ("unsure", "overlapping")])
def test_verdicts_on_one_candidate_meet(copies, verdict, where):
    for copy, said in zip(copies, ("reject", verdict), strict=True):
        edit = Verdict("c", said, (0.0, 0.0, 0.0))
        copy.timeline.commit(edit, candidate="c", verdict=said)
    adoption = copies[0].adopt(copies[1])
    assert len(getattr(adoption, where)) == 1


def test_damaged_operations_and_what_names_them_are_left_out(copies):
    ada, bob = copies
    bob.commit(bob.divide(9))
    bob.commit(bob.split(25, 26))
    bob.commit(bob.merge(11, 13))
    foreign = bob.foreign()
    broken = replace(foreign.operations[0], payload={"kind": "divide", "sides": 3})
    foreign = replace(foreign, operations=(broken, *foreign.operations[1:]))
    adoption = ada.adopt(foreign)
    assert [p.number for p in adoption.damaged] == [1, 2]
    assert [a.theirs for a in adoption.applied] == [3]


def test_an_operation_that_no_journal_can_hold_costs_only_itself(copies):
    ada, bob = copies
    bob.commit(bob.merge(9, 11))
    bob.commit(bob.merge(1, 3))
    foreign = bob.foreign()
    long = replace(foreign.operations[0], verdict="x" * 99)
    adoption = ada.adopt(replace(foreign, operations=(long, *foreign.operations[1:])))
    assert [p.number for p in adoption.damaged] == [1]
    assert len(adoption.applied) == 1


def test_rows_of_other_generations_are_told(copies):
    ada, bob = copies
    bob.commit(bob.merge(1, 3))
    foreign = bob.foreign()
    old = replace(foreign.operations[0], generation=0)
    adoption = ada.adopt(replace(foreign, operations=(old,)))
    assert "generation 0" in adoption.damaged[0].reason
    assert not ada.journal.operations()


@pytest.mark.parametrize("identity", [ProjectIdentity(1, "other"), ProjectIdentity(2, "base")])
def test_another_project_is_refused(copies, identity):
    ada, bob = copies
    bob.commit(bob.merge(1, 3))
    with pytest.raises(InputError):
        ada.adopt(replace(bob.foreign(), identity=identity))
    assert not ada.journal.operations()


def test_somebody_else_writing_meanwhile_stops_it(copies, monkeypatch):
    ada, bob = copies
    ada.commit(ada.merge(1, 3))
    bob.commit(bob.merge(9, 11))
    known = ada.journal.operations()
    ada.commit(ada.merge(5, 7))
    read = ada.journal.operations
    monkeypatch.setattr(
        ada.journal, "operations", lambda after=None: known if after is None else read(after=after)
    )
    with pytest.raises(StaleEdit):
        ada.adopt(bob)
    assert len(read()) == 2


def test_a_third_copy_learns_everything_from_the_second(copies, tmp_path):
    ada, bob = copies
    cyd = ada.copied(tmp_path / "c", "cyd")
    ada.commit(ada.merge(1, 3))
    bob.commit(bob.merge(1, 3))
    bob.commit(bob.merge(9, 11))
    ada.adopt(bob)
    cyd.adopt(ada)
    assert same_partition(cyd, ada)
    again = cyd.adopt(bob)
    assert (again.applied, again.same, again.overlapping) == ((), (), ())
    cyd.close()


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6))
def test_every_operation_is_accounted_for_and_both_ways_end_alike(seed):
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        ada = begin(Path(folder) / "a", per_segment=int(rng.integers(1, 4)))
        edit_at_random(ada, rng, int(rng.integers(0, 6)))
        bob = ada.copied(Path(folder) / "b", "bob")
        for copy in (ada, bob):
            edit_at_random(copy, rng, int(rng.integers(0, 12)))
        foreign = bob.foreign()
        misfits = len(ada.timeline.problems) + len(bob.timeline.problems)
        a = ada.adopt(foreign)
        told = (*a.applied, *a.same, *a.overlapping)
        assert sorted(x.theirs for x in told) == [o.number for o in foreign.operations[a.known :]]
        assert len(ada.timeline.problems) <= misfits
        b = bob.adopt(ada)
        assert not b.overlapping
        assert not b.damaged
        assert same_partition(ada, bob)
        nothing = ada.adopt(bob)
        assert not nothing.overlapping
        assert not nothing.applied
        ada.close()
        bob.close()


def test_a_copy_of_nothing_new_is_welcome(copies):
    ada, bob = copies
    adoption = ada.adopt(bob)
    assert adoption.to_json() == {
        "source": str(bob.folder),
        "known": 0,
        "applied": [],
        "same": [],
        "overlapping": [],
        "damaged": [],
    }
    assert bob.foreign().identity == IDENTITY


def test_a_merge_of_three_is_the_same_as_itself_only(copies):
    ada, bob = copies
    ada.commit(Merge(tuple(map(ada.spot, (1, 3, 5)))))
    bob.commit(Merge(tuple(map(bob.spot, (1, 3)))))
    adoption = ada.adopt(bob)
    assert not adoption.same
    assert len(adoption.overlapping) == 1
