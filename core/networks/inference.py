"""Affinities of image blocks.

A block is predicted tile by tile with context around each (see `segmend.core.networks.tiles`), and grey values are
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
from segmend.core.networks.tiles import TILE_ZYX, mirrored, tile_shape, tiles, with_context
from segmend.core.networks.unet import ResidualUNet
from segmend.core.networks.weights import load_network
from segmend.core.volumes.base import Volume
from segmend.core.volumes.memory import MemoryVolume

__all__ = [
    "AffinityModel",
    "Intensity",
    "computes_in_bfloat16",
    "intensity_of",
    "load_affinity_model",
    "predict_block",
    "volume_intensity",
]


@dataclass(frozen=True)
class AffinityModel:
    """A network ready to predict.

    Parameters
    ----------
    card : ModelCard
    network : ResidualUNet
        Folded weights, on `device`.
    device : torch.device
    bfloat16 : bool
        Whether to compute in bfloat16, else in float32.
    """

    card: ModelCard
    network: ResidualUNet
    device: torch.device
    bfloat16: bool

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
        """Context in voxels that is read around every tile."""
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
        volume, whole = MemoryVolume(image), Box.of_shape(image.shape)
        out = np.empty((len(self.offsets), *whole.shape_zyx), np.float32)
        for tile in tiles(whole, tile_shape(self.card), whole):
            out[(slice(None), *tile.slices)] = _predict_tile(self, volume, tile, intensity)
        return out


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
    return AffinityModel(card, network, place, bfloat16_is_fast(place))


def computes_in_bfloat16(device: str) -> bool:
    """Say what a model that is loaded for a device computes in, see `load_affinity_model`."""
    return bfloat16_is_fast(_device(device))


def _device(name: str) -> torch.device:
    if name not in {"auto", "cpu", "cuda"}:
        raise InputError(f"--device {name!r} is unknown: expected auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: no CUDA device is usable here; use --device cpu")
    use_cuda = name == "cuda" or (name == "auto" and torch.cuda.is_available())
    return torch.device("cuda" if use_cuda else "cpu")


def predict_block(
    model: AffinityModel,
    volume: Volume,
    box: Box,
    *,
    intensity: Intensity | None = None,
    tissue: NDArray[np.bool_] | None = None,
    tile_zyx: Zyx = TILE_ZYX,
) -> NDArray[np.uint8]:
    """Predict the affinities of a box of a volume.

    Parameters
    ----------
    model : AffinityModel
    volume : Volume
        Image without channels; read `model.margin_zyx` beyond each tile where the volume goes on.
    box : Box
        Inside the volume. Tiles that it cuts are predicted whole.
    intensity : Intensity, optional
        From `volume_intensity`; computed when not given.
    tissue : (z, y, x) bool, optional
        Of the box; affinities elsewhere are 0, and tiles without tissue are not predicted.
    tile_zyx : tuple of 3 int
        Another one gives slightly other affinities near the borders of tiles.

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
    out = np.zeros((len(model.offsets), *box.shape_zyx), np.uint8)
    for tile in tiles(box, tile_shape(model.card, tile_zyx), whole):
        part = tile.intersect(box)
        here = part.shift(_negative(box.start_zyx)).slices
        if tissue is not None and not tissue[here].any():
            continue
        inside = part.shift(_negative(tile.start_zyx)).slices
        predicted = _predict_tile(model, volume, tile, intensity)[(slice(None), *inside)]
        out[(slice(None), *here)] = np.rint(predicted * 255.0)
    if tissue is not None:
        out[:, ~tissue] = 0
    return out


def _predict_tile(
    model: AffinityModel, volume: Volume, tile: Box, intensity: Intensity
) -> NDArray[np.float32]:
    whole = Box.of_shape(volume.shape_zyx)
    wanted = with_context(model.card, tile, whole)
    have = wanted.intersect(whole)
    image = mirrored(intensity.normalise(volume.read(have)), have, wanted)
    inside = tile.shift(_negative(wanted.start_zyx)).slices
    return _forward(model, image)[(slice(None), *inside)]


@torch.inference_mode()
def _forward(model: AffinityModel, image: NDArray[np.float32]) -> NDArray[np.float32]:
    x = torch.from_numpy(np.ascontiguousarray(image))[None, None].to(model.device)
    with torch.autocast(model.device.type, torch.bfloat16, enabled=model.bfloat16):
        logits = model.network(x.contiguous(memory_format=torch.channels_last_3d))
    return functional.sigmoid(logits[0].float()).cpu().contiguous().numpy()


def bfloat16_is_fast(device: torch.device) -> bool:
    """Say whether a device computes in bfloat16 faster than in float32, not by emulation."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return bool(torch.cpu._is_avx512_bf16_supported())


def _negative(point: Zyx) -> Zyx:
    return -point[0], -point[1], -point[2]
