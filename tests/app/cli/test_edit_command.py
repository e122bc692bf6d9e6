"""`segmend edit` on a small project, with options and with JSON lines."""

import io
import json
import sqlite3
import sys
from contextlib import closing
from types import SimpleNamespace

import numpy as np
import pytest

from segmend.app.cli import main as command_line
from segmend.core.geometry import Box
from segmend.core.session import Session


@pytest.fixture
def edit(project_path, capsys, monkeypatch):
    """Run one action and return what it printed as JSON; text from stdin if given."""

    def run(*arguments, stdin=None):
        if stdin is not None:
            lines = SimpleNamespace(buffer=io.BytesIO(stdin.encode()))
            monkeypatch.setattr(sys, "stdin", lines)
            arguments = ("--stdin", *arguments)
        words = [str(a) for a in arguments]
        assert command_line.run(["edit", str(project_path), *words, "--json"]) == 0
        answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return answers if stdin is not None else answers[0]

    return run


@pytest.fixture
def places(project_path):
    """A voxel (z y x) inside each supervoxel."""
    with Session.open(project_path, read_only=True) as session:
        return session.segmentation.points(np.arange(61)).tolist()


@pytest.fixture
def ends(project_path):
    """Two voxels of a supervoxel, as far apart as they get."""

    def of(supervoxel):
        with Session.open(project_path, read_only=True) as session:
            volume = session.supervoxels[0]
            voxels = np.argwhere(volume.read(Box.of_shape(volume.shape_zyx)) == supervoxel)
        return voxels[0].tolist(), voxels[-1].tolist()

    return of


def segments_at(path, *places):
    with Session.open(path, read_only=True) as session:
        return [session.segment_at(tuple(place)) for place in places]


def test_a_split_into_three_and_its_preview_agree(edit, places, project_path):
    sides = [word for s in (1, 2, 3) for word in ("--side", *places[s])]
    preview = edit("split", *sides, "--preview")
    assert segments_at(project_path, places[1], places[2], places[3]) == [1, 1, 1]
    done = edit("split", *sides)
    assert [piece["segment"] for piece in preview["pieces"]] == done["new_ids"]
    assert len(set(segments_at(project_path, places[1], places[2], places[3]))) == 3
    with Session.open(project_path, read_only=True) as session:
        sizes = [session.segmentation.voxels(int(s)) for s in (1, 21, 22)]
    assert [piece["voxels"] for piece in preview["pieces"]] == sizes


def test_a_cleave_leaves_what_no_seed_reaches(edit, places):
    answer = edit("cleave", "--group", *places[1], "--group", *places[2], "--reason", "two cells")
    assert answer["old_ids"] == [101]
    assert answer["operation"] == 1


def test_detach_divide_and_their_voxels(edit, places, ends, project_path):
    answer = edit("detach", "--at", *places[5])
    assert len(answer["new_ids"]) == 2
    first, second = ends(7)
    preview = edit("divide", "--side", *first, "--side", *second, "--preview")
    assert preview["divided"] == [7]
    edit("divide", "--side", *first, "--side", *second)
    with Session.open(project_path, read_only=True) as session:
        parts = {session.supervoxel_at(tuple(end)) for end in (first, second)}
        sizes = {int(session.segmentation.mapping.size[part]) for part in parts}
    assert {piece["supervoxel"] for piece in preview["pieces"]} == parts
    assert {piece["voxels"] for piece in preview["pieces"]} == sizes


def test_a_locked_segment_says_how_to_unlock_it(edit, places, project_path, capsys):
    edit("lock", "--at", *places[1])
    merge = ["merge", "--at", *map(str, places[1]), "--at", *map(str, places[30])]
    assert command_line.run(["edit", str(project_path), *merge]) == 2
    assert "segment 101 is locked: unlock it" in capsys.readouterr().err
    edit("unlock", "--at", *places[2])
    assert edit(*merge)["operation"] == 3


def test_marks_are_set_and_taken_away(edit, places, project_path):
    edit("mark", "--at", *places[1])
    with Session.open(project_path, read_only=True) as session:
        assert session.segmentation.finished == {1}
    edit("mark", "--at", *places[1], "--not")
    with Session.open(project_path, read_only=True) as session:
        assert session.segmentation.finished == set()


def test_a_stroke_is_painted_and_erased(edit, places, project_path):
    there, other = places[30], places[1]
    edit("paint", "--points", *there, "--radius", 15, "--into", *other)
    assert segments_at(project_path, there) == segments_at(project_path, other)
    edit("erase", "--points", *there, "--radius", 15, "--only", *other)
    assert segments_at(project_path, there) == [0]


