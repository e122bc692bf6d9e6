"""Two copies of a project become one again: the operations that only the other has are taken into this journal.

They come in their order under fresh numbers and ids, with their authors and times. What the other did to segments that
were changed here as well comes in switched off, and is listed for a person to decide; so is what depends on it. Nothing
is merged by guessing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from segmend.core.copies.foreign_steps import Arrival, arrivals
from segmend.core.copies.pairing import ORIGIN, SAME_AS, Pairing, pair
from segmend.core.edits.codec import resolved_to_json
from segmend.core.edits.voxels import SupervoxelVoxels
from segmend.core.errors import InputError, StaleEdit
from segmend.core.geometry import ZyxNm
from segmend.core.journal.journal import Journal, Writing
from segmend.core.journal.lines import ForeignJournal, ProjectIdentity
from segmend.core.journal.operation import Operation, Problem
from segmend.core.segmentation.graph_files import GraphArrays

MOST_CAUSES = 16
"""Numbers listed with one overlapping operation."""


@dataclass(frozen=True, slots=True)
class Adopted:
    """An operation of the other copy and what became of it here.

    Parameters
    ----------
    number : int
        Here; of the note that stands for it where it changes nothing here.
    theirs : int
        Its number in the other copy.
    kind, author, time : str
    place_nm : tuple of 3 float, optional
    same_as : int
        Our operation that decided the same; 0 if there is none.
    ours : tuple of int
        Operations of this copy that changed the same, up to `MOST_CAUSES`.
    depends_on : tuple of int
        Adopted operations, by their numbers here, that it depends on and that have to be decided, too.
    """

    number: int
    theirs: int
    kind: str
    author: str
    time: str
    place_nm: ZyxNm | None
    same_as: int = 0
    ours: tuple[int, ...] = ()
    depends_on: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Adoption:
    """What became of the other copy's operations; each is in one of these lists.

    Parameters
    ----------
    source : str
    known : int
        Operations that both copies had already.
    applied : tuple of Adopted
        As the other copy has them: on, or off where they were taken back there.
    same : tuple of Adopted
        Decided here already, in the same way.
    overlapping : tuple of Adopted
        In the journal, but off: a person has to decide.
    damaged : tuple of Problem
        Cannot be used, or belong to another generation; numbers are the other's (lines, in an exported journal).
    """

    source: str
    known: int
    applied: tuple[Adopted, ...] = ()
    same: tuple[Adopted, ...] = ()
    overlapping: tuple[Adopted, ...] = ()
    damaged: tuple[Problem, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "source": self.source,
            "known": self.known,
            "applied": [asdict(a) for a in self.applied],
            "same": [asdict(a) for a in self.same],
            "overlapping": [asdict(a) for a in self.overlapping],
            "damaged": [asdict(p) for p in self.damaged],
        }


def adopt(
    journal: Journal,
    foreign: ForeignJournal,
    identity: ProjectIdentity,
    base: GraphArrays,
    voxels: SupervoxelVoxels | None,
    author: str,
) -> Adoption:
    """Take in what only another copy of the project has, in one transaction.

    Parameters
    ----------
    journal : Journal
        Of this copy, open for writing; whoever shows its state has to catch up afterwards.
    foreign : ForeignJournal
    identity : ProjectIdentity
        Of this copy.
    base : GraphArrays
    voxels : SupervoxelVoxels, optional
        Of the base; needed where edits changed voxels.
    author : str
        Who adopts, and so switches off what has to be decided.

    Raises
    ------
    InputError, StaleEdit, JournalError, NotAllowed
        If it is a copy of another project, somebody wrote meanwhile, or nothing can be written; nothing was changed.
    """
    check_same_project(foreign, identity)
    ours = journal.operations()
    pairing, generation = pair(ours, foreign.operations), identity.generation
    found, damaged = arrivals(pairing, ours, foreign.operations, generation, base, voxels)
    with journal.writing() as section:
        if section.newer(ours[-1].number if ours else 0):
            raise StaleEdit("somebody else wrote to the journal meanwhile: adopt once more")
        return _Writer(section, pairing, author, generation, foreign).write(found, damaged)


def check_same_project(foreign: ForeignJournal, identity: ProjectIdentity) -> None:
    """Refuse a journal whose edits stand on other supervoxels.

    Raises
    ------
    InputError
    """
    if foreign.identity.generation != identity.generation:
        raise InputError(
            f"{foreign.source} is at generation {foreign.identity.generation}, this project at {identity.generation}: "
            "expected a copy with the same supervoxels; bring edits over with `segmend reapply` instead"
        )
    if foreign.identity.base != identity.base:
        raise InputError(
            f"{foreign.source} is not a copy of this project: its supervoxels and segments are others"
        )


class _Writer:
    def __init__(
        self,
        section: Writing,
        pairing: Pairing,
        author: str,
        generation: int,
        foreign: ForeignJournal,
    ) -> None:
        self._section = section
        self._pairing = pairing
        self._author = author
        self._generation = generation
        self._foreign = foreign
        self._ours_of: dict[int, int] = dict(pairing.ours_of)
        self._applied: list[Adopted] = []
        self._same: list[Adopted] = []
        self._overlapping: list[Adopted] = []

    def write(self, found: Sequence[Arrival], damaged: Sequence[Problem]) -> Adoption:
        """Append a row for each operation of theirs, then one that switches off what has to be decided."""
        for arrival in found:
            row = self._section.append(self._row(arrival))
            twin = 0 if any(arrival.switched) else arrival.twin
            self._ours_of[arrival.operation.number] = twin or row.number
            self._file(arrival, row)
        off, on = self._to_take_back(found)
        if off or on:
            self._section.append(self._switch(off, on))
        return Adoption(
            self._foreign.source,
            len(self._foreign.operations) - len(self._pairing.theirs),
            tuple(self._applied),
            tuple(self._same),
            tuple(self._overlapping),
            (*self._foreign.damaged, *damaged),
        )

    def _to_take_back(self, found: Sequence[Arrival]) -> tuple[list[int], list[int]]:
        """Return what must be off, and on, for overlapping operations to change nothing here."""
        off: list[int] = []
        on: list[int] = []
        for arrival in found:
            if arrival.causes and arrival.resolved is not None:
                off.append(self._ours_of[arrival.operation.number])
            elif arrival.causes:
                common = self._pairing.ours_of
                on += (common[n] for n in arrival.switched[0] if n in common)
                off += (common[n] for n in arrival.switched[1] if n in common)
        return off, on

    def _file(self, arrival: Arrival, row: Operation) -> None:
        theirs = arrival.operation
        adopted = Adopted(
            row.number, theirs.number, theirs.kind, theirs.author, theirs.time, theirs.place_nm,
            same_as=arrival.twin,
            ours=tuple(sorted(arrival.causes.ours))[:MOST_CAUSES],
            depends_on=tuple(self._numbers(sorted(arrival.causes.theirs)))[:MOST_CAUSES],
        )  # fmt: skip
        if arrival.causes:
            self._overlapping.append(adopted)
        elif arrival.twin:
            self._same.append(adopted)
        else:
            self._applied.append(adopted)

    def _row(self, arrival: Arrival) -> Operation:
        theirs = arrival.operation
        if arrival.resolved is not None and not arrival.twin:
            return self._carrying(theirs, theirs.kind, resolved_to_json(arrival.resolved))
        if arrival.twin and not any(arrival.switched):
            return self._note(theirs, {SAME_AS: arrival.twin})
        if theirs.kind == "note":
            same = self._ours_of.get(arrival.same_as, 0)
            return self._note(theirs, {SAME_AS: same} if same else {})
        off, on = (list(self._numbers(numbers)) for numbers in arrival.switched)
        if not off and not on:
            return self._note(theirs, {})
        if len(off) + len(on) == 1 and theirs.kind != "switch":
            return self._carrying(theirs, theirs.kind, {"target": (off + on)[0]})
        return self._carrying(theirs, "switch", {"off": off, "on": on})

    def _numbers(self, theirs: Sequence[int]) -> Iterator[int]:
        return (self._ours_of[number] for number in theirs if number in self._ours_of)

    def _carrying(self, theirs: Operation, kind: str, payload: Mapping[str, Any]) -> Operation:
        """Return their row with another content; who, when, where and why stay."""
        origin = self._pairing.origins[theirs.number]
        return replace(theirs, number=0, kind=kind, payload={**payload, ORIGIN: origin})

    def _note(self, theirs: Operation, payload: Mapping[str, Any]) -> Operation:
        about = {**payload, "of": theirs.kind}
        note = self._carrying(theirs, "note", about)
        return replace(note, candidate=None, verdict=None)

    def _switch(self, off: list[int], on: list[int]) -> Operation:
        return Operation(
            kind="switch",
            generation=self._generation,
            payload={"off": off, "on": on},
            author=self._author,
            reason=f"adopted from {self._foreign.source[:200]}: overlapping edits are off until somebody decides",
        )
