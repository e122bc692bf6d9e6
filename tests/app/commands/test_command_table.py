"""The table of commands as data: unique, without clashing keys, every door opens."""

from collections import Counter
from dataclasses import replace
from unittest.mock import MagicMock

import pytest

from segmend.app.commands.table import COMMANDS, Doors, Situation, by_id, key_sheet

NOTHING = Situation()
REVIEWING = Situation(project=True, segmented=True, candidate=True, can_undo=True)
DONE = replace(REVIEWING, report=True)
SEEDING = replace(REVIEWING, seeding=True, seeds=2, solved=True)
TRYING = replace(REVIEWING, trying=True, truth=True)


SITUATIONS = [
    replace(situation, **changes)
    for situation in (NOTHING, REVIEWING, DONE, SEEDING, TRYING)
    for changes in (
        {}, {"running": True}, {"no_edit": "look only"}, {"target": True}, {"picked": 2}, {"can_redo": True},
    )
]  # fmt: skip


def test_ids_are_unique():
    assert max(Counter(command.id for command in COMMANDS).values()) == 1


@pytest.mark.parametrize("situation", SITUATIONS)
def test_no_situation_enables_two_commands_with_one_key(situation):
    enabled = (command for command in COMMANDS if command.enabled(situation))
    keys = Counter(key for command in enabled for key in command.keys)
    assert [key for key, count in keys.items() if count > 1] == []


def test_space_is_left_for_holding():
    assert not any("Space" in command.keys for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.id)
def test_every_command_goes_through_one_door(command):
    doors = MagicMock(spec=Doors)
    command.run(doors)
    assert len(doors.method_calls) == 1


def test_answers_have_single_keys():
    keys = {command.id: command.keys for command in COMMANDS}
    assert keys["review.accept"] == ("A",)
    assert keys["review.reject"] == ("R",)
    assert keys["review.skip"] == ("S",)
    assert "U" in keys["edit.undo"]


def test_start_page_offers_only_what_works_without_a_project():
    enabled = {command.id for command in COMMANDS if command.enabled(NOTHING)}
    assert {"file.new", "file.open", "file.sample", "help.keys"} <= enabled
    assert not {"review.accept", "edit.undo", "file.export", "pipeline.run"} & enabled


def test_reviewing_enables_the_answers():
    assert by_id("review.accept").enabled(REVIEWING)
    assert by_id("edit.undo").enabled(REVIEWING)
    assert not by_id("edit.redo").enabled(REVIEWING)


def test_a_running_pipeline_can_only_be_cancelled():
    running = Situation(project=True, running=True)
    assert by_id("pipeline.cancel").enabled(running)
    for command_id in ("pipeline.run", "file.open", "file.close"):
        assert not by_id(command_id).enabled(running)


def test_key_sheet_holds_every_key():
    text = str(key_sheet())
    shown = (command for command in COMMANDS if not command.hidden)
    assert all(key in text for command in shown for key in command.keys)
    for other in ("Space", "1 to 9", "Shift + drag"):
        assert other in text


def test_disabled_commands_say_why():
    for situation in SITUATIONS:
        for command in COMMANDS:
            obstacle = command.obstacle(situation)
            assert command.enabled(situation) == (obstacle == "")
            assert obstacle in command.tooltip_in(situation)


@pytest.mark.parametrize(
    ("command", "situation", "reason"),
    [
        ("edit.undo", NOTHING, "open a project first"),
        ("edit.undo", Situation(project=True), "run the pipeline first"),
        ("edit.undo", replace(REVIEWING, can_undo=False), "nothing to undo"),
        ("edit.redo", REVIEWING, "nothing was undone"),
        ("edit.split", REVIEWING, "point at a segment"),
        ("edit.split", SEEDING, "apply or cancel"),
        ("edit.lock", SEEDING, "point at a segment"),
        ("edit.split", replace(REVIEWING, target=True, locked=True), "unlock it with L"),
        ("edit.cleave", replace(REVIEWING, target=True, locked=True), "unlock it with L"),
        ("edit.detach", replace(REVIEWING, target=True, locked=True), "unlock it with L"),
        ("edit.merge", replace(REVIEWING, picked=1), "pick two segments"),
        ("edit.lock", replace(REVIEWING, no_edit="you are a viewer"), "you are a viewer"),
        ("seeds.apply", replace(SEEDING, solved=False), "two sides"),
        ("pipeline.report", NOTHING, "open a project first"),
        ("pipeline.report", REVIEWING, "a run writes it"),
        ("pipeline.report", replace(REVIEWING, report=True, running=True), "is running"),
        ("seeds.back", replace(SEEDING, seeds=0), "no seed yet"),
        ("review.accept", SEEDING, "apply or cancel"),
    ],
)
def test_reasons(command, situation, reason):
    assert reason in by_id(command).obstacle(situation)


def test_who_may_only_look_goes_on_to_the_next_candidate():
    looking = replace(REVIEWING, no_edit="look only")
    assert by_id("review.skip").enabled(looking)
    assert not by_id("review.accept").enabled(looking)
    assert not by_id("edit.undo").enabled(looking)


def test_segments_are_locked_and_marked_while_seeds_are_placed():
    assert by_id("edit.lock").enabled(replace(SEEDING, target=True))
    assert by_id("edit.finished").enabled(replace(SEEDING, target=True))


def test_titles_say_what_they_act_on():
    situation = replace(REVIEWING, undo_words="merge of 12 and 40", picked=3, locked=True)
    assert by_id("edit.undo").title_in(situation) == "Undo merge of 12 and 40"
    assert by_id("edit.redo").title_in(situation) == "Redo"
    assert by_id("edit.merge").title_in(situation) == "Merge 3 picked"
    assert by_id("edit.lock").title_in(situation) == "Unlock segment"
