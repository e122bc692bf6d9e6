import math

import numpy as np
import pytest

from segmend.core.training.validation import boundary_f, cross_entropy

JOINED = np.array([True, True, False, False])


def test_a_perfect_prediction_has_the_best_figures() -> None:
    assert boundary_f(JOINED.astype(float), JOINED) == 1.0
    assert cross_entropy(JOINED.astype(float), JOINED) == 0.0


def test_the_f_score_weighs_missed_and_false_boundaries() -> None:
    assert boundary_f(np.array([1.0, 0.2, 0.9, 0.1]), JOINED) == pytest.approx(0.5)
    assert boundary_f(np.ones(4), JOINED) == 0.0


def test_no_boundary_anywhere_is_right() -> None:
    assert boundary_f(np.ones(4), np.ones(4, bool)) == 1.0


def test_confident_mistakes_cost_much_but_not_endlessly() -> None:
    assert cross_entropy(np.full(4, 0.5), JOINED) == pytest.approx(math.log(2))
    assert math.isfinite(cross_entropy(1.0 - JOINED, JOINED))
