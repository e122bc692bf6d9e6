"""The segmentation in time: base, journal, and the operations in effect, moved only through the journal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from segmend.core.edits.codec import kind_of, resolved_to_json
from segmend.core.edits.dividing import SupervoxelVoxels
from segmend.core.edits.history import history, references
from segmend.core.edits.journal import Journal, Operation
from segmend.core.edits.model import Edit
from segmend.core.edits.planning import plan
from segmend.core.edits.replay import replay, replayed_change
from segmend.core.edits.resolving import NextIds, resolve
from segmend.core.errors import EditRefused
from segmend.core.segmentation.graph_files import GraphArrays
from segmend.core.segmentation.overlay import OverlayFiles
from segmend.core.segmentation.segmentation import Change, State


@dataclass(frozen=True, slots=True)
class Step:
    """One committed move in time.

    Parameters
    ----------
    row : Operation
        The journal row that committed it.
    target : Operation
        The operation carried out or taken back; the row itself for a new one.
    change : Change
    backwards : bool
        Whether it was taken back.
    """

    row: Operation
    target: Operation
    change: Change
    backwards: bool = False


class Timeline:
    """Commits edits to the journal and carries them out on the live segmentation, in that order.

    Parameters
    ----------
    base : GraphArrays
    journal : Journal
    files : OverlayFiles
    generation : int
        Of the base; rows of other generations are history, not in effect.
    author : str
    """

    def __init__(
        self, base: GraphArrays, journal: Journal, files: OverlayFiles, generation: int, author: str
    ) -> None:
        self._base = base
        self._journal = journal
        self._files = files
        self._blank = Operation(kind="", generation=generation, payload={}, author=author)
        operations = journal.operations()
        past = history(operations, generation)
        self._done, self._undone = list(past.done), list(past.undone)
        self.segmentation, self._changes = replay(base, self._done, files)
        self._free = _free_ids(operations, generation, base)
        self.named_files = frozenset(named_files(operations))
        """Overlay files that a row named when the journal was read."""

    @property
    def done(self) -> tuple[Operation, ...]:
        """Operations in effect, oldest first."""
        return tuple(self._done)

    @property
    def undone(self) -> tuple[Operation, ...]:
        """Operations that can be redone, the next one last."""
        return tuple(self._undone)

    def state_at(self, operation: int) -> State:
        """Return the segmentation as it was after an operation (0: the start), built by replay."""
        past = history(self._journal.operations(up_to=operation), self._blank.generation)
        return replay(self._base, past.done, self._files)[0].state()

    def commit(self, edit: Edit, voxels: SupervoxelVoxels | None, **about: Any) -> Step:
        """Check an edit, append it to the journal, then carry it out.

        Parameters
        ----------
        edit : Edit
        voxels : SupervoxelVoxels, optional
            Needed for divisions.
        **about
            Fields of the journal row: candidate, verdict, reason, milliseconds.

        Raises
        ------
        EditRefused
            If it does not fit; nothing was changed.
        JournalError
            If it could not be committed; nothing was changed.
        """
        resolved = resolve(edit, self.segmentation, voxels, self._free)
        change = plan(resolved, self.segmentation, self._files)
        row = self._append(
            kind=kind_of(edit), payload=resolved_to_json(resolved), place_nm=edit.place_nm, **about
        )
        self._free = NextIds(
            self._free.segment + len(resolved.new_segments),
            self._free.supervoxel + len(resolved.children),
        )
        self._undone.clear()
        self._carry_out(row, change)
        return Step(row, row, change)

    def undo(self) -> Step:
        """Take the last operation in effect back."""
        if not self._done:
            raise EditRefused("nothing to undo: the segmentation is as it was at the start")
        target, change = self._done[-1], self._changes[-1]
        row = self._append(kind="undo", payload={"target": target.number}, place_nm=target.place_nm)
        self.segmentation.revert(target.number, change)
        self._undone.append(self._done.pop())
        self._changes.pop()
        return Step(row, target, change, backwards=True)

    def redo(self) -> Step:
        """Carry out again what was undone last."""
        if not self._undone:
            raise EditRefused("nothing to redo: no operation was undone since the last edit")
        target = self._undone[-1]
        change = replayed_change(target, self.segmentation, self._files)
        row = self._append(kind="redo", payload={"target": target.number}, place_nm=target.place_nm)
        self._carry_out(self._undone.pop(), change)
        return Step(row, target, change)

    def _append(self, **fields: Any) -> Operation:
        return self._journal.append(replace(self._blank, **fields))

    def _carry_out(self, operation: Operation, change: Change) -> None:
        self.segmentation.apply(operation.number, change)
        self._done.append(operation)
        self._changes.append(change)


def named_files(operations: Iterable[Operation]) -> set[str]:
    """Return the overlay files that any row names, in effect or not."""
    return {name for operation in operations for name in _files_of(operation)}


def _files_of(operation: Operation) -> Iterator[str]:
    named = references(operation)
    for chunk in named.chunks:
        yield chunk[4]
    if named.tables:
        yield named.tables


def _free_ids(operations: Iterable[Operation], generation: int, base: GraphArrays) -> NextIds:
    segment, supervoxel = base.segment_count, base.supervoxel_count
    for operation in operations:
        if operation.generation == generation:
            named = references(operation)
            segment = max([segment, *named.new_segments])
            supervoxel = max([supervoxel, *named.children])
    return NextIds(segment + 1, supervoxel + 1)
