"""A file appears whole, whoever else writes it at the same time."""

from __future__ import annotations

import pytest

from segmend.core.whole_files import written_whole


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    path = tmp_path / "a.npz"
    with written_whole(path) as first:
        first.write(b"whole")
        with written_whole(path) as second:  # must not empty what the first one writes
            second.write(b"who")
            first.flush()
        assert path.read_bytes() == b"who"
    assert path.read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_not_finished_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.npz"
    path.write_bytes(b"old")
    with pytest.raises(TypeError), written_whole(path) as file:
        file.write("text")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
