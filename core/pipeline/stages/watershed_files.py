"""What the blocks of the watershed stage hand on between its rounds, as files in its scratch folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.algorithms.block_rest import Rest, Side
from segmend.core.algorithms.strongest_faces import Passes
from segmend.core.geometry import Box, Grid, Zyx
from segmend.core.pipeline.marks import block_mark, join_mark, redone_where_damaged, write_mark
from segmend.core.whole_files import written_whole

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
        with written_whole(path) as file:
            np.savez(file, **arrays)

    def regions_in(self, box: Box) -> int:
        """Read the number of regions of a block."""
        with self._rest_of(box) as file:
            return int(file["regions"])

    def rest(self, box: Box) -> Rest:
        """Read what `save_rest` wrote, without labels and sides."""
        with self._rest_of(box) as file:
            weight, size, first, *passes = (file[name] for name in _REST)
        return Rest(np.empty((0, 0, 0), np.uint32), weight, size, first, Passes(*passes), {})

    def side(self, box: Box, direction: int) -> Side | None:
        """Read a side of a block; None where nothing leads across it."""
        with self._rest_of(box) as file:
            names = [f"side_{direction}_{name}" for name in Side._fields]
            return Side(*(file[name] for name in names)) if names[0] in file else None

    def overlap(self, box: Box, direction: int) -> Array:
        """Read the labels around a side of a block."""
        with self._rest_of(box) as file:
            found: Array = file[f"overlap_{direction}"]
        return found

    def save_table(self, box: Box, table: Array) -> None:
        """Save the supervoxel of each region of a block."""
        self._save(self._path("table", box, "npy"), table)

    def table(self, box: Box) -> Array:
        """Read what `save_table` wrote."""
        return self._joined(self._path("table", box, "npy"))

    def save_count(self, count: int) -> None:
        """Save the number of supervoxels."""
        self._save(self._folder / "count.npy", np.array(count))

    def count(self) -> int:
        """Read the number of supervoxels."""
        return int(self._joined(self._folder / "count.npy"))

    def _path(self, kind: str, box: Box, ending: str) -> Path:
        folder = self._folder / kind
        folder.mkdir(exist_ok=True)
        return folder / ("-".join(map(str, box.start_zyx)) + "." + ending)

    @contextmanager
    def _rest_of(self, box: Box) -> Iterator[Any]:
        path = self._path("rest", box, "npz")
        with (
            redone_where_damaged(path, block_mark(self._folder, box, 0)),
            np.load(path, allow_pickle=False) as file,
        ):
            yield file

    def _joined(self, path: Path) -> Array:
        """Read an array that was written between the rounds."""
        with redone_where_damaged(path, join_mark(self._folder, 0)):
            found: Array = np.load(path, allow_pickle=False)
        return found

    def _save(self, path: Path, array: Array) -> None:
        with written_whole(path) as file:
            np.save(file, array, allow_pickle=False)
