"""Build hook: an editable install links the flat source folders under one import name.

The sources live in ``core/ app/ plugins/ resources/`` and are imported as ``segmend.core`` and so on.
The wheel maps them with hatchling's ``sources``; an editable install needs real paths, so this hook
makes ``build/dev/segmend/<folder>`` point at them.
"""

import os
import sys
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDERS = ("core", "app", "plugins", "resources")


class DevLinks(BuildHookInterface):
    def initialize(self, version, build_data):
        if version != "editable":
            return
        home = Path(self.root) / "build" / "dev" / "segmend"
        home.mkdir(parents=True, exist_ok=True)
        for name in FOLDERS:
            if not (home / name).exists():
                _link(Path(self.root) / name, home / name)


def _link(source: Path, link: Path) -> None:
    if sys.platform == "win32":
        import _winapi

        _winapi.CreateJunction(
            str(source), str(link)
        )  # needs no administrator, unlike a symbolic link
    else:
        link.symlink_to(os.path.relpath(source, link.parent), target_is_directory=True)
