"""``segmend team`` on a project whose journal is a file."""

import json

import pytest
from data import GRID, tiles

from segmend.app.cli.main import run
from segmend.core.project import create_project
from segmend.core.volumes.memory import MemoryVolume


@pytest.fixture
def team(tmp_path, capsys):
    create_project(tmp_path / "p.segmend", segmentation=MemoryVolume(tiles(), GRID))

    def call(*arguments):
        status = run(["team", str(tmp_path / "p.segmend"), *arguments])
        return status, capsys.readouterr()

    return call


def test_roles_are_given_and_shown(team):
    status, printed = team()
    assert (status, "everybody is an owner" in printed.out) == (0, True)
    status, printed = team("set", "bob", "viewer", "--author", "ada", "--json")
    assert status == 0
    answer = json.loads(printed.out)
    assert answer["members"] == [
        {"author": "ada", "role": "owner"},
        {"author": "bob", "role": "viewer"},
    ]
    team("default", "viewer", "--author", "ada")
    status, printed = team("list", "--author", "zoe", "--json")
    answer = json.loads(printed.out)
    assert (answer["role"], answer["default"], answer["grants"]) == ("viewer", "viewer", [])


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["set", "bob"], "is no request"),
        (["set", "bob", "king"], "is no role"),
        (["sing"], "is no request"),
        (["set", "bob", "owner", "--author", "bob"], "bob is a viewer"),
    ],
)
def test_what_cannot_be_done_is_one_line(team, arguments, complaint):
    team("set", "bob", "viewer", "--author", "ada")
    status, printed = team(*arguments)
    assert status == 2
    assert complaint in printed.err
    assert len(printed.err.splitlines()) == 1


def test_nobody_is_at_work_yet(team):
    assert team("who")[1].out.strip() == "nobody worked on this project yet"
