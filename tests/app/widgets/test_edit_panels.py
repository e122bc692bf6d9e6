"""The bar for seeds, the notice and the team panel: they show what they are given."""

from dataclasses import replace
from unittest.mock import MagicMock

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QWidget

from segmend.app.presenters.seed_words import SeedLine
from segmend.app.presenters.team import Person
from segmend.app.widgets.notice import Notice
from segmend.app.widgets.seeds_bar import SeedsBar
from segmend.app.widgets.team_panel import TeamPanel

LINE = SeedLine(
    "Split segment 40", (1, 2, 3), 2, "1: 0.14 µm³   2: 0.01 µm³", False, False, True, 2, "Cut into 2"
)  # fmt: skip


@pytest.fixture
def host(qtbot):
    host = QWidget()
    qtbot.addWidget(host)
    host.resize(640, 480)
    host.show()
    return host


@pytest.fixture
def bar(host):
    bar = SeedsBar()
    bar.lie_over(host)
    return bar


def test_bar_shows_the_side_that_is_chosen(bar):
    bar.show_seeding(LINE)
    assert [chip.isChecked() for chip in bar._chips] == [False, True, False]
    bar.show_seeding(replace(LINE, sides=(1, 2), side=1))
    assert [chip.isHidden() for chip in bar._chips] == [False, False, True]


def test_bar_says_which_command(bar, qtbot):
    said = []
    bar.asked.connect(said.append)
    bar.show_seeding(LINE)
    for button in (bar._chips[2], bar.back, bar.cancel, bar.apply):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert said == ["seeds.side3", "seeds.back", "seeds.cancel", "seeds.apply"]


def test_bar_offers_only_what_can_be_done(bar):
    bar.show_seeding(replace(LINE, ready=False, seeds=0))
    assert not bar.apply.isEnabled()
    assert not bar.back.isEnabled()
    bar.show_seeding(LINE)
    assert bar.apply.isEnabled()
    assert bar.apply.text().startswith("Cut into 2")


def test_bar_lies_on_top_and_follows_the_width(bar, host):
    bar.show_seeding(LINE)
    assert (bar.x(), bar.y(), bar.width()) == (0, 0, 640)
    host.resize(900, 480)
    assert bar.width() == 900
    bar.hide_seeding()
    assert bar.isHidden()


def test_nine_sides_fit_into_a_narrow_window(bar, host):
    host.resize(560, 480)
    bar.show_seeding(
        replace(LINE, sides=tuple(range(1, 10)), title="Cleave segment 18446744073709551615")
    )
    assert bar.minimumSizeHint().width() <= 560


@pytest.fixture
def details():
    return MagicMock()


@pytest.fixture
def notice(host, details):
    notice = Notice(details)
    notice.lie_over(host)
    return notice


def test_notice_stays_inside_and_shows_details_on_request(notice, host, details, qtbot):
    notice.say("a long line that says what is wrong " * 6, "warning", "more\nlines")
    assert host.rect().contains(notice.geometry())
    qtbot.mouseClick(notice.more, Qt.MouseButton.LeftButton)
    assert details.call_args.args[1] == "more\nlines"


def test_warnings_stay_and_news_go_by_themselves(notice):
    notice.say("Bob merged 8 and 51", "news")
    assert notice._timer.isActive()
    assert notice.more.isHidden()
    notice.say("segment 8 is locked", "warning")
    assert not notice._timer.isActive()
    assert notice._mark.text() == "⚠"
    notice.say("Locked 8")
    notice._timer.timeout.emit()
    assert notice.isHidden()


def texts(panel):
    return [label.text() for label in panel.findChildren(QLabel) if not label.isHidden()]


def test_team_lists_people_and_news(qtbot):
    panel = TeamPanel()
    qtbot.addWidget(panel)
    people = [
        Person("ada", "owner", "reviewing a candidate", me=True, busy=True),
        Person("bob", "viewer", ""),
    ]
    panel.show_team(people)
    panel.show_news(["Bob merged 8 and 51", "Bob split 12"])
    for words in ("● ada (you)", "○ bob", "owner, reviewing a candidate", "viewer"):
        assert words in texts(panel)
    assert "Bob merged 8 and 51\nBob split 12" in texts(panel)


def test_team_is_drawn_again_only_when_it_is_another_one(qtbot):
    panel = TeamPanel()
    qtbot.addWidget(panel)
    panel.show_team([Person("ada", "owner", "x")])
    first = panel._list.itemAt(0).widget()
    panel.show_team([Person("ada", "owner", "x")])
    assert panel._list.itemAt(0).widget() is first
    panel.show_team([Person("ada", "owner", "y"), Person("bob", "owner", "")])
    assert panel._list.count() == 2
