"""What a run does with the news of workers; no worker is started."""

from __future__ import annotations

import ctypes
import queue
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from fake_stages import NegativeSettings, NegativeStage

from segmend.core.geometry import Box
from segmend.core.pipeline import dask_executor, dask_worker
from segmend.core.pipeline.executors import Told
from segmend.core.pipeline.marks import StageMarks, write_mark
from segmend.core.pipeline.tasks import Action, Place, Task, perform

BOX = Box((0, 0, 0), (8, 8, 8))


class Cluster:
    """Workers that never do anything."""

    ahead, lasting = 1, True

    def __init__(self):
        self.ended: list[str] = []
        self.client = SimpleNamespace(
            submit=lambda *_, **__: SimpleNamespace(add_done_callback=lambda _: None),
            cancel=lambda *_, **__: None,
        )

    def slots(self):
        return 4

    def end_worker(self, address):
        self.ended.append(address)

    def end_workers(self, addresses):
        self.ended += sorted(addresses)


@pytest.fixture
def dispatch(monkeypatch):
    """Four tasks on four workers, the first two of which have begun."""
    monkeypatch.setattr(dask_executor, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(dask_executor, "_LATE_NEWS_SECONDS", 0.02)
    monkeypatch.setattr(dask_executor, "_PATIENCE_SECONDS", 0.05)
    stage, place = NegativeStage(NegativeSettings()), Place(Path("p"), Path("g"), Path("s"))
    tasks = [Task(stage, place, Action.BLOCK, BOX)] * 4
    notices: list[str] = []
    made = dask_executor._Dispatch(
        Cluster(), queue.SimpleQueue(), tasks, Told(print, notice=notices.append), 0.03
    )
    made.notices = notices
    made.step()
    for number, key in enumerate(list(made._running)[:2]):
        made.begun({"key": key, "worker": f"tcp://{number}"})
    return made


def test_blocks_that_take_too_long_are_found_however_much_news_there_is(dispatch):
    for _ in range(1000):
        dispatch._inbox.put((dask_executor._Dispatch.changed, {"action": "add-worker"}))
        dispatch._inbox.put((lambda *_: dask_executor.time.sleep(0.001), {}))
    while not dispatch._inbox.empty() and len(dispatch._cluster.ended) < 2:
        dispatch.step()
    assert not dispatch._inbox.empty()
    assert dispatch._cluster.ended == ["tcp://0", "tcp://1"]


def test_a_run_that_stops_early_ends_the_workers_that_are_at_work(dispatch):
    keys = list(dispatch._running)
    late = {"key": keys[2], "worker": "tcp://2"}
    dispatch._inbox.put((dask_executor._Dispatch.begun, late))
    dispatch._inbox.put((dask_executor._Dispatch.stopped, {"key": keys[0]}))
    dispatch.drop()
    assert dispatch._cluster.ended == ["tcp://1", "tcp://2"]
    assert "tcp://1, tcp://2; let them finish" in dispatch.notices[-1]


def test_workers_that_ended_are_not_waited_for(dispatch):
    cluster = dispatch._cluster
    changed = dask_executor._Dispatch.changed

    def end_workers(addresses):
        for address in addresses:
            news = {"action": "remove-worker", "worker": address, "processing-tasks": ()}
            dispatch._inbox.put((changed, news))

    cluster.end_workers = end_workers
    dispatch.drop()
    assert dispatch.notices == []


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_memory_is_given_back_only_where_the_system_can(monkeypatch, platform):
    def no_library(name):
        raise TypeError(name)

    monkeypatch.setattr(ctypes, "CDLL", no_library)
    monkeypatch.setattr(sys, "platform", platform)
    dask_worker._malloc_trim.cache_clear()
    dask_worker._give_memory_back()
    assert dask_worker._malloc_trim() is None
    dask_worker._malloc_trim.cache_clear()


def test_a_block_whose_folder_was_cleared_away_leaves_no_mark(image_project, tmp_path):
    """Its files are gone: with a mark, a later run would take it as done."""
    marks = StageMarks(tmp_path / "stage")
    mark = marks.block_path("key", BOX)
    place = Place(image_project.path, tmp_path, tmp_path / "scratch")
    (tmp_path / "scratch").mkdir()
    task = Task(NegativeStage(NegativeSettings()), place, Action.BLOCK, BOX, mark)
    assert "cleared" in perform(task).error
    assert not mark.exists()
    write_mark(mark.with_name("another"))
    assert perform(task).error == ""
    assert mark.is_file()
