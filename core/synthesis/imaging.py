"""From labels to grey levels: stain, organelles, point spread, sections, detector."""

from __future__ import annotations

import edt
import numpy as np
from numba import njit
from numpy.typing import NDArray

from segmend.core.geometry import ZyxNm
from segmend.core.synthesis.fields import blur, smooth_noise
from segmend.core.synthesis.organelles import Organelles
from segmend.core.synthesis.specs import SampleSpec

MEMBRANE_GREY = 84.0
MITOCHONDRION_GREY = 84.0


def boundary_distance(labels: NDArray[np.uint32], voxel_nm: ZyxNm) -> NDArray[np.float32]:
    """Distance (nm) of each voxel centre to the border of its label, (z, y, x) float32."""
    distance = edt.edt(labels, anisotropy=voxel_nm, black_border=False, parallel=1)
    return np.maximum(distance - np.float32(0.5 * voxel_nm[2]), np.float32(0.0))


def stain(
    rng: np.random.Generator,
    labels: NDArray[np.uint32],
    organelles: Organelles,
    densities: NDArray[np.float32],
    voxel_nm: ZyxNm,
    spec: SampleSpec,
) -> NDArray[np.float32]:
    """Paint the tissue on the working grid, before any microscope.

    Returns
    -------
    (z, y, x) float32 array
        Grey levels of 0..255, dark is stained.
    """
    distance = boundary_distance(labels, voxel_nm)
    grey = _cytoplasm(rng, labels, voxel_nm)
    grey -= np.float32(34.0) * organelles.tubules
    grey -= np.float32(38.0) * organelles.vesicles
    _draw_mitochondria(rng, grey, organelles.mitochondria, distance, voxel_nm)
    darkness = np.maximum(_membrane(rng, distance, voxel_nm, spec), densities)
    darkness *= np.float32(min(spec.contrast, 1.0 / 0.95))
    grey += (np.float32(MEMBRANE_GREY) - grey) * np.minimum(darkness, np.float32(1.0))
    return grey


def _cytoplasm(
    rng: np.random.Generator, labels: NDArray[np.uint32], voxel_nm: ZyxNm
) -> NDArray[np.float32]:
    count = int(labels.max()) + 1
    level = (108.0 + 54.0 * rng.random(count) + 50.0 * rng.random(count)).astype(np.float32)
    roughness = (5.0 + 9.0 * rng.random(count)).astype(np.float32)
    sigma = (11.0 / voxel_nm[0], 11.0 / voxel_nm[1], 11.0 / voxel_nm[2])
    grain = blur(rng.standard_normal(labels.shape, dtype=np.float32), sigma)
    grain *= np.float32(_grain_gain(voxel_nm))
    cloud = smooth_noise(rng, labels.shape, voxel_nm, 90.0) * np.float32(4.0)
    return level[labels] + roughness[labels] * grain + cloud


def _grain_gain(voxel_nm: ZyxNm) -> float:
    """Return the factor that restores unit deviation after the blur (2 sqrt(pi) sigma per axis)."""
    gain = 1.0
    for size in voxel_nm:
        gain *= max(1.0, 2.0 * 1.7724539 * 11.0 / size)
    return gain**0.5


def _draw_mitochondria(
    rng: np.random.Generator,
    grey: NDArray[np.float32],
    outline: NDArray[np.float32],
    distance: NDArray[np.float32],
    voxel_nm: ZyxNm,
) -> None:
    """Fill the matrix with cristae, and draw the double membrane: a dark rim within a faint clear halo."""
    near = outline < 30.0
    if not near.any():
        return
    place, border = outline[near], distance[near]
    cristae = smooth_noise(rng, grey.shape, voxel_nm, 24.0)[near]
    cristae = np.abs(cristae) - np.float32(0.75)
    matrix = np.float32(MITOCHONDRION_GREY) + np.float32(9.0) * cristae
    rim = np.clip(1.0 - np.abs(place + 6.0) / 11.0, 0.0, 1.0)
    inside = np.clip((4.0 - place) / 8.0, 0.0, 1.0) * np.clip((border - 12.0) / 10.0, 0.0, 1.0)
    halo = np.clip(1.0 - np.abs(place - 16.0) / 14.0, 0.0, 1.0) * np.float32(8.0)
    painted = grey[near] + halo
    painted += (matrix - np.float32(14.0) * rim - painted) * inside
    grey[near] = painted


