"""What two people did to the same segments without knowing of each other.

Both began with the same segmentation, the fork. What an edit touches is told in segments of the fork, so edits of both
can be compared: those that touch no common one commute, and each can be carried out on the other's side as it is.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from segmend.core.copies.fork import Step, Units
from segmend.core.errors import InputError
from segmend.core.segmentation.patches import Patch


class Roots:
    """Units that have become one."""

    def __init__(self) -> None:
        self._parent: dict[Hashable, Hashable] = {}

    def of(self, unit: Hashable) -> Hashable:
        """Return what stands for a unit."""
        root = unit
        while (above := self._parent.get(root, root)) != root:
            root = above
        while unit != root:
            self._parent[unit], unit = root, self._parent[unit]
        return root

    def join(self, units: Iterable[Hashable]) -> tuple[Hashable, set[Hashable]]:
        """Make units one; return what stands for it and what stood for parts of it before."""
        roots = {self.of(unit) for unit in units}
        chosen = next(iter(roots))
        for root in roots:
            self._parent[root] = chosen
        return chosen, roots


class Twins:
    """Finds the same decision on our side, made in the same circumstances.

    Two steps are twins if they do the same to the same, and whatever was done to it before has a twin as well. Merges
    must mean the same segments of the base, too: what older merges joined to them may be taken off again.

    Parameters
    ----------
    ours : sequence of Step
        In effect, in order.
    """

    def __init__(self, ours: Sequence[Step]) -> None:
        self._roots = Roots()
        self._steps = {step.number: step for step in ours}
        self._waiting: dict[Hashable, list[int]] = {}
        self._parted: set[Hashable] = set()
        self._divided: set[Hashable] = set()
        for step in ours:
            for key in _keys(step):
                self._waiting.setdefault(key, []).append(step.number)

    def find(self, step: Step) -> Step | None:
        """Return the twin of one of their steps, to be asked for in order; each is found once."""
        roots = {self._roots.of(key) for key in _keys(step)}
        heads = {next(iter(self._waiting.get(root, ())), None) for root in roots}
        number = heads.pop() if len(heads) == 1 else None
        twin = None if number is None else self._steps[number]
        if (
            twin is None
            or not roots.isdisjoint(self._parted)
            or {self._roots.of(key) for key in _keys(twin)} != roots
            or twin.deed != step.deed
            or (step.joins and not self._same_spots(step, twin, roots))
        ):
            self._parted |= roots
            return None
        for root in roots:
            heapq.heappop(self._waiting[root])
        if step.joins:
            self._join(roots)
        else:
            self._divided |= roots
        return self._steps.pop(twin.number)

    def _same_spots(self, step: Step, twin: Step, roots: set[Hashable]) -> bool:
        """Say whether two merges mean the same segments, also if an older edit is switched later."""
        if roots.isdisjoint(self._divided):
            return step.homes == twin.homes
        return step.spots == twin.spots

    def _join(self, roots: set[Hashable]) -> None:
        chosen, before = self._roots.join(roots)
        queues = {n for root in before for n in self._waiting.pop(root, ())}
        self._waiting[chosen] = sorted(queues)
        if not before.isdisjoint(self._divided):
            self._divided.add(chosen)

    @property
    def without(self) -> tuple[Step, ...]:
        """Our steps that have no twin."""
        return tuple(self._steps.values())


@dataclass(slots=True)
class Causes:
    """Why a step of theirs cannot be carried out without asking: numbers on our and on their side."""

    ours: set[int] = field(default_factory=set)
    theirs: set[int] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.ours or self.theirs)

    def add(self, other: Causes) -> None:
        """Take in what another knows."""
        self.ours |= other.ours
        self.theirs |= other.theirs


class Contested:
    """What we changed, and what depends on it on their side.

    Parameters
    ----------
    ours : sequence of Step
        Without a twin.
    """

    def __init__(self, ours: Sequence[Step]) -> None:
        self._roots = Roots()
        self._causes: dict[Hashable, Causes] = {}
        for step in ours:
            for key in _every_key(step):
                self._causes.setdefault(key, Causes()).ours.add(step.number)
        self._patches = [(step.number, patch) for step in ours for patch in step.patches]
        boxes = [(*p.box.start_zyx, *p.box.stop_zyx) for _, p in self._patches]
        self._boxes = np.array(boxes, np.int64).reshape(-1, 6)

    def ask(self, step: Step, *, twin: bool = False) -> Causes:
        """Say why a step has to wait, to be asked in order; no causes where it can be carried out."""
        roots = {self._roots.of(key) for key in _every_key(step)}
        causes = Causes()
        if not twin:
            for root in roots:
                causes.add(self._causes.get(root, Causes()))
            causes.ours |= self._same_voxels(step)
        if step.joins and not causes:
            self._join({self._roots.of(unit) for unit in step.units})
        elif causes:
            for key in (*roots, *step.made):
                self._causes.setdefault(key, Causes()).theirs.add(step.number)
        return causes

    def _join(self, roots: set[Hashable]) -> None:
        if len(roots) < 2:
            return
        chosen, before = self._roots.join(roots)
        known = Causes()
        for root in before:
            known.add(self._causes.pop(root, Causes()))
        if known:
            self._causes[chosen] = known

    def _same_voxels(self, step: Step) -> set[int]:
        found = set()
        for patch in step.patches if self._patches else ():
            box = patch.box
            meets = (self._boxes[:, :3] < box.stop_zyx) & (self._boxes[:, 3:] > box.start_zyx)
            for row in np.flatnonzero(meets.all(axis=1)).tolist():
                number, ours = self._patches[row]
                if number not in found and _share_voxels(patch, ours):
                    found.add(number)
        return found


def _share_voxels(a: Patch, b: Patch) -> bool:
    common = a.box.intersect(b.box)
    try:
        first, second = (
            p.local[
                common.shift((-p.box.start_zyx[0], -p.box.start_zyx[1], -p.box.start_zyx[2])).slices
            ]
            for p in (a, b)
        )
    except InputError:
        return True
    return bool(((first > 0) & (second > 0)).any())


def _keys(step: Step) -> Units:
    """Return what has to be the same for two steps to be the same decision."""
    return step.units or frozenset({"nothing"})


def _every_key(step: Step) -> Units:
    candidate = {("candidate", step.candidate)} if step.candidate else set()
    return step.units | frozenset(candidate)
