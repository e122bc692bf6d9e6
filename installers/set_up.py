"""Sets up ``.venv`` for `make demo` and `make test`: quick when there is nothing to do, safe to run again.

Run by any Python 3.11 or newer, with the standard library alone. A stamp in ``.venv`` holds a hash of what the
environment is made from; a lock keeps two set-ups apart; the full output is in ``build/set-up.log``.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import system_libraries

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "segmend-ready"
LOG = ROOT / "build" / "set-up.log"
INPUTS = (
    "pyproject.toml",
    "requirements/constraints.txt",
    "installers/set_up.py",
    "installers/dev_links.py",
)
TORCH = (
    "torch==2.13.0"  # by its exact version and first: an unpinned torch brings gigabytes of CUDA
)
HARMLESS = ("is ignored: it is either", "WARNING: Running pip as the 'root' user", "[notice]")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--need-display", action="store_true", help="fail where no window can be opened"
    )
    options = parser.parse_args()
    LOG.parent.mkdir(exist_ok=True)
    missing = _system_libraries()
    if missing and options.need_display:
        return 2
    with _only_one():
        if not _ready():
            _install()
    return 0


def _system_libraries() -> list[str]:
    missing = system_libraries.missing_packages()
    if not missing:
        return []
    print(f"set-up: system libraries: {' '.join(missing)}", flush=True)
    if system_libraries.install_packages(missing, str(LOG)):
        return []
    missing = system_libraries.missing_packages()
    print(
        f"set-up: these system packages are missing and cannot be installed from here: {' '.join(missing)}\n"
        f"        the window needs them; ask an administrator for: apt-get install {' '.join(missing)}",
        file=sys.stderr,
        flush=True,
    )
    return missing


def _fingerprint() -> str:
    digest = hashlib.sha256(str(ROOT).encode())
    for name in INPUTS:
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def _ready() -> bool:
    return STAMP.is_file() and STAMP.read_text() == _fingerprint() and PYTHON.exists()


def _install() -> None:
    started = time.monotonic()
    LOG.write_text("")
    STAMP.unlink(missing_ok=True)
    if not _works():
        _step(f"a fresh {VENV.name}", [sys.executable, "-m", "venv", "--clear", str(VENV)])
    pip = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    pinned = ["-c", str(ROOT / "requirements" / "constraints.txt")]
    _step("PyTorch", [*pip, *pinned, TORCH])
    _step("packages (some minutes the first time)", [*pip, *pinned, "hatchling", *_requirements()])
    _step("Segmend", [*pip, *pinned, "--no-deps", "--no-build-isolation", "-e", str(ROOT)])
    STAMP.write_text(_fingerprint())
    print(f"set-up: done in {time.monotonic() - started:.0f} s", flush=True)


def _requirements() -> list[str]:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    return [*project["dependencies"], *optional["pyqt5"], *optional["dev"]]


def _works() -> bool:
    """Say whether the environment can be kept: it runs, has pip, and was made for this place."""
    check = [str(PYTHON), "-c", "import pip, sys; sys.exit(sys.version_info < (3, 11))"]
    described = VENV / "pyvenv.cfg"
    if not (PYTHON.exists() and described.is_file() and str(VENV) in described.read_text()):
        return False
    return subprocess.run(check, capture_output=True, check=False).returncode == 0


def _step(what: str, command: list[str]) -> None:
    print(f"set-up: {what}", flush=True)
    with LOG.open("a", encoding="utf-8") as log:
        log.write(f"$ {' '.join(command)}\n")
        log.flush()
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            check=False,
        )
    if done.returncode:
        lines = LOG.read_text(encoding="utf-8", errors="replace").splitlines()
        useful = [line for line in lines if not any(text in line for text in HARMLESS)]
        print("\n".join(useful[-25:]), file=sys.stderr)
        sys.exit(
            f"set-up: {what} failed; all of its output is in {LOG}; mend the cause and run the same command again"
        )


@contextmanager
def _only_one() -> Iterator[None]:
    """Let a second set-up wait until the first has ended; the system drops the lock of one that dies."""
    if os.name == "nt":
        yield
        return
    import fcntl

    with (LOG.parent / "set-up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("set-up: another set-up is at work here; waiting for it", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main())
