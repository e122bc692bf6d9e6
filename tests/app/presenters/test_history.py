"""The journal as a list: what it says, what is on, how it is narrowed and switched."""

from types import SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import pytest

from segmend.app.presenters import history
from segmend.app.presenters.history import (
    HistoryFilter,
    HistoryPresenter,
    HistoryRows,
    HistoryView,
    problem_words,
    switched_words,
)
from segmend.core.edits.model import Merge, Split
from segmend.core.errors import EditRefused
from segmend.core.geometry import Grid

GRID = Grid((10.0, 10.0, 10.0))


def operation(number, kind="merge", **values):
    known = {
        "payload": {}, "verdict": None, "author": "ada", "time": "2026-02-03T12:00:00+00:00",
        "milliseconds": None, "place_nm": (10.0, 20.0, 30.0), "reason": "",
    }  # fmt: skip
    return SimpleNamespace(number=number, kind=kind, **{**known, **values})


def past(done=(), undone=(), off=()):
    return SimpleNamespace(done=done, undone=undone, off=off)


def problem(number, reason):
    return SimpleNamespace(number=number, reason=reason)


def test_newest_is_on_top_and_every_row_knows_whether_it_is_on():
    rows = HistoryRows(GRID).of(
        past([operation(1), operation(4)], [operation(3)], [operation(2)]), ()
    )
    assert [(row.number, row.on) for row in rows] == [(4, True), (3, False), (2, False), (1, True)]


def test_row_says_what_who_when_and_where():
    (row,) = HistoryRows(GRID).of(past([operation(7, milliseconds=1500, reason="two somata")]), ())
    assert (row.title, row.by, row.where) == ("Joined segments", "ada", "z 1 y 2 x 3")
    assert "03 Feb" in row.when
    assert "decided in 1.5 s" in row.details
    assert "two somata" in row.details


def test_conflicts_and_damaged_rows_say_why():
    rows = HistoryRows(GRID).of(
        past([operation(1)]), [problem(1, "gone"), problem(9, "unreadable")]
    )
    assert [(row.number, row.on, row.problem) for row in rows] == [
        (9, None, "unreadable"),
        (1, True, "gone"),
    ]


def test_a_conflict_says_what_its_line_does_not_say_already(session):
    segmentation = session.segmentation
    places = [
        session.project.grid.to_nm(tuple(p)) for p in segmentation.points(np.array([1, 2])).tolist()
    ]
    split = session.apply(Split(((session.spot_at(places[0]),), (session.spot_at(places[1]),))))
    session.apply(Merge((session.spot_at(places[0]), session.spot_at(places[1]))))
    (conflict,) = session.switch(off=[split.operation]).conflicts
    assert problem_words(conflict).startswith("nothing to merge")
    rows = HistoryRows(GRID).of(session.past, session.problems)
    assert {row.number: row.problem for row in rows} == {1: "", 2: problem_words(conflict)}


def test_a_conflict_that_is_off_is_no_problem():
    (row,) = HistoryRows(GRID).of(past(off=[operation(1)]), [problem(1, "gone")])
    assert (row.on, row.problem) == (False, "")


@pytest.mark.parametrize("time", ["", "yesterday", None])
def test_times_from_outside_may_say_anything(time):
    (row,) = HistoryRows(GRID).of(past([operation(1, time=time)]), ())
    assert row.when == ""


def test_every_operation_is_put_into_words_once(monkeypatch):
    words = MagicMock(side_effect=history.history_row)
    monkeypatch.setattr(history, "history_row", words)
    rows = HistoryRows(GRID)
    operations = [operation(n) for n in range(1, 51)]
    rows.of(past(operations), ())
    rows.of(past([*operations[:-1], operation(51)], operations[-1:]), ())
    assert words.call_count == 51


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (HistoryFilter(), [3, 2, 1]),
        (HistoryFilter(author="bob"), [2]),
        (HistoryFilter(kind="Split"), [3]),
        (HistoryFilter(text="JOINED"), [2, 1]),
        (HistoryFilter(text="z 1 y 2"), [3, 2, 1]),
        (HistoryFilter(text="cut", author="bob"), []),
    ],
)
def test_filters(wanted, numbers):
    operations = [operation(1), operation(2, author="bob"), operation(3, "split")]
    rows = HistoryRows(GRID).of(past(operations), ())
    assert [row.number for row in rows if row.matches(wanted)] == numbers


@pytest.mark.parametrize(
    ("on", "conflicts", "words"),
    [
        (False, 0, "Operation 4 is off"),
        (True, 0, "Operation 4 is in effect again"),
        (False, 1, "Operation 4 is off; a later one does not fit any more and has no effect"),
        (False, 3, "Operation 4 is off; 3 later ones do not fit any more and have no effect"),
    ],
)
def test_switching_in_words(on, conflicts, words):
    assert switched_words(4, on, conflicts) == words


@pytest.fixture
def view():
    return MagicMock(spec=HistoryView)


@pytest.fixture
def told():
    return MagicMock()


@pytest.fixture
def presenter(session, jobs, view, told):
    return HistoryPresenter(
        session, jobs, view, changed=told.changed, switched=told.switched, failed=told.failed
    )


def shown(view):
    return [(row.number, row.on) for row in view.show_rows.call_args.args[0]]


def accept(session, count):
    for _ in range(count):
        session.decide(session.queue.next(), "accept")


def test_real_session_is_listed(presenter, session, view):
    accept(session, 2)
    session.undo()
    presenter.refresh()
    assert shown(view) == [(2, False), (1, True)]
    assert view.offer.call_args.args == (["test"], ["Merge"])


def test_undo_and_redo_are_named(presenter, session, told):
    accept(session, 1)
    before = sorted(session.history()[0].segments)
    presenter.refresh()
    assert presenter.undo_words == f"merge of {before[0]} and {before[1]}"
    assert presenter.redo_words == ""
    session.undo()
    presenter.refresh()
    assert presenter.undo_words == ""
    assert presenter.redo_words == f"merge of {before[0]} and {before[1]}"
    assert told.changed.call_count == 2


def test_switch_takes_an_old_operation_out_and_back(presenter, session, told):
    start = session.state()
    accept(session, 1)
    after = session.state()
    presenter.switch(1, False)
    assert session.state().same_as(start)
    assert told.switched.call_args.args == ("Operation 1 is off", "")
    presenter.switch(1, True)
    assert session.state().same_as(after)


def test_refused_switch_shows_the_list_as_it_is(presenter, session, view, told):
    accept(session, 1)
    presenter.refresh()
    presenter.switch(1, True)
    assert isinstance(told.failed.call_args.args[0], EditRefused)
    assert shown(view) == [(1, True)]


def test_narrowing_keeps_the_total(presenter, session, view):
    accept(session, 1)
    session.decide(session.queue.next(), "reject")
    presenter.refresh()
    presenter.narrow(HistoryFilter(text="rejected"))
    assert shown(view) == [(2, True)]
    assert view.show_rows.call_args.kwargs == {"total": 2}