def _membrane(
    rng: np.random.Generator, distance: NDArray[np.float32], voxel_nm: ZyxNm, spec: SampleSpec
) -> NDArray[np.float32]:
    """Darkness 0..1 of the membranes, faint in patches that take `membrane_gap` of their area."""
    place = np.minimum(distance / np.float32(spec.membrane_nm), np.float32(1.0))
    darkness = (1.0 - place * place) ** 2
    vary = smooth_noise(rng, distance.shape, voxel_nm, 70.0)
    darkness *= np.clip(0.92 + 0.07 * vary, 0.6, 1.05)
    if spec.membrane_gap > 0.0:
        patch = smooth_noise(rng, distance.shape, voxel_nm, 55.0)
        seen = patch[distance < voxel_nm[2]]
        if seen.size:
            rank = min(int(spec.membrane_gap * seen.size), seen.size - 1)
            threshold = np.partition(seen, rank)[rank]
            darkness *= np.clip((patch - threshold) / 0.25 + 0.5, 0.08, 1.0)
    return darkness.astype(np.float32, copy=False)


def expose(
    rng: np.random.Generator,
    grey: NDArray[np.float32],
    planes: int,
    voxel_nm: ZyxNm,
    spec: SampleSpec,
) -> NDArray[np.float32]:
    """Blur, average `planes` working planes to each section, add detector noise and vary the brightness.

    Returns
    -------
    (sections, y, x) float32 array
    """
    sigma = spec.blur_nm / voxel_nm[2]
    depth = 0.0 if planes > 1 else spec.blur_nm / voxel_nm[0]
    image = blur(grey, (depth, sigma, sigma))
    if planes > 1:
        image = image.reshape(-1, planes, *image.shape[1:]).mean(axis=1, dtype=np.float32)
    noise = rng.standard_normal(image.shape, dtype=np.float32)
    image += np.float32(0.75 * spec.noise) * noise
    image += np.float32(0.66 * spec.noise * 1.77) * blur(noise[:, ::-1], (0.0, 0.5, 0.5))
    swing = spec.brightness_jitter
    if swing is None:
        swing = 10.0 if spec.anisotropic else 2.0
    n = len(image)
    offset = (
        swing * (rng.random(n) + rng.random(n) + rng.random(n) + rng.random(n) - 2.0) * 3.0**0.5
    )
    gain = 1.0 + 0.006 * swing * (rng.random(n) - 0.5)
    return (image - 128.0) * gain[:, None, None].astype(np.float32) + (
        128.0 + offset[:, None, None]
    ).astype(np.float32)


@njit(cache=True, nogil=True)
def shifted(section: NDArray, dy: float, dx: float, margin: int) -> NDArray:
    """Return a section moved by a fraction of pixels, without its margin; bilinear."""
    ny, nx = section.shape[0] - 2 * margin, section.shape[1] - 2 * margin
    iy, ix = int(np.floor(dy)), int(np.floor(dx))
    ty, tx = np.float32(dy - iy), np.float32(dx - ix)
    out = np.empty((ny, nx), np.float32)
    for y in range(ny):
        a, b = section[y + margin + iy], section[min(y + margin + iy + 1, section.shape[0] - 1)]
        for x in range(nx):
            k = x + margin + ix
            k1 = min(k + 1, section.shape[1] - 1)
            upper = a[k] * (1 - tx) + a[k1] * tx
            lower = b[k] * (1 - tx) + b[k1] * tx
            out[y, x] = upper * (1 - ty) + lower * ty
    return out
