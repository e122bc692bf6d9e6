"""The two looks of the window, from `resources/styles`."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

Look = Literal["dark", "light"]


@cache
def palette(look: Look) -> dict[str, str]:
    """Return the named colours of a look."""
    text = (files("segmend.resources") / "styles" / f"{look}.json").read_text(encoding="utf-8")
    colours: dict[str, str] = json.loads(text)
    return colours


@cache
def style_sheet(look: Look) -> str:
    """Return the Qt style sheet of a look."""
    text = (files("segmend.resources") / "styles" / "segmend.qss").read_text(encoding="utf-8")
    names = {**palette(look), "icons": icon_folder().as_posix(), "theme": look}
    for name in sorted(names, key=len, reverse=True):  # @second_text before @second
        text = text.replace(f"@{name}", names[name])
    return text


def icon_folder() -> Path:
    """Return the folder of the icons."""
    return Path(str(files("segmend.resources") / "icons"))
