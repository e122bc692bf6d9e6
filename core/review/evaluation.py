"""`evaluate`: how far a segmentation is from the truth."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from segmend.core.algorithms.metrics import adapted_rand_error, vi_from_table
from segmend.core.errors import InputError
from segmend.core.geometry import Box
from segmend.core.review.overlap import counted_box, shared_voxels
from segmend.core.volumes.base import Volume


@dataclass(frozen=True, slots=True)
class Scores:
    """Errors of a segmentation S against the truth T; voxels with T = 0 are ignored.

    Parameters
    ----------
    vi_split, vi_merge, vi_sum : float
        H(S|T), H(T|S) and their sum, bits.
    vi_split_tolerant, vi_merge_tolerant, vi_sum_tolerant : float
        The same without truth voxels beside a truth boundary: a boundary that lies half a voxel elsewhere is no
        error that a proofreader can correct.
    adapted_rand_error : float
        0..1.
    unlabelled : float
        Share of the counted voxels that the segmentation leaves at 0, which count as one object.
    """

    vi_split: float
    vi_merge: float
    vi_sum: float
    vi_split_tolerant: float
    vi_merge_tolerant: float
    vi_sum_tolerant: float
    adapted_rand_error: float
    unlabelled: float

    def to_json(self) -> dict[str, float]:
        """Return the figures by name."""
        return asdict(self)


def evaluate(segmentation: Volume, labels: Volume, box: Box | None = None) -> Scores:
    """Compare a segmentation with the truth, block by block.

    A box counts as if both volumes had been cropped to it; objects are not relabelled.

    Parameters
    ----------
    segmentation, labels : Volume
        Integer labels of the same shape; 0 in `labels` is ignored.
    box : Box, optional
        The whole volume by default.

    Raises
    ------
    InputError
        If the volumes do not fit each other or nothing is labelled inside the box.
    """
    inside = counted_box(segmentation, labels, box)
    table = shared_voxels(segmentation, labels, inside)
    total = int(table.counts.sum())
    if not total:
        raise InputError(
            f"{labels.source} is 0 everywhere in the counted box: expected labelled objects to compare with"
        )
    vi = vi_from_table(table)
    tolerant = vi_from_table(shared_voxels(segmentation, labels, inside, tolerant=True))
    return Scores(
        vi_split=vi.split,
        vi_merge=vi.merge,
        vi_sum=vi.sum,
        vi_split_tolerant=tolerant.split,
        vi_merge_tolerant=tolerant.merge,
        vi_sum_tolerant=tolerant.sum,
        adapted_rand_error=adapted_rand_error(table),
        unlabelled=int(table.counts[table.labels == 0].sum()) / total,
    )
