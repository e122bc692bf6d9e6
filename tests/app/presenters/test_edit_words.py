"""Edits in words."""

import pytest

from segmend.app.presenters.edit_words import (
    applied_words,
    done_words,
    foreign_words,
    kind_title,
    listed,
    undo_words,
)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((), ""),
        ((12,), "12"),
        ((12, 40), "12 and 40"),
        ((12, 40, 7), "12, 40 and 7"),
        ((12, 40, 7, 9), "12, 40, 7 and 9"),
        ((1, 2, 3, 4, 5), "1, 2, 3 and 2 more"),
    ],
)
def test_lists_of_segments_stay_short(names, words):
    assert listed(names) == words


@pytest.mark.parametrize(
    ("kind", "values", "words"),
    [
        ("merge", {"payload": {"spots": [1, 2]}}, "Joined two segments"),
        ("merge", {"payload": {"spots": [1] * 12}}, "Joined 12 segments"),
        ("merge", {"payload": {"spots": "damaged"}}, "Joined segments"),
        ("split", {"payload": {"sides": [1, 2]}}, "Cut a segment"),
        ("split", {"payload": {"sides": [1, 2, 3]}}, "Cut into three"),
        ("cleave", {"payload": {"groups": [1, 2, 3, 4]}}, "Cleaved into four"),
        ("verdict", {"verdict": "reject"}, "Rejected"),
        ("verdict", {"verdict": "unsure"}, "Skipped"),
        ("mark", {"payload": {"finished": False}}, "Marked unfinished"),
        ("lock", {"payload": {"locked": True}}, "Locked"),
        ("something_new", {}, "Something new"),
    ],
)
def test_what_was_done(kind, values, words):
    assert done_words(kind, **values) == words


@pytest.mark.parametrize(
    ("kind", "names", "words"),
    [
        ("merge", (12, 40), "merge of 12 and 40"),
        ("split", (12, 87), "split into 12 and 87"),
        ("cleave", (12,), "cleave of 12"),
        ("lock", (12,), "lock of 12"),
        ("merge", (), "merge"),
    ],
)
def test_what_undo_would_take_back(kind, names, words):
    assert undo_words(kind, names=names) == words


def test_rejections_are_undone_by_name():
    assert undo_words("verdict", "reject") == "rejection"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("merge", "Ada merged 12 and 40"),
        ("undo", "Ada undid an operation on 12 and 40"),
        ("switch", "Ada switched an operation on 12 and 40"),
        ("lock", "Ada marked 12 and 40"),
        ("verdict", "Ada skipped a candidate"),
    ],
)
def test_what_a_colleague_did(kind, words):
    assert foreign_words("ada", kind, (12, 40)) == words


def test_what_seeds_did():
    assert applied_words("split", (12,), (12, 87)) == "Split 12 into 12 and 87"
    assert applied_words("cleave", (1,), (1, 2, 3)) == "Cleaved 1 into 1, 2 and 3"


def test_kinds_have_titles_to_choose_from():
    assert kind_title("divide") == "Division"
    assert kind_title("merge") == "Merge"
