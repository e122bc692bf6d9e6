"""What a line of `segmend edit --stdin` may say."""

import json
from types import SimpleNamespace

import pytest

from segmend.app.cli.edit_answers import answer_of
from segmend.app.cli.edit_requests import parse_line
from segmend.core.errors import InputError
from segmend.core.geometry import Box


def line(**request):
    return json.dumps(request).encode()


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ({"kind": "undo", "cuont": 2}, "'cuont'"),
        ({"kind": "merge", "at": [[0, 0, 0], [1, 1, 1]], "sides": []}, "'sides'"),
        ({"kind": "merge", "at": [[0, 0, 0], [1, 1, 1]], "reason": 5}, '"reason" is not text'),
        ({"kind": "explode"}, "expected an object"),
    ],
)
def test_misspelt_requests_are_refused(request_, told):
    with pytest.raises(InputError, match=told):
        parse_line(line(**request_))


def test_a_request_with_its_fields_is_read():
    request = {"kind": "undo", "count": 2, "reason": "slipped"}
    assert parse_line(line(**request)) == request


def test_several_steps_are_told_as_one_and_verdicts_do_not_stretch_the_box():
    def step(number, box, old=(), new=()):
        return SimpleNamespace(operation=number, box=box, old_export_ids=old, new_export_ids=new)

    nowhere, there = Box((0, 0, 0), (0, 0, 0)), Box((5, 5, 5), (6, 7, 8))
    answer = answer_of([step(4, nowhere), step(5, there, old=(2,), new=(1, 2))])
    assert answer == {
        "operation": 5,
        "old_ids": [2],
        "new_ids": [1, 2],
        "box_zyx": [[5, 5, 5], [6, 7, 8]],
    }
