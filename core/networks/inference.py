"""Affinities of image blocks.

A block is predicted with context around it, in tiles that overlap and are blended with bump weights (Lee et al.,
arXiv 1706.00120, section 3). Tiles start on a lattice of the network's down-sampling factor, and grey values are
scaled with statistics of the whole volume, so a voxel's affinities depend on its surroundings and not on the block it
was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from segmend.core.errors import InputError
from segmend.core.geometry import Box, Zyx, ZyxNm
from segmend.core.networks.cards import ModelCard, find_card
from segmend.core.networks.intensity import Intensity, intensity_of, volume_intensity
from segmend.core.networks.unet import ResidualUNet
from segmend.core.networks.weights import load_network
from segmend.core.volumes.base import Volume

__all__ = [
    "AffinityModel",
    "Intensity",
    "intensity_of",
    "load_affinity_model",
    "predict_block",
    "volume_intensity",
]

LARGEST_TILE_VOXELS = 176**3
LARGEST_BLEND = 8
# Patches end in zeros while training, so the network needs no full context at the border of a volume.
LARGEST_MIRROR = 8


@dataclass(frozen=True)
class AffinityModel:
    """A network ready to predict.

    Parameters
    ----------
    card : ModelCard
    network : ResidualUNet
        Folded weights, on `device`.
    device : torch.device
    """

    card: ModelCard
    network: ResidualUNet
    device: torch.device

    @property
    def offsets(self) -> tuple[Zyx, ...]:
        """Offset of each channel, z, y, x; the nearest z, y, x come first."""
        return self.card.offsets_zyx

    @property
    def voxel_size_nm_zyx(self) -> ZyxNm:
        """Voxel size the model was trained at."""
        return self.card.voxel_size_nm_zyx

    @property
    def margin_zyx(self) -> Zyx:
        """Context in voxels that `predict_block` reads on every side."""
        return self.card.margin_zyx

    def predict(self, image: NDArray, intensity: Intensity | None = None) -> NDArray[np.float32]:
        """Return affinities of a whole array in memory.

        Parameters
        ----------
        image : (z, y, x) array of numbers
        intensity : Intensity, optional
            Statistics to scale by; those of `image` by default.

        Returns
        -------
        (c, z, y, x) float32, 0 to 1
        """
        intensity = intensity or intensity_of(image)
        box = Box.of_shape(image.shape)
        wanted = _read_box(self, box, box)
        return _predict_tiles(self, _mirrored(intensity.normalise(image), box, wanted), box, wanted)


def load_affinity_model(name_or_path: str | Path, device: str = "auto") -> AffinityModel:
    """Load a shipped model by name, or one from a file.

    Parameters
    ----------
    name_or_path : str or Path
        As for `segmend.core.networks.cards.find_card`.
    device : str
        "auto" (CUDA where there is one), "cpu" or "cuda".

    Raises
    ------
    InputError
        If there is no such model or device, or the weights do not fit their card.
    """
    card, weights = find_card(name_or_path)
    place = _device(device)
    network = load_network(weights, card.architecture)
    network = network.to(place, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    return AffinityModel(card, network, place)


def _device(name: str) -> torch.device:
    if name not in {"auto", "cpu", "cuda"}:
        raise InputError(f"--device {name!r} is unknown: expected auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: no CUDA device is usable here; use --device cpu")
    use_cuda = name == "cuda" or (name == "auto" and torch.cuda.is_available())
    return torch.device("cuda" if use_cuda else "cpu")


def predict_block(
    model: AffinityModel, volume: Volume, box: Box, *, intensity: Intensity | None = None
) -> NDArray[np.uint8]:
    """Predict the affinities of a box of a volume.

    Parameters
    ----------
    model : AffinityModel
    volume : Volume
        Image without channels; read once, `model.margin_zyx` beyond the box where the volume goes on.
    box : Box
        Inside the volume.
    intensity : Intensity, optional
        From `volume_intensity`; computed when not given.

    Returns
    -------
    (c, z, y, x) uint8
        255 times the affinity, channel c towards ``model.offsets[c]``.

    Raises
    ------
    InputError
        If the box is empty or reaches outside the volume.
    """
    whole = Box.of_shape(volume.shape_zyx)
    if not box.size or whole.intersect(box) != box:
        raise InputError(f"{box} is not a box inside the volume of shape {volume.shape_zyx}")
    intensity = intensity or volume_intensity(volume)
    wanted = _read_box(model, box, whole)
    inside = wanted.intersect(whole)
    image = _mirrored(intensity.normalise(volume.read(inside)), inside, wanted)
    return np.rint(_predict_tiles(model, image, box, wanted) * 255.0).astype(np.uint8)


def _read_box(model: AffinityModel, box: Box, whole: Box) -> Box:
    """Return the box with context, on the lattice; beyond the volume a little is enough."""
    multiple, margin = model.card.architecture.multiple_zyx, model.margin_zyx
    mirrored = whole.grow(tuple(min(m, LARGEST_MIRROR) for m in margin))  # type: ignore[arg-type]
    grown = box.grow(margin).intersect(mirrored)
    start = tuple(a // m * m for a, m in zip(grown.start_zyx, multiple, strict=True))
    stop = tuple(-(-b // m) * m for b, m in zip(grown.stop_zyx, multiple, strict=True))
    return Box(start, stop)  # type: ignore[arg-type]


def _mirrored(image: NDArray, have: Box, wanted: Box) -> NDArray:
    """Extend an image of box `have` to `wanted` by reflection, also beyond its own width."""
    for axis in range(3):
        start, stop = have.start_zyx[axis], have.stop_zyx[axis]
        length = stop - start
        index = np.arange(wanted.start_zyx[axis], wanted.stop_zyx[axis]) - start
        if index[0] == 0 and index.size == length:
            continue
        index = index % (2 * length)
        image = np.take(image, np.where(index < length, index, 2 * length - 1 - index), axis=axis)
    return image


@torch.inference_mode()
def _predict_tiles(
    model: AffinityModel, image: NDArray[np.float32], box: Box, wanted: Box
) -> NDArray[np.float32]:
    total = np.zeros((len(model.offsets), *box.shape_zyx), dtype=np.float32)
    weight = np.zeros(box.shape_zyx, dtype=np.float32)
    blend = _blend(model.margin_zyx)
    for core in box.blocks(_tile_shape(model, box)):
        part = core.grow(blend).intersect(box)
        read = _read_box(model, core, wanted).intersect(wanted)
        logits = _forward(model, image[read.shift(_negative(wanted.start_zyx)).slices])
        bump = _bump(part, core, box, blend)
        here = part.shift(_negative(box.start_zyx)).slices
        inside = part.shift(_negative(read.start_zyx)).slices
        total[(slice(None), *here)] += logits[(slice(None), *inside)] * bump
        weight[here] += bump
    return total / weight


def _forward(model: AffinityModel, image: NDArray[np.float32]) -> NDArray[np.float32]:
    x = torch.from_numpy(np.ascontiguousarray(image))[None, None].to(model.device)
    with torch.autocast(model.device.type, torch.bfloat16, enabled=bfloat16_is_fast(model.device)):
        logits = model.network(x.contiguous(memory_format=torch.channels_last_3d))
    return functional.sigmoid(logits[0].float()).cpu().contiguous().numpy()


def bfloat16_is_fast(device: torch.device) -> bool:
    """Say whether a device computes in bfloat16 faster than in float32, not by emulation."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return bool(torch.cpu._is_avx512_bf16_supported())


