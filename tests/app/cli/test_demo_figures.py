"""What the demo's report says about a review."""

from __future__ import annotations

import pytest

from segmend.app.cli.demo_path import review_figures, value_at

CURVE = [[0, 1.0], [1, 0.9], [3, 0.5], [6, 0.3], [9, 0.2]]


@pytest.mark.parametrize(("decisions", "value"), [(0, 1.0), (2, 0.9), (3, 0.5), (100, 0.2)])
def test_the_curve_holds_its_value_between_its_points(decisions: int, value: float) -> None:
    assert value_at(CURVE, decisions) == value


def test_shares_of_the_gap_are_read_at_n_and_2n() -> None:
    figures = review_figures(
        {
            "accepted": 3,
            "decisions": 9,
            "vi_before": {"sum": 1.0},
            "vi_after": {"sum": 0.2},
            "vi_best": 0.1,
            "vi_reachable": 0.2,
            "curve": CURVE,
        }
    )
    assert figures["N"] == 3
    assert figures["gap_closed_at_N"] == pytest.approx(0.5 / 0.8)
    assert figures["gap_closed_at_2N"] == pytest.approx(0.7 / 0.8)


def test_a_perfect_segmentation_has_no_gap_to_close() -> None:
    figures = review_figures(
        {
            "accepted": 0,
            "decisions": 5,
            "vi_before": {"sum": 0.4},
            "vi_after": {"sum": 0.4},
            "vi_best": 0.4,
            "vi_reachable": 0.4,
            "curve": [[0, 0.4]],
        }
    )
    assert figures["gap_closed_at_N"] is None
