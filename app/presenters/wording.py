"""The words for a candidate: what is asked, what speaks for it, in the language of the field."""

from __future__ import annotations

from collections.abc import Mapping

from segmend.app.presenters.ports import ReviewCard
from segmend.core.candidates.candidate import Candidate
from segmend.core.geometry import Grid

_QUESTIONS = {
    "merge": ("Are blue and orange the same neuron?", "Yes, join them", "No, keep apart"),
    "split": ("Should this be cut into blue and orange?", "Yes, cut here", "No, keep whole"),
}


def review_card(candidate: Candidate, grid: Grid) -> ReviewCard:
    """Put a candidate into words.

    Parameters
    ----------
    candidate : Candidate
    grid : Grid
        Of the volume, to speak of µm instead of voxels.
    """
    question, accept, reject = _QUESTIONS[candidate.kind]
    z, y, x = grid.to_index(candidate.place_nm)
    return ReviewCard(
        kind=candidate.kind,
        question=question,
        accept_text=accept,
        reject_text=reject,
        percent=round(100 * candidate.probability),
        evidence=evidence_in_words(candidate.evidence, grid),
        place=f"z {z}   y {y}   x {x}",
    )


def evidence_in_words(evidence: Mapping[str, float], grid: Grid) -> tuple[tuple[str, str], ...]:
    """Return name and sentence of each measurement that says something."""
    lines = []
    if evidence.get("area", 0) > 0:
        lines.append(("Boundary", _boundary(evidence)))
        lines.append(("Contact", _contact(evidence, grid)))
    if evidence.get("gap_nm", 0) > 0:
        lines.append(("Skeletons", _skeletons(evidence)))
    if evidence.get("size_a", 0) > 0 and evidence.get("size_b", 0) > 0:
        lines.append(("Sizes", _sizes(evidence, grid)))
    return tuple(lines)


def _boundary(evidence: Mapping[str, float]) -> str:
    affinity = evidence.get("mean_affinity", 0.0)
    words = (
        "no membrane seen"
        if affinity > 0.8
        else "weak membrane"
        if affinity > 0.5
        else "some membrane"
        if affinity > 0.25
        else "clear membrane"
    )
    return f"{words}, affinity {affinity:.2f}"


def _contact(evidence: Mapping[str, float], grid: Grid) -> str:
    z, y, x = grid.voxel_size_nm_zyx
    face_um2 = (z * y + z * x + y * x) / 3 / 1e6
    share = evidence.get("strong_share", 0.0)
    area = evidence["area"] * face_um2
    return f"{_quantity(area)} µm², {100 * share:.0f} % of it open"


def _skeletons(evidence: Mapping[str, float]) -> str:
    agreement = evidence.get("agreement", 0.0)
    words = "facing" if agreement > 0.7 else "half facing" if agreement > 0.4 else "turned away"
    return f"ends {words}, {evidence['gap_nm']:.0f} nm apart"


def _sizes(evidence: Mapping[str, float], grid: Grid) -> str:
    z, y, x = grid.voxel_size_nm_zyx
    um3 = z * y * x / 1e9
    one, two = evidence["size_a"] * um3, evidence["size_b"] * um3
    return f"{_quantity(min(one, two))} and {_quantity(max(one, two))} µm³"


def _quantity(value: float) -> str:
    """Two significant digits, without the exponent that nobody wants to read."""
    if value >= 100:
        return f"{value:,.0f}"
    if value >= 10:
        return f"{value:.0f}"
    digits = 1
    while round(value, digits) * 10**digits < 10 and digits < 6:
        digits += 1
    return f"{value:.{digits}f}"
