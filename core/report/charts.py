"""Histograms and lines as SVG that needs no script: the figure under the pointer is a title of each bar."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmend.core.report.markup import Markup, count, element, joined

Array = NDArray[Any]

_WIDTH, _HEIGHT = 420, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 14, 14, 40
_NAMES = 58  # room for the names of lines at their right end
_BINS = 40


def log_histogram(values: Array, unit: str) -> Markup:
    """Return the histogram of positive numbers over a logarithmic axis.

    Parameters
    ----------
    values : (n,) array
        Positive; may be mapped from a file, as it is read in pieces.
    unit : str
        What is counted along the axis, for instance ``voxels``.
    """
    low, high = float(values.min()), float(values.max())
    first, last = np.floor(np.log10(low)), np.ceil(np.log10(high) + 1e-9)
    last = max(last, first + 1)
    edges = np.logspace(first, last, _BINS + 1)
    counts, _ = np.histogram(values, edges)
    decades = np.arange(first, last + 1)
    ticks = {float((d - first) / (last - first)): _power(int(d)) for d in decades}
    titles = [f"{_short(a)} to {_short(b)} {unit}" for a, b in pairwise(edges)]
    return _bars(counts, titles, ticks, f"{unit} (logarithmic)")


def unit_histogram(values: Array, name: str) -> Markup:
    """Return the histogram of numbers between 0 and 1.

    Parameters
    ----------
    values : (n,) array
        Others are counted at the nearer end; may be mapped from a file.
    name : str
        What they are.
    """
    edges = np.linspace(0, 1, _BINS + 1)
    counts, _ = np.histogram(values, np.concatenate([[-np.inf], edges[1:-1], [np.inf]]))
    titles = [f"{a:.3g} to {b:.3g}" for a, b in pairwise(edges)]
    ticks = {k / 5: f"{k / 5:g}" for k in range(6)}
    return _bars(counts, titles, ticks, name)


def line_chart(
    x: Array, lines: Mapping[str, Array], x_name: str, y_name: str, chosen: float | None = None
) -> Markup:
    """Return up to three curves over one axis, each with its name at the right end.

    Parameters
    ----------
    x : (k,) array
        Rising.
    lines : mapping of str to (k,) array
        From 0 upward.
    x_name, y_name : str
        Of the axes.
    chosen : float, optional
        A place on the x axis to mark.
    """
    low, high = float(x[0]), max(float(x[-1]), float(x[0]) + 1e-9)
    top = _round_up(max(float(np.max(y)) for y in lines.values()))
    wide = _WIDTH - _LEFT - _NAMES
    parts = [
        _y_axis({k * top / 4: f"{k * top / 4:.3g}" for k in range(5)}, top, _NAMES, y_name),
        _x_axis(_even_ticks(low, high), x_name, _NAMES),
    ]
    if chosen is not None and low <= chosen <= high:
        parts.append(_marked(_LEFT + wide * (chosen - low) / (high - low), f"{chosen:g}"))
    at = _LEFT + wide * (np.asarray(x, np.float64) - low) / (high - low)
    places = _apart([_level(float(y[-1]), top) for y in lines.values()])
    for k, ((name, y), place) in enumerate(zip(lines.items(), places, strict=True)):
        points = " ".join(f"{a:.1f},{_level(b, top):.1f}" for a, b in zip(at, y, strict=True))
        end = {"x": _WIDTH - _NAMES + 6, "y": f"{place + 4:.1f}"}
        parts.append(
            element(
                "polyline", element("title", name), class_=f"line k{k}", points=points, fill="none"
            )
        )
        parts.append(element("text", name, class_=f"k{k}", **end))
    return _svg(parts)


def _marked(x: float, words: str) -> Markup:
    ends = {"y1": _TOP, "y2": _HEIGHT - _BOTTOM}
    line = element("line", class_="chosen", x1=f"{x:.1f}", x2=f"{x:.1f}", **ends)
    return joined([line, element("text", words, class_="chosen", x=f"{x + 4:.1f}", y=_TOP + 9)])


def _bars(counts: Array, titles: list[str], ticks: Mapping[float, str], x_name: str) -> Markup:
    top = _round_up(max(float(counts.max(initial=0)), 2.0))
    wide = (_WIDTH - _LEFT - _RIGHT) / len(counts)
    parts = [
        _y_axis({v: count(v) for v in (0, top / 2, top) if v == int(v)}, top, _RIGHT, ""),
        _x_axis(ticks, x_name, _RIGHT),
    ]
    for k, (number, title) in enumerate(zip(counts.tolist(), titles, strict=True)):
        if not number:
            continue
        y = min(_level(number, top), _HEIGHT - _BOTTOM - 1.0)  # one is seen beside a million
        parts.append(
            element(
                "rect", element("title", f"{title}: {count(number)}"), class_="bar",
                x=f"{_LEFT + k * wide + 0.5:.1f}", y=f"{y:.1f}", width=f"{wide - 1:.1f}",
                height=f"{_HEIGHT - _BOTTOM - y:.1f}",
            )
        )  # fmt: skip
    return _svg(parts)


def _x_axis(ticks: Mapping[float, str], name: str, right: int) -> Markup:
    base, wide = _HEIGHT - _BOTTOM, _WIDTH - _LEFT - right
    parts = [element("line", class_="axis", x1=_LEFT, x2=_WIDTH - right, y1=base, y2=base)]
    for share, text in ticks.items():
        x = f"{_LEFT + share * wide:.1f}"
        parts.append(element("line", class_="axis", x1=x, x2=x, y1=base, y2=base + 4))
        parts.append(element("text", text, x=x, y=base + 16, text_anchor="middle"))
    middle = f"{_LEFT + wide / 2:.1f}"
    return joined([*parts, element("text", name, x=middle, y=base + 32, text_anchor="middle")])


def _y_axis(ticks: Mapping[float, str], top: float, right: int, name: str) -> Markup:
    parts: list[Markup] = []
    for value, text in ticks.items():
        y = _level(value, top)
        parts.append(
            element(
                "line", class_="grid", x1=_LEFT, x2=_WIDTH - right, y1=f"{y:.1f}", y2=f"{y:.1f}"
            )
        )
        parts.append(element("text", text, x=_LEFT - 6, y=f"{y + 4:.1f}", text_anchor="end"))
    middle = (_HEIGHT - _BOTTOM + _TOP) / 2
    turned = f"rotate(-90 12 {middle:g})"
    if name:
        parts.append(
            element("text", name, x=12, y=f"{middle:g}", transform=turned, text_anchor="middle")
        )
    return joined(parts)


def _level(value: float, top: float) -> float:
    return _HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - _TOP) * value / top


def _apart(places: list[float], least: float = 13.0) -> list[float]:
    """Move names that would lie on each other up, keeping their order."""
    order = sorted(range(len(places)), key=lambda k: -places[k])
    moved, below = list(places), float("inf")
    for k in order:
        moved[k] = min(places[k], below - least)
        below = moved[k]
    return moved


def _svg(parts: list[Markup]) -> Markup:
    return element(
        "svg",
        *parts,
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        role="img",
        xmlns="http://www.w3.org/2000/svg",
    )


def _power(exponent: int) -> Markup | str:
    if 0 <= exponent <= 3:
        return str(10**exponent)
    return "10" + str(exponent).translate(str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"))


def _short(value: float) -> str:
    return count(round(value)) if value >= 10 else f"{value:.3g}"


def _round_up(value: float) -> float:
    """Return the next of some round numbers."""
    if not value > 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(
        next(k * power for k in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if k * power >= value * 0.999)
    )


def _even_ticks(low: float, high: float) -> dict[float, str]:
    """Return some round numbers of a range, by the share of the range at which they lie."""
    power = 10.0 ** np.floor(np.log10(high - low))
    step = next(k * power for k in (0.2, 0.5, 1, 2, 5) if (high - low) / (k * power) <= 6)
    numbers = step * np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1)
    return {float((v - low) / (high - low)): f"{v:.6g}" for v in numbers}
