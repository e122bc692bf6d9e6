"""Which system libraries the window needs on Linux, which of them are missing, and getting them with apt."""

import glob
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass

APT = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120"]


@dataclass(frozen=True)
class Needed:
    """A Debian package and what shows that it is there: a program, a file pattern or a shared library."""

    package: str
    program: str = ""
    pattern: str = ""
    library: str = ""


NEEDED = (
    Needed("xvfb", program="Xvfb"),
    Needed("xauth", program="xauth"),
    Needed("libgl1", library="libGL.so.1"),
    Needed("libegl1", library="libEGL.so.1"),
    Needed("libgl1-mesa-dri", pattern="dri/*_dri.so"),
    Needed("libglib2.0-0", library="libgthread-2.0.so.0"),
    Needed("libdbus-1-3", library="libdbus-1.so.3"),
    Needed("libfontconfig1", library="libfontconfig.so.1"),
    Needed("libx11-xcb1", library="libX11-xcb.so.1"),
    Needed("libxkbcommon-x11-0", library="libxkbcommon-x11.so.0"),
    Needed("libxcb-cursor0", library="libxcb-cursor.so.0"),
    Needed("libxcb-icccm4", library="libxcb-icccm.so.4"),
    Needed("libxcb-image0", library="libxcb-image.so.0"),
    Needed("libxcb-keysyms1", library="libxcb-keysyms.so.1"),
    Needed("libxcb-randr0", library="libxcb-randr.so.0"),
    Needed("libxcb-render-util0", library="libxcb-render-util.so.0"),
    Needed("libxcb-shape0", library="libxcb-shape.so.0"),
    Needed("libxcb-xinerama0", library="libxcb-xinerama.so.0"),
)


def missing_packages() -> list[str]:
    """Return the Debian names of what is not there; empty on other systems than Linux."""
    if not sys.platform.startswith("linux"):
        return []
    libraries = _known_libraries()
    return [needed.package for needed in NEEDED if not _present(needed, libraries)]


def install_packages(packages: list[str], log: str) -> bool:
    """Install with apt as root or with ``sudo -n``; never asks for a password. Says whether all are there."""
    prefix = _root_prefix()
    if prefix is None or shutil.which("apt-get") is None:
        return False
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    steps = ([*APT, "update"], [*APT, "install", "-y", "--no-install-recommends", *packages])
    with open(log, "a", encoding="utf-8") as out:
        for step in steps:
            subprocess.run(
                [*prefix, *step],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=environment,
                check=False,
            )
    return not missing_packages()


def _root_prefix() -> list[str] | None:
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo"):
        asked = subprocess.run(
            ["sudo", "-n", "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        if asked.returncode == 0:
            return ["sudo", "-n", "env", "DEBIAN_FRONTEND=noninteractive"]
    return None


def _known_libraries() -> str:
    for ldconfig in ("ldconfig", "/sbin/ldconfig", "/usr/sbin/ldconfig"):
        if shutil.which(ldconfig):
            return subprocess.run(
                [ldconfig, "-p"], capture_output=True, text=True, check=False
            ).stdout
    return ""


def _present(needed: Needed, libraries: str) -> bool:
    if needed.program:
        return shutil.which(needed.program) is not None
    if needed.pattern:
        folders = ("/usr/lib/*", "/usr/lib", "/usr/lib64", "/run/opengl-driver/lib")
        return any(glob.glob(f"{folder}/{needed.pattern}") for folder in folders)
    return f"\t{needed.library} " in libraries
