"""HTML and SVG as text that cannot be broken out of: everything that is not markup already is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence


class Markup(str):
    """Text that is HTML or SVG already."""

    __slots__ = ()


def escaped(text: object) -> Markup:
    """Return anything as text of a page; markup stays as it is."""
    return text if isinstance(text, Markup) else Markup(html.escape(str(text), quote=True))


def element(name: str, /, *content: object, **attributes: object) -> Markup:
    """Return one element; ``class_`` becomes ``class``, other underscores hyphens, None leaves an attribute out."""
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escaped(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{told}>")
    return Markup(f"<{name}{told}>{joined(content)}</{name}>")


def joined(parts: Iterable[object]) -> Markup:
    """Put parts one after the other."""
    return Markup("".join(escaped(part) for part in parts))


def table(
    heads: Sequence[object], rows: Iterable[Sequence[object]], *, numbers: Sequence[int] = ()
) -> Markup:
    """Return a table.

    Parameters
    ----------
    heads : sequence
        One per column; an empty one leaves the row of heads away.
    rows : iterable of sequence
    numbers : sequence of int
        Columns that are set to the right.
    """

    def row(cells: Sequence[object], kind: str) -> Markup:
        classes = ("number" if k in numbers else None for k in range(len(cells)))
        return element(
            "tr", *(element(kind, cell, class_=c) for cell, c in zip(cells, classes, strict=True))
        )

    body = element("tbody", *(row(cells, "td") for cells in rows))
    head = element("thead", row(heads, "th")) if heads else ""
    return element("div", element("table", head, body), class_="wide")


def figure(content: Markup, caption: str) -> Markup:
    """Return a picture or a chart with its caption."""
    return element("figure", content, element("figcaption", caption))


def count(number: float) -> str:
    """Return a whole number in groups of three digits."""
    return f"{int(number):,}".replace(",", "\u202f")


_VOID = ("img", "meta", "br")
