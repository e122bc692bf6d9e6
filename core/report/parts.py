"""The parts of the page, each empty where there is nothing to say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from segmend.core.pipeline.progress import RunReport
from segmend.core.project import Project
from segmend.core.report import charts
from segmend.core.report.contents import (
    GraphFacts,
    Setting,
    StageFacts,
    specification_of,
    versions,
)
from segmend.core.report.markup import Markup, count, element, figure, joined, table
from segmend.core.report.truth import Verdict
from segmend.core.volumes.base import dimensions

NOTHING = Markup("")
_LARGEST = 12


def heading(project: Project, now: datetime) -> Markup:
    """Return the name, where the result stands and what it was made from."""
    size = project.grid.voxel_size_nm_zyx
    extent = " x ".join(f"{n * s / 1000:.3g}" for n, s in zip(project.shape_zyx, size, strict=True))
    about = (
        f"{dimensions(project.shape_zyx)} voxels of {' x '.join(f'{s:g}' for s in size)} nm (z y x), "
        f"{extent} µm. "
    )
    stand = (
        f"Generation {project.generation}, without edits"
        if project.generation
        else "No supervoxels yet"
    )
    when = element("time", f"{now:%Y-%m-%d %H:%M} UTC", datetime=now.isoformat(timespec="seconds"))
    return element(
        "header",
        element("h1", project.name),
        element("p", about),
        element("p", stand, ". Written ", when, ".", class_="soft"),
    )


def tiles(
    graph: GraphFacts,
    stages: Sequence[StageFacts],
    report: RunReport | None,
    verdict: Verdict | None,
) -> Markup:
    """Return the few figures that one looks for first."""
    told: list[tuple[str, str]] = []
    sizes = graph.segment_sizes
    if graph.size is not None:
        told.append((count(len(graph.size) - 1), "supervoxels"))
    if graph.affinity is not None:
        told.append((count(len(graph.affinity)), "contacts"))
    if sizes is not None:
        told.append((count(int(np.count_nonzero(sizes))), "segments"))
    for stage in stages:
        found = stage.mark.summary.get("candidates")
        if isinstance(found, int):
            told.append((count(found), "candidates"))
    if verdict is not None:
        told.append((f"{verdict.scores.vi_sum:.3f}", "variation of information, bits"))
        told.append((f"{verdict.scores.adapted_rand_error:.3f}", "adapted Rand error"))
    if report is not None and any(not stage.skipped for stage in report.stages):
        told.append((_seconds(sum(stage.seconds for stage in report.stages)), "this run"))
    boxes = (element("div", element("b", a), element("span", b), class_="tile") for a, b in told)
    return element("div", *boxes, class_="tiles") if told else NOTHING


def histograms(graph: GraphFacts) -> Markup:
    """Return how sizes and affinities are spread."""
    found: list[Markup] = []
    if graph.size is not None and np.any(graph.size[1:]):
        sizes = graph.size[1:]
        found.append(
            figure(charts.log_histogram(sizes[sizes > 0], "voxels"), "Sizes of supervoxels")
        )
    segments = graph.segment_sizes
    if segments is not None and segments.any():
        chart = charts.log_histogram(segments[segments > 0], "voxels")
        found.append(figure(chart, "Sizes of segments"))
    if graph.affinity is not None and len(graph.affinity):
        chart = charts.unit_histogram(graph.affinity, "mean affinity")
        found.append(figure(chart, "Affinities of contacts between supervoxels"))
    if graph.merge_scores is not None and len(graph.merge_scores):
        chart = charts.unit_histogram(graph.merge_scores, "score")
        found.append(figure(chart, "Scores of the recorded merges"))
    if not found:
        return NOTHING
    return joined([element("h2", "Distributions"), element("div", *found, class_="row two")])


def largest_segments(graph: GraphFacts) -> Markup:
    """Return the segments that hold most voxels."""
    sizes = graph.segment_sizes
    if sizes is None or graph.export_ids is None or not sizes.any():
        return NOTHING
    most = np.argsort(-sizes, kind="stable")[:_LARGEST]
    total = int(sizes.sum())
    parts = np.bincount(np.asarray(graph.segment_of), minlength=len(sizes))
    rows = [
        (
            str(int(graph.export_ids[k])),
            count(sizes[k]),
            f"{100 * sizes[k] / total:.2f} %",
            count(parts[k]),
        )
        for k in most
        if sizes[k]
    ]
    heads = ["segment", "voxels", "share of all segments", "supervoxels"]
    return joined([element("h2", "Largest segments"), table(heads, rows, numbers=(0, 1, 2, 3))])


def times(stages: Sequence[StageFacts]) -> Markup:
    """Return what each stage took, counted and is known by."""
    if not stages:
        return NOTHING
    words = {True: "", False: "kept from an earlier run", None: "from an earlier run"}
    rows = [
        (
            stage.name,
            _seconds(stage.mark.seconds),
            count(stage.mark.retries) if stage.mark.retries else "",
            ", ".join(f"{_counted(v)} {k}" for k, v in stage.mark.summary.items()),
            words[stage.ran],
            element("code", stage.mark.key),
        )
        for stage in stages
    ]
    heads = ["stage", "time", "retries", "result", "", "hash of settings, inputs and weights"]
    return joined([element("h2", "Stages"), table(heads, rows, numbers=(1, 2))])


def settings(stages: Sequence[StageFacts], project: Project) -> Markup:
    """Return all settings of all stages; those that differ from the defaults are set in bold."""
    blocks = []
    for stage in stages:
        rows = [_setting_row(setting) for setting in stage.settings]
        if rows:
            grid = table(["setting", "value", "default", "meaning"], rows)
            changed = sum(_changed(setting) for setting in stage.settings)
            words = f" {len(rows)} settings, {changed} not as by default"
            summary = element(
                "summary", element("h3", stage.name), element("span", words, class_="soft")
            )
            blocks.append(element("details", summary, grid))
    text = specification_of(project)
    if text is not None:
        summary = element("summary", element("h3", "specification.toml"))
        blocks.append(element("details", summary, element("pre", text)))
    return joined([element("h2", "Settings"), *blocks]) if blocks else NOTHING


def _setting_row(setting: Setting) -> tuple[object, ...]:
    value = element("code", _told(setting.value))
    if not _changed(setting):
        return setting.name, value, "", setting.meaning
    return (
        element("b", setting.name),
        element("b", value),
        element("code", _told(setting.default)),
        setting.meaning,
    )


def _changed(setting: Setting) -> bool:
    return bool(setting.meaning) and setting.value != setting.default


def provenance(project: Project, stages: Sequence[StageFacts]) -> Markup:
    """Return what the project was made from, and the versions of what computes."""
    config = project.config
    rows: list[tuple[object, object]] = [
        ("made", f"{config.created}, with Segmend {config.segmend}")
    ]
    rows += [(f"{role} from", element("code", source)) for role, source in config.sources.items()]
    if config.model:
        rows.append(("affinity network", config.model))
    rows.append(("folder", element("code", project.path.name)))
    rows += [(name, number) for name, number in versions().items()]
    return joined([element("h2", "Made from and with"), table([], rows)])


def remarks(notes: Sequence[str]) -> Markup:
    """Return what could not be shown, and why."""
    if not notes:
        return NOTHING
    lines = (element("p", note) for note in dict.fromkeys(notes))
    return joined([element("h2", "Not shown"), *lines])


def _counted(value: object) -> str:
    return count(value) if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _told(value: object) -> str:
    if isinstance(value, list):
        return " ".join(_told(item) for item in value) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _seconds(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
