"""The pictures of the page."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from segmend.core.geometry import Box
from segmend.core.project import Project
from segmend.core.report.contents import GraphFacts, tried
from segmend.core.report.markup import Markup, element, figure, joined
from segmend.core.report.pictures import (
    Plane,
    Pyramid,
    coloured,
    grey,
    mean_affinity,
    picture,
    plane,
)

_AXES = "zyx"


def sections(project: Project, graph: GraphFacts, box: Box | None, notes: list[str]) -> Markup:
    """Return sections through the middle: the image, segments over it across each axis, the affinities."""
    image = tried(lambda: project.image_pyramid, notes)
    affinities = tried(lambda: project.affinity_pyramid, notes)
    labels = tried(lambda: project.supervoxel_pyramid, notes)
    shown = [pyramid for pyramid in (image, affinities, labels) if pyramid]
    if not shown:
        return Markup()
    whole = Box.of_shape(project.shape_zyx)
    part = whole if box is None else box.intersect(whole)
    z, y, x = ((a + b) // 2 for a, b in zip(part.start_zyx, part.stop_zyx, strict=True))
    at = (z, y, x)
    planes = [plane(shown, axis, at) for axis in range(3)]
    reads: list[Callable[[], Markup]] = []
    if image:
        reads.append(partial(_image, planes[0], image, at[0]))
    if affinities:
        reads.append(partial(_affinity, planes[0], affinities, at[0]))
    if labels:
        reads += [partial(_segments, cut, labels, image, graph, at[cut.axis]) for cut in planes]
    figures = [tried(read, notes) for read in reads]
    return joined(
        [element("h2", "Sections"), element("div", *(f for f in figures if f), class_="row")]
    )


def _image(cut: Plane, pyramid: Pyramid, at: int) -> Markup:
    return figure(picture(grey(cut.sample(pyramid)), "image"), f"Image, z = {at}")


def _affinity(cut: Plane, pyramid: Pyramid, at: int) -> Markup:
    pixels = mean_affinity(cut.sample(pyramid))
    words = f"Mean affinity to the neighbours in z, y and x, z = {at}; dark where voxels are apart"
    return figure(picture(pixels, "affinities"), words)


def _segments(
    cut: Plane, labels: Pyramid, image: Pyramid | None, graph: GraphFacts, at: int
) -> Markup:
    shown = cut.sample(labels)
    what = "Supervoxels"
    if graph.segment_of is not None:
        what = "Segments"
        shown = np.asarray(graph.segment_of)[np.minimum(shown, len(graph.segment_of) - 1)]
    base = None if image is None else grey(cut.sample(image))
    words = f"{what}, {_AXES[cut.axis]} = {at}"
    return figure(picture(coloured(shown, base), words), words)
