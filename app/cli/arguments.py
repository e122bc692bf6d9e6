"""Argument types and options that several commands share."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from segmend.core.errors import InputError
from segmend.core.geometry import Box, parse_box


class OneLineParser(argparse.ArgumentParser):
    """A parser whose complaints are one line; the usage is behind ``--help``."""

    def error(self, message: str) -> NoReturn:
        """Exit with status 2 and one line on stderr."""
        line = " ".join(message.split())
        self.exit(2, f"{self.prog}: {line}; see {self.prog} --help\n")


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that every command takes."""
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object as the last line on stdout"
    )
    parser.add_argument("--debug", action="store_true", help="show tracebacks and warnings")


def add_box_option(parser: argparse.ArgumentParser, help_text: str) -> None:
    """Add ``--box Z0:Z1,Y0:Y1,X0:X1``."""
    parser.add_argument("--box", type=_box, metavar="Z0:Z1,Y0:Y1,X0:X1", help=help_text)


def add_author_option(parser: argparse.ArgumentParser, **options: Any) -> None:
    """Add ``--author NAME``."""
    parser.add_argument(
        "--author", help="who edits (else $SEGMEND_AUTHOR, else the name of the login)", **options
    )


def _box(text: str) -> Box:
    try:
        return parse_box(text)
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def triple(values: list[float] | None) -> tuple[float, float, float] | None:
    """Return three parsed numbers as a z, y, x tuple, or None where the option was not given."""
    if values is None:
        return None
    z, y, x = values
    return z, y, x


def triples(values: list[float], option: str) -> list[tuple[float, float, float]]:
    """Cut the numbers given to an option into z, y, x points.

    Raises
    ------
    InputError
        If they are not three, six, nine, ... numbers.
    """
    if not values or len(values) % 3:
        raise InputError(
            f"{option} was given {len(values)} numbers: expected Z Y X for each point, so a multiple of three"
        )
    return [(values[i], values[i + 1], values[i + 2]) for i in range(0, len(values), 3)]
