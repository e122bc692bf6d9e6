"""A file appears whole, whoever else writes it at the same time."""

from __future__ import annotations

import json
import os

import pytest

from segmend.core.volumes.zarr_store import write_json
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


def test_metadata_that_two_workers_write_at_once_stays_whole(tmp_path, monkeypatch):
    path, flush, others = tmp_path / ".zattrs", os.fsync, [{"second": 2}]

    def interrupted(number):
        flush(number)
        if others:
            write_json(path, others.pop())

    monkeypatch.setattr(os, "fsync", interrupted)
    write_json(path, {"first": 1})
    assert json.loads(path.read_text()) == {"first": 1}
    assert list(tmp_path.iterdir()) == [path]
