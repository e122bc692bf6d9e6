"""One HTML page about a result: pictures, histograms, scores, settings, times. It needs nothing beside itself."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from segmend.core.errors import ProjectError
from segmend.core.geometry import Box
from segmend.core.pipeline.progress import RunReport
from segmend.core.project import Project, open_project
from segmend.core.report import parts
from segmend.core.report.contents import GraphFacts, folder_of, graph_of, stages_of, tried
from segmend.core.report.markup import Markup, element, joined
from segmend.core.report.scores import scores
from segmend.core.report.sections import sections
from segmend.core.report.style import STYLE
from segmend.core.report.truth import Verdict, compared
from segmend.core.volumes.base import Volume
from segmend.core.volumes.memory import CroppedVolume

FILE_NAME = "report.html"


def write_report(
    project: Project,
    run_report: RunReport | None = None,
    *,
    truth: Volume | None = None,
    box: Box | None = None,
) -> Path:
    """Write the page of a project's generation in use, as the run left it: edits made since are not in it.

    Only sections, graph arrays and, with a truth, blocks are read; what is not there yet is left out.

    Parameters
    ----------
    project : Project
        Read again from its folder, so one from before the run will do.
    run_report : RunReport, optional
        Says which stages the last run worked on.
    truth : Volume, optional
        Labels of the project's voxels, 0 where unknown; adds scores.
    box : Box, optional
        What scores count, in voxels; pictures go through its middle.

    Returns
    -------
    Path
        ``generation-G/report.html``, or in the project folder before there are supervoxels.

    Raises
    ------
    InputError
        If the truth does not fit the project.
    ProjectError
        If the page cannot be written.
    """
    project = open_project(project.path)
    notes: list[str] = []
    graph = tried(lambda: graph_of(project), notes) or GraphFacts()
    verdict = None if truth is None else _verdict(project, graph, truth, box)
    text = _page(project, run_report, graph, verdict, box, notes)
    return _written(folder_of(project) / FILE_NAME, text)


def write_report_after(
    project: Project, run_report: RunReport, *, truth: Volume | None = None, box: Box | None = None
) -> Path:
    """Write the page after a run, as `write_report`; where nothing was computed a page that is there stays.

    It may hold scores against a truth that this run was not given.
    """
    present = folder_of(open_project(project.path)) / FILE_NAME
    if truth is None and present.is_file() and all(stage.skipped for stage in run_report.stages):
        return present
    return write_report(project, run_report, truth=truth, box=box)


def _verdict(project: Project, graph: GraphFacts, truth: Volume, box: Box | None) -> Verdict | None:
    pyramid = project.supervoxel_pyramid
    if pyramid is None or graph.segment_of is None:
        return None
    placed = CroppedVolume(truth, Box.of_shape(truth.shape_zyx), project.grid)
    return compared(pyramid[0], graph.segment_of, graph.tree, placed, box)


def _page(
    project: Project,
    run_report: RunReport | None,
    graph: GraphFacts,
    verdict: Verdict | None,
    box: Box | None,
    notes: list[str],
) -> str:
    stages = stages_of(project, run_report)
    content = [
        parts.heading(project, datetime.now(UTC)),
        parts.tiles(graph, stages, run_report, verdict),
        sections(project, graph, box, notes),
        scores(verdict, stages, box),
        parts.histograms(graph),
        parts.largest_segments(graph),
        parts.times(stages),
        parts.settings(stages, project),
        parts.provenance(project, stages),
    ]
    content.append(parts.remarks(notes))
    return "<!DOCTYPE html>\n" + element(
        "html",
        _head(f"{project.name}, generation {project.generation}"),
        element("body", element("main", joined(content))),
        lang="en",
    )


def _head(title: str) -> Markup:
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        # Nothing on the page runs or is fetched, whatever names and ids it shows.
        element(
            "meta",
            http_equiv="Content-Security-Policy",
            content="default-src 'none'; img-src data:; style-src 'unsafe-inline'",
        ),
        element("title", title),
        element("style", Markup(STYLE)),
    )


def _written(path: Path, text: str) -> Path:
    partial = path.with_name(f"{path.name}.partial-{os.getpid()}")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise ProjectError(
            f"{path} cannot be written ({error.strerror or error}): make room, or check the rights of the folder"
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return path