def test_a_mask_is_painted_where_its_box_lies(edit, places, project_path, tmp_path):
    np.save(tmp_path / "mask.npy", np.ones((2, 3, 4), np.uint8))
    answer = edit("paint", "--mask", tmp_path / "mask.npy", "--box", "1:3,2:5,3:7", "--new")
    new = segments_at(project_path, (1, 2, 3), (2, 4, 6), (3, 4, 6))
    assert new[0] == new[1] == 21
    assert new[2] != 21
    start, stop = answer["box_zyx"]
    assert all(a <= b for a, b in zip(start, (1, 2, 3), strict=True))
    assert all(a >= b for a, b in zip(stop, (3, 5, 7), strict=True))


def test_any_operation_is_switched_off_and_on(edit, places, project_path):
    edit("merge", "--at", *places[1], "--at", *places[30])
    edit("detach", "--at", *places[50])
    answer = edit("switch", "--off", 1)
    assert answer["conflicts"] == []
    assert [o["state"] for o in edit("log")["operations"]] == ["off", "in effect", ""]
    one, other = segments_at(project_path, places[1], places[30])
    assert one != other
    edit("switch", "--on", 1)
    one, other = segments_at(project_path, places[1], places[30])
    assert one == other


def test_what_does_not_fit_after_a_switch_is_told(edit, places):
    edit("merge", "--at", *places[1], "--at", *places[30])
    edit("detach", "--at", *places[1], "--at", *places[30])
    (conflict,) = edit("switch", "--off", 1)["conflicts"]
    assert conflict["operation"] == 2
    assert conflict["reason"]
    assert [o["state"] for o in edit("log")["operations"]] == ["off", "conflict", ""]


def test_a_stream_answers_each_line_and_goes_on_after_a_refused_one(edit, places):
    one, other = places[1], places[30]
    lines = [
        {"kind": "merge", "at": [one, other]},
        {"kind": "merge", "at": [one, other]},
        {"kind": "split", "sides": [[one], [other]], "preview": True},
        {"kind": "undo"},
        {"kind": "unlock", "at": one},
        {"kind": "lock", "at": one},
        {"kind": "paint", "points": [other], "radius": 10, "new": True},
        {"kind": "switch", "off": [1], "on": []},
        {"kind": "cleave", "groups": [[one]]},
    ]
    text = "\n\n".join(map(json.dumps, lines)) + "\n  \n"
    *answers, summary = edit(stdin=text)
    refused = ["error" in answer for answer in answers]
    assert refused == [False, True, False, False, True, False, False, True, True]
    assert summary == {"applied": 5, "refused": 4}
    assert len(answers[2]["pieces"]) == 2
    assert answers[0]["operation"] == 1


def test_edits_as_the_journal_has_them_are_taken(edit, places, project_path):
    edit("merge", "--at", *places[1], "--at", *places[30])
    edit("paint", "--points", *places[9], "--radius", 10, "--new")
    with Session.open(project_path, read_only=True) as session:
        rows = [operation.payload for operation in session.log()]
    edit("undo", 2)
    merge = {"kind": "merge", "spots": rows[0]["spots"]}
    paint = {name: rows[1][name] for name in ("kind", "mask", "target", "place_nm")}
    *answers, _ = edit(stdin="\n".join(map(json.dumps, (merge, paint | {"new": True}))))
    assert not any("error" in answer for answer in answers)


