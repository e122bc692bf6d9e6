"""The journal as lines: what is written is read, and a bad line costs only itself."""

import io
import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmend.core.errors import InputError
from segmend.core.journal import lines
from segmend.core.journal.lines import ProjectIdentity, read_lines, write_lines
from segmend.core.journal.operation import Operation

IDENTITY = ProjectIdentity(2, "abc")
HEAD = {"journal": 1, "generation": 2, "base": "abc"}
MERGE = Operation("merge", 2, {"kind": "merge"}, "ada", (1.0, 2.0, 3.0), number=1, time="t")


def written(*operations):
    file = io.StringIO()
    assert write_lines(operations, IDENTITY, file) == len(operations)
    return file.getvalue().encode()


def read(*lines):
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    return read_lines(io.BytesIO(text.encode()), "x.jsonl")


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
operations = st.builds(
    Operation,
    kind=st.sampled_from(["merge", "undo", "note"]),
    generation=st.integers(0, 9),
    payload=st.dictionaries(
        texts, st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    ),
    author=texts,
    place_nm=st.none() | st.tuples(*[st.floats(-1e9, 1e9)] * 3),
    candidate=st.none() | texts,
    verdict=st.none() | texts,
    reason=texts,
    milliseconds=st.none() | st.integers(0, 10**6),
    number=st.just(0),
    time=texts,
    version=texts,
)


@given(st.lists(operations, max_size=5))
def test_what_is_written_is_read(found):
    rows = [Operation(**{**asdict(o), "number": i + 1}) for i, o in enumerate(found)]
    again = read_lines(io.BytesIO(written(*rows)), "x.jsonl")
    assert again.identity == IDENTITY
    assert list(again.operations) == rows
    assert not again.damaged


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[1]",
        "[" * 100_000,
        '{"number": NaN}',
        {**asdict(MERGE), "number": 0},
        {**asdict(MERGE), "number": 1.5},
        {**asdict(MERGE), "number": 10**40},
        {**asdict(MERGE), "payload": []},
        {**asdict(MERGE), "place_nm": [1, 2]},
        {**asdict(MERGE), "place_nm": ["a", "b", "c"]},
        {**asdict(MERGE), "place_nm": [10**400, 0, 0]},
        {**asdict(MERGE), "milliseconds": 10**30},
        {**asdict(MERGE), "reason": "\0"},
        {**asdict(MERGE), "reason": "\ud800"},
        {**asdict(MERGE), "author": "a" * 300},
        json.dumps(asdict(MERGE)).replace('"kind": "merge"}', '"kind": 1e999}'),
        json.dumps(asdict(MERGE)).replace('"kind": "merge"}', '"kind": [' + "{}," * 2**20 + "{}]}"),
        {**asdict(MERGE), "author": None},
        {**asdict(MERGE), "shell": "rm"},
        {"number": 3, "payload": {}},
    ],
)
def test_a_damaged_line_is_told_by_its_number_and_the_rest_is_read(line):
    good = {**asdict(MERGE), "number": 7}
    found = read(HEAD, line, good)
    assert [o.number for o in found.operations] == [7]
    assert [p.number for p in found.damaged] == [2]
    assert found.damaged[0].reason.startswith("line 2: ")


def test_a_number_that_is_there_twice_is_damage():
    found = read(HEAD, asdict(MERGE), asdict(MERGE))
    assert len(found.operations) == 1
    assert found.damaged[0].number == 3


@pytest.mark.parametrize(
    "head",
    ["", "{}", "junk", {**HEAD, "journal": 2}, {**HEAD, "base": 3}, {**HEAD, "generation": "1"}],
)
def test_a_file_that_is_no_journal_is_refused(head):
    with pytest.raises(InputError, match="no exported journal"):
        read(head)


def test_lines_and_files_without_end_are_refused(monkeypatch):
    monkeypatch.setattr(lines, "LONGEST_LINE", 500)
    with pytest.raises(InputError, match="larger than any journal"):
        read(HEAD, {**asdict(MERGE), "reason": "x" * 600})
    monkeypatch.setattr(lines, "MOST_BYTES", 100)
    with pytest.raises(InputError, match="larger than any journal"):
        read(HEAD, asdict(MERGE))
