import pytest
import torch

from segmend.core.networks.losses import balanced_affinity_loss


def test_masked_pairs_do_not_count() -> None:
    logits = torch.randn(1, 2, 3, 3, 3)
    target = (torch.rand(1, 2, 3, 3, 3) > 0.5).float()
    valid = torch.ones_like(target)
    valid[:, 1] = 0.0
    other = logits.clone()
    other[:, 1] = 9.0
    assert balanced_affinity_loss(logits, target, valid) == pytest.approx(
        float(balanced_affinity_loss(other, target, valid))
    )


def test_without_any_valid_pair_the_loss_is_zero() -> None:
    zeros = torch.zeros(1, 1, 2, 2, 2)
    assert float(balanced_affinity_loss(zeros, zeros, zeros)) == 0.0


def test_balance_makes_a_missed_rare_boundary_dearer() -> None:
    target = torch.ones(1, 1, 1, 4, 5)
    target[..., 0] = 0.0
    joined = torch.full_like(target, 4.0)
    plain, balanced = (
        float(balanced_affinity_loss(joined, target, torch.ones_like(target), balance=b))
        for b in (0.0, 1.0)
    )
    assert balanced > 2.0 * plain


def test_a_right_prediction_costs_less_than_a_wrong_one() -> None:
    target = torch.tensor([0.0, 1.0]).reshape(1, 1, 1, 1, 2)
    valid = torch.ones_like(target)
    right, wrong = (
        float(balanced_affinity_loss(sign * (2 * target - 1), target, valid)) for sign in (3, -3)
    )
    assert right < 0.1 < wrong
