"""Who is working on what, and what colleagues did lately; decides nothing."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtWidgets import QWidget

from segmend.app.presenters.team import Person
from segmend.app.widgets.parts import Panel, column, label, rule

_MOST_PEOPLE = 30


class TeamPanel(Panel):
    """Shows `Person` values and lines of news."""

    def __init__(self) -> None:
        super().__init__("Team")
        self._people = QWidget()
        self._list = column(spacing=8, margin=0)
        self._people.setLayout(self._list)
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
        while item := self._list.takeAt(0):
            if widget := item.widget():
                widget.hide()
                widget.deleteLater()
        for person in self._shown[:_MOST_PEOPLE]:
            self._list.addWidget(_entry(person))

    def show_news(self, news: Sequence[str]) -> None:
        """Show what colleagues did, newest first."""
        self._news.setText("\n".join(news) or "Edits of others appear here.")


def _entry(person: Person) -> QWidget:
    name = label(("● " if person.busy else "○ ") + person.name + (" (you)" if person.me else ""))
    name.setToolTip("Holds a candidate now" if person.busy else "Holds no candidate now")
    words = ", ".join(filter(None, (person.role, person.doing)))
    entry = QWidget()
    entry.setLayout(column(name, label(words, "small", wrap=True), spacing=0, margin=0))
    return entry
