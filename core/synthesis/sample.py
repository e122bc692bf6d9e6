"""The one call that makes a sample, and the file it is kept in."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from segmend.core.errors import VolumeError
from segmend.core.geometry import Grid, Zyx, ZyxNm
from segmend.core.synthesis.fields import smooth_noise
from segmend.core.synthesis.imaging import boundary_distance, expose, shifted, stain
from segmend.core.synthesis.organelles import place_densities, place_organelles
from segmend.core.synthesis.packing import (
    Warp,
    one_piece_labels,
    pack,
    working_shape,
    working_voxel_nm,
)
from segmend.core.synthesis.specs import SampleSpec
from segmend.core.synthesis.tissue import grow_tissue

PAD_NM = 120.0  # tissue around the volume, so that neurites are cut by its faces
SMALLEST_NM3 = 120_000.0  # pieces below this, a few voxels cut off by a face, go to a neighbour


@dataclass(frozen=True, slots=True)
class Sample:
    """A synthetic volume with exact truth.

    Parameters
    ----------
    image : (z, y, x) uint8 array
    labels : (z, y, x) uint32 array
        1..n dense, every label one 6-connected piece; 0 only if the spec asks for extracellular space.
    grid : Grid
    """

    image: NDArray[np.uint8]
    labels: NDArray[np.uint32]
    grid: Grid


def synthesize(spec: SampleSpec) -> Sample:
    """Make the sample that a spec describes; the same spec always gives the same sample.

    Parameters
    ----------
    spec : SampleSpec

    Returns
    -------
    Sample
    """
    # One stream per step: a knob of one step leaves the randomness of the others as it was.
    grow_rng, warp_rng, organelle_rng, density_rng, stain_rng, section_rng, noise_rng = (
        np.random.default_rng(s) for s in np.random.SeedSequence(spec.seed).spawn(7)
    )
    voxel_nm, planes = working_voxel_nm(spec.voxel_size_nm_zyx)
    shifts = _section_shifts(section_rng, spec)
    margin = int(np.abs(shifts).max()) + 2 if shifts.any() else 0
    shape = working_shape(spec.shape_zyx, planes, margin)
    size_nm = tuple(n * s + 2.0 * PAD_NM for n, s in zip(shape, voxel_nm, strict=True))
    skeletons = grow_tissue(grow_rng, size_nm, spec)  # type: ignore[arg-type]
    warp = _warp(warp_rng, shape, voxel_nm, spec)
    tissue = pack(skeletons, warp)
    cubic_um = size_nm[0] * size_nm[1] * size_nm[2] * 1e-9
    organelles = place_organelles(organelle_rng, skeletons, tissue, warp)
    densities = place_densities(density_rng, skeletons, tissue, warp, int(spec.smudges * cubic_um))
    grey = stain(stain_rng, tissue, organelles, densities, voxel_nm, spec)
    image = expose(noise_rng, grey, planes, voxel_nm, spec)
    labels = _truth(tissue, shifts, planes, margin, voxel_nm, spec)
    return Sample(_sections(image, shifts, margin, spec), labels, Grid(spec.voxel_size_nm_zyx))


def _section_shifts(rng: np.random.Generator, spec: SampleSpec) -> NDArray[np.float64]:
    """Shift (y, x) of each section in pixels, roughly normal, at most 3.5 deviations."""
    jitter = spec.jitter_nm
    if jitter is None:
        jitter = spec.voxel_size_nm_zyx[2] if spec.anisotropic else 0.0
    n = spec.shape_zyx[0]
    draws = (rng.random((4, n, 2)).sum(axis=0) - 2.0) * 3.0**0.5
    return draws * (jitter / spec.voxel_size_nm_zyx[2])


def _warp(rng: np.random.Generator, shape: Zyx, voxel_nm: ZyxNm, spec: SampleSpec) -> Warp:
    """Bend space a little, on two scales, so that outlines are as irregular as those of cells."""
    strength = np.float32(spec.tortuosity)
    fields = [
        strength
        * (
            np.float32(24.0) * smooth_noise(rng, shape, voxel_nm, 130.0)
            + np.float32(7.0) * smooth_noise(rng, shape, voxel_nm, 45.0)
        )
        for _ in range(3)
    ]
    corner = np.full(3, PAD_NM)
    return Warp(fields[0], fields[1], fields[2], np.array(voxel_nm, np.float64), corner)


def _truth(
    tissue: NDArray[np.uint32],
    shifts: NDArray[np.float64],
    planes: int,
    margin: int,
    voxel_nm: ZyxNm,
    spec: SampleSpec,
) -> NDArray[np.uint32]:
    """Take the middle plane of each section, move it with the image, and make every label one piece."""
    middle = tissue[planes // 2 :: planes]
    if spec.extracellular_nm > 0.0:
        outside = boundary_distance(tissue, voxel_nm)[planes // 2 :: planes] < spec.extracellular_nm
        middle = np.where(outside, 0, middle).astype(np.uint32)
    _, ny, nx = spec.shape_zyx
    labels = np.empty(spec.shape_zyx, np.uint32)
    for z, (dy, dx) in enumerate(np.floor(shifts + 0.5).astype(int)):
        labels[z] = middle[z, margin + dy : margin + dy + ny, margin + dx : margin + dx + nx]
    voxel_nm3 = float(np.prod(spec.voxel_size_nm_zyx))
    return one_piece_labels(labels, max(4, int(SMALLEST_NM3 / voxel_nm3)))


def _sections(
    image: NDArray[np.float32], shifts: NDArray[np.float64], margin: int, spec: SampleSpec
) -> NDArray[np.uint8]:
    out = np.empty(spec.shape_zyx, np.uint8)
    for z, section in enumerate(image):
        moved = shifted(section, shifts[z, 0], shifts[z, 1], margin) if margin else section
        out[z] = np.clip(np.floor(moved + np.float32(0.5)), 0, 255)
    for z in spec.missing_sections:
        out[z] = 0
    return out


def save_sample(sample: Sample, path: str | Path) -> None:
    """Write a sample as HDF5 with datasets ``raw`` and ``labels`` and the attribute ``resolution_nm_zyx``.

    Parameters
    ----------
    sample : Sample
    path : str or pathlib.Path
        Replaced if it exists; never left half-written.

    Raises
    ------
    VolumeError
        If the file cannot be written.
    """
    target = Path(path)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with h5py.File(part, "w") as file:
            file.attrs["resolution_nm_zyx"] = sample.grid.voxel_size_nm_zyx
            file.attrs["source"] = "Segmend synthetic sample"
            for name, array in (("raw", sample.image), ("labels", sample.labels)):
                file.create_dataset(
                    name, data=array, chunks=True, compression="gzip", compression_opts=1
                )
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise VolumeError(
            f"the sample cannot be written to {target}: expected a writable folder with enough space; choose another",
            details=str(error),
        ) from error
