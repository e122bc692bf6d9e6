"""Who is working on what, and what colleagues did lately; decides nothing."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtWidgets import QGridLayout, QLabel, QWidget

from segmend.app.presenters.team import Person
from segmend.app.widgets.parts import Panel, column, label, rule

_MOST_PEOPLE = 30


class TeamPanel(Panel):
    """Shows `Person` values and lines of news."""

    def __init__(self) -> None:
        super().__init__("Team")
        self._people = QWidget()
        self._grid = QGridLayout(self._people)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(0, 1)
        self._shown: tuple[Person, ...] = ()
        self._news = label(wrap=True, name="muted")
        self.setLayout(
            column(
                label("At work", "heading"),
                self._people,
                6,
                rule(),
                label("News", "heading"),
                self._news,
                None,
            )
        )
        self.show_news(())

    def show_team(self, people: Sequence[Person]) -> None:
        """Show who is at work."""
        if tuple(people) == self._shown:
            return
        self._shown = tuple(people)
        while item := self._grid.takeAt(0):
            if widget := item.widget():
                widget.hide()
                widget.deleteLater()
        for row, person in enumerate(self._shown[:_MOST_PEOPLE]):
            for widget, place in zip(_lines(person), ((0, 0), (0, 1), (1, 0)), strict=True):
                self._grid.addWidget(widget, 3 * row + place[0], place[1])
            self._grid.setRowMinimumHeight(3 * row + 2, 6)

    def show_news(self, news: Sequence[str]) -> None:
        """Show what colleagues did, newest first."""
        self._news.setText("\n".join(news) or "Edits of others appear here.")


def _lines(person: Person) -> tuple[QLabel, QLabel, QLabel]:
    name = label(("● " if person.busy else "○ ") + person.name + (" (you)" if person.me else ""))
    name.setToolTip("Holds a candidate now" if person.busy else "Holds no candidate now")
    return name, label(person.role, "small"), label(person.doing, "small")
