"""People at work on one project, each a process of their own."""

from __future__ import annotations

from multiprocessing import get_context
from pathlib import Path

from segmend.core.edits.journal import Journal, Operation


def run_each(calls: list[tuple]) -> None:
    """Call functions of this module in processes of their own and wait until all have ended well."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["many_hands"])
    processes = [context.Process(target=call, args=arguments) for call, *arguments in calls]
    for process in processes:
        process.start()
    for process in processes:
        process.join(240)
    assert [process.exitcode for process in processes] == [0] * len(processes)


def append_each(location: str, author: str, count: int) -> None:
    """Append operations one by one; none of anybody may be missed."""
    journal = Journal(location)
    known = 0
    for _ in range(count):
        with journal.writing() as section:
            newer = section.newer(known)
            assert [row.number for row in newer] == list(range(known + 1, known + 1 + len(newer)))
            known = section.append(Operation("merge", 1, {}, author)).number
    journal.close()


def claim_all(location: str, author: str, out: Path) -> None:
    """Try to claim 40 candidates and write down which were to be had."""
    journal = Journal(location)
    got = [str(n) for n in range(40) if journal.claims.claim(str(n), author, 600)]
    out.write_text("\n".join(got))
    journal.close()
