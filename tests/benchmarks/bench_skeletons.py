"""Skeletons and meshes at about 30 nm against full resolution; prints one JSON object.

The dense truth of fib25_train.h5 (160 x 250 x 250 voxels of 10 nm), objects of at least 1,000 voxels. Skeletons: TEASAR
on the coarse copy that keeps thin objects, `trace_coarse`, against the same on full resolution; the clearing radius of
the coarse copy was chosen on objects of even number, figures are for odd ones and for all. End points: from each end at
full resolution to the nearest end, and to the nearest vertex, of the coarse skeleton; "tips" are ends of branches of at
least 200 nm, shorter ones come and go with the bumps of the surface. Meshes: marching cubes of the largest objects,
boxes of theirs at full resolution and at about 30 nm, as the export makes them. CPU seconds, after a small run that
compiles and loads.

    python tests/benchmarks/bench_skeletons.py [--largest 20]
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from scipy.ndimage import find_objects
from scipy.spatial import cKDTree

from segmend.core.algorithms.coarse_skeletons import trace_coarse
from segmend.core.algorithms.meshes import any_pooled, mesh_mask
from segmend.core.algorithms.skeletons import Skeleton, end_points, skeletonize

Array = np.ndarray
ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("SEGMEND_DATA", ROOT.parent / "shared" / "data"))
VOXEL_NM, SMALLEST, NEAR_NM, TIP_NM = (10.0, 10.0, 10.0), 1000, 100.0, 200.0


def traces(labels: Array) -> tuple[dict[int, Skeleton], dict[int, Skeleton], dict[str, Any]]:
    """Trace at full resolution and on the coarse copy; return both and the times."""
    part = np.ascontiguousarray(labels[:24, :48, :48])
    skeletonize(part, VOXEL_NM), trace_coarse(part, VOXEL_NM)
    start = time.process_time()
    coarse = trace_coarse(labels, VOXEL_NM)
    middle = time.process_time()
    full = skeletonize(labels, VOXEL_NM, dust_voxels=SMALLEST)
    seconds = time.process_time() - middle, middle - start
    report = {"full_cpu_s": round(seconds[0], 2), "coarse_cpu_s": round(seconds[1], 2)}
    return full, coarse, report | {"faster": round(seconds[0] / seconds[1], 1)}


def tips(skeleton: Skeleton) -> Array:
    """Return the ends of branches that are long enough, (k, 3) nm."""
    ends = end_points({1: skeleton}, reach_nm=TIP_NM)
    degree = np.bincount(skeleton.edges.ravel(), minlength=len(skeleton.vertices_nm))
    forks = skeleton.vertices_nm[degree > 2]
    if not len(ends) or not len(forks):
        return ends.point_nm
    return ends.point_nm[cKDTree(forks).query(ends.point_nm)[0] >= TIP_NM]


def agreement(full: dict[int, Skeleton], coarse: dict[int, Skeleton]) -> dict[str, Any]:
    """Compare cable length and end points of the same objects."""
    cable = [sum(s.cable_nm for s in each.values()) for each in (full, coarse)]
    report: dict[str, Any] = {"objects": len(full), "without": len(set(full) - set(coarse))}
    report["cable_um"] = [round(c / 1000, 1) for c in cable]
    report["cable_ratio"] = round(cable[1] / cable[0], 4)
    places: dict[str, list[Array]] = {"ends": [], "tips": []}
    to_end: dict[str, list[Array]] = {"ends": [], "tips": []}
    for label, skeleton in full.items():
        other = coarse.get(label)
        if other is None or not len(other.edges):
            continue
        vertices, ends = cKDTree(other.vertices_nm), cKDTree(end_points({1: other}).point_nm)
        for kind, points in (
            ("ends", end_points({1: skeleton}).point_nm),
            ("tips", tips(skeleton)),
        ):
            if len(points) and ends.n:
                places[kind].append(vertices.query(points)[0])
                to_end[kind].append(ends.query(points)[0])
    for kind in places:
        report[kind] = {
            "count": len(np.concatenate(places[kind])),
            "to_nearest_end": summary(np.concatenate(to_end[kind])),
            "to_nearest_vertex": summary(np.concatenate(places[kind])),
        }
    return report


def summary(distances: Array) -> dict[str, float]:
    """Return the median in nm and the share within 100 nm."""
    return {
        "median_nm": round(float(np.median(distances)), 1),
        "within_100_nm": round(float((distances <= NEAR_NM).mean()), 4),
    }


def meshes(labels: Array, largest: int) -> dict[str, Any]:
    """Mesh the largest objects at full resolution and on the coarse copy."""
    order = np.argsort(-np.bincount(labels.ravel())[1:], kind="stable")[:largest] + 1
    boxes = find_objects(labels.astype(np.int32))
    masks = [np.pad(labels[boxes[label - 1]] == label, 3) for label in order]
    mesh_mask(masks[-1], VOXEL_NM, (0.0, 0.0, 0.0))
    report: dict[str, Any] = {"objects": largest}
    for name, step in (("full", 1), ("coarse", 3)):
        start, faces = time.process_time(), 0
        for mask in masks:
            pooled = any_pooled(mask, (step,) * 3) if step > 1 else mask
            size = tuple(v * step for v in VOXEL_NM)
            faces += len(mesh_mask(pooled, size, (0.0, 0.0, 0.0)).faces)
        report |= {f"{name}_cpu_s": round(time.process_time() - start, 3), f"{name}_faces": faces}
    report["faster"] = round(report["full_cpu_s"] / max(1e-3, report["coarse_cpu_s"]), 1)
    report["fewer_faces"] = round(report["full_faces"] / max(1, report["coarse_faces"]), 1)
    return report


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", type=int, default=20)
    options = parser.parse_args()
    with h5py.File(DATA / "fib25_train.h5") as file:
        labels = file["labels"][:]
    full, coarse, times = traces(labels)
    odd = [{k: s for k, s in each.items() if k % 2} for each in (full, coarse)]
    kept = {k: s for k, s in coarse.items() if k in full}
    report = {"load": os.getloadavg(), "times": times, "all": agreement(full, kept)}
    report["odd"] = agreement(odd[0], {k: s for k, s in odd[1].items() if k in full})
    report["meshes"] = meshes(labels, options.largest)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
