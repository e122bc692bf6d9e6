"""Weights on disk, as safetensors: only arrays, nothing that could run.

Names, shapes and sizes in the file's header are compared with the architecture before an array is allocated.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from segmend.core.errors import InputError
from segmend.core.networks.architecture import Architecture
from segmend.core.networks.unet import ResidualUNet

KINDS = {"F32": 4, "BF16": 2, "F16": 2}


def save_weights(path: Path, state: dict[str, Tensor], dtype: torch.dtype = torch.float16) -> None:
    """Write weights; the file appears complete or not at all.

    Parameters
    ----------
    path : Path
    state : dict
        As from `segmend.core.networks.unet.folded_state`.
    dtype : torch.dtype
        float16 halves the file and changes affinities by less than bfloat16 inference does.
    """
    temporary = path.with_suffix(".part")
    save_file({name: value.to(dtype) for name, value in state.items()}, temporary)
    temporary.replace(path)


def load_network(path: Path, architecture: Architecture) -> ResidualUNet:
    """Read a network for inference.

    Raises
    ------
    InputError
        If the file is not safetensors or holds other arrays than the architecture has.
    """
    with torch.device("meta"):
        network = ResidualUNet(architecture)
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    try:
        with safe_open(path, framework="pt") as file:
            _check_header(path, file, expected)
            state = {name: file.get_tensor(name).float() for name in expected}
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"{path} cannot be read as safetensors weights: {error}; export or copy it again"
        ) from None
    if not all(bool(torch.isfinite(value).all()) for value in state.values()):
        raise InputError(f"{path} holds weights that are not finite: export or copy it again")
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(False)


def _check_header(path: Path, file: safe_open, expected: dict[str, tuple[int, ...]]) -> None:
    there = set(file.keys())  # type: ignore[no-untyped-call]
    wrong = sorted(set(expected) ^ there)
    if wrong:
        raise InputError(
            f"{path} does not fit its model card: array {wrong[0]!r} is "
            f"{'missing' if wrong[0] in expected else 'unexpected'}; use the card of these weights"
        )
    for name, shape in expected.items():
        part = file.get_slice(name)  # type: ignore[no-untyped-call]
        if tuple(part.get_shape()) != shape or part.get_dtype() not in KINDS:
            raise InputError(
                f"{path} does not fit its model card: array {name!r} is {part.get_dtype()} "
                f"{tuple(part.get_shape())}, expected floating point {shape}"
            )
