"""Threads are tested here and nowhere else: answers come back on the window's thread, in order, and once."""

import os
import threading
import time
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from types import SimpleNamespace

import pytest

from segmend.app.jobs import SynchronousJobs, ThreadJobs
from segmend.app.pipeline_process import PipelineProcess, PipelineRequest, PipelineWatch
from segmend.core.errors import Cancelled, StageError
from segmend.core.pipeline.progress import Progress, RunReport, StageState

REQUEST = PipelineRequest("p.segmend")


@pytest.fixture
def jobs(qapp):
    jobs = ThreadJobs()
    yield jobs
    jobs.join(20)
    jobs.shutdown()


def test_work_runs_elsewhere_and_the_answer_comes_here(jobs):
    here, threads = threading.get_ident(), {}
    jobs.query(
        lambda: threads.setdefault("work", threading.get_ident()),
        lambda _: threads.setdefault("answer", threading.get_ident()),
    )
    assert jobs.join(10)
    assert threads["answer"] == here != threads["work"]


def test_edits_keep_their_order_on_one_thread(jobs):
    done = []
    for number in range(20):
        work = partial(lambda n: (n, threading.get_ident()), number)
        jobs.edit(work, done.append)
    assert jobs.join(10)
    assert [number for number, _ in done] == list(range(20))
    assert len({thread for _, thread in done}) == 1


def test_errors_come_here_too(jobs):
    here, got = threading.get_ident(), []

    def fail():
        raise ValueError("broken")

    jobs.query(fail, got.append, lambda error: got.append((str(error), threading.get_ident())))
    assert jobs.join(10)
    assert got == [("broken", here)]


def test_overtaken_edits_are_not_even_begun(jobs):
    gate, done, got = threading.Event(), [], []
    jobs.edit(gate.wait, got.append)
    for number in range(5):
        jobs.edit(partial(done.append, number), lambda _, n=number: got.append(n), topic="seeds")
    jobs.edit(lambda: done.append("other"), lambda _: None)
    gate.set()
    assert jobs.join(10)
    assert done == [4, "other"]
    assert got == [True, 4]


def test_overtaken_answers_are_dropped(jobs):
    gate, got = threading.Event(), []
    jobs.query(lambda: gate.wait(5) and "old", got.append, topic="meshes")
    jobs.query(lambda: "new", got.append, topic="meshes")
    jobs.query(lambda: "other", got.append, topic="elsewhere")
    gate.set()
    assert jobs.join(10)
    assert sorted(got) == ["new", "other"]


def test_a_slow_query_does_not_hold_up_the_window(jobs):
    gate = threading.Event()
    started = time.perf_counter()
    jobs.query(lambda: gate.wait(5), lambda _: None)
    assert time.perf_counter() - started < 0.5
    assert jobs.busy
    gate.set()
    assert jobs.join(10)


def test_nothing_is_delivered_after_the_end(qapp):
    jobs, gate, got = ThreadJobs(), threading.Event(), []
    jobs.edit(lambda: gate.wait(5), got.append)
    jobs.edit(lambda: "last", got.append)
    gate.set()
    jobs.shutdown()
    jobs.query(lambda: "late", got.append)
    for _ in range(5):
        qapp.processEvents()
    assert got == []


def test_computing_runs_in_another_process(jobs):
    got = []
    jobs.compute(partial(pow, 2, 10), got.append)
    assert jobs.join(60)
    assert got == [1024]


def test_a_dead_worker_costs_its_own_answer_only(jobs):
    got, failed = [], []
    jobs.compute(partial(os._exit, 3), got.append, failed.append)
    assert jobs.join(60)
    assert [type(error) for error in failed] == [BrokenProcessPool]
    jobs.compute(partial(pow, 2, 10), got.append, failed.append)
    assert jobs.join(60)
    assert got == [1024]
    assert len(failed) == 1


def test_what_cannot_be_submitted_is_not_waited_for(jobs, monkeypatch):
    def refuse(work):
        raise BrokenProcessPool("broken")

    monkeypatch.setattr(jobs, "_workers", lambda: SimpleNamespace(submit=refuse))
    with pytest.raises(BrokenProcessPool):
        jobs.compute(partial(pow, 2, 10), print)
    assert not jobs.busy


def test_synchronous_jobs_do_the_same_at_once():
    jobs, got = SynchronousJobs(), []
    jobs.edit(lambda: 1, got.append)
    jobs.query(lambda: 1 / 0, got.append, lambda error: got.append(type(error)))
    assert got == [1, ZeroDivisionError]
    assert jobs.join()


def test_errors_without_a_taker_are_not_lost():
    jobs = SynchronousJobs()
    with pytest.raises(ZeroDivisionError):
        jobs.query(lambda: 1 / 0, print)


# -- the pipeline's process ----------------------------------------------------------------------------------------


def run_to_the_end(connection, request):
    connection.send(Progress("graph", StageState.RUNNING, 1, 2))
    connection.send(RunReport((), 10, 5, 3))


def wait_for_cancel(connection, request):
    connection.send(Progress("graph", StageState.RUNNING))
    assert connection.recv() == "cancel"
    connection.send(Cancelled("cancelled"))


def die(connection, request):
    import os

    os._exit(3)


def test_progress_and_report_arrive_here(jobs, monkeypatch):
    monkeypatch.setattr(
        "segmend.app.jobs.PipelineProcess", partial(PipelineProcess, target=run_to_the_end)
    )
    here, got = threading.get_ident(), []

    def take(value):
        got.append((value, threading.get_ident()))

    jobs.pipeline(REQUEST, PipelineWatch(take, take))
    assert jobs.join(60)
    assert {thread for _, thread in got} == {here}
    assert [type(value).__name__ for value, _ in got] == ["Progress", "RunReport"]


def test_cancel_reaches_the_process():
    process = PipelineProcess(REQUEST, target=wait_for_cancel)
    with pytest.raises(Cancelled):
        process.follow(lambda progress: process.cancel())
    process.cancel()


def test_a_dead_process_is_an_error_that_can_be_read():
    with pytest.raises(StageError, match="without a result"):
        PipelineProcess(REQUEST, target=die).follow(lambda progress: None)
