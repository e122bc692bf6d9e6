"""Every command of the window in one table: menus, keys, tooltips and the shortcut sheet are made from it."""

from __future__ import annotations

from segmend.app.commands.command import Command, Doors, Situation
from segmend.app.commands.obstacles import (
    can_redo,
    can_undo,
    first_of,
    may_answer,
    may_edit,
    may_mark,
    needs_candidate,
    needs_picks,
    needs_pipeline_at_rest,
    needs_project,
    needs_report,
    needs_running,
    needs_seeding,
    needs_seeds,
    needs_segments,
    needs_solution,
    needs_target,
    needs_tree,
    needs_truth,
    needs_unlocked,
    not_seeding,
    not_trying,
)
from segmend.app.commands.threshold_commands import THRESHOLD_COMMANDS
from segmend.app.presenters.pipeline import REPORT_KEY

__all__ = ["COMMANDS", "HELD_KEY", "Command", "Doors", "Situation", "by_id", "key_sheet"]

MOST_SIDES = 9


def _side(number: int) -> Command:
    return Command(
        f"seeds.side{number}", f"Side {number}", "Seeds", lambda d: d.choose_side(number), (str(number),),
        f"The next seeds belong to side {number}", needs_seeding, hidden=True,
    )  # fmt: skip


COMMANDS: tuple[Command, ...] = (
    Command(
        "file.new", "New project…", "File", lambda d: d.new_project(), ("Ctrl+N",),
        "Make a project from an EM volume", needs_pipeline_at_rest,
    ),
    Command(
        "file.open", "Open project…", "File", lambda d: d.choose_project(), ("Ctrl+O",),
        "Open a .segmend folder", needs_pipeline_at_rest,
    ),
    Command(
        "file.look", "Open to look only…", "File", lambda d: d.choose_project(look_only=True), ("Ctrl+Shift+O",),
        "Look around without changing anything, also while somebody else works on the project",
        needs_pipeline_at_rest,
    ),
    Command(
        "file.sample", "Open the sample", "File", lambda d: d.open_sample(), (),
        "A small synthetic volume with suspected errors to review", needs_pipeline_at_rest,
    ),
    Command(
        "file.export", "Export segmentation…", "File", lambda d: d.export(), ("Ctrl+E",),
        "Write the segmentation with all edits to a file", needs_segments, rule_before=True,
    ),
    Command(
        "file.close", "Close project", "File", lambda d: d.close_project(), ("Ctrl+W",),
        "Everything is saved already", first_of(needs_project, needs_pipeline_at_rest),
    ),
    Command("file.quit", "Quit", "File", lambda d: d.quit(), ("Ctrl+Q",), rule_before=True),
    Command(
        "edit.undo", "Undo", "Edit", lambda d: d.undo(), ("U", "Ctrl+Z"),
        "Take the last operation back", first_of(may_edit, can_undo),
        wording=lambda s: f"Undo {s.undo_words}".strip(),
    ),
    Command(
        "edit.redo", "Redo", "Edit", lambda d: d.redo(), ("Ctrl+Shift+Z", "Ctrl+Y"),
        "Do again what was undone", first_of(may_edit, can_redo),
        wording=lambda s: f"Redo {s.redo_words}".strip(),
    ),
    Command(
        "edit.split", "Split…", "Edit", lambda d: d.begin_seeds("split"), ("X",),
        "Cut the segment under the pointer between seeds",
        first_of(may_edit, needs_target, needs_unlocked), rule_before=True,
    ),
    Command(
        "edit.cleave", "Cleave…", "Edit", lambda d: d.begin_seeds("cleave"), ("V",),
        "Take the segment under the pointer apart into many, each grown from its seeds",
        first_of(may_edit, needs_target, needs_unlocked),
    ),
    Command(
        "edit.merge", "Merge picked", "Edit", lambda d: d.merge_picked(), ("M",),
        "Join the picked segments into one", first_of(may_edit, needs_picks),
        wording=lambda s: f"Merge {s.picked} picked" if s.picked > 1 else "Merge picked",
    ),
    Command(
        "edit.detach", "Detach supervoxel", "Edit", lambda d: d.detach(), ("T",),
        "Take the supervoxel under the pointer out of its segment", first_of(may_edit, needs_target, needs_unlocked),
    ),
    Command(
        "edit.lock", "Lock segment", "Edit", lambda d: d.toggle_lock(), ("L",),
        "A locked segment cannot be changed until it is unlocked", first_of(may_mark, needs_target), rule_before=True,
        wording=lambda s: "Unlock segment" if s.locked else "Lock segment",
    ),
    Command(
        "edit.finished", "Mark finished", "Edit", lambda d: d.toggle_finished(), ("F",),
        "Any later change of the segment takes the mark away", first_of(may_mark, needs_target),
        wording=lambda s: "Mark unfinished" if s.finished else "Mark finished",
    ),
    Command(
        "edit.pick", "Pick segment", "Edit", lambda d: d.pick(), ("P",),
        "Show the segment under the pointer in 3D, ready for merging; the same as a double click",
        first_of(needs_segments, not_seeding, not_trying, needs_target), rule_before=True,
    ),
    Command(
        "edit.unpick", "Drop all picks", "Edit", lambda d: d.drop_picks(), ("Escape",),
        "Pick nothing", first_of(needs_segments, not_seeding, not_trying),
    ),
    Command(
        "seeds.here", "Seed here", "Seeds", lambda d: d.seed_here(), ("S",),
        "Place a seed under the pointer, as a click does", needs_seeding,
    ),
    *map(_side, range(1, MOST_SIDES + 1)),
    Command(
        "seeds.back", "Take the last seed back", "Seeds", lambda d: d.take_seed_back(), ("Backspace", "Ctrl+Z", "U"),
        "Without a seed left, nothing happens", first_of(needs_seeding, needs_seeds),
    ),
    Command(
        "seeds.apply", "Apply", "Seeds", lambda d: d.apply_seeds(), ("Return", "Enter"),
        "Carry out what the colours show", first_of(needs_seeding, needs_solution), rule_before=True,
    ),
    Command(
        "seeds.cancel", "Cancel", "Seeds", lambda d: d.cancel_seeds(), ("Escape",),
        "Leave the segment as it is", needs_seeding,
    ),
    Command(
        "review.accept", "Accept", "Review", lambda d: d.decide("accept"), ("A",),
        "Carry out the edit", first_of(may_edit, needs_candidate),
    ),
    Command(
        "review.reject", "Reject", "Review", lambda d: d.decide("reject"), ("R",),
        "Leave the segmentation as it is", first_of(may_edit, needs_candidate),
    ),
    Command(
        "review.skip", "Skip, not sure", "Review", lambda d: d.decide("unsure"), ("S",),
        "Leave it for another day", first_of(may_answer, needs_candidate),
    ),
    Command(
        "review.recentre", "Back to the candidate", "Review", lambda d: d.recentre(), ("C",),
        "Go back after looking around", needs_candidate, rule_before=True,
    ),
    Command(
        "review.truth", "Compare with truth…", "Review", lambda d: d.compare_with_truth(), ("Ctrl+G",),
        "Show the borders of ground truth over the sections, and how far the segmentation is from it",
        needs_segments, rule_before=True,
    ),
    Command(
        "review.no_truth", "Close the truth", "Review", lambda d: d.close_truth(), ("Ctrl+Shift+G",),
        "Take the ground truth and its figures away", needs_truth,
    ),
    Command(
        "view.image", "EM image", "View", lambda d: d.toggle_layer("EM image"), ("1",),
        "Show or hide the EM image", first_of(needs_project, not_seeding),
    ),
    Command(
        "view.affinities", "Affinities", "View", lambda d: d.toggle_layer("Affinities"), ("2",),
        "Show or hide the affinities: red z, green y, blue x", first_of(needs_project, not_seeding),
    ),
    Command(
        "view.segments", "Segments", "View", lambda d: d.toggle_layer("Segments"), ("3",),
        "Show or hide the segmentation", first_of(needs_segments, not_seeding),
    ),
    Command(
        "view.candidate", "Candidate colours", "View", lambda d: d.toggle_layer("Candidate"), ("4",),
        "Show or hide blue and orange", first_of(needs_segments, not_seeding),
    ),
    Command(
        "view.truth", "Truth borders", "View", lambda d: d.toggle_layer("Truth"), ("5",),
        "Show or hide the borders of the ground truth", first_of(needs_truth, not_seeding),
    ),
    Command(
        "view.fainter", "Fainter segments", "View", lambda d: d.step_opacity(-0.1), ("[",),
        "Lower the opacity of the segments", needs_segments, rule_before=True,
    ),
    Command(
        "view.stronger", "Stronger segments", "View", lambda d: d.step_opacity(0.1), ("]",),
        "Raise the opacity of the segments", needs_segments,
    ),
    Command(
        "view.previous", "Previous section", "View", lambda d: d.step_section(-1), ("Left", ","),
        "One section up", needs_project, rule_before=True,
    ),
    Command(
        "view.next", "Next section", "View", lambda d: d.step_section(1), ("Right", "."),
        "One section down", needs_project,
    ),
    Command(
        "view.whole", "Whole volume", "View", lambda d: d.whole_view(), ("Ctrl+R",),
        "Zoom out to the whole section", needs_project,
    ),
    Command(
        "view.solids", "3D view", "View", lambda d: d.toggle_solids(), ("D",),
        "Show or hide the 3D view", needs_project, rule_before=True,
    ),
    Command(
        "view.history", "History", "View", lambda d: d.show_history(), ("H",),
        "Go to the list of operations: up and down, Space switches one off or on, Enter goes to its place",
        needs_segments,
    ),
    Command(
        "view.look", "Light or dark", "View", lambda d: d.change_look(), ("Ctrl+Shift+L",),
        "Change the look of the window",
    ),
    Command(
        "pipeline.run", "Run the pipeline", "Pipeline", lambda d: d.run_pipeline(), ("F5",),
        "Segment the volume and look for errors",
        first_of(needs_project, needs_pipeline_at_rest, not_seeding, not_trying),
    ),
    Command(
        "pipeline.cancel", "Cancel the run", "Pipeline", lambda d: d.cancel_pipeline(), (),
        "Stop after the blocks in work; finished blocks are kept", needs_running,
    ),
    Command(
        "pipeline.settings", "Settings…", "Pipeline", lambda d: d.pipeline_settings(), ("Ctrl+,",),
        "Choose the methods of the next run, their settings, and which stages run",
        first_of(needs_project, needs_pipeline_at_rest, not_seeding, not_trying), rule_before=True,
    ),
    Command(
        "pipeline.threshold", "Try a threshold…", "Pipeline", lambda d: d.try_threshold(), ("Ctrl+T",),
        "Move the threshold of the agglomeration and see the segments it would make at once",
        first_of(needs_segments, needs_pipeline_at_rest, not_seeding, not_trying, needs_tree),
    ),
    *THRESHOLD_COMMANDS,
    Command(
        "pipeline.report", "Open the report", "Pipeline", lambda d: d.open_report(), (REPORT_KEY,),
        "Pictures, distributions, settings and times of the result, in the browser",
        first_of(needs_report, needs_pipeline_at_rest), rule_before=True,
    ),
    Command("help.keys", "Keys", "Help", lambda d: d.show_keys(), ("F1", "?"), "All keys on one page"),
    Command("help.about", "About Segmend", "Help", lambda d: d.show_about()),
)  # fmt: skip

HELD_KEY = ("Space, held", "See the bare EM image")
_OTHER_KEYS = {
    "Review": [HELD_KEY],
    "Pipeline": [
        ("Up, Down", "Threshold by 0.01"),
        ("PgUp, PgDown", "Threshold by 0.1"),
    ],
    "Seeds": [
        (f"1 to {MOST_SIDES}", "Side of the next seeds"),
        ("Shift + drag", "Draw a line of seeds"),
    ],
}


def by_id(command_id: str) -> Command:
    """Return a command."""
    return next(command for command in COMMANDS if command.id == command_id)


def key_sheet() -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """Return the keys as (menu, ((keys, title), ...)) for the shortcut sheet."""
    menus = dict.fromkeys(command.menu for command in COMMANDS)
    shown = [c for c in COMMANDS if c.keys and not c.hidden]
    sheet = {
        menu: [(" or ".join(c.keys), c.title) for c in shown if c.menu == menu]
        + _OTHER_KEYS.get(menu, [])
        for menu in menus
    }
    return tuple((menu, tuple(rows)) for menu, rows in sheet.items() if rows)
