"""What can be asked of an open project; nothing here changes it."""

from __future__ import annotations

from segmend.core.edits.model import Edit, Resolved, Spot
from segmend.core.errors import EditRefused
from segmend.core.geometry import Box, Zyx, ZyxNm
from segmend.core.journal.journal import Journal, Operation, Problem
from segmend.core.project import Project
from segmend.core.segmentation.overlay import OverlaidVolume
from segmend.core.segmentation.segmentation import Segmentation, State
from segmend.core.session_counts import count_recorded
from segmend.core.session_history import HistoryEntry, entries_of
from segmend.core.timeline.history import History
from segmend.core.timeline.replay import Conflict
from segmend.core.timeline.timeline import Timeline


class SessionReading:
    """The half of a session that only looks; `Session` opens the project."""

    project: Project
    _journal: Journal | None
    _timeline: Timeline | None

    @property
    def journal(self) -> Journal:
        """Where every operation is written."""
        assert self._journal is not None
        return self._journal

    @property
    def segmentation(self) -> Segmentation:
        """The live segmentation; only the methods of the session change it."""
        return self.timeline.segmentation

    @property
    def timeline(self) -> Timeline:
        """The segmentation in time; change it through the session, so that everybody is told."""
        assert self._timeline is not None
        return self._timeline

    @property
    def supervoxels(self) -> tuple[OverlaidVolume, ...]:
        """The pyramid of supervoxels under the voxel edits in effect, finest first."""
        assert self.timeline.voxels is not None
        return self.timeline.voxels.levels

    def supervoxel_at(self, point_zyx: Zyx) -> int:
        """Return the supervoxel of a voxel, 0 for background.

        Raises
        ------
        EditRefused
            If the voxel lies outside the volume.
        """
        shape = self.project.shape_zyx
        if not Box.of_shape(shape).contains(point_zyx):
            raise EditRefused(
                f"voxel {' '.join(map(str, point_zyx))} (z y x) lies outside the volume of "
                f"{' x '.join(map(str, shape))} voxels"
            )
        z, y, x = point_zyx
        return int(self.supervoxels[0].read(Box((z, y, x), (z + 1, y + 1, x + 1)))[0, 0, 0])

    def segment_at(self, point_zyx: Zyx) -> int:
        """Return the dense segment of a voxel, 0 for background."""
        return int(self.segmentation.segment_of[self.supervoxel_at(point_zyx)])

    def spot_at(self, place_nm: ZyxNm) -> Spot:
        """Return the spot at a place, ready for an edit."""
        return Spot(self.supervoxel_at(self.project.grid.to_index(place_nm)), place_nm)

    def log(self) -> list[Operation]:
        """Return every operation of the journal, oldest first."""
        return self.journal.operations()

    def state(self) -> State:
        """Return the segmentation as it is now, as a value."""
        return self.segmentation.state()

    def state_at(self, operation: int) -> State:
        """Return the segmentation as it was after an operation, as a value (0: the start)."""
        return self.timeline.state_at(operation)

    @property
    def operations_in_effect(self) -> tuple[Operation, ...]:
        """Edits and verdicts that are in effect, oldest first."""
        return self.timeline.done

    @property
    def past(self) -> History:
        """Which operations are on and off."""
        return self.timeline.history

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Operations that do not fit any more and rows of the journal that are damaged; the rest is in effect."""
        return self.timeline.problems

    @property
    def damaged(self) -> tuple[Problem, ...]:
        """Rows of the journal that cannot be used, whatever is switched on."""
        return tuple(p for p in self.timeline.problems if not isinstance(p, Conflict))

    def history(self) -> tuple[HistoryEntry, ...]:
        """Return every edit and verdict with what became of it, the newest last."""
        return entries_of(self.timeline)

    @property
    def edit_count(self) -> int:
        """Number of edits that were made, in effect or not, verdicts without an edit not counted."""
        return count_recorded(self.timeline.history)

    @property
    def can_undo(self) -> bool:
        """Whether there is anything to undo."""
        return self.timeline.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether there is anything to redo."""
        return self.timeline.can_redo

    def preview(self, edit: Edit) -> Resolved:
        """Return what an edit would do, without changing anything.

        Raises
        ------
        EditRefused
            If it does not fit.
        """
        return self.timeline.preview(edit)
