"""Ctrl+C while worker processes start or end."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from multiprocessing import resource_tracker


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """Hold Ctrl+C back while Dask is in a state that it cannot be closed from, then let it through.

    A terminal sends it to all processes of the program. Threads and processes started meanwhile, and what these
    start, never hear of it: workers end when they are told to, without a traceback each.
    """
    numbers = [
        number
        for number in (signal.SIGINT, signal.SIGTERM)
        if signal.getsignal(number) is signal.default_int_handler
    ]
    if threading.current_thread() is not threading.main_thread() or not hasattr(
        signal, "pthread_sigmask"
    ):
        yield
        return
    resource_tracker.ensure_running()  # it lifts the mask where it starts later
    caught: list[int] = []
    for number in numbers:
        signal.signal(number, lambda number, _: caught.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number in numbers:
            signal.signal(number, signal.default_int_handler)
    if caught:
        raise KeyboardInterrupt
