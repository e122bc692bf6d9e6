"""Random fields and filters against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from segmend.core.synthesis.fields import blur, gaussian_weights, smooth_noise


def test_smooth_noise_has_unit_deviation_and_the_asked_grain() -> None:
    rng = np.random.default_rng(0)
    field = smooth_noise(rng, (64, 96, 128), (10.0, 10.0, 10.0), 40.0)
    assert field.shape == (64, 96, 128)
    assert field.mean() == pytest.approx(0.0, abs=0.05)
    assert field.std() == pytest.approx(1.0, abs=0.05)
    near = np.corrcoef(field[:, :, :-1].ravel(), field[:, :, 1:].ravel())[0, 1]
    far = np.corrcoef(field[:, :, :-24].ravel(), field[:, :, 24:].ravel())[0, 1]
    assert near > 0.9
    assert abs(far) < 0.05


@pytest.mark.parametrize("sigma", [(0.0, 1.0, 1.0), (1.5, 0.7, 2.0), (4.0, 4.0, 4.0)])
def test_blur_is_a_gaussian(sigma: tuple[float, float, float]) -> None:
    field = np.random.default_rng(1).random((9, 10, 11), dtype=np.float32)
    expected = ndimage.gaussian_filter(field, sigma, mode="nearest", truncate=3.0)
    np.testing.assert_allclose(blur(field, sigma), expected, atol=5e-3)


def test_weights_sum_to_one_and_are_symmetric() -> None:
    weights = gaussian_weights(1.3)
    assert weights.sum() == pytest.approx(1.0)
    np.testing.assert_array_equal(weights, weights[::-1])
