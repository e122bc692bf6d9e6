import pytest

from segmend.core.review.statistics import Decision, verdict_statistics


def test_verdicts_are_counted_and_timed():
    told = verdict_statistics(
        [
            Decision("accept", 0.9, 1000),
            Decision("reject", 0.3, 3000),
            Decision("accept", 0.6, 5000),
            Decision("unsure", 0.5, None),
        ]
    )
    assert (told.decisions, told.accepted, told.rejected, told.unsure) == (4, 2, 1, 1)
    assert told.accept_rate == pytest.approx(2 / 3)
    assert told.expected_rate == pytest.approx(0.6)
    assert told.median_seconds == 3.0


def test_no_decisions_give_no_rates():
    told = verdict_statistics([])
    assert (told.decisions, told.accept_rate, told.median_seconds) == (0, 0.0, None)
