import pytest
import torch
from pydantic import ValidationError

from segmend.core.networks.architecture import Architecture
from segmend.core.networks.unet import ResidualUNet, StandardisedConv3d, folded_state

FLAT = ((1, 3, 3), (3, 3, 3))


def two_levels(**changes: object) -> Architecture:
    values: dict[str, object] = {
        "widths": (4, 6),
        "factors_zyx": ((1, 2, 2),),
        "kernels_zyx": FLAT,
        "outputs": 3,
    }
    return Architecture.model_validate(values | changes)


def test_output_has_one_channel_per_offset_and_the_shape_of_the_input() -> None:
    logits = ResidualUNet(two_levels())(torch.zeros(2, 1, 3, 8, 6))
    assert logits.shape == (2, 3, 3, 8, 6)


def test_folding_leaves_the_output_as_it_is() -> None:
    torch.manual_seed(0)
    trained = ResidualUNet(two_levels(), standardised=True)
    plain = ResidualUNet(two_levels())
    plain.load_state_dict(folded_state(trained))
    image = torch.randn(1, 1, 4, 8, 8)
    assert torch.allclose(trained(image), plain(image), atol=1e-6)


def test_standardised_kernels_ignore_a_constant_input() -> None:
    convolution = StandardisedConv3d(2, 4, (3, 3, 3), gain=1.0)
    inside = convolution(torch.full((1, 2, 5, 5, 5), 7.0))[..., 2, 2, 2]
    assert inside.abs().max() < 1e-5


def test_every_parameter_learns() -> None:
    torch.manual_seed(0)
    network = ResidualUNet(two_levels(), standardised=True)
    network(torch.randn(1, 1, 4, 8, 8)).pow(2).sum().backward()
    still = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert still == []


def test_a_change_beyond_the_reach_changes_nothing() -> None:
    torch.manual_seed(0)
    architecture = two_levels(factors_zyx=((2, 2, 2),), kernels_zyx=((3, 3, 3), (1, 1, 1)))
    network = ResidualUNet(architecture).double()
    reach = architecture.reach_zyx[2]
    image = torch.randn(1, 1, 4, 4, 4 * reach, dtype=torch.float64)
    changed = image.clone()
    changed[..., 2 * reach] += 1.0
    moved = (network(changed) - network(image)).abs().sum((0, 1, 2, 3)).nonzero().ravel()
    assert moved.min() >= 2 * reach - reach
    assert moved.max() <= 2 * reach + reach


def test_tile_shape_multiple_follows_the_factors() -> None:
    assert two_levels().multiple_zyx == (1, 2, 2)


@pytest.mark.parametrize(
    "changes",
    [
        {"factors_zyx": ()},
        {"kernels_zyx": ((3, 3, 3),)},
        {"widths": (4, 100000)},
        {"kernels_zyx": ((2, 3, 3), (3, 3, 3))},
        {"factors_zyx": ((9, 1, 1),)},
        {"outputs": 0},
        {"surprise": 1},
    ],
)
def test_impossible_shapes_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        two_levels(**changes)
