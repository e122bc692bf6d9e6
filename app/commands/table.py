"""Every command of the window in one table: menus, keys, tooltips and the shortcut sheet are made from it."""

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
    """

    project: bool = False
    segmented: bool = False
    candidate: bool = False
    can_undo: bool = False
    can_redo: bool = False
    running: bool = False


class Doors(Protocol):
    """What the window can do; `Application` is the real one."""

    def new_project(self) -> None: ...  # noqa: D102
    def choose_project(self) -> None: ...  # noqa: D102
    def open_sample(self) -> None: ...  # noqa: D102
    def close_project(self) -> None: ...  # noqa: D102
    def export(self) -> None: ...  # noqa: D102
    def quit(self) -> None: ...  # noqa: D102
    def undo(self) -> None: ...  # noqa: D102
    def redo(self) -> None: ...  # noqa: D102
    def decide(self, verdict: str) -> None: ...  # noqa: D102
    def recentre(self) -> None: ...  # noqa: D102
    def toggle_layer(self, name: str) -> None: ...  # noqa: D102
    def step_opacity(self, by: float) -> None: ...  # noqa: D102
    def step_section(self, by: int) -> None: ...  # noqa: D102
    def whole_view(self) -> None: ...  # noqa: D102
    def toggle_solids(self) -> None: ...  # noqa: D102
    def change_look(self) -> None: ...  # noqa: D102
    def run_pipeline(self) -> None: ...  # noqa: D102
    def cancel_pipeline(self) -> None: ...  # noqa: D102
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
        Any of them; in the form that `QKeySequence` reads.
    tooltip : str
    enabled : callable
        Says whether it can be done in a situation.
    rule_before : bool
        A line above it in the menu.
    """

    id: str
    title: str
    menu: str
    run: Callable[[Doors], None]
    keys: tuple[str, ...] = ()
    tooltip: str = ""
    enabled: Callable[[Situation], bool] = lambda situation: True
    rule_before: bool = False


def _with_project(situation: Situation) -> bool:
    return situation.project


def _with_segments(situation: Situation) -> bool:
    return situation.segmented


def _with_candidate(situation: Situation) -> bool:
    return situation.candidate


COMMANDS: tuple[Command, ...] = (
    Command(
        "file.new", "New project…", "File", lambda d: d.new_project(), ("Ctrl+N",),
        "Make a project from an EM volume", lambda s: not s.running,
    ),
    Command(
        "file.open", "Open project…", "File", lambda d: d.choose_project(), ("Ctrl+O",),
        "Open a .segmend folder", lambda s: not s.running,
    ),
    Command(
        "file.sample", "Open the sample", "File", lambda d: d.open_sample(), (),
        "A small synthetic volume with suspected errors to review", lambda s: not s.running,
    ),
    Command(
        "file.export", "Export segmentation…", "File", lambda d: d.export(), ("Ctrl+E",),
        "Write the segmentation with all edits to a file", _with_segments, rule_before=True,
    ),
    Command(
        "file.close", "Close project", "File", lambda d: d.close_project(), ("Ctrl+W",),
        "Everything is saved already", lambda s: s.project and not s.running,
    ),
    Command("file.quit", "Quit", "File", lambda d: d.quit(), ("Ctrl+Q",), rule_before=True),
    Command(
        "edit.undo", "Undo", "Edit", lambda d: d.undo(), ("U", "Ctrl+Z"),
        "Take the last decision back", lambda s: s.can_undo,
    ),
    Command(
        "edit.redo", "Redo", "Edit", lambda d: d.redo(), ("Ctrl+Shift+Z", "Ctrl+Y"),
        "Do again what was undone", lambda s: s.can_redo,
    ),
    Command(
        "review.accept", "Accept", "Review", lambda d: d.decide("accept"), ("A",),
        "Carry out the edit", _with_candidate,
    ),
    Command(
        "review.reject", "Reject", "Review", lambda d: d.decide("reject"), ("R",),
        "Leave the segmentation as it is", _with_candidate,
    ),
    Command(
        "review.skip", "Skip, not sure", "Review", lambda d: d.decide("unsure"), ("S",),
        "Leave it for another day", _with_candidate,
    ),
    Command(
        "review.recentre", "Back to the candidate", "Review", lambda d: d.recentre(), ("C",),
        "Go back after looking around", _with_candidate, rule_before=True,
    ),
    Command(
        "view.image", "EM image", "View", lambda d: d.toggle_layer("EM image"), ("1",),
        "Show or hide the EM image", _with_project,
    ),
    Command(
        "view.affinities", "Affinities", "View", lambda d: d.toggle_layer("Affinities"), ("2",),
        "Show or hide the affinities: red z, green y, blue x", _with_project,
    ),
    Command(
        "view.segments", "Segments", "View", lambda d: d.toggle_layer("Segments"), ("3",),
        "Show or hide the segmentation", _with_segments,
    ),
    Command(
        "view.candidate", "Candidate colours", "View", lambda d: d.toggle_layer("Candidate"), ("4",),
        "Show or hide blue and orange", _with_segments,
    ),
    Command(
        "view.fainter", "Fainter segments", "View", lambda d: d.step_opacity(-0.1), ("[",),
        "Lower the opacity of the segments", _with_segments, rule_before=True,
    ),
    Command(
        "view.stronger", "Stronger segments", "View", lambda d: d.step_opacity(0.1), ("]",),
        "Raise the opacity of the segments", _with_segments,
    ),
    Command(
        "view.previous", "Previous section", "View", lambda d: d.step_section(-1), ("Left", ","),
        "One section up", _with_project, rule_before=True,
    ),
    Command(
        "view.next", "Next section", "View", lambda d: d.step_section(1), ("Right", "."),
        "One section down", _with_project,
    ),
    Command(
        "view.whole", "Whole volume", "View", lambda d: d.whole_view(), ("Ctrl+R",),
        "Zoom out to the whole section", _with_project,
    ),
    Command(
        "view.solids", "3D view", "View", lambda d: d.toggle_solids(), ("D",),
        "Show or hide the 3D view", _with_project, rule_before=True,
    ),
    Command(
        "view.look", "Light or dark", "View", lambda d: d.change_look(), ("Ctrl+Shift+L",),
        "Change the look of the window",
    ),
    Command(
        "pipeline.run", "Run the pipeline", "Pipeline", lambda d: d.run_pipeline(), ("F5",),
        "Segment the volume and look for errors", lambda s: s.project and not s.running,
    ),
    Command(
        "pipeline.cancel", "Cancel the run", "Pipeline", lambda d: d.cancel_pipeline(), (),
        "Stop after the blocks in work; finished blocks are kept", lambda s: s.running,
    ),
    Command("help.keys", "Keys", "Help", lambda d: d.show_keys(), ("F1", "?"), "All keys on one page"),
    Command("help.about", "About Segmend", "Help", lambda d: d.show_about()),
)  # fmt: skip

HELD_KEY = ("Space, held", "Hide all colours and see the bare EM image")


def by_id(command_id: str) -> Command:
    """Return a command."""
    return next(command for command in COMMANDS if command.id == command_id)


def key_sheet() -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """Return the keys as (menu, ((keys, title), ...)) for the shortcut sheet."""
    menus = dict.fromkeys(command.menu for command in COMMANDS)
    sheet = {
        menu: [(" or ".join(c.keys), c.title) for c in COMMANDS if c.menu == menu and c.keys]
        for menu in menus
    }
    sheet["Review"].append(HELD_KEY)
    return tuple((menu, tuple(rows)) for menu, rows in sheet.items() if rows)
