"""One question at a time: the newest of those that wait, and every answer that was worked out."""

import pytest

from segmend.app.presenters.latest import Latest


class LateJobs:
    def __init__(self):
        self.asked = []

    def query(self, work, then, failed=None, topic=""):
        self.asked.append((work, then, failed))

    def answer(self):
        work, then, failed = self.asked.pop(0)
        try:
            found = work()
        except ValueError as error:
            failed(error)
        else:
            then(found)


@pytest.fixture
def late():
    return LateJobs()


@pytest.fixture
def errors():
    return []


@pytest.fixture
def latest(late, errors):
    return Latest(late, errors.append)


def test_only_the_newest_of_those_that_wait_is_asked(latest, late):
    got = []
    for number in range(5):
        latest.ask(lambda number=number: number, got.append)
    assert len(late.asked) == 1
    late.answer()
    late.answer()
    assert got == [0, 4]
    assert not late.asked


def test_what_is_dropped_is_not_delivered_and_the_next_is(latest, late):
    got = []
    latest.ask(lambda: "old", got.append)
    latest.ask(lambda: "waiting", got.append)
    latest.drop()
    latest.ask(lambda: "new", got.append)
    late.answer()
    assert got == []
    late.answer()
    assert got == ["new"]


def test_a_question_asked_by_an_answer_is_next(latest, late):
    got = []
    latest.ask(lambda: 1, lambda one: latest.ask(lambda: one + 1, got.append))
    late.answer()
    late.answer()
    assert got == [2]


def test_after_an_error_the_next_one_is_asked(latest, late, errors):
    got = []
    latest.ask(lambda: int("x"), got.append)
    latest.ask(lambda: 2, got.append)
    late.answer()
    late.answer()
    assert isinstance(errors[0], ValueError)
    assert got == [2]
