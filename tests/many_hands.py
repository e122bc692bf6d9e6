"""People at work on one project, each a process of their own."""

from __future__ import annotations

import hashlib
import json
import random
import time
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path

import numpy as np

from segmend.core.edits.model import Merge, Split, SplitSupervoxel, Spot
from segmend.core.errors import EditRefused
from segmend.core.geometry import Box
from segmend.core.journal.journal import Journal, Operation
from segmend.core.session import Session
from segmend.core.session_changes import Changes

hands = get_context("forkserver")
hands.set_forkserver_preload(["many_hands"])


def run_each(calls: list[tuple]) -> None:
    """Call functions of this module in processes of their own and wait until all have ended well."""
    processes = [hands.Process(target=call, args=arguments) for call, *arguments in calls]
    for process in processes:
        process.start()
    for process in processes:
        process.join(900)
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


class Person:
    """Somebody who proofreads at random, and notes what was acknowledged and what was refused.

    Parameters
    ----------
    project : Path
    author : str
    """

    def __init__(self, project: Path, author: str) -> None:
        self.session = Session.open(project, author=author)
        self.random = random.Random(author)
        self.acknowledged: list[int] = []
        self.decided: list[str] = []
        self.twice: list[tuple[int, int]] = []
        self.refused: list[tuple[str, str]] = []

    def work(self, count: int) -> None:
        """Go on until `count` operations were acknowledged."""
        self.session.queue  # noqa: B018 - loaded now, so that every step of others reaches it
        actions = [self.merge, self.split, self.decide, self.undo, self.redo, self.divide]
        for _ in range(50 * count):
            if len(self.acknowledged) == count:
                return
            (action,) = self.random.choices(actions, (30, 30, 25, 8, 5, 2))
            try:
                action()
            except EditRefused as error:
                self.refused.append((type(error).__name__, str(error)))
        raise AssertionError(f"only {len(self.acknowledged)} of {count}: {self.refused[-3:]}")

    def merge(self) -> None:
        one, other = self.random.sample(self.alive(), 2)
        self.acknowledge(self.session.apply(Merge((self.spot(one), self.spot(other)))))

    def split(self) -> None:
        one = self.random.choice(self.alive())
        segmentation = self.session.segmentation
        members = segmentation.members(int(segmentation.segment_of[one]))
        rest = [int(member) for member in members if member != one]
        if rest:
            sides = ((self.spot(one),), (self.spot(self.random.choice(rest)),))
            self.acknowledge(self.session.apply(Split(sides)))

    def divide(self) -> None:
        """Divide a supervoxel between two of its voxels."""
        one = self.random.choice(self.alive())
        voxels = np.argwhere(self.session.supervoxels[0].read(self.whole) == one)
        if len(voxels) > 20:
            ends = (voxels[0], voxels[-1])
            spots = [self.session.spot_at(self.to_nm(end)) for end in ends]
            self.acknowledge(self.session.apply(SplitSupervoxel(((spots[0],), (spots[1],)))))

    def decide(self) -> None:
        """Claim the next candidate that is free, decide it, and give it back."""
        self.session.catch_up()
        claims = self.session.journal.claims
        for candidate in self.session.queue.peek(5):
            if not claims.claim(candidate.id, self.session.author, 60):
                continue
            try:
                verdict = self.random.choice(["accept", "accept", "reject"])
                self.acknowledge(self.session.decide(candidate, verdict))
                self.decided.append(candidate.id)
            finally:
                claims.release(candidate.id, self.session.author)
            return

    def undo(self) -> None:
        self.acknowledge(self.session.undo())

    def redo(self) -> None:
        self.acknowledge(self.session.redo())

    def acknowledge(self, changes: Changes) -> None:
        self.acknowledged.append(changes.operation)
        self.twice += decided_twice(self.session)

    def alive(self) -> list[int]:
        return np.flatnonzero(self.session.segmentation.segment_of).tolist()

    def spot(self, supervoxel: int) -> Spot:
        point = self.session.segmentation.points(np.array([supervoxel]))[0]
        return Spot(supervoxel, self.to_nm(point))

    def to_nm(self, point: np.ndarray) -> tuple[float, float, float]:
        return self.session.project.grid.to_nm(tuple(map(int, point)))

    @property
    def whole(self) -> Box:
        return Box.of_shape(self.session.project.shape_zyx)


def proofread(project: Path, author: str, count: int, barrier: Barrier, out: Path) -> None:
    """Proofread at random together with others, then write down what came of it."""
    try:
        person = Person(project, author)
        barrier.wait(120)
        began = time.monotonic()
        person.work(count)
        seconds = time.monotonic() - began
        barrier.wait(600)
        person.session.catch_up()
    except BaseException:
        barrier.abort()  # the others need not wait
        raise
    answer = {
        "acknowledged": person.acknowledged,
        "decided": person.decided,
        "twice": person.twice,
        "refused": person.refused,
        "seconds": seconds,
        "state": digest(person.session),
    }
    out.write_text(json.dumps(answer))
    person.session.close()


def decided_twice(session: Session) -> list[tuple[int, int]]:
    """Return pairs of operations in effect of which the second decides a candidate that the first accepted."""
    accepted: dict[str, int] = {}
    pairs = []
    for row in session.operations_in_effect:
        if row.candidate in accepted:
            pairs.append((accepted[row.candidate], row.number))
        if row.candidate and row.verdict == "accept":
            accepted[row.candidate] = row.number
    return pairs


def digest(session: Session) -> str:
    """Return a hash of everything that makes up the state of a session, and its voxels."""
    state = session.state()
    parts = [np.asarray(part) for part in (state.segment_of, state.patches)]
    parts += [np.asarray(getattr(state.edges, name)) for name in ("pairs", "affinity", "area")]
    parts += [np.array(sorted(marks)) for marks in (state.finished, state.locked)]
    parts.append(session.supervoxels[0].read(Box.of_shape(session.project.shape_zyx)))
    whole = hashlib.blake2b(digest_size=16)
    for part in parts:
        whole.update(f"{part.shape}".encode() + part.tobytes())
    return whole.hexdigest()
