"""Where training patches come from: labelled volumes on disk and synthetic ones."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import cc3d
import h5py
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage

from segmend.core.errors import InputError
from segmend.core.geometry import Zyx, ZyxNm
from segmend.core.synthesis import SampleSpec, synthesize
from segmend.core.training.config import LabelledSource, SyntheticSource, TrainingConfig


@dataclass(frozen=True)
class TrainingVolume:
    """An image with its truth in memory.

    Parameters
    ----------
    image : (z, y, x) float32
        Mean 0, deviation 1.
    labels : (z, y, x) int32
    weight : float
        Relative chance to be drawn.
    planar : bool
        Labels hold within a section only.
    membranes : bool
        Label 0 marks membranes already, so no border is eroded.
    """

    image: NDArray[np.float32]
    labels: NDArray[np.int32]
    weight: float
    planar: bool = False
    membranes: bool = False

    def draw(self, shape_zyx: Zyx, rng: Generator) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Return a random patch of image and labels; a volume thinner than the patch is mirrored."""
        start = [
            int(rng.integers(0, max(0, n - p) + 1))
            for n, p in zip(self.image.shape, shape_zyx, strict=True)
        ]
        index = tuple(slice(s, s + p) for s, p in zip(start, shape_zyx, strict=True))
        image, labels = self.image[index], self.labels[index]
        missing = [(0, p - n) for n, p in zip(image.shape, shape_zyx, strict=True)]
        if any(pad for _, pad in missing):
            image = np.pad(image, missing, mode="symmetric")
            labels = np.pad(labels, missing, mode="symmetric")
        return image, labels


def data_folder() -> Path:
    """Return the folder that relative data paths in configurations start from."""
    return Path(os.environ.get("SEGMEND_DATA", "../shared/data"))


def load_sources(config: TrainingConfig) -> list[TrainingVolume]:
    """Read or make every volume a configuration names.

    Raises
    ------
    InputError
        If a file or dataset is missing.
    """
    volumes: list[TrainingVolume] = []
    for source in config.sources:
        if isinstance(source, SyntheticSource):
            volumes += _synthetic(source, config.voxel_size_nm_zyx)
        else:
            volumes.append(_labelled(source))
    return volumes


def _synthetic(source: SyntheticSource, voxel_size: ZyxNm) -> list[TrainingVolume]:
    share = source.weight / len(source.seeds)
    samples = (synthesize(varied_spec(source, voxel_size, seed)) for seed in source.seeds)
    return [
        TrainingVolume(standardised(sample.image), sample.labels.astype(np.int32), share)
        for sample in samples
    ]


def varied_spec(source: SyntheticSource, voxel_size_nm_zyx: ZyxNm, seed: int) -> SampleSpec:
    """Return a spec whose tissue and imaging vary with the seed, around those of the samples."""
    rng = np.random.default_rng(seed)
    return SampleSpec(
        shape_zyx=source.shape_zyx,
        voxel_size_nm_zyx=voxel_size_nm_zyx,
        seed=seed,
        calibre=float(rng.uniform(0.8, 1.5)),
        density=float(rng.uniform(0.4, 0.8)),
        tortuosity=float(rng.uniform(0.7, 1.5)),
        membrane_gap=float(rng.uniform(0.0, 0.06)),
        smudges=float(rng.uniform(1.0, 8.0)),
        contrast=float(rng.uniform(0.7, 1.4)),
        noise=float(rng.uniform(3.0, 12.0)),
        blur_nm=float(rng.uniform(0.4, 1.1) * max(voxel_size_nm_zyx[2], 7.0)),
    )


def _labelled(source: LabelledSource) -> TrainingVolume:
    image, labels = read_labelled(source)
    return TrainingVolume(
        standardised(image),
        labels.astype(np.int32),
        source.weight,
        planar=source.membranes,
        membranes=source.membranes,
    )


def read_labelled(source: LabelledSource) -> tuple[NDArray, NDArray]:
    """Return image and labels of a source, (z, y, x), resampled and with membranes made objects.

    Raises
    ------
    InputError
        If the file or a dataset is missing.
    """
    path = data_folder() / source.file
    if not path.is_file():
        raise InputError(
            f"{path} does not exist: expected training data; set SEGMEND_DATA to its folder"
        )
    with h5py.File(path, "r") as file:
        image, labels = (_crop(file, path, name, source) for name in (source.image, source.labels))
    if source.zoom_yx != 1.0:
        zoom = (1.0, source.zoom_yx, source.zoom_yx)
        image = ndimage.zoom(image.astype(np.float32), zoom, order=1)
        labels = ndimage.zoom(labels, zoom, order=0)
    if source.membranes:
        labels = _components_per_section(labels)
    return image, labels


def _crop(file: h5py.File, path: Path, name: str, source: LabelledSource) -> NDArray:
    if name not in file:
        raise InputError(
            f"{path} has no dataset {name!r}: expected one of {', '.join(file)}; correct the name"
        )
    start = source.start_zyx or (0, 0, 0)
    stop = source.stop_zyx or file[name].shape
    return file[name][tuple(slice(a, b) for a, b in zip(start, stop, strict=True))]


def _components_per_section(membranes: NDArray) -> NDArray[np.int32]:
    sections, first = [], 0
    for section in membranes:
        objects = cc3d.connected_components(section > 0, connectivity=4).astype(np.int32)
        sections.append(np.where(objects > 0, objects + first, 0))
        first += int(objects.max())
    return np.stack(sections)


def standardised(image: NDArray) -> NDArray[np.float32]:
    """Return the image with mean 0 and deviation 1; a constant image becomes 0."""
    values = image.astype(np.float32)
    deviation = float(values.std())
    return (values - values.mean()) / np.float32(deviation if deviation > 0 else 1.0)