INSIDE = ["4", "5", "6"]
MANY = ["--side", *INSIDE, "--side", "9", "9", "9"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "expected one action"),
        (["--stdin", "undo"], "expected one action"),
        (["merge", "--at", *INSIDE], "at least two places"),
        (["merge", "--at", *INSIDE, "--at", "99", "0", "0"], "outside the volume"),
        (["split", "--side", *INSIDE], "needs two sides or more"),
        (["split", "--side", "1", "2", "--side", *INSIDE], "multiple of three"),
        (["cleave", "--group", *INSIDE], "needs two groups or more"),
        (["divide", *MANY], "several supervoxels"),
        (["detach", "--at", "4", "5", "x"], "invalid float"),
        (["mark"], "--at"),
        (["paint", "--points", *INSIDE, "--radius", "10"], "--into --new"),
        (["paint", "--points", *INSIDE, "--new"], "points and a radius"),
        (["paint", "--points", *INSIDE, "--radius", "-1", "--new"], "positive radius"),
        (["paint", "--points", *INSIDE, "--radius", "nan", "--new"], "not a number of nm"),
        (["paint", "--points", *INSIDE, "--radius", "1e12", "--new"], "long"),
        (["paint", "--points", "999", "0", "0", "--radius", "1", "--new"], "outside the volume"),
        (["paint", "--mask", "none.npy", "--new"], "cannot be read"),
        (["paint", "--mask", "none.png", "--new"], ".npy file"),
        (["paint", "--new"], "one of the arguments --mask --points"),
        (["erase", "--mask", "SMALL", "--box", "0:1,0:1"], "is not a box"),
        (["erase", "--mask", "SMALL", "--box", "0:1,0:1,0:1"], "shape (2, 2, 2)"),
        (["erase", "--mask", "SMALL", "--box", "0:2,0:2,0:2"], "no voxel is chosen"),
        (["erase", "--mask", "FLOAT", "--box", "0:2,0:2,0:2"], "expected bool"),
        (["erase", "--mask", "OBJECTS", "--box", "0:2,0:2,0:2"], "cannot be read"),
        (["switch"], "needs numbers of operations"),
        (["switch", "--off", "0"], "needs numbers of operations"),
        (["switch", "--off", "77"], "77"),
        (["undo"], "cannot undo 1"),
        (["undo", "0"], "1 or more"),
        (["redo", "3"], "cannot redo 3"),
    ],
)
def test_wrong_input_is_one_line_and_status_2(arguments, told, project_path, capsys, tmp_path):
    arrays = {
        "SMALL": np.zeros((2, 2, 2), bool),
        "FLOAT": np.ones((2, 2, 2)),
        "OBJECTS": np.array([{}]),
    }
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array, allow_pickle=True)
    named = [str(tmp_path / f"{a}.npy") if a in arrays else a for a in arguments]
    try:
        status = command_line.run(["edit", str(project_path), *named])
    except SystemExit as stopped:
        status = stopped.code
    error = capsys.readouterr().err
    assert status == 2
    assert told in error
    assert error.count("\n") == 1
    with Session.open(project_path, read_only=True) as session:
        assert session.log() == []


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ({"kind": "mark", "at": [4, 5, 6], "finished": 1}, "true or false"),
        ({"kind": "mark", "at": [[4, 5, 6]]}, "is not a place"),
        ({"kind": "lock"}, "is not a place"),
        ({"kind": "merge", "at": {"a": 1}}, "a list of"),
        ({"kind": "merge", "spots": [{"supervoxel": 1}, {"supervoxel": 2}]}, "is not a place"),
        (
            {"kind": "detach", "at": [{"supervoxel": 1, "place_nm": [1e9, 2, 3]}]},
            "outside the volume",
        ),
        ({"kind": "split", "sides": [[[4, 5, 6]], []]}, "one of them is empty"),
        ({"kind": "switch", "off": 1}, "needs numbers"),
        ({"kind": "switch", "off": [True]}, "needs numbers"),
        ({"kind": "paint", "mask": {"box": [0] * 6, "bits": ""}, "new": True}, "0 voxels"),
        ({"kind": "paint", "mask": 5, "new": True}, "is not a file"),
        ({"kind": "paint", "mask": "a.npy", "points": [], "new": True}, "not both"),
        ({"kind": "paint", "points": [[4, 5, 6]], "radius": "1", "new": True}, "radius"),
        ({"kind": "erase", "points": [[4, 5, 6]], "radius": 1, "only": 5}, "is not a place"),
    ],
)
def test_wrong_lines_are_answered_with_what_is_wrong(request_, told, edit):
    answer, summary = edit(stdin=json.dumps(request_))
    assert told in answer["error"]
    assert summary == {"applied": 0, "refused": 1}


def test_a_damaged_row_is_told_and_the_rest_goes_on(project_path, capsys):
    edits = [{"kind": kind, "at": [4, 5, 6]} for kind in ("lock", "unlock")]
    for request in edits:
        assert command_line.run(["edit", str(project_path), request["kind"], "--at", *INSIDE]) == 0
    with closing(sqlite3.connect(project_path / "journal.sqlite")) as database, database:
        database.execute("UPDATE operations SET payload = 'garbage' WHERE number = 1")
    capsys.readouterr()
    assert command_line.run(["edit", str(project_path), "log", "--json"]) == 0
    told = capsys.readouterr()
    assert "row 1" in told.err
    (row,) = json.loads(told.out)["operations"]
    assert row["kind"] == "unlock"
