"""Whether somebody else changed what an edit is about since it was looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from segmend.core.edits.model import Edit, Erase, Paint
from segmend.core.edits.places import segment_at
from segmend.core.edits.voxels import SupervoxelVoxels
from segmend.core.errors import EditRefused, StaleEdit
from segmend.core.geometry import Box
from segmend.core.segmentation.segmentation import Change, Segmentation
from segmend.core.timeline.present import Step


class Touched:
    """What an edit is about, as its author saw it: the segments of its spots, and those under its stroke.

    Parameters
    ----------
    edit : Edit
    candidate : str, optional
        That it decides.
    segmentation : Segmentation
        As its author saw it.
    voxels : SupervoxelVoxels, optional
    """

    def __init__(
        self,
        edit: Edit,
        candidate: str | None,
        segmentation: Segmentation,
        voxels: SupervoxelVoxels | None,
    ) -> None:
        self._candidate = candidate or getattr(edit, "candidate", None)
        self._segmentation = segmentation
        self._segments = set()
        for spot in edit.spots:
            try:
                self._segments.add(segment_at(spot, segmentation, voxels))
            except EditRefused:
                continue  # resolving says what is wrong with it
        if voxels is not None and isinstance(edit, Paint | Erase):
            self._segments |= _under(edit, segmentation, voxels)

    def refuse_stale(self, foreign: Sequence[Step], change: Change | None = None) -> None:
        """Refuse the edit if one of these steps touched the same segments or decided the same candidate.

        Parameters
        ----------
        foreign : sequence of Step
            Of others, since the edit was looked at.
        change : Change, optional
            What the edit would do.

        Raises
        ------
        StaleEdit
            Saying what was changed and who did it.
        """
        segments = self._segments | (change.segments if change else set())
        for step in foreign:
            for part in step.parts:
                if self._candidate and part.target.candidate == self._candidate:
                    raise StaleEdit(
                        f"{step.row.author} decided this candidate meanwhile (operation {step.row.number}, "
                        f"{step.row.verdict or step.row.kind}): go on to the next one"
                    )
                if common := segments & part.change.segments:
                    raise StaleEdit(
                        f"{step.row.author} changed segment {self._name(common)} meanwhile (operation "
                        f"{step.row.number}, {step.row.kind}): look again, then repeat the edit if it is still wanted"
                    )

    def _name(self, segments: Iterable[int]) -> int:
        return int(self._segmentation.export_ids(np.array([min(segments)]))[0])


def _under(edit: Paint | Erase, segmentation: Segmentation, voxels: SupervoxelVoxels) -> set[int]:
    """Return the segments that lose voxels to a stroke."""
    if isinstance(edit, Erase) and edit.only:
        return set()  # no other than that of its spot
    mask = edit.mask
    box = mask.box.intersect(Box.of_shape(voxels.shape_zyx))
    if not box.size:
        return set()
    z, y, x = mask.box.start_zyx
    below = voxels.read(box)[mask.voxels[box.shift((-z, -y, -x)).slices]]
    return set(np.unique(segmentation.segment_of[np.unique(below)]).tolist()) - {0}
