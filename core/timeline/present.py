"""The live segmentation together with what each operation in effect did to it, so that any of them can be taken back.

Switching an operation costs what depends on it: the later operations that touch what it touches are taken back, newest
first, and carried out again in the order of their numbers. All others commute with it and stay as they are.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from segmend.core.edits.model import Resolved
from segmend.core.edits.voxels import SupervoxelVoxels
from segmend.core.journal.operation import Operation, Problem
from segmend.core.segmentation.segmentation import Change, Segmentation
from segmend.core.segmentation.supervoxel_graph import Edges
from segmend.core.timeline.decisions import decision_keys
from segmend.core.timeline.effects import EffectIndex, Keys, effects, looked_at, needs
from segmend.core.timeline.replay import decoded, planned


@dataclass(frozen=True, slots=True)
class Part:
    """One operation carried out or taken back.

    Parameters
    ----------
    target : Operation
    change : Change
    backwards : bool
        Whether it was taken back.
    looked_at : frozenset
        What its plan looked at besides what it changed, see `effects.looked_at`.
    """

    target: Operation
    change: Change
    backwards: bool = False
    looked_at: Keys = frozenset()


@dataclass(frozen=True, slots=True)
class Step:
    """One committed move in time.

    Parameters
    ----------
    row : Operation
        The journal row that committed it.
    parts : tuple of Part
        What was taken back and carried out, in this order; an operation that depends on a switched one is both.
    conflicts : tuple of Problem
        Operations that are on and do not fit any more since this move.
    """

    row: Operation
    parts: tuple[Part, ...]
    conflicts: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """What is kept of an operation in effect, also where its change is not in memory.

    Parameters
    ----------
    segments : tuple of int
        That it touched.
    children : tuple of int
        Supervoxels that it made.
    edges : Edges
        That it added.
    """

    segments: tuple[int, ...]
    children: tuple[int, ...]
    edges: Edges

    @classmethod
    def of(cls, change: Change) -> Trace:
        """Return the trace of a change."""
        segments = tuple(dict.fromkeys((*change.old_ids, *change.new_ids)))
        if change.birth is None:
            return cls(segments, (), change.bridges)
        edges = change.birth.edges.joined(change.bridges) if len(change.bridges) else None
        return cls(segments, change.birth.children, edges or change.birth.edges)


class Present:
    """The segmentation as it is now.

    Parameters
    ----------
    segmentation : Segmentation
    voxels : SupervoxelVoxels, optional
        Of the base; needed for edits that change voxels.
    """

    def __init__(self, segmentation: Segmentation, voxels: SupervoxelVoxels | None) -> None:
        self.segmentation = segmentation
        self.voxels = None if voxels is None else voxels.over(segmentation.patches)
        self.traces: dict[int, Trace] = {}
        """Of every operation in effect."""
        self.problems: dict[int, Problem] = {}
        """Operations that are on but not in effect, and why."""
        self._left_out: dict[int, Operation] = {}
        self._known: dict[int, Part] = {}
        self._index = EffectIndex()

    def in_effect(self, number: int) -> bool:
        """Say whether an operation was carried out."""
        return number in self.traces

    def add(self, part: Part) -> Part:
        """Carry out an operation that is newer than all others, or that fits where it stands."""
        number = part.target.number
        self.segmentation.apply(number, part.change)
        self.traces[number] = Trace.of(part.change)
        self.learn(part)
        return part

    def learn(self, part: Part) -> None:
        """Take in what an operation in effect did."""
        self._known[part.target.number] = part
        self._index.add(part.target.number, effects(part.change) | part.looked_at)

    def leave_out(self, operation: Operation, problem: Problem) -> None:
        """Note that an operation is on but cannot be carried out."""
        self._left_out[operation.number] = operation
        self.problems[operation.number] = problem

    def attempt(self, operation: Operation) -> Part | Problem:
        """Plan an operation that is newer than all others and carry it out, or leave it out."""
        resolved = decoded(operation, self.segmentation.base)
        part = resolved if isinstance(resolved, Problem) else self._planned(operation, resolved)
        if isinstance(part, Problem):
            self.leave_out(operation, part)
            return part
        return self.add(part)

    def _planned(self, operation: Operation, resolved: Resolved) -> Part | Problem:
        change = planned(operation, resolved, self.segmentation, self.voxels)
        if isinstance(change, Problem):
            return change
        seen = looked_at(resolved, self.segmentation, self.voxels)
        return Part(operation, change, looked_at=seen)

    def reorder(self, off: Iterable[int], on: Iterable[Operation]) -> tuple[Part, ...]:
        """Switch operations; what every later operation did must be known. All or nothing.

        Parameters
        ----------
        off : iterable of int
            Numbers of operations that are on.
        on : iterable of Operation
            That are off.

        Returns
        -------
        tuple of Part
            What was taken back and carried out, in this order.
        """
        parts: list[Part] = []
        before = dict(self._left_out), dict(self.problems)
        try:
            self._reorder(set(off), {o.number: o for o in on}, parts.append)
        except BaseException:
            self.roll_back(parts, *before)
            raise
        return tuple(parts)

    def roll_back(
        self,
        parts: Iterable[Part],
        left_out: dict[int, Operation],
        problems: dict[int, Problem],
    ) -> None:
        """Do the opposite of some parts, the last one first."""
        for part in reversed(tuple(parts)):
            if part.backwards:
                self.add(replace(part, backwards=False))
            else:
                self._take_back(part.target.number)
        self._left_out, self.problems = left_out, problems

    @contextmanager
    def without(self, numbers: Iterable[int]) -> Iterator[None]:
        """Be, for a while, as if some operations were off; what they and every later one did must be known."""
        before = self.remembered()
        parts = self.reorder(numbers, ())
        try:
            yield
        finally:
            self.roll_back(parts, *before)

    def remembered(self) -> tuple[dict[int, Operation], dict[int, Problem]]:
        """Return what `roll_back` needs besides the parts."""
        return dict(self._left_out), dict(self.problems)

    def _reorder(
        self, off: set[int], waiting: dict[int, Operation], tell: Callable[[Part], None]
    ) -> None:
        start = min((*off, *waiting))
        for number in [n for n in self._left_out if n >= start]:
            # whatever was in its way may be gone; the simplest rule that is right
            waiting[number] = self._left_out.pop(number)
            del self.problems[number]
        self._clear({n for n in off if n in self.traces}, waiting, tell)
        waiting = {n: o for n, o in waiting.items() if n not in off}
        queue = sorted(waiting)
        while queue:
            number = heapq.heappop(queue)
            for later in self._insert(waiting.pop(number), waiting, tell):
                heapq.heappush(queue, later)

    def _insert(
        self, operation: Operation, waiting: dict[int, Operation], tell: Callable[[Part], None]
    ) -> list[int]:
        """Carry an operation out at its place; return the later ones that had to make room."""
        resolved = decoded(operation, self.segmentation.base)
        if isinstance(resolved, Problem):
            self.leave_out(operation, resolved)
            return []
        number, decides = operation.number, decision_keys(operation.candidate)
        moved: list[int] = []
        while True:
            needed = needs(resolved, self.segmentation, self.voxels) | decides
            later = self._index.later(number, needed)
            if not later:
                part = self._planned(operation, resolved)
                if isinstance(part, Problem):
                    self.leave_out(operation, part)
                    return moved
                later = self._index.later(number, effects(part.change))
                if not later:
                    tell(self.add(part))
                    return moved
            moved += self._clear(later, waiting, tell)

    def _clear(
        self, numbers: set[int], waiting: dict[int, Operation], tell: Callable[[Part], None]
    ) -> list[int]:
        """Take operations back with all that depend on them; these wait to be carried out again."""
        taken = self._index.dependents(numbers)
        for number in reversed(taken):
            part = self._take_back(number)
            waiting[number] = part.target
            tell(part)
        return taken

    def _take_back(self, number: int) -> Part:
        part = self._known[number]
        self.segmentation.revert(number, part.change)
        del self._known[number], self.traces[number]
        self._index.remove(number)
        return replace(part, backwards=True)
