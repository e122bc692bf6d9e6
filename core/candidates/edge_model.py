"""A small neural network that says whether two sides in contact belong together.

Three layers on a dozen measurements, evaluated in numpy. A linear model on the same measurements is no better
than affinity alone; the gain lies in how affinity, contact area and sizes act together.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib import resources
from importlib.resources.abc import Traversable
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from segmend.core.candidates.evidence import Evidence
from segmend.core.errors import InputError

Array = NDArray[Any]

FEATURES = (
    "mean_affinity",
    "max_affinity",
    "strong_share",
    "log_area",
    "log_edges",
    "log_small",
    "log_large",
    "log_compactness",
    "touching",
    "agreement",
    "gap",
    "split",
)
_MAX_BYTES = 4 * 1024 * 1024


class TogetherModel(Protocol):
    """Anything that turns evidence into probabilities."""

    def together(self, evidence: Evidence, voxel_nm3: float) -> Array:
        """Return the probability that the two sides belong together, (k,) float64."""


def feature_matrix(evidence: Evidence, voxel_nm3: float) -> NDArray[np.float64]:
    """Return the model's inputs, (k, len(FEATURES)).

    Areas and sizes are counted in voxels of 10 nm, so that one model serves several resolutions.

    Parameters
    ----------
    evidence : Evidence
    voxel_nm3 : float
        Volume of a voxel.
    """
    voxels = voxel_nm3 / 1000.0
    small = np.minimum(evidence.size_a, evidence.size_b) * voxels
    large = np.maximum(evidence.size_a, evidence.size_b) * voxels
    log_area = np.log1p(evidence.area * voxels ** (2 / 3))
    log_small = np.log1p(small)
    columns = (
        evidence.mean_affinity,
        evidence.max_affinity,
        evidence.strong_share,
        log_area,
        np.log1p(evidence.edges),
        log_small,
        np.log1p(large),
        log_area - log_small * (2 / 3),
        evidence.area > 0,
        evidence.agreement,
        evidence.gap_nm / 300.0,
        evidence.split,
    )
    return np.stack([np.asarray(column, np.float64) for column in columns], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class EdgeModel:
    """Weights of the network: layers of ``x @ weight + bias`` with rectified linear units between them.

    Parameters
    ----------
    mean, scale : (F,) float32
        Inputs are ``(features - mean) / scale``.
    weights : tuple of (in, out) float32
    biases : tuple of (out,) float32
    """

    mean: Array
    scale: Array
    weights: tuple[Array, ...]
    biases: tuple[Array, ...]

    def __post_init__(self) -> None:
        widths = (len(FEATURES), *(weight.shape[-1] for weight in self.weights))
        steps = list(pairwise(widths))
        fits = (
            widths[-1] == 1
            and self.mean.shape == self.scale.shape == (widths[0],)
            and bool((self.scale > 0).all())
            and [weight.shape for weight in self.weights] == steps
            and [bias.shape for bias in self.biases] == [(out,) for _, out in steps]
        )
        if not fits:
            raise InputError(
                f"these are not the weights of an edge model with {len(FEATURES)} inputs: "
                "train one with this version"
            )

    def logits(self, features: Array) -> NDArray[np.float64]:
        """Return the network's raw output, (k,)."""
        x = (features - self.mean) / self.scale
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = (np.maximum(x, 0.0) if i else x) @ weight + bias
        return x[:, 0]

    def together(self, evidence: Evidence, voxel_nm3: float) -> NDArray[np.float64]:
        """Return the probability that the two sides belong together, (k,)."""
        logits = np.clip(self.logits(feature_matrix(evidence, voxel_nm3)), -30.0, 30.0)
        return 1.0 / (1.0 + np.exp(-logits))


@dataclass(frozen=True, slots=True)
class AffinityModel:
    """The mean affinity itself as the probability; skeletons that face each other count by their agreement."""

    def together(self, evidence: Evidence, voxel_nm3: float) -> NDArray[np.float64]:
        """Return the probability that the two sides belong together, (k,)."""
        touching = evidence.area > 0
        return np.clip(
            np.where(touching, evidence.mean_affinity, 0.3 * evidence.agreement), 0.0, 1.0
        )


def load_edge_model(path: Path) -> EdgeModel:
    """Read weights from a safetensors file.

    Raises
    ------
    InputError
        If the file is missing, too large, damaged, or made for other inputs.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path} is too large for an edge model: expected less than 4 MB")
        tensors = load(path.read_bytes())
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"the edge model {path} cannot be read ({error}): expected a safetensors file"
        ) from None
    layers = sum(name.startswith("weight") for name in tensors)
    try:
        return EdgeModel(
            tensors["mean"],
            tensors["scale"],
            tuple(tensors[f"weight{i}"] for i in range(layers)),
            tuple(tensors[f"bias{i}"] for i in range(layers)),
        )
    except KeyError as error:
        raise InputError(f"the edge model {path} has no tensor {error}: train one anew") from None


def save_edge_model(path: Path, model: EdgeModel) -> None:
    """Write weights as safetensors, under a temporary name first."""
    from safetensors.numpy import save

    tensors = {"mean": model.mean, "scale": model.scale}
    tensors |= {f"weight{i}": weight for i, weight in enumerate(model.weights)}
    tensors |= {f"bias{i}": bias for i, bias in enumerate(model.biases)}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".partial")
    temporary.write_bytes(
        save({name: np.ascontiguousarray(tensor, np.float32) for name, tensor in tensors.items()})
    )
    temporary.replace(path)


@cache
def shipped_model() -> TogetherModel:
    """Return the model that comes with the program; the affinity itself where none was installed."""
    weights = _shipped_weights()
    if not weights.is_file():
        return AffinityModel()
    with resources.as_file(weights) as path:
        return load_edge_model(path)


def shipped_identity() -> str:
    """Return a hash of the shipped weights, so that results of others are not taken for theirs."""
    weights = _shipped_weights()
    return blake2b(weights.read_bytes(), digest_size=16).hexdigest() if weights.is_file() else ""


def _shipped_weights() -> Traversable:
    return resources.files("segmend.resources") / "weights" / "edge-model.safetensors"
