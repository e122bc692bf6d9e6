"""What a command is, what it does things through, and what it is enabled by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Situation:
    """What commands are enabled by.

    Parameters
    ----------
    project : bool
        A project is open.
    segmented : bool
        It has supervoxels, so it can be edited and exported.
    candidate : bool
        A candidate is on show and an answer would be taken.
    can_undo, can_redo : bool
    running : bool
        The pipeline runs.
    no_edit : str
        Why nothing may be changed; empty where it may.
    undo_words, redo_words : str
        What would be undone and redone, "merge of 12 and 40".
    target : bool
        There is a segment under the pointer, or a picked one.
    locked, finished : bool
        Marks of that segment.
    picked : int
        Segments that are picked.
    seeding : bool
        Seeds are being placed for a split or a cleave.
    seeds : int
        Placed so far.
    solved : bool
        The colours show what these seeds would do.
    trying : bool
        Thresholds are being tried.
    no_cut : str
        Why no threshold can be tried; empty where one can.
    truth : bool
        The segmentation is compared with the truth.
    report : bool
        There is a page about the result.
    """

    project: bool = False
    segmented: bool = False
    candidate: bool = False
    can_undo: bool = False
    can_redo: bool = False
    running: bool = False
    no_edit: str = ""
    undo_words: str = ""
    redo_words: str = ""
    target: bool = False
    locked: bool = False
    finished: bool = False
    picked: int = 0
    seeding: bool = False
    seeds: int = 0
    solved: bool = False
    trying: bool = False
    no_cut: str = ""
    truth: bool = False
    report: bool = False


class Doors(Protocol):
    """What the window can do; `Application` is the real one."""

    def new_project(self) -> None: ...  # noqa: D102
    def choose_project(self, *, look_only: bool = False) -> None: ...  # noqa: D102
    def open_sample(self) -> None: ...  # noqa: D102
    def close_project(self) -> None: ...  # noqa: D102
    def export(self) -> None: ...  # noqa: D102
    def quit(self) -> None: ...  # noqa: D102
    def undo(self) -> None: ...  # noqa: D102
    def redo(self) -> None: ...  # noqa: D102
    def begin_seeds(self, kind: str) -> None: ...  # noqa: D102
    def choose_side(self, number: int) -> None: ...  # noqa: D102
    def seed_here(self) -> None: ...  # noqa: D102
    def take_seed_back(self) -> None: ...  # noqa: D102
    def apply_seeds(self) -> None: ...  # noqa: D102
    def cancel_seeds(self) -> None: ...  # noqa: D102
    def merge_picked(self) -> None: ...  # noqa: D102
    def detach(self) -> None: ...  # noqa: D102
    def toggle_lock(self) -> None: ...  # noqa: D102
    def toggle_finished(self) -> None: ...  # noqa: D102
    def pick(self) -> None: ...  # noqa: D102
    def drop_picks(self) -> None: ...  # noqa: D102
    def decide(self, verdict: str) -> None: ...  # noqa: D102
    def recentre(self) -> None: ...  # noqa: D102
    def compare_with_truth(self) -> None: ...  # noqa: D102
    def close_truth(self) -> None: ...  # noqa: D102
    def toggle_layer(self, name: str) -> None: ...  # noqa: D102
    def step_opacity(self, by: float) -> None: ...  # noqa: D102
    def step_section(self, by: int) -> None: ...  # noqa: D102
    def whole_view(self) -> None: ...  # noqa: D102
    def toggle_solids(self) -> None: ...  # noqa: D102
    def show_history(self) -> None: ...  # noqa: D102
    def change_look(self) -> None: ...  # noqa: D102
    def run_pipeline(self) -> None: ...  # noqa: D102
    def cancel_pipeline(self) -> None: ...  # noqa: D102
    def pipeline_settings(self) -> None: ...  # noqa: D102
    def open_report(self) -> None: ...  # noqa: D102
    def try_threshold(self) -> None: ...  # noqa: D102
    def step_threshold(self, by: float) -> None: ...  # noqa: D102
    def use_threshold(self) -> None: ...  # noqa: D102
    def leave_threshold(self) -> None: ...  # noqa: D102
    def show_keys(self) -> None: ...  # noqa: D102
    def show_about(self) -> None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Command:
    """One thing a person can do.

    Parameters
    ----------
    id : str
        ``menu.verb``.
    title : str
        In the menu and on the shortcut sheet.
    menu : str
    run : callable
        Does it.
    keys : tuple of str
        Any of them; in the form that `QKeySequence` reads. Two commands may share a key if no situation enables both.
    tooltip : str
    obstacle : callable
        Says why it cannot be done in a situation; empty where it can.
    rule_before : bool
        A line above it in the menu.
    wording : callable, optional
        Its title in a situation, where that says more.
    hidden : bool
        A key only: neither in the menu nor on the shortcut sheet.
    """

    id: str
    title: str
    menu: str
    run: Callable[[Doors], None]
    keys: tuple[str, ...] = ()
    tooltip: str = ""
    obstacle: Callable[[Situation], str] = lambda situation: ""
    rule_before: bool = False
    wording: Callable[[Situation], str] | None = None
    hidden: bool = False

    def enabled(self, situation: Situation) -> bool:
        """Say whether it can be done."""
        return not self.obstacle(situation)

    def title_in(self, situation: Situation) -> str:
        """Return its title, with what it would act on where that is known."""
        return self.wording(situation) if self.wording else self.title

    def tooltip_in(self, situation: Situation) -> str:
        """Return its tooltip, with the reason where it cannot be done."""
        obstacle = self.obstacle(situation)
        return f"{self.tooltip}. Not now: {obstacle}" if obstacle else self.tooltip
