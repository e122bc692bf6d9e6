"""On, off, undone: told from rows alone, whatever the rows say."""

import pytest

from segmend.core.errors import JournalError
from segmend.core.journal.operation import Operation
from segmend.core.timeline.history import Ledger, count_edits, history, references


def rows(*given):
    """Rows numbered from 1; each is a kind, or a kind and a payload, or these and an author."""
    full = [((row,) if isinstance(row, str) else row) for row in given]
    return [
        Operation(
            row[0], 1, row[1] if len(row) > 1 else {}, row[2] if len(row) > 2 else "ada", number=i
        )
        for i, row in enumerate(full, start=1)
    ]


def numbers(operations):
    return [operation.number for operation in operations]


def undo(number, author="ada"):
    return ("undo", {"target": number}, author)


def redo(number, author="ada"):
    return ("redo", {"target": number}, author)


def test_any_operation_can_be_undone_and_comes_back_in_its_place():
    past = history(rows("merge", "merge", "merge", undo(1), redo(1)), 1)
    assert numbers(past.done) == [1, 2, 3]
    assert past.undone == past.problems == ()
    past = history(rows("merge", "merge", "merge", undo(1), undo(3)), 1)
    assert numbers(past.done) == [2]
    assert numbers(past.undone) == [1, 3]


def test_a_switch_turns_many_off_and_on():
    given = rows("merge", "merge", "merge", ("switch", {"off": [1, 3]}))
    past = history(given, 1)
    assert (numbers(past.done), numbers(past.off), past.undone) == ([2], [1, 3], ())
    past = history([*given, *rows(*["note"] * 4, ("switch", {"off": [2], "on": [3]}))[4:]], 1)
    assert (numbers(past.done), numbers(past.off)) == ([3], [1, 2])


def test_an_edit_ends_the_chance_to_redo_but_not_to_switch_on():
    past = history(rows("merge", undo(1), "split"), 1)
    assert (numbers(past.done), past.undone, numbers(past.off)) == ([3], (), [1])
    past = history(rows("merge", undo(1), "split", ("switch", {"on": [1]})), 1)
    assert numbers(past.done) == [1, 3]


def test_in_a_team_an_edit_ends_only_its_authors_chance_to_redo():
    given = rows("merge", "merge", undo(1, "ada"), undo(2, "ben"), ("merge", {}, "ben"))
    assert numbers(history(given, 1, team=True).undone) == [1]
    assert history(given, 1).undone == ()


def test_rows_of_other_generations_runs_and_notes_do_not_count():
    given = rows("merge", "run", "note")
    assert history(given, 2).done == ()
    assert numbers(history(given, 1).done) == [1]


@pytest.mark.parametrize(
    "row",
    [
        undo(9),
        undo(2),  # itself
        redo(1),  # on already
        ("undo", {"target": None}),
        ("undo", {"target": True}),
        ("undo", {"target": "1"}),
        ("undo", {"target": -1}),
        ("switch", {"off": [1, 1]}),
        ("switch", {"off": [1], "on": [1]}),
        ("switch", {"off": 1}),
        ("switch", {"other": 1}),
        ("merge", {"new_segments": [1.5]}),
        ("merge", {"new_segments": {"a": 1}}),
        ("merge", {"new_segments": [7, 7]}),
        ("merge", {"patches": [3]}),
        ("merge", {"patches": [{"ids": [2**32]}]}),
        ("merge", {"patches": [{}]}),
    ],
)
def test_a_row_that_cannot_be_used_is_listed_and_left_out(row):
    past = history(rows("merge", row, "split"), 1)
    assert numbers(past.done) == [1, 3]
    assert numbers(past.problems) == [2]
    assert "row 2" in past.problems[0].reason


def test_ids_that_an_earlier_row_gave_away_are_not_given_again():
    split = ("split", {"new_segments": [30]})
    paint = ("paint", {"patches": [{"ids": [40, 0]}]})
    past = history(rows(split, paint, split, paint), 1)
    assert numbers(past.done) == [1, 2]
    assert numbers(past.problems) == [3, 4]


@pytest.mark.parametrize(
    "kind_and_payload",
    [
        ("paint", {"new_segments": [30]}),
        ("cleave", {"new_segments": [31, 31]}),
        ("undo", {"target": 9}),
        ("redo", {"target": 1}),
        ("switch", {"off": [1, 1]}),
    ],
)
def test_what_would_not_be_read_again_is_refused_before_it_is_committed(kind_and_payload):
    first, row = rows(("split", {"new_segments": [30]}), kind_and_payload)
    ledger = Ledger(1)
    ledger.check(first)
    ledger.add(first)
    with pytest.raises(JournalError, match="nothing was changed"):
        ledger.check(row)
    ledger.add(row)
    assert numbers(ledger.problems) == [2]
    ledger.check(rows("note", "merge")[1])


def test_references_are_the_ids_that_a_row_gives_away():
    row = rows(("cleave", {"new_segments": [7, 8], "patches": [{"ids": [0, 30]}, {"ids": [31]}]}))[
        0
    ]
    named = references(row)
    assert (named.new_segments, named.children) == ((7, 8), (30, 31))
    with pytest.raises(JournalError, match="row 1"):
        references(rows(("paint", {"patches": "x"}))[0])


def test_verdicts_are_no_edits():
    assert count_edits(rows("merge", "verdict", "paint")) == 2
