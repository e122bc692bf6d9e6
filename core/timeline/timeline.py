"""The segmentation in time: base, journal, and the operations that are on, moved only through the journal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from segmend.core.edits.codec import kind_of, resolved_to_json
from segmend.core.edits.locks import refuse_locked
from segmend.core.edits.model import Edit
from segmend.core.edits.planning import plan
from segmend.core.edits.resolving import resolve
from segmend.core.edits.voxels import SupervoxelVoxels
from segmend.core.errors import EditRefused
from segmend.core.journal.journal import Journal
from segmend.core.journal.operation import Operation, Problem
from segmend.core.segmentation.graph_files import GraphArrays
from segmend.core.timeline.decisions import with_decision
from segmend.core.timeline.effects import looked_at
from segmend.core.timeline.history import Ledger
from segmend.core.timeline.present import Part, Step
from segmend.core.timeline.reading import TimelineReading
from segmend.core.timeline.recall import Recall
from segmend.core.timeline.snapshots import EVERY
from segmend.core.timeline.staleness import Touched

__all__ = ["Step", "Timeline"]

_NOTHING_TO_UNDO = "nothing to undo: the segmentation is as it was at the start"
_NOT_YOURS = (
    "nothing to undo: no operation of yours is in effect; switch those of others in the history"
)
_NOTHING_TO_REDO = "nothing to redo: no operation was undone since the last edit"


class Timeline(TimelineReading):
    """Commits edits to the journal and carries them out on the live segmentation, in that order.

    Parameters
    ----------
    base : GraphArrays
    journal : Journal
    voxels : SupervoxelVoxels, optional
        Of the base; without them edits of voxels are refused.
    generation : int
        Of the base; rows of other generations are history, not in effect.
    author : str
    snapshots : Path, optional
        Folder of files that make opening fast; none are used without it.
    read_only : bool
        Write no such files.
    """

    def __init__(
        self,
        base: GraphArrays,
        journal: Journal,
        voxels: SupervoxelVoxels | None,
        generation: int,
        author: str,
        *,
        snapshots: Path | None = None,
        read_only: bool = False,
    ) -> None:
        self._journal = journal
        self._blank = Operation(kind="", generation=generation, payload={}, author=author)
        self._ledger = Ledger(generation, team=journal.shared)
        rows = journal.operations()
        for row in rows:
            self._ledger.add(row)
        self._last = rows[-1].number if rows else 0
        self._recall = Recall(base, voxels, snapshots, read_only=read_only)
        self._present, carried_out = self._recall.present(self._on())
        self._since_snapshot = 0 if carried_out < EVERY else carried_out
        self._free = self._ledger.free_ids(base)
        self._absorbed: list[Step] = []

    # -- changing ------------------------------------------------------------------------------

    def commit(self, edit: Edit, **about: Any) -> Step:
        """Check an edit, append it to the journal, then carry it out.

        Rows that others wrote meanwhile are taken in first; see `absorbed`.

        Parameters
        ----------
        edit : Edit
        **about
            Fields of the journal row: candidate, verdict, reason, milliseconds.

        Raises
        ------
        StaleEdit
            If others changed what it touches, or decided its candidate, since it was looked at.
        EditRefused
            If it does not fit; nothing was changed.
        JournalError
            If it could not be committed; nothing was changed.
        """
        with self._journal.writing() as section:
            news = section.newer(self._last) if self._journal.shared else []
            looks = edit, about.get("candidate"), self.segmentation, self.voxels
            seen = Touched(*looks) if news else None
            foreign = self._absorb(news)
            if seen:
                seen.refuse_stale(foreign)
            part = self._planned(edit, about)
            if seen:
                seen.refuse_stale(foreign, part.change)
            refuse_locked(edit, part.change, self.segmentation)
            row = section.append(part.target)
            self._ledger.check(row)
        self._note(row)
        step = Step(row, (self._present.add(replace(part, target=row)),))
        self._keep()
        return step

    def _planned(self, edit: Edit, about: dict[str, Any]) -> Part:
        """Return the row of an edit, which has no number yet, and what it would do."""
        z, y, x = map(float, edit.place_nm)
        here = self.segmentation, self.voxels
        resolved = resolve(edit, *here, self._free)
        row = replace(
            self._blank,
            kind=kind_of(edit),
            payload=resolved_to_json(resolved),
            place_nm=(z, y, x),
            **about,
        )
        change = with_decision(plan(resolved, *here), row, self.segmentation)
        return Part(row, change, looked_at=looked_at(resolved, *here))

    def undo(self) -> Step:
        """Take the newest operation in effect back; where several people write, the newest of this author."""

        def newest() -> tuple[str, tuple[int, ...], tuple[int, ...]]:
            number = self._newest()
            if number is None:
                raise EditRefused(_NOT_YOURS if self._present.traces else _NOTHING_TO_UNDO)
            return "undo", (number,), ()

        return self._switch(newest)

    def redo(self) -> Step:
        """Carry out again what was undone last."""

        def last() -> tuple[str, tuple[int, ...], tuple[int, ...]]:
            number = self._ledger.to_redo(self._blank.author)
            if number is None:
                raise EditRefused(_NOTHING_TO_REDO)
            return "redo", (), (number,)

        return self._switch(last)

    def switch(self, off: Iterable[int] = (), on: Iterable[int] = ()) -> Step:
        """Switch operations off and on; later ones that depend on them are carried out anew or become conflicts.

        Raises
        ------
        EditRefused
            If one is not there, or is off or on already.
        """
        off, on = tuple(dict.fromkeys(off)), tuple(dict.fromkeys(on))
        if not (off or on) or set(off) & set(on):
            raise EditRefused("nothing to switch: name operations, each either off or on")

        def checked() -> tuple[str, tuple[int, ...], tuple[int, ...]]:
            for number in (*off, *on):
                if number not in self._ledger.operations:
                    raise EditRefused(
                        f"operation {number} is not there: choose one of the history that is an edit or a verdict"
                    )
                if self._ledger.is_on(number) == (number in on):
                    raise EditRefused(
                        f"operation {number} is {'on' if number in on else 'off'} already"
                    )
            return "switch", off, on

        return self._switch(checked)

    def catch_up(self) -> list[Step]:
        """Take in what others wrote."""
        self._absorb(self._journal.operations(after=self._last))
        return self.absorbed()

    def absorbed(self) -> list[Step]:
        """Return, once, what was taken in of others since the last time this was asked."""
        steps, self._absorbed = self._absorbed, []
        return steps

    def close(self) -> None:
        """Keep what makes the next opening fast, and the first undo after it."""
        if self._since_snapshot:
            self._snapshot(closing=True)

    # -- inside --------------------------------------------------------------------------------

    def _switch(self, choose: Callable[[], tuple[str, tuple[int, ...], tuple[int, ...]]]) -> Step:
        parts: tuple[Part, ...] | None = None
        try:
            with self._journal.writing() as section:
                if self._journal.shared:
                    self._absorb(section.newer(self._last))
                kind, off, on = choose()
                known = self._present.remembered()
                parts = self._reordered(off, on)
                row = section.append(self._switching(kind, off, on))
                self._ledger.check(row)
        except BaseException:
            if parts is not None:  # it is not in the journal, so it may not be in memory
                self._present.roll_back(parts, *known)
            raise
        self._note(row)
        self._keep(self._recall.behind(self._ledger.on))
        return Step(row, parts, self._new_problems(known[1]))

    def _switching(self, kind: str, off: Sequence[int], on: Sequence[int]) -> Operation:
        numbers = (*off, *on)
        payload: dict[str, Any] = {"target": numbers[0]}
        if kind == "switch":
            payload = {"off": list(off), "on": list(on)}
        place = self._ledger.operations[numbers[0]].place_nm
        return replace(self._blank, kind=kind, payload=payload, place_nm=place)

    def _reordered(self, off: Sequence[int], on: Sequence[int]) -> tuple[Part, ...]:
        start = min((*off, *on))
        self._recall.ensure(self._present, start)
        self._recall.outdate(start)
        return self._present.reorder(off, [self._ledger.operations[number] for number in on])

    def _absorb(self, rows: Iterable[Operation]) -> list[Step]:
        steps = []
        for row in rows:
            switched = self._note(row)
            if switched is None:
                continue
            before = dict(self._present.problems)
            parts = self._reordered(switched.off, switched.on)
            steps.append(Step(row, parts, self._new_problems(before)))
            self._absorbed.append(steps[-1])
        return steps

    def _note(self, row: Operation) -> Any:
        switched = self._ledger.add(row)
        self._last = max(self._last, row.number)
        self._since_snapshot += 1
        if switched is not None and switched.on == (row.number,) and self._ledger.given:
            given = self._ledger.given[-1]
            self._free = self._free.past(self._recall.base, given.new_segments, given.children)
        return switched

    def _new_problems(self, before: dict[int, Problem]) -> tuple[Problem, ...]:
        now = self._present.problems
        return tuple(now[number] for number in sorted(now.keys() - before.keys()))

    def _keep(self, behind: int = 0) -> None:
        if max(self._since_snapshot, behind) >= EVERY:
            self._snapshot()

    def _snapshot(self, *, closing: bool = False) -> None:
        try:
            self._recall.save(self._last, self._present, self._on())
            if closing:
                self._recall.save_earlier(self._present, self._on())
            self._since_snapshot = 0
        except Exception:  # noqa: BLE001 - only a cache; the rows are committed and in effect
            self._since_snapshot = EVERY // 2  # later, and not with every row
