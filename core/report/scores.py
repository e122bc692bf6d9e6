"""The scores on the page, and what other thresholds would give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from segmend.core.algorithms.run_length import RunLengths
from segmend.core.geometry import Box
from segmend.core.report import charts
from segmend.core.report.contents import StageFacts
from segmend.core.report.markup import Markup, element, figure, joined, table
from segmend.core.report.truth import Verdict
from segmend.core.review.evaluation import Scores
from segmend.core.volumes.base import describe


def scores(verdict: Verdict | None, stages: Sequence[StageFacts], box: Box | None) -> Markup:
    """Return every score, and the variation of information at other thresholds of the merge tree."""
    if verdict is None:
        return Markup()
    where = f", in {describe(box)} (z y x)" if box else ""
    side = [element("div", *_tables(verdict.scores, verdict.runs)), _curve(verdict, stages)]
    return joined(
        [
            element("h2", "Beside the truth"),
            element("p", f"Counted where the truth is labelled{where}.", class_="soft"),
            element("div", *side, class_="row two"),
        ]
    )


def _tables(found: Scores, runs: RunLengths) -> list[Markup]:
    """Return the scores in three tables."""
    information = [
        ("all voxels", found.vi_split, found.vi_merge, found.vi_sum),
        ("off true boundaries", found.vi_split_tolerant, found.vi_merge_tolerant, found.vi_sum_tolerant),
    ]  # fmt: skip
    shares = [
        ("Rand", found.rand_split, found.rand_merge, found.rand_f),
        ("information", found.information_split, found.information_merge, found.information_f),
    ]
    single = [
        ("adapted Rand error", found.adapted_rand_error),
        ("Rand error, share of pairs of voxels", found.rand_error),
        ("CREMI score", found.cremi_score),
        ("pixel error, boundaries within sections", found.pixel_error),
        ("share of voxels left unlabelled", found.unlabelled),
        ("expected run length, µm", runs.expected_nm / 1000),
        ("of a perfect segmentation, µm", runs.largest_nm / 1000),
        ("share of length at split errors", runs.split),
        ("share of length in merge errors", runs.merged),
        ("share of length without a segment", runs.omitted),
    ]
    bits, best = "variation of information, bits", "scores, 1 is best"
    return [
        table([bits, "split", "merge", "sum"], _rounded(information), numbers=(1, 2, 3)),
        table([best, "split", "merge", "F"], _rounded(shares), numbers=(1, 2, 3)),
        table(["errors and lengths", ""], _rounded(single), numbers=(1,)),
    ]


def _curve(verdict: Verdict, stages: Sequence[StageFacts]) -> Markup:
    curve = verdict.curve
    if curve is None:
        return Markup()
    settings = {
        s.name: s.value for stage in stages if stage.name == "agglomeration" for s in stage.settings
    }
    cut = settings.get("method") not in ("multicut", "lifted_multicut")  # whose threshold is none
    chosen = settings.get("threshold") if cut else None
    total = curve.split + curve.merge
    best = int(np.argmin(total))
    chart = charts.line_chart(
        curve.thresholds,
        {"split": curve.split, "merge": curve.merge, "sum": total},
        "threshold",
        "bits",
        chosen if isinstance(chosen, float) else None,
    )
    words = (
        "Variation of information when the recorded merge tree is cut at other thresholds; lowest sum "
        f"{total[best]:.3f} at {curve.thresholds[best]:.3f}."
        if cut
        else "Variation of information when the segments of the multicut, on the left, are taken apart at higher mean "
        "affinities. What a multicut with another threshold gives, only a run tells."
    )
    return figure(chart, words)


def _rounded(rows: Sequence[tuple[Any, ...]]) -> list[tuple[str, ...]]:
    return [(row[0], *(f"{value:.4f}" for value in row[1:])) for row in rows]
