"""Augmentation of image and labels together; affinities are computed afterwards, so they stay consistent.

All functions take and return a float32 image (z, y, x) with mean 0 and deviation 1, and integer labels of the same
shape. Sections are the z planes. Lost and shifted sections follow Lee et al. (arXiv 1706.00120, section 2.3).
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy import ndimage

Pair = tuple[NDArray[np.float32], NDArray]


class AugmentationConfig(BaseModel):
    """How strongly a patch is changed; probabilities from 0 to 1.

    Parameters
    ----------
    isotropic : bool
        All 48 turns and mirrors; otherwise only those that keep the z axis.
    contrast, brightness, gamma : float
        Largest relative or absolute change, uniform.
    noise, blur : float
        Largest deviation of added noise; largest Gaussian sigma in voxels.
    missing_section, blurred_section, shifted_section : float
        Probability per section.
    largest_shift : int
        Voxels by which the sections behind a shift move, in y and x.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    isotropic: bool = True
    contrast: float = Field(default=0.3, ge=0, lt=1)
    brightness: float = Field(default=0.4, ge=0)
    gamma: float = Field(default=0.3, ge=0, lt=1)
    noise: float = Field(default=0.3, ge=0)
    blur: float = Field(default=1.0, ge=0)
    missing_section: float = Field(default=0.0, ge=0, le=1)
    blurred_section: float = Field(default=0.0, ge=0, le=1)
    shifted_section: float = Field(default=0.0, ge=0, le=1)
    largest_shift: int = Field(default=0, ge=0)


def augment(
    image: NDArray[np.float32], labels: NDArray, config: AugmentationConfig, rng: Generator
) -> Pair:
    """Return a changed copy of a patch; the shape may permute where axes turn."""
    image, labels = turn(image, labels, rng, isotropic=config.isotropic)
    if config.shifted_section and config.largest_shift:
        image, labels = shift_sections(image, labels, config, rng)
    image = change_intensity(image, config, rng)
    return damage_sections(image, config, rng), np.ascontiguousarray(labels)


def turn(image: NDArray, labels: NDArray, rng: Generator, *, isotropic: bool) -> Pair:
    """Permute and mirror axes at random; z stays z unless `isotropic`."""
    order = rng.permutation(3) if isotropic else np.r_[0, 1 + rng.permutation(2)]
    mirrors = tuple(slice(None, None, -1 if flip else 1) for flip in rng.integers(0, 2, 3))
    return image.transpose(order)[mirrors], labels.transpose(order)[mirrors]


def shift_sections(
    image: NDArray, labels: NDArray, config: AugmentationConfig, rng: Generator
) -> Pair:
    """Move all sections from a random one on, image and labels alike, as a misalignment does."""
    image, labels = image.copy(), labels.copy()
    for z in np.flatnonzero(rng.random(image.shape[0]) < config.shifted_section):
        by = rng.integers(-config.largest_shift, config.largest_shift + 1, 2)
        image[z:] = _moved(image[z:], by)
        labels[z:] = _moved(labels[z:], by)
    return image, labels


def _moved(stack: NDArray, by: NDArray) -> NDArray:
    rows = np.clip(np.arange(stack.shape[1]) + by[0], 0, stack.shape[1] - 1)
    columns = np.clip(np.arange(stack.shape[2]) + by[1], 0, stack.shape[2] - 1)
    return stack[:, rows][:, :, columns]


def change_intensity(
    image: NDArray[np.float32], config: AugmentationConfig, rng: Generator
) -> NDArray[np.float32]:
    """Blur or sharpen, bend, scale, offset and add noise."""
    image = np.ascontiguousarray(image, dtype=np.float32)
    if config.blur and rng.random() < 0.3:
        sigma = rng.uniform(0.2, config.blur) * np.array([float(config.isotropic), 1.0, 1.0])
        soft = ndimage.gaussian_filter(image, sigma, mode="nearest", truncate=2.0)
        image = soft if rng.random() < 0.6 else 2.0 * image - soft
    if config.gamma:
        unit = np.clip((image + 3.0) / 6.0, 0.0, 1.0)
        image = 6.0 * unit ** np.float32(np.exp(rng.uniform(-config.gamma, config.gamma))) - 3.0
    image = image * np.float32(1.0 + rng.uniform(-config.contrast, config.contrast))
    image += np.float32(rng.uniform(-config.brightness, config.brightness))
    if config.noise and rng.random() < 0.5:
        deviation = np.float32(rng.uniform(0.0, config.noise))
        image += deviation * rng.standard_normal(image.shape, dtype=np.float32)
    return image.astype(np.float32, copy=False)


def damage_sections(
    image: NDArray[np.float32], config: AugmentationConfig, rng: Generator
) -> NDArray[np.float32]:
    """Blank some sections and blur others; the labels are still to be predicted there."""
    chance = rng.random(image.shape[0])
    for z in np.flatnonzero(chance < config.missing_section):
        image[z] = rng.choice([-3.0, 0.0, 3.0])
    blurred = (chance > 1.0 - config.blurred_section) & (chance >= config.missing_section)
    for z in np.flatnonzero(blurred):
        image[z] = ndimage.gaussian_filter(image[z], rng.uniform(1.0, 3.0), mode="nearest")
    return image
