"""What `make` does on a fresh machine, without installing anything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

INSTALLERS = Path(__file__).resolve().parents[2] / "installers"
sys.path.insert(0, str(INSTALLERS))

import set_up  # noqa: E402
import system_libraries  # noqa: E402

LDCONFIG = (
    "\tlibGL.so.1 (libc6,x86-64) => /lib/libGL.so.1\n\tlibEGL.so.10 (libc6) => /lib/libEGL.so.10\n"
)


@pytest.fixture
def bare_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Linux that has libGL and nothing else."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(system_libraries.shutil, "which", lambda name: None)
    monkeypatch.setattr(system_libraries.glob, "glob", lambda pattern: [])
    monkeypatch.setattr(system_libraries, "_known_libraries", lambda: LDCONFIG)


@pytest.mark.usefixtures("bare_linux")
def test_missing_libraries_are_named_by_package() -> None:
    missing = system_libraries.missing_packages()
    assert "libgl1" not in missing
    assert {"xvfb", "libegl1", "libgl1-mesa-dri", "libxcb-icccm4"} <= set(missing)


def test_other_systems_miss_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert system_libraries.missing_packages() == []


@pytest.mark.usefixtures("bare_linux")
def test_without_rights_nothing_is_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(
        system_libraries.subprocess, "run", lambda *_, **__: pytest.fail("ran something")
    )
    assert not system_libraries.install_packages(["xvfb"], str(tmp_path / "log"))


def test_packages_are_installed_without_a_prompt(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ran = []

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        ran.append(command)
        assert options["stdin"] == subprocess.DEVNULL
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(system_libraries.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(system_libraries.subprocess, "run", run)
    monkeypatch.setattr(system_libraries, "missing_packages", list)
    assert system_libraries.install_packages(["xvfb"], str(tmp_path / "log"))
    assert ran[0] == ["sudo", "-n", "true"]
    assert all(command[:2] == ["sudo", "-n"] for command in ran)
    assert ran[-1][-3:] == ["-y", "--no-install-recommends", "xvfb"]


@pytest.mark.usefixtures("bare_linux")
def test_what_cannot_be_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(system_libraries, "install_packages", lambda packages, log: False)
    assert "xvfb" in set_up._system_libraries()
    assert "apt-get install xvfb" in capsys.readouterr().err


def test_what_the_environment_is_made_from_decides_whether_it_is_ready(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in set_up.INPUTS:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("one")
    monkeypatch.setattr(set_up, "ROOT", tmp_path)
    monkeypatch.setattr(set_up, "PYTHON", Path(sys.executable))
    monkeypatch.setattr(set_up, "STAMP", tmp_path / "stamp")
    assert not set_up._ready()
    set_up.STAMP.write_text(set_up._fingerprint())
    assert set_up._ready()
    (tmp_path / "requirements" / "constraints.txt").write_text("two")
    assert not set_up._ready()


def test_a_failed_step_shows_the_end_of_its_output_without_the_harmless(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(set_up, "LOG", tmp_path / "log")
    code = "print('WARNING: Location x is ignored: it is either a wrong path'); print('no such package'); exit(1)"
    with pytest.raises(SystemExit, match="packages failed"):
        set_up._step("packages", [sys.executable, "-c", code])
    shown = capsys.readouterr()
    assert "no such package" in shown.err
    assert "is ignored" not in shown.err


def test_a_python_that_is_too_old_is_not_taken(tmp_path: Path) -> None:
    for name, status in (("python3.11", 1), ("python3", 0)):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\nexit {status}\n")
        program.chmod(0o755)
    command = ["/bin/sh", str(INSTALLERS / "find_python.sh")]
    environment = {"PATH": str(tmp_path)}
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert found.stdout.strip() == str(tmp_path / "python3")
    (tmp_path / "python3").unlink()
    none = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert none.returncode == 2
    assert "3.11 or newer" in none.stderr
