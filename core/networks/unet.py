"""Residual symmetric 3D U-Net that turns an EM image into affinities.

The topology follows Lee, Zung, Li, Jain, Seung, "Superhuman accuracy on the SNEMI3D connectomics challenge"
(arXiv 1706.00120): residual modules, summation joining of skips, and a down-sampling factor per level so that
anisotropic volumes are pooled in the plane first. Changed: no normalisation that depends on the tile. Weights are
standardised per output channel while training (Qiao et al., arXiv 1903.10520; scaling of Brock et al., arXiv
2102.06171) and folded into plain convolutions for inference, so a voxel's output depends only on its surroundings and
neighbouring tiles show no seam.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from segmend.core.geometry import Zyx
from segmend.core.networks.architecture import Architecture

RESIDUAL_GAIN = 0.2
RELU_GAIN = math.sqrt(2.0)


def _half(kernel_zyx: Zyx) -> Zyx:
    z, y, x = (k // 2 for k in kernel_zyx)
    return z, y, x


class StandardisedConv3d(nn.Conv3d):
    """Convolution whose kernels have zero mean and a learned gain per output channel."""

    def __init__(self, inputs: int, outputs: int, kernel_zyx: Zyx, gain: float) -> None:
        super().__init__(inputs, outputs, kernel_zyx, padding=_half(kernel_zyx))
        nn.init.normal_(self.weight)
        nn.init.zeros_(self.bias)  # type: ignore[arg-type]
        self.gain = nn.Parameter(torch.full((outputs, 1, 1, 1, 1), gain))

    def effective_weight(self) -> Tensor:
        """Return the kernel that is applied, (outputs, inputs, z, y, x)."""
        variance, mean = torch.var_mean(self.weight, dim=(1, 2, 3, 4), keepdim=True, correction=0)
        fan_in = self.weight[0].numel()
        return (self.weight - mean) * torch.rsqrt(variance * fan_in + 1e-8) * self.gain

    def forward(self, x: Tensor) -> Tensor:
        """Apply the standardised kernel."""
        return functional.conv3d(x, self.effective_weight(), self.bias, padding=self.padding)


def _conv(inputs: int, outputs: int, kernel: Zyx, gain: float, standardised: bool) -> nn.Conv3d:
    if standardised:
        return StandardisedConv3d(inputs, outputs, kernel, gain)
    return nn.Conv3d(inputs, outputs, kernel, padding=_half(kernel))


class ResidualModule(nn.Module):
    """Three convolutions, the last two as a residual branch (Lee et al., figure 2)."""

    def __init__(self, inputs: int, outputs: int, kernel: Zyx, standardised: bool) -> None:
        super().__init__()
        # A single image channel keeps its mean: standardised kernels would be blind to grey level.
        self.enter = _conv(inputs, outputs, kernel, RELU_GAIN, standardised and inputs > 1)
        self.first = _conv(outputs, outputs, kernel, RELU_GAIN, standardised)
        self.second = _conv(outputs, outputs, kernel, RESIDUAL_GAIN, standardised)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, outputs, z, y, x)."""
        x = functional.relu(self.enter(x))
        return functional.relu(x + self.second(functional.relu(self.first(x))))


class ResidualUNet(nn.Module):
    """The network; input (n, 1, z, y, x), output logits (n, outputs, z, y, x).

    Parameters
    ----------
    architecture : Architecture
    standardised : bool
        True while training; False for weights folded by `folded_state`.
    """

    def __init__(self, architecture: Architecture, *, standardised: bool = False) -> None:
        super().__init__()
        self.architecture = architecture
        widths, kernels = architecture.widths, architecture.kernels_zyx
        pairs = list(zip(widths, widths[1:], architecture.factors_zyx, strict=False))
        self.down = nn.ModuleList(
            ResidualModule(1 if level == 0 else width, width, kernel, standardised)
            for level, (width, kernel) in enumerate(zip(widths, kernels, strict=True))
        )
        self.up = nn.ModuleList(
            ResidualModule(width, width, kernel, standardised)
            for width, kernel in zip(widths[:-1], kernels[:-1], strict=True)
        )
        self.shrink = nn.ModuleList(
            nn.Conv3d(a, b, factor, stride=factor) for a, b, factor in pairs
        )
        self.grow = nn.ModuleList(
            nn.ConvTranspose3d(b, a, factor, stride=factor) for a, b, factor in pairs
        )
        self.head = nn.Conv3d(widths[0], architecture.outputs, 1)
        if standardised:
            self._initialise_plain_convolutions()

    def _initialise_plain_convolutions(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.ConvTranspose3d):
                nn.init.normal_(module.weight, std=module.weight.shape[0] ** -0.5)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
            elif isinstance(module, nn.Conv3d) and not isinstance(module, StandardisedConv3d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        nn.init.normal_(self.head.weight, std=0.01)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits of the affinities."""
        skips: list[Tensor] = []
        for level, module in enumerate(self.down):
            x = module(x)
            if level < len(self.shrink):
                skips.append(x)
                x = self.shrink[level](x)
        for level in reversed(range(len(self.up))):
            x = self.up[level](functional.relu(self.grow[level](x) + skips.pop()))
        return self.head(x)


def folded_state(network: ResidualUNet) -> dict[str, Tensor]:
    """Return the weights of the same network without standardisation, float32."""
    state = {name: value.detach().float() for name, value in network.state_dict().items()}
    for name, module in network.named_modules():
        if isinstance(module, StandardisedConv3d):
            state[f"{name}.weight"] = module.effective_weight().detach().float()
            del state[f"{name}.gain"]
    return {name: value.contiguous().clone() for name, value in state.items()}
