"""What each operation of another copy means here: to be carried out, decided already, or to be decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from segmend.core.copies.fork import Fork, Step, Units, dependents
from segmend.core.copies.overlaps import Causes, Contested, Twins
from segmend.core.copies.pairing import SAME_AS, Pairing
from segmend.core.copies.renumbering import renumbering_of
from segmend.core.edits.codec import resolved_from_json
from segmend.core.edits.model import Resolved
from segmend.core.edits.numbering import most_supervoxels
from segmend.core.edits.voxels import SupervoxelVoxels
from segmend.core.errors import InputError, SegmendError
from segmend.core.journal.operation import Operation, Problem
from segmend.core.journal.rows import row_of
from segmend.core.segmentation.graph_files import GraphArrays
from segmend.core.timeline.history import history, targets
from segmend.core.timeline.replay import replay

_SWITCHING = ("undo", "redo", "switch")


@dataclass(frozen=True, slots=True)
class Arrival:
    """An operation of theirs.

    Parameters
    ----------
    operation : Operation
        As they have it.
    resolved : Resolved, optional
        In our ids, if it is an edit.
    twin : int
        Our operation that decided the same; 0 if there is none.
    causes : Causes
        Why it has to wait for a person, by our and their numbers; empty if it need not.
    switched : (off, on)
        Their numbers of what it switches here.
    same_as : int
        Their number of what a note of theirs stands for.
    """

    operation: Operation
    resolved: Resolved | None = None
    twin: int = 0
    causes: Causes = field(default_factory=Causes)
    switched: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
    same_as: int = 0


def arrivals(
    pairing: Pairing,
    ours: Sequence[Operation],
    theirs: Sequence[Operation],
    generation: int,
    base: GraphArrays,
    voxels: SupervoxelVoxels | None,
) -> tuple[list[Arrival], list[Problem]]:
    """Judge every operation that only the other copy has.

    Parameters
    ----------
    pairing : Pairing
    ours, theirs : sequence of Operation
        The whole journals.
    generation : int
    base : GraphArrays
    voxels : SupervoxelVoxels, optional

    Returns
    -------
    list of Arrival
        In their order.
    list of Problem
        What cannot be used.
    """
    sides = _Sides(pairing, ours, theirs, generation, base, voxels)
    return sides.judged(), sides.problems


class _Sides:
    def __init__(
        self,
        pairing: Pairing,
        ours: Sequence[Operation],
        theirs: Sequence[Operation],
        generation: int,
        base: GraphArrays,
        voxels: SupervoxelVoxels | None,
    ) -> None:
        self._pairing = pairing
        self._generation = generation
        shared = history(pairing.shared, generation).done
        self._fork = Fork(replay(base, shared, voxels)[0], voxels)
        self._shared_on = [operation.number for operation in shared]
        self._here = {o.number: o for o in ours}
        self._shared = {o.number for o in pairing.shared}
        self._own_on = {o.number for o in history(ours, generation).done}
        self._their_on = {o.number for o in history(theirs, generation).done}
        self._their_tail = {o.number for o in pairing.theirs}
        self._renumbering = renumbering_of(pairing, ours, theirs, generation, base)
        self._most = most_supervoxels(base)
        self._own: dict[int, Resolved] = {}
        self._shared_units: dict[int, Units] | None = None
        self.problems: list[Problem] = []

    def judged(self) -> list[Arrival]:
        """Return what arrives, in their order."""
        last = self._last_switches(self._pairing.ours, self._own_on, {n: n for n in self._shared})
        own = [s for o in self._pairing.ours if (s := self._own_step(o, last)) is not None]
        twins = Twins(own)
        their_last = self._last_switches(
            self._pairing.theirs, self._mapped_on(), self._pairing.ours_of
        )
        met = []
        for operation in self._pairing.theirs:
            arrival, step = self._their_step(operation, their_last)
            if arrival is None:
                continue
            twin = None if step is None else twins.find(step)
            if twin is not None:
                arrival = self._identified(arrival, twin)
            met.append((arrival, step))
        contested = Contested(twins.without)
        return [self._asked(arrival, step, contested) for arrival, step in met]

    def _mapped_on(self) -> set[int]:
        """Return which shared operations are on in the other copy, by our numbers."""
        ours_of = self._pairing.ours_of
        return {ours_of[n] for n in self._their_on if n in ours_of}

    def _last_switches(
        self, tail: Iterable[Operation], on: set[int], ours_of: Mapping[int, int]
    ) -> dict[int, int]:
        """Return the last row of a tail that switches each shared operation which ends otherwise than it began."""
        before = set(self._shared_on)
        last = {}
        for operation in tail:
            if operation.kind in _SWITCHING and operation.generation == self._generation:
                for target in _switched(operation):
                    ours = ours_of.get(target, -1)
                    if ours in self._shared and (ours in on) != (ours in before):
                        last[ours] = operation.number
        return last

    def _own_step(self, operation: Operation, last: Mapping[int, int]) -> Step | None:
        if operation.generation != self._generation or operation.kind in ("run", "note"):
            return None
        if operation.kind in _SWITCHING:
            changed = {
                t: t in self._own_on
                for t in _switched(operation)
                if last.get(t) == operation.number
            }
            return self._switching(operation.number, changed)
        try:
            self._own[operation.number] = self._resolved(operation)
        except SegmendError:
            return None  # not in effect here either
        step = self._fork.step(operation, self._own[operation.number])
        return step if operation.number in self._own_on else None

    def _switching(self, number: int, changed: Mapping[int, bool]) -> Step | None:
        """Return the step of switching shared operations, told by our numbers."""
        if not changed:
            return None
        if self._shared_units is None:
            self._shared_units = self._units_of_shared()
        units = (dependents(t, self._shared_units, self._shared_on) for t in changed)
        return Step(number, frozenset().union(*units), frozenset(changed.items()))

    def _units_of_shared(self) -> dict[int, Units]:
        found = {}
        for operation in self._pairing.shared:
            if operation.generation == self._generation and operation.kind not in (
                *_SWITCHING,
                "run",
                "note",
            ):
                try:
                    resolved = self._resolved(operation)
                except SegmendError:
                    continue
                found[operation.number] = self._fork.touched(resolved)
        return found

    def _their_step(
        self, operation: Operation, last: Mapping[int, int]
    ) -> tuple[Arrival | None, Step | None]:
        try:
            row_of(operation)
        except InputError as error:
            self._report(operation, str(error))
            return None, None
        if operation.generation != self._generation or operation.kind == "run":
            self._report(
                operation,
                f"it belongs to generation {operation.generation}, not to the edits in use",
            )
            return None, None
        if operation.kind == "note":
            same = operation.payload.get(SAME_AS)
            return Arrival(operation, same_as=same if type(same) is int else 0), None
        if operation.kind in _SWITCHING:
            return self._their_switch(operation, last)
        try:
            theirs = self._resolved(operation)
            self._renumbering.make_room(theirs)
            ours = self._renumbering.resolved(theirs)
        except SegmendError as error:
            self._report(operation, str(error))
            return None, None
        step = self._fork.step(operation, ours)
        return Arrival(operation, ours), step if operation.number in self._their_on else None

    def _their_switch(
        self, operation: Operation, last: Mapping[int, int]
    ) -> tuple[Arrival | None, Step | None]:
        try:
            off, on = targets(operation)
        except SegmendError as error:
            self._report(operation, str(error))
            return None, None
        ours_of = self._pairing.ours_of
        changed = {
            ours_of[t]: t in self._their_on
            for t in (*off, *on)
            if t in ours_of and last.get(ours_of[t]) == operation.number
        }
        kept = [
            tuple(t for t in numbers if t in self._their_tail or self._flips(t, changed))
            for numbers in (off, on)
        ]
        return Arrival(operation, switched=(kept[0], kept[1])), self._switching(
            operation.number, changed
        )

    def _flips(self, target: int, changed: Mapping[int, bool]) -> bool:
        """Say whether a switch of theirs makes a difference to a shared operation here."""
        ours = self._pairing.ours_of.get(target, -1)
        return ours in changed and (ours in self._own_on) != changed[ours]

    def _identified(self, arrival: Arrival, twin: Step) -> Arrival:
        """Note that one of theirs is one of ours."""
        if arrival.resolved is None:
            return Arrival(
                arrival.operation, switched=self._without_shared(arrival), twin=twin.number
            )
        ours = self._own[twin.number]
        self._renumbering.forget(arrival.resolved)
        self._renumbering.identify(self._resolved(arrival.operation), ours)
        return Arrival(arrival.operation, ours, twin.number)

    def _without_shared(self, arrival: Arrival) -> tuple[tuple[int, ...], tuple[int, ...]]:
        off, on = (tuple(t for t in n if t in self._their_tail) for n in arrival.switched)
        return off, on

    def _asked(self, arrival: Arrival, step: Step | None, contested: Contested) -> Arrival:
        if step is None:
            return arrival
        causes = contested.ask(step, twin=bool(arrival.twin))
        if not causes:
            return arrival
        return replace(arrival, causes=causes)

    def _resolved(self, operation: Operation) -> Resolved:
        return resolved_from_json(operation.payload, operation.kind, self._most)

    def _report(self, operation: Operation, reason: str) -> None:
        text = f"operation {operation.number} ({operation.kind}) by {operation.author}: {reason}"
        self.problems.append(Problem(operation.number, text))


def _switched(operation: Operation) -> tuple[int, ...]:
    try:
        off, on = targets(operation)
    except SegmendError:
        return ()
    return (*off, *on)