def _tile_shape(model: AffinityModel, box: Box) -> Zyx:
    """Return the largest core shape whose tile, context included, fits the memory bound."""
    multiple, margin = model.card.architecture.multiple_zyx, model.margin_zyx
    shape = [-(-n // m) * m for n, m in zip(box.shape_zyx, multiple, strict=True)]

    def voxels() -> int:
        z, y, x = (n + 2 * m for n, m in zip(shape, margin, strict=True))
        return z * y * x

    while voxels() > LARGEST_TILE_VOXELS and any(
        n > m for n, m in zip(shape, multiple, strict=True)
    ):
        axis = max(range(3), key=lambda a: shape[a] / multiple[a])
        halves = -(-shape[axis] // (2 * multiple[axis]))
        shape[axis] = halves * multiple[axis]
    return shape[0], shape[1], shape[2]


def _blend(margin_zyx: Zyx) -> Zyx:
    z, y, x = (min(LARGEST_BLEND, margin // 2) for margin in margin_zyx)
    return z, y, x


def _bump(part: Box, core: Box, box: Box, blend: Zyx) -> NDArray[np.float32]:
    """Return weights of a tile: 1 inside, falling linearly over the overlap with a neighbour."""
    ramps = []
    for axis, half in enumerate(blend):
        position = np.arange(part.start_zyx[axis], part.stop_zyx[axis]) + 0.5
        ramp = np.ones(position.size)
        if half and core.start_zyx[axis] > box.start_zyx[axis]:
            ramp = np.minimum(ramp, (position - core.start_zyx[axis] + half) / (2 * half))
        if half and core.stop_zyx[axis] < box.stop_zyx[axis]:
            ramp = np.minimum(ramp, (core.stop_zyx[axis] + half - position) / (2 * half))
        ramps.append(ramp)
    z, y, x = ramps
    return (z[:, None, None] * y[:, None] * x).astype(np.float32)


def _negative(point: Zyx) -> Zyx:
    return -point[0], -point[1], -point[2]
