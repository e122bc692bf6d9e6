"""Where a project says that its journal is, and what a stranger's project.toml may say."""

import re

import pytest
from data import GRID, tiles

from segmend.core.errors import InputError, ProjectError
from segmend.core.project import create_project, open_project
from segmend.core.volumes.memory import MemoryVolume


@pytest.fixture
def project(tmp_path):
    return create_project(tmp_path / "p.segmend", segmentation=MemoryVolume(tiles(), GRID))


def say(project, line):
    file = project.path / "project.toml"
    file.write_text(f"{line}\n{file.read_text()}")


def test_without_a_database_it_is_a_file_in_the_folder(project):
    assert not project.shared
    assert project.journal_location == project.path / "journal.sqlite"


def test_every_project_has_an_id_of_its_own(project, tmp_path):
    other = create_project(tmp_path / "q.segmend", segmentation=MemoryVolume(tiles(), GRID))
    assert re.fullmatch("[0-9a-f]{32}", project.config.id)
    assert other.config.id != project.config.id


@pytest.mark.parametrize(
    ("url", "sign"),
    [("postgresql://ada@host/db", "?"), ("postgresql://ada@host/db?sslmode=verify-full", "&")],
)
def test_in_a_database_it_is_the_schema_of_the_project(project, url, sign):
    say(project, f'journal = "{url}"')
    shared = open_project(project.path)
    assert shared.shared
    assert shared.journal_location == f"{url}{sign}schema=segmend_{project.config.id}"


@pytest.mark.parametrize(
    "line",
    [
        'journal = "sqlite:////etc/passwd"',
        'journal = "mysql://host/db"',
        'journal = "postgresql://host/a b"',
        "journal = 5",
        f'journal = "postgresql://{"x" * 3000}"',
    ],
)
def test_another_kind_of_address_is_refused(project, line):
    say(project, line)
    with pytest.raises(ProjectError, match="journal"):
        open_project(project.path)


@pytest.mark.parametrize("wrong", ["x", "../..", "A" * 32, '\\"; DROP SCHEMA x; --'])
def test_an_id_that_is_none_is_refused(project, wrong):
    file = project.path / "project.toml"
    file.write_text(file.read_text().replace(project.config.id, wrong))
    with pytest.raises(ProjectError, match="id:"):
        open_project(project.path)


def test_a_database_without_an_id_is_told(project):
    file = project.path / "project.toml"
    file.write_text(file.read_text().replace(project.config.id, ""))
    say(project, 'journal = "postgresql://ada@host/db"')
    with pytest.raises(ProjectError, match="but no id"):
        _ = open_project(project.path).journal_location


def test_a_database_needs_an_owner(tmp_path):
    labels = MemoryVolume(tiles(), GRID)
    with pytest.raises(InputError, match="needs an owner"):
        create_project(tmp_path / "p.segmend", segmentation=labels, journal="postgresql://a@b/c")
    assert list(tmp_path.iterdir()) == []
