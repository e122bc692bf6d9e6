"""Skeletons on disk: all of them in a few flat ``.npy`` arrays, read without pickle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from segmend.core.algorithms.skeletons import Skeleton
from segmend.core.errors import ProjectError
from segmend.core.segmentation.graph_files import load_array, save_array

_FORM = {
    # S skeletons, V vertices and E edges in all of them together
    "segment": np.uint32,  # (S,)
    "vertices": np.int64,  # (S,) how many belong to each
    "edges_of": np.int64,  # (S,) how many belong to each
    "vertices_nm": np.float32,  # (V, 3)
    "radius_nm": np.float32,  # (V,)
    "edges": np.uint32,  # (E, 2) indices into the skeleton's own vertices
}


def save_skeletons(folder: Path, skeletons: Mapping[int, Skeleton]) -> None:
    """Write ``skeleton_*.npy`` files.

    Parameters
    ----------
    folder : Path
        Made where it is missing.
    skeletons : mapping of int to Skeleton
        By segment.
    """
    folder.mkdir(parents=True, exist_ok=True)
    several = list(skeletons.values())
    arrays = {
        "segment": list(skeletons),
        "vertices": [len(one.vertices_nm) for one in several],
        "edges_of": [len(one.edges) for one in several],
        "vertices_nm": np.concatenate([np.empty((0, 3)), *(one.vertices_nm for one in several)]),
        "radius_nm": np.concatenate([np.empty(0), *(one.radius_nm for one in several)]),
        "edges": np.concatenate([np.empty((0, 2)), *(one.edges for one in several)]),
    }
    for name, values in arrays.items():
        save_array(folder / f"skeleton_{name}.npy", np.asarray(values, _FORM[name]))


def load_skeletons(folder: Path) -> dict[int, Skeleton]:
    """Read what `save_skeletons` wrote; empty where there are no files.

    Raises
    ------
    ProjectError
        If the files are damaged or do not fit each other.
    """
    if not (folder / "skeleton_segment.npy").exists():
        return {}
    arrays = {name: load_array(folder / f"skeleton_{name}.npy") for name in _FORM}
    count, total_v, total_e = (len(arrays[name]) for name in ("segment", "radius_nm", "edges"))
    fits = (
        arrays["vertices_nm"].shape == (total_v, 3)
        and arrays["edges"].shape == (total_e, 2)
        and len(arrays["vertices"]) == len(arrays["edges_of"]) == count
        and int(arrays["vertices"].sum()) == total_v
        and int(arrays["edges_of"].sum()) == total_e
    )
    if not fits:
        raise ProjectError(
            f"the skeletons in {folder} do not fit each other; run the skeletons stage again"
        )
    return _divided(arrays, count)


def _divided(arrays: Mapping[str, np.ndarray], count: int) -> dict[int, Skeleton]:
    v = np.concatenate([[0], np.cumsum(arrays["vertices"])])
    e = np.concatenate([[0], np.cumsum(arrays["edges_of"])])
    return {
        int(arrays["segment"][i]): Skeleton(
            arrays["vertices_nm"][v[i] : v[i + 1]],
            arrays["edges"][e[i] : e[i + 1]],
            arrays["radius_nm"][v[i] : v[i + 1]],
        )
        for i in range(count)
    }
