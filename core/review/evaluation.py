"""`evaluate`: how far a segmentation is from the truth."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from segmend.core.algorithms.metrics import (
    adapted_rand_error,
    cremi_score,
    information_from_table,
    rand_from_table,
    vi_from_table,
)
from segmend.core.errors import InputError
from segmend.core.geometry import Box
from segmend.core.review.overlap import Comparison, Progress, compare, counted_box
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
    rand_split, rand_merge, rand_f : float
        Rand scores of Arganda-Carreras et al. 2015, 1 is best; ``rand_f = 1 - adapted_rand_error``.
    rand_error, rand_error_split, rand_error_merge : float
        Share of all pairs of voxels that are wrongly apart or together.
    information_split, information_merge, information_f : float
        Information scores of Arganda-Carreras et al. 2015, 1 is best.
    pixel_error : float
        Share of all voxels, those with T = 0 as well, that one of both calls a boundary (label 0, or beside another
        label of the section) and the other does not.
    cremi_score : float
        Geometric mean of VI sum and adapted Rand error; with a border distance, both without the voxels near a
        border of the truth, as the challenge counts.
    """

    vi_split: float
    vi_merge: float
    vi_sum: float
    vi_split_tolerant: float
    vi_merge_tolerant: float
    vi_sum_tolerant: float
    adapted_rand_error: float
    unlabelled: float
    rand_split: float
    rand_merge: float
    rand_f: float
    rand_error: float
    rand_error_split: float
    rand_error_merge: float
    information_split: float
    information_merge: float
    information_f: float
    pixel_error: float
    cremi_score: float

    def to_json(self) -> dict[str, float]:
        """Return the figures by name."""
        return asdict(self)


def evaluate(
    segmentation: Volume,
    labels: Volume,
    box: Box | None = None,
    *,
    border_nm: float | None = None,
    progress: Progress | None = None,
) -> Scores:
    """Compare a segmentation with the truth, block by block.

    A box counts as if both volumes had been cropped to it; objects are not relabelled.

    Parameters
    ----------
    segmentation, labels : Volume
        Integer labels of the same shape; 0 in `labels` is ignored.
    box : Box, optional
        The whole volume by default.
    border_nm : float, optional
        For `Scores.cremi_score`; the challenge takes 25.
    progress : callable, optional
        Called with blocks done and blocks in all.

    Raises
    ------
    InputError
        If the volumes do not fit each other, nothing is labelled inside the box, or a border distance is given and
        the voxels of `labels` are not square.
    """
    inside = counted_box(segmentation, labels, box)
    found = compare(
        segmentation, labels, inside, border_vox=_in_voxels(labels, border_nm), progress=progress
    )
    total = int(found.table.counts.sum())
    if not total:
        raise InputError(
            f"{labels.source} is 0 everywhere in the counted box: expected labelled objects to compare with"
        )
    return _scores(found, total)


def _in_voxels(labels: Volume, border_nm: float | None) -> float | None:
    if border_nm is None:
        return None
    _, y, x = labels.grid.voxel_size_nm_zyx
    if y != x or not 0 <= border_nm <= 1000 * x:
        raise InputError(
            f"a border of {border_nm:g} nm on voxels of {y:g} x {x:g} nm (y x): expected square voxels, 1000 at most"
        )
    return border_nm / x


def _scores(found: Comparison, total: int) -> Scores:
    table = found.table
    vi, tolerant = vi_from_table(table), vi_from_table(found.tolerant)
    rand, information = rand_from_table(table), information_from_table(table)
    adapted = adapted_rand_error(table)
    return Scores(
        vi_split=vi.split,
        vi_merge=vi.merge,
        vi_sum=vi.sum,
        vi_split_tolerant=tolerant.split,
        vi_merge_tolerant=tolerant.merge,
        vi_sum_tolerant=tolerant.sum,
        adapted_rand_error=adapted,
        unlabelled=int(table.counts[table.labels == 0].sum()) / total,
        rand_split=rand.split,
        rand_merge=rand.merge,
        rand_f=1 - adapted,
        rand_error=rand.error,
        rand_error_split=rand.error_split,
        rand_error_merge=rand.error_merge,
        information_split=information.split,
        information_merge=information.merge,
        information_f=information.f,
        pixel_error=found.pixel_error,
        cremi_score=cremi_score(vi_from_table(found.bordered), adapted_rand_error(found.bordered)),
    )
