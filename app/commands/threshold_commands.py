"""The commands while thresholds are tried."""

from __future__ import annotations

from segmend.app.commands.command import Command
from segmend.app.commands.obstacles import first_of, may_run, needs_trying


def _threshold_step(name: str, title: str, key: str, by: float) -> Command:
    return Command(
        f"threshold.{name}", title, "Pipeline", lambda d: d.step_threshold(by), (key,),
        "While a threshold is tried", needs_trying, hidden=True,
    )  # fmt: skip


THRESHOLD_COMMANDS = (
    _threshold_step("lower", "Lower threshold", "Down", -0.01),
    _threshold_step("higher", "Higher threshold", "Up", 0.01),
    _threshold_step("much_lower", "Much lower threshold", "PgDown", -0.1),
    _threshold_step("much_higher", "Much higher threshold", "PgUp", 0.1),
    Command(
        "threshold.use",
        "Use this threshold",
        "Pipeline",
        lambda d: d.use_threshold(),
        ("Return", "Enter"),
        "Make the segments that the colours show",
        first_of(needs_trying, may_run),
    ),
    Command(
        "threshold.cancel",
        "Leave the threshold",
        "Pipeline",
        lambda d: d.leave_threshold(),
        ("Escape",),
        "Show the segmentation as it is",
        needs_trying,
    ),
)
