"""The table of commands as data: unique, without clashing keys, every door opens."""

from collections import Counter
from unittest.mock import MagicMock

import pytest

from segmend.app.commands.table import COMMANDS, Doors, Situation, by_id, key_sheet

NOTHING = Situation()
REVIEWING = Situation(project=True, segmented=True, candidate=True, can_undo=True)


def test_ids_and_keys_are_unique():
    assert max(Counter(command.id for command in COMMANDS).values()) == 1
    keys = Counter(key for command in COMMANDS for key in command.keys)
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
    assert all(key in text for command in COMMANDS for key in command.keys)
    assert "Space" in text
