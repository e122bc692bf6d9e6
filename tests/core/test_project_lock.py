"""One writer at a time, and a dead one does not stand in the way."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

from segmend.core.errors import ProjectError, ProjectLocked
from segmend.core.processes import process_alive, process_start
from segmend.core.project_lock import ProjectLock

HOLD = """
import sys, time
from segmend.core.project_lock import ProjectLock
ProjectLock(sys.argv[1], "ada").acquire()
print("held", flush=True)
time.sleep(60)
"""


@contextmanager
def another_program(folder):
    with subprocess.Popen([sys.executable, "-c", HOLD, folder], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        try:
            yield holder
        finally:
            holder.kill()


def write_holder(folder, **values) -> None:
    holder = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "started": process_start(os.getpid()),
    }
    holder |= {"author": "ada", "since": "2026-01-01T00:00:00+00:00"}
    (folder / "writer.lock").write_text(json.dumps(holder | values))


def test_a_second_writer_is_told_who_and_since_when(tmp_path):
    with another_program(tmp_path) as holder, pytest.raises(ProjectLocked) as caught:
        ProjectLock(tmp_path, "bob").acquire()
    message = str(caught.value)
    assert "ada" in message
    assert f"process {holder.pid} on {socket.gethostname()}" in message
    assert "since 20" in message
    assert "\n" not in message


def test_two_locks_of_one_program_exclude_each_other(tmp_path):
    with (
        ProjectLock(tmp_path, "ada"),
        pytest.raises(ProjectLocked, match="open for writing by ada"),
    ):
        ProjectLock(tmp_path, "ada").acquire()


def test_a_killed_holder_is_taken_over(tmp_path):
    with another_program(tmp_path) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with ProjectLock(tmp_path, "bob") as lock:
            assert lock.held


def test_given_back_it_is_free(tmp_path):
    lock = ProjectLock(tmp_path)
    for _ in range(2):
        lock.acquire()
        lock.acquire()
        assert lock.held
        lock.release()
        lock.release()
        assert not lock.held
    assert (tmp_path / "writer.lock").read_bytes() == b""


def test_it_is_given_back_after_an_error(tmp_path):
    with pytest.raises(KeyError), ProjectLock(tmp_path):
        raise KeyError
    with ProjectLock(tmp_path) as lock:
        assert lock.held


def test_a_refused_writer_leaves_the_holder_in_place(tmp_path):
    with ProjectLock(tmp_path, "ada"):
        before = (tmp_path / "writer.lock").read_bytes()
        for _ in range(2):
            with pytest.raises(ProjectLocked):
                ProjectLock(tmp_path, "bob").acquire()
        assert (tmp_path / "writer.lock").read_bytes() == before


def test_of_many_that_start_together_one_wins(tmp_path):
    start, won = threading.Barrier(8), []

    def attempt() -> None:
        lock = ProjectLock(tmp_path)
        start.wait()
        try:
            lock.acquire()
        except ProjectLocked:
            return
        won.append(lock)

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    won[0].release()


# Where the system's lock is free, what the file says counts.


def test_a_dead_process_of_this_machine_is_taken_over(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    write_holder(tmp_path, pid=ended.pid)
    with ProjectLock(tmp_path) as lock:
        assert lock.held


def test_a_number_that_another_process_got_since_is_taken_over(tmp_path, monkeypatch):
    write_holder(tmp_path, pid=os.getppid(), started="1000")
    monkeypatch.setattr("segmend.core.project_lock.process_start", lambda pid: "2000")
    with ProjectLock(tmp_path) as lock:
        assert lock.held


def test_where_starts_are_not_known_a_live_number_keeps_it(tmp_path, monkeypatch):
    write_holder(tmp_path, pid=os.getppid(), started="")
    monkeypatch.setattr("segmend.core.project_lock.process_start", lambda pid: "")
    with pytest.raises(ProjectLocked):
        ProjectLock(tmp_path).acquire()


def test_a_live_process_keeps_it(tmp_path):
    write_holder(tmp_path)
    with pytest.raises(ProjectLocked, match="ada"):
        ProjectLock(tmp_path).acquire()


def test_another_machine_keeps_it_and_the_way_out_is_named(tmp_path):
    write_holder(tmp_path, host="elsewhere", pid=1)
    with pytest.raises(ProjectLocked, match=r"on elsewhere.*no longer runs, remove .*writer\.lock"):
        ProjectLock(tmp_path).acquire()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\xff"])
def test_an_unreadable_file_is_nobody(text, tmp_path):
    (tmp_path / "writer.lock").write_bytes(text.encode("latin-1"))
    with ProjectLock(tmp_path) as lock:
        assert lock.held


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(ProjectError, match="cannot be written"):
        ProjectLock(tmp_path / "no").acquire()


def test_process_alive():
    assert process_alive(os.getpid())
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert not process_alive(ended.pid)


def test_a_file_of_nested_brackets_is_no_holder(tmp_path):
    (tmp_path / "writer.lock").write_text("[" * 4096)
    with ProjectLock(tmp_path) as lock:
        assert lock.held
