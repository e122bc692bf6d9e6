"""What the blocks of the watershed stage hand on between its rounds, as files in its scratch folder."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.block_rest import Rest, Side
from segmend.core.algorithms.strongest_faces import Passes
from segmend.core.geometry import Box, Grid, Zyx
from segmend.core.pipeline.marks import write_mark

Array = NDArray[Any]

_REGIONS, _SUPERVOXELS = "regions.zarr", "supervoxels.zarr"
_REST = ("weight", "size", "first", "pairs", "strength", "face")


class WatershedFiles:
    """The scratch folder of one run of the stage.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def regions(self) -> Path:
        """Labels after the first round: each block has regions of its own, 1..n."""
        return self._folder / _REGIONS

    @property
    def supervoxels(self) -> Path:
        """Labels after the second round."""
        return self._folder / _SUPERVOXELS

    def make_arrays(self, shape_zyx: Zyx, grid: Grid) -> None:
        """Make both label arrays, unless an interrupted run made them."""
        from segmend.core.volumes.zarr import create_zarr

        made = self._folder / "arrays-made"
        if made.is_file():
            return
        for path in (self.regions, self.supervoxels):
            shutil.rmtree(path, ignore_errors=True)
            create_zarr(path, shape_zyx, "uint32", grid)
        write_mark(made)

    def save_rest(self, box: Box, rest: Rest, overlaps: Mapping[int, Array] | None = None) -> None:
        """Save all of a block but its labels.

        Parameters
        ----------
        box : Box
        rest : Rest
        overlaps : dict of int to (z, y, x) uint32, optional
            Labels around its sides, by direction.
        """
        values = (rest.weight, rest.size, rest.first, *rest.passes)
        arrays: dict[str, Any] = dict(zip(_REST, values, strict=True))
        arrays["regions"] = np.array(len(rest.size) - 1)
        for direction, side in rest.sides.items():
            for name, array in side._asdict().items():
                arrays[f"side_{direction}_{name}"] = array
        for direction, array in (overlaps or {}).items():
            arrays[f"overlap_{direction}"] = array
        path = self._path("rest", box, "npz")
        with _partial(path).open("wb") as file:
            np.savez(file, **arrays)
        _partial(path).replace(path)

    def regions_in(self, box: Box) -> int:
        """Read the number of regions of a block."""
        with np.load(self._path("rest", box, "npz"), allow_pickle=False) as file:
            return int(file["regions"])

    def rest(self, box: Box) -> Rest:
        """Read what `save_rest` wrote, without labels and sides."""
        with np.load(self._path("rest", box, "npz"), allow_pickle=False) as file:
            weight, size, first, *passes = (file[name] for name in _REST)
        return Rest(np.empty((0, 0, 0), np.uint32), weight, size, first, Passes(*passes), {})

    def side(self, box: Box, direction: int) -> Side | None:
        """Read a side of a block; None where nothing leads across it."""
        with np.load(self._path("rest", box, "npz"), allow_pickle=False) as file:
            names = [f"side_{direction}_{name}" for name in Side._fields]
            return Side(*(file[name] for name in names)) if names[0] in file else None

    def overlap(self, box: Box, direction: int) -> Array:
        """Read the labels around a side of a block."""
        with np.load(self._path("rest", box, "npz"), allow_pickle=False) as file:
            found: Array = file[f"overlap_{direction}"]
        return found

    def save_table(self, box: Box, table: Array) -> None:
        """Save the supervoxel of each region of a block."""
        self._save(self._path("table", box, "npy"), table)

    def table(self, box: Box) -> Array:
        """Read what `save_table` wrote."""
        found: Array = np.load(self._path("table", box, "npy"), allow_pickle=False)
        return found

    def save_count(self, count: int) -> None:
        """Save the number of supervoxels."""
        self._save(self._folder / "count.npy", np.array(count))

    def count(self) -> int:
        """Read the number of supervoxels."""
        return int(np.load(self._folder / "count.npy", allow_pickle=False))

    def _path(self, kind: str, box: Box, ending: str) -> Path:
        folder = self._folder / kind
        folder.mkdir(exist_ok=True)
        return folder / ("-".join(map(str, box.start_zyx)) + "." + ending)

    def _save(self, path: Path, array: Array) -> None:
        with _partial(path).open("wb") as file:
            np.save(file, array)
        _partial(path).replace(path)


def _partial(path: Path) -> Path:
    return path.with_name(path.name + ".partial")
