"""The session on two napari viewer models: sections in 2D, surfaces in 3D.

Only models are touched here, never widgets, so this runs without a display.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Labels, Surface
from napari.layers.base import Layer

from segmend.app.layers.appearance import (
    AXES,
    UNITS,
    mesh_colours,
    placement,
    show_scale_bar,
    side_colours,
    value_limits,
)
from segmend.app.layers.cut import CUT, CutLayer
from segmend.app.layers.deferred import SharedReads, SideTable, TwoSides
from segmend.app.layers.seeds import PIECES, SeedLayers
from segmend.app.layers.truth import TRUTH, TruthLayer
from segmend.app.presenters.candidate_scene import CandidateScene
from segmend.app.presenters.ports import MESH_COLOURS, ColouredMesh
from segmend.core.algorithms.meshes import Mesh, joined
from segmend.core.geometry import Grid, ZyxNm
from segmend.core.segmentation.mapped_labels import MappedLabels
from segmend.core.volumes.base import Volume
from segmend.core.volumes.deferred import DeferredVolume

IMAGE, AFFINITIES, SEGMENTS, CANDIDATE = "EM image", "Affinities", "Segments", "Candidate"
OVERLAYS = (AFFINITIES, SEGMENTS, CANDIDATE, PIECES, TRUTH)
_MOST_CROPPING = 1.8
_NEAR = 2.0
"""Fields of view of the sections that the 3D view shows around a candidate on a large segment."""


@dataclass(frozen=True, slots=True)
class SceneVolumes:
    """What can be shown of a project.

    Parameters
    ----------
    image, supervoxels : tuple of Volume
        Pyramids, finest first; empty where there is none.
    affinities : Volume, optional
    grid : Grid
        Of the finest voxels.
    """

    image: tuple[Volume, ...]
    supervoxels: tuple[Volume, ...]
    affinities: Volume | None
    grid: Grid


class Scene:
    """Two viewer models that show a project; implements the presenters' `SceneView`.

    Parameters
    ----------
    sections, solids : ViewerModel
        The 2D and the 3D model.
    """

    def __init__(self, sections: ViewerModel, solids: ViewerModel) -> None:
        self.sections = sections
        self.solids = solids
        self._shared: tuple[SharedReads, ...] = ()
        self._sides = SideTable()
        self.cut = CutLayer()
        self.seeds = SeedLayers(sections)
        self.truth = TruthLayer(sections)
        self._mesh_layer: Surface | None = None
        self._framed: tuple[ZyxNm, float] | None = None
        show_scale_bar(sections)

    # -- what is there ------------------------------------------------------------------------------------------

    def open(self, volumes: SceneVolumes, mapping: Any | None) -> None:
        """Show a project; `mapping` is its live segmentation, or None before there is one."""
        self.close()
        place = placement(volumes.grid)
        if volumes.image:
            self._add_image(volumes.image, place)
        if volumes.affinities is not None:
            self._add_affinities(volumes.affinities)
        if volumes.supervoxels and mapping is not None:
            self._add_labels(volumes.supervoxels, mapping, place)
        self.sections.layers.selection.clear()
        self.show_whole()

    def close(self) -> None:
        """Show nothing."""
        for model in (self.sections, self.solids):
            if model.layers:  # napari collects garbage after every clearing, which takes long
                model.layers.clear()
        self._shared = ()
        self.cut.close()
        self.seeds.close()
        self._mesh_layer = None
        self._framed = None

    def _add_image(self, levels: tuple[Volume, ...], place: dict[str, Any]) -> None:
        arrays = [DeferredVolume(level) for level in levels]
        self.sections.add_layer(
            Image(
                arrays if len(arrays) > 1 else arrays[0],
                multiscale=len(arrays) > 1,
                rgb=False,
                name=IMAGE,
                contrast_limits=value_limits(levels),
                interpolation2d="linear",
                blending="translucent_no_depth",
                **place,
            )
        )

    def _add_affinities(self, affinities: Volume) -> None:
        channels = tuple(range(min(3, affinities.channels or 1)))
        if len(channels) < 3:
            return
        self.sections.add_layer(
            Image(
                DeferredVolume(affinities, channels),
                multiscale=False,
                rgb=True,
                name=AFFINITIES,
                visible=False,
                opacity=0.6,
                blending="translucent_no_depth",
                **placement(affinities.grid),
            )
        )

    def _add_labels(self, levels: tuple[Volume, ...], mapping: Any, place: dict[str, Any]) -> None:
        self._shared = tuple(SharedReads(level) for level in levels)
        segments = [MappedLabels(level, mapping) for level in self._shared]
        sides = [DeferredVolume(TwoSides(level, self._sides)) for level in self._shared]
        for name, arrays, colours in (
            (SEGMENTS, segments, None),
            (CUT, self.cut.arrays(self._shared), None),
            (CANDIDATE, sides, side_colours()),
        ):
            layer = Labels(
                arrays if len(arrays) > 1 else arrays[0],
                multiscale=len(arrays) > 1,
                name=name,
                opacity=0.14 if name == SEGMENTS else 0.46,
                blending="translucent_no_depth",
                **place,
            )
            if colours is not None:
                layer.colormap = colours
            layer.editable = False
            self.sections.add_layer(layer)
        self.cut.take(self.sections.layers[SEGMENTS], self.sections.layers[CUT])
        self.seeds.open(self._shared, self._shared[0].grid)
        self.truth.be_ready(self._shared)

    # -- the presenters' SceneView ------------------------------------------------------------------------------

    def show_sides(self, scene: CandidateScene) -> None:
        """Colour the two sides of a candidate."""
        self._sides.show(scene.first, scene.second)
        self._refresh(CANDIDATE)

    def clear_sides(self) -> None:
        """Take the two colours away."""
        nothing = np.zeros(0, np.uint32)
        self._sides.show(nothing, nothing)
        self._refresh(CANDIDATE)

    def show_whole(self) -> None:
        """Show the whole section, without what may lie around it: a layer of points without any is boundless."""
        shown = [layer for layer in self.sections.layers if layer.name in (IMAGE, SEGMENTS)]
        self.sections.reset_view(layers=shown)

    def frame(self, centre_nm: ZyxNm, extent_nm: float) -> None:
        """Move the sections to a place, with `extent_nm` of it visible; avoid empty margins."""
        if self.sections.dims.ndim < 3:
            return
        self._framed = centre_nm, extent_nm
        self.sections.dims.set_point(0, centre_nm[0])
        camera = self.sections.scene.camera
        height, width = self.sections.canvas.size
        extent = self.sections.layers.extent
        half = extent.step[1:] / 2  # the extent ends at the centres of the outermost voxels
        low, high = extent.world[0, 1:] - half, extent.world[1, 1:] + half
        zoom = min(height, width) / extent_nm
        filling = float(np.max([height, width] / np.maximum(high - low, 1e-9)))
        zoom = max(zoom, min(filling, _MOST_CROPPING * zoom))
        seen = np.array([height, width]) / zoom
        margin = np.minimum(seen, high - low) / 2
        y, x = np.clip(centre_nm[1:], low + margin, high - margin)
        camera.center = (centre_nm[0], float(y), float(x))
        camera.zoom = zoom

    def show_meshes(self, meshes: Sequence[ColouredMesh], *, frame: bool = True) -> None:
        """Replace what the 3D view shows; one layer, whatever the number of meshes."""
        mesh, _ = joined([item.mesh for item in meshes])
        if self._mesh_layer is not None:
            self._mesh_layer.visible = bool(len(mesh.faces))
        if not len(mesh.faces):
            return
        # One event instead of three: colour and brightness travel in the values.
        values = np.concatenate([item.colour + 0.05 + 0.9 * item.shade for item in meshes])
        data = (mesh.vertices_nm, mesh.faces, values.astype(np.float32))
        first_time = self._mesh_layer is None
        if self._mesh_layer is None:
            self._mesh_layer = Surface(
                data,
                colormap=mesh_colours(),
                contrast_limits=(0, len(MESH_COLOURS)),
                shading="none",
                name="Meshes",
                axis_labels=AXES,
                units=UNITS,
            )
            self.solids.add_layer(self._mesh_layer)
        else:
            self._mesh_layer.data = data
        if first_time:
            self.solids.scene.camera.angles = (12.0, -32.0, 24.0)
        if frame or first_time:
            self._frame_solids([item.mesh for item in meshes if len(item.mesh.faces)])

    def _frame_solids(self, meshes: Sequence[Mesh]) -> None:
        """Show all meshes, or less around the candidate where the smaller side would be lost."""
        spans = [float(np.linalg.norm(np.ptp(mesh.vertices_nm, axis=0))) for mesh in meshes]
        vertices = np.concatenate([mesh.vertices_nm for mesh in meshes])
        low, high = vertices.min(axis=0), vertices.max(axis=0)
        whole = float(np.linalg.norm(high - low))
        camera = self.solids.scene.camera
        centre, span = (low + high) / 2, whole
        if self._framed is not None:
            near = max(_NEAR * self._framed[1], 1.5 * min(spans))
            if near < whole / 2:
                centre, span = np.array(self._framed[0]), near
        camera.center = tuple(map(float, centre))
        camera.zoom = min(self.solids.canvas.size) / span

    # -- what a person turns on and off -------------------------------------------------------------------------

    def after_edit(self, *, voxels_changed: bool) -> None:
        """Show the segmentation as it is now; voxels are read again only where they changed."""
        if voxels_changed:
            for level in self._shared:
                level.forget()
        self._refresh(SEGMENTS)

    def layer(self, name: str) -> Layer | None:
        """Return a layer by name; the one that stands for the segments while a threshold is tried."""
        name = CUT if name == SEGMENTS and self.cut.shown else name
        return next((layer for layer in self.sections.layers if layer.name == name), None)

    def toggle(self, name: str) -> None:
        """Show or hide a layer."""
        layer = self.layer(name)
        if layer is not None:
            layer.visible = not layer.visible

    def step(self, sections: int) -> None:
        """Go to another section."""
        dims = self.sections.dims
        dims.set_current_step(0, dims.current_step[0] + sections)

    def place_at(self, x: float, y: float) -> ZyxNm:
        """Return the place in nm under a pixel of the sections, wherever they have moved since the pointer did."""
        height, width = self.sections.canvas.size
        camera = self.sections.scene.camera
        z = float(self.sections.dims.point[0])
        middle_y, middle_x = camera.center[-2:]
        return (
            z,
            float(middle_y + (y - height / 2) / camera.zoom),
            float(middle_x + (x - width / 2) / camera.zoom),
        )

    def segment_under(self, position_nm: Sequence[float]) -> int:
        """Return the dense segment at a place of the section on show, from memory; 0 for none and in a preview."""
        layer = self.layer(SEGMENTS)
        if layer is None or self.cut.shown:
            return 0
        value = layer.get_value(position_nm, world=True)
        value = value[1] if isinstance(value, tuple) else value
        return int(value or 0)

    def _refresh(self, name: str) -> None:
        layer = self.layer(name)
        if layer is not None:
            layer.refresh(extent=False, highlight=False)
