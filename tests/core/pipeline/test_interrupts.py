"""Ctrl+C waits where Dask could not be closed, and comes after."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from segmend.core.pipeline.interrupts import interrupts_held


@pytest.fixture
def handlers():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def interrupt_and_note(number, steps):
    with interrupts_held():
        os.kill(os.getpid(), number)
        steps.append("the work was finished")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_comes_after_the_work(handlers, number):
    steps: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        interrupt_and_note(number, steps)
    assert steps == ["the work was finished"]
    assert signal.getsignal(number) is signal.default_int_handler
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_processes_and_threads_of_that_time_never_hear_of_it(handlers):
    masks = []
    ask = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()))"
    with interrupts_held():
        thread = threading.Thread(
            target=lambda: masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
        )
        thread.start()
        child = subprocess.run([sys.executable, "-c", ask], capture_output=True, check=True)
    thread.join()
    assert signal.SIGINT in masks[0]
    assert child.stdout.strip() == b"True"


def test_an_error_of_the_work_is_not_hidden(handlers):
    with pytest.raises(ValueError, match="the work failed"), interrupts_held():
        raise ValueError("the work failed")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
