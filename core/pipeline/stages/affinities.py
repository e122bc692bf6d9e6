"""Affinities of the image by a network, block by block; what lies outside the mask has the affinity 0."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from segmend.core.errors import StageError
from segmend.core.geometry import Box, Zyx
from segmend.core.pipeline.artifacts import replace_folder
from segmend.core.pipeline.inputs import tissue
from segmend.core.pipeline.marks import write_mark
from segmend.core.pipeline.settings import AffinitiesSettings, StageSettings
from segmend.core.pipeline.stage import BaseStage, Scope, StageContext, Summary
from segmend.core.project import Project
from segmend.core.volumes.base import Volume

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from segmend.core.networks.cards import ModelCard
    from segmend.core.networks.inference import AffinityModel


@dataclass(frozen=True)
class AffinitiesStage(BaseStage):
    """Writes ``affinities.zarr``, uint8, channel c towards the model's offset c."""

    settings: AffinitiesSettings

    name: ClassVar[str] = "affinities"
    version: ClassVar[int] = 2
    settings_form: ClassVar[type[StageSettings]] = AffinitiesSettings
    inputs: ClassVar[tuple[str, ...]] = ("image",)
    optional: ClassVar[tuple[str, ...]] = ("mask",)
    outputs: ClassVar[Mapping[str, tuple[str, ...]]] = {"affinities": ("affinities.zarr",)}
    scope: ClassVar[Scope] = "project"
    uses_device: ClassVar[bool] = True

    def check(self, project: Project) -> None:
        """Refuse what no network can be found for; any volume size is fine."""
        self._card(project)

    def identity(self, project: Project) -> str:
        """Return a hash of the network's card and weights."""
        _, weights = self._card(project)
        digest = hashlib.blake2b(digest_size=16)
        for path in (weights.with_suffix(".toml"), weights):
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def foreseen(self, project: Project) -> Project:
        """Return the project with the network that will have made its affinities."""
        return Project(project.path, project.config.changed(**_told(self._card(project)[0])))

    def blocks(self, project: Project) -> Sequence[Box]:
        """Cut the volume into whole tiles of the network, or whole chunks where blocks are to be smaller.

        Grids of whole tiles all give the same affinities to the bit.
        """
        z, y, x = _block_shape(self.settings.block_zyx)
        return Box.of_shape(project.shape_zyx).block_list((z, y, x))

    def prepare(self, context: StageContext) -> None:
        """Make the array, unless an interrupted run made it; measure the grey levels and choose the precision once.

        Workers of several kinds would otherwise compute blocks of one volume in bfloat16 and in float32.
        """
        from segmend.core.networks.inference import computes_in_bfloat16
        from segmend.core.networks.intensity import volume_intensity
        from segmend.core.volumes.zarr import create_zarr

        image, path = _image(context.project), _array_path(context)
        if not (context.scratch_dir / "intensity.json").is_file():
            card, _ = self._card(context.project)
            shutil.rmtree(path, ignore_errors=True)
            shape = context.project.shape_zyx
            create_zarr(path, shape, "uint8", image.grid, channels=len(card.offsets_zyx))
            grey = volume_intensity(image)
            values = json.dumps([grey.mean, grey.deviation])
            write_mark(context.scratch_dir / "intensity.json", values)
        if not (context.scratch_dir / "bfloat16.json").is_file():
            values = json.dumps(computes_in_bfloat16(context.device))
            write_mark(context.scratch_dir / "bfloat16.json", values)

    def run_block(self, context: StageContext, box: Box) -> None:
        """Predict one block with the context around it; one without tissue is zero and costs nothing."""
        import numpy as np

        from segmend.core.volumes.zarr import open_zarr

        out = open_zarr(_array_path(context), writable=True)
        inside = tissue(context.project, box)
        if inside is None or inside.any():
            out.write(box, self._predicted(context, box, inside))
        else:
            out.write(box, np.zeros((out.channels or 1, *box.shape_zyx), np.uint8))

    def _predicted(
        self, context: StageContext, box: Box, inside: NDArray[np.bool_] | None
    ) -> NDArray[np.uint8]:
        from segmend.core.networks.inference import predict_block
        from segmend.core.networks.intensity import Intensity

        _, weights = self._card(context.project)
        model = _loaded(weights, weights.stat().st_mtime_ns, context.device)
        values = _read_json(context.scratch_dir / "intensity.json")
        return predict_block(
            replace(model, bfloat16=bool(_read_json(context.scratch_dir / "bfloat16.json"))),
            _image(context.project),
            box,
            intensity=Intensity(*values),
            tissue=inside,
            tile_zyx=_tile_shape(self.settings.block_zyx),
        )

    def finish(self, context: StageContext) -> Summary:
        """Put the finished array in the project and make it the project's affinities."""
        from segmend.core.volumes.pyramid import write_pyramid

        card, _ = self._card(context.project)
        target = context.project.path / "affinities.zarr"
        if _array_path(context).exists():
            write_pyramid(_array_path(context), labels=False)
            replace_folder(_array_path(context), target)
        context.project.with_config(affinities="affinities.zarr", **_told(card))
        return {"model": card.name, "channels": len(card.offsets_zyx)}

    def _card(self, project: Project) -> tuple[ModelCard, Path]:
        from segmend.core.networks.cards import choose_model, find_card

        name = self.settings.model
        if name == "auto":
            name = choose_model(project.grid.voxel_size_nm_zyx).name
        return find_card(name)


def _told(card: ModelCard) -> dict[str, Any]:
    """Return what a project keeps of a network: its file may be gone when the affinities are used."""
    return {"model": card.name, "affinity_offsets_zyx": card.offsets_zyx}


def _block_shape(block_zyx: Zyx) -> Zyx:
    """Return whole tiles, or whole chunks where a tile does not fit, but at least one chunk."""
    from segmend.core.networks.tiles import TILE_ZYX
    from segmend.core.volumes.zarr import CHUNK_ZYX

    per_axis = zip(block_zyx, TILE_ZYX, CHUNK_ZYX, strict=True)
    z, y, x = (b // t * t if b >= t else max(b // c * c, c) for b, t, c in per_axis)
    return z, y, x


def _tile_shape(block_zyx: Zyx) -> Zyx:
    from segmend.core.networks.tiles import TILE_ZYX

    z, y, x = (min(b, t) for b, t in zip(_block_shape(block_zyx), TILE_ZYX, strict=True))
    return z, y, x


@lru_cache(maxsize=1)
def _loaded(weights: Path, changed: int, device: str) -> AffinityModel:
    """Load a network once per worker; `changed` makes a replaced file another network."""
    from segmend.core.networks.inference import load_affinity_model

    return load_affinity_model(weights, device)


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _array_path(context: StageContext) -> Path:
    return context.scratch_dir / "affinities.zarr"


def _image(project: Project) -> Volume:
    if project.image is None:
        raise StageError(
            f"{project.path} has no image to compute affinities from; make the project with --image"
        )
    return project.image
