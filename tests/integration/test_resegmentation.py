"""Decisions survive a new segmentation, through the commands."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def reviewed(segmend, project: Path, sample: Path) -> Path:
    """A project with decisions by the perfect reviewer and one by hand."""
    review = ("review", project, "--oracle", f"{sample}:/labels", "--budget", 25, "--author", "ada")
    assert segmend(*review).status == 0
    return project


@pytest.mark.parametrize("threshold", [0.2, 0.6])
def test_another_threshold_keeps_the_decisions(segmend, reviewed: Path, threshold: float) -> None:
    run = ("run", reviewed, "--scheduler", "synchronous", "--new-generation", "--keep-edits")
    told = segmend(*run, "--threshold", threshold, "--json")
    assert told.status == 0
    kept = told.values["reapplied"]
    assert kept["decisions"] == 25
    assert kept["satisfied"] + kept["applied"] + len(kept["conflicts"]) == 25
    assert len(kept["conflicts"]) <= 1
    log = segmend("edit", reviewed, "log", "--json").values["operations"]
    assert {row["author"] for row in log} == {"ada"}
    assert segmend("check", reviewed, "--json").values["clean"]
    again = segmend("reapply", reviewed, "--json").values
    assert again["applied"] == 0
    assert again["satisfied"] == kept["satisfied"] + kept["applied"]


def test_edits_by_hand_outlast_re_applying(segmend, project: Path) -> None:
    where = ("--points", "10", "40", "40", "--radius", 60, "--author", "ada")
    draw = ("edit", project, "paint", "--new", *where)
    assert segmend(*draw).status == 0
    lock = ("edit", project, "lock", "--at", 10, 40, 40, "--author", "ada")
    assert segmend(*lock).status == 0
    run = ("run", project, "--scheduler", "synchronous", "--new-generation", "--keep-edits")
    assert segmend(*run, "--threshold", 0.6, "--json").values["reapplied"]["applied"] == 2
    unlock = ("edit", project, "unlock", "--at", 10, 40, 40, "--author", "eve")
    assert segmend(*unlock).status == 0
    rub = ("edit", project, "erase", "--points", 10, 40, 40, "--radius", 60, "--author", "eve")
    assert segmend(*rub).status == 0
    before = segmend("edit", project, "log", "--json").values["operations"]
    told = segmend("reapply", project)
    assert "superseded: operation" in told.out
    again = segmend("reapply", project, "--json").values
    assert (again["applied"], again["conflicts"]) == (0, [])
    assert segmend("edit", project, "log", "--json").values["operations"] == before


def test_a_stroke_that_was_undone_stays_away_in_later_generations(segmend, project: Path) -> None:
    draw = ("edit", project, "paint", "--new", "--points", 10, 40, 40, "--radius", 60)
    assert segmend(*draw).status == 0
    run = ("run", project, "--scheduler", "synchronous", "--new-generation", "--keep-edits")
    assert segmend(*run, "--threshold", 0.6, "--json").values["reapplied"]["applied"] == 1
    assert segmend("edit", project, "undo").status == 0
    kept = segmend(*run, "--threshold", 0.5, "--json").values["reapplied"]
    assert (kept["decisions"], kept["applied"], kept["superseded"]) == (0, 0, 1)


def test_other_weights_keep_the_decisions(segmend, sample: Path, tmp_path: Path) -> None:
    project = tmp_path / "p.segmend"
    cpu = ("--device", "cpu", "--scheduler", "synchronous")
    assert segmend("new", project, "--image", f"{sample}:/raw").status == 0
    assert segmend("run", project, "--model", "isotropic-10nm", *cpu).status == 0
    review = ("review", project, "--oracle", f"{sample}:/labels", "--budget", 25, "--author", "ada")
    assert segmend(*review).status == 0
    run = ("run", project, "--new-generation", "--keep-edits", "--model", "anisotropic-30x6nm")
    told = segmend(*run, *cpu, "--json")
    assert told.status == 0
    kept = told.values["reapplied"]
    assert kept["decisions"] > 0
    assert len(kept["conflicts"]) <= kept["decisions"] // 20
    assert segmend("check", project, "--json").values["clean"]


def test_reapplying_needs_an_earlier_generation(segmend, reviewed: Path) -> None:
    refused = segmend("reapply", reviewed, "--since", 3)
    assert refused.status == 2
    assert "generation 3" in refused.err
    assert "first one" in refused.err
    assert " to 0" not in refused.err
    nothing = segmend("reapply", reviewed, "--json").values
    assert (nothing["decisions"], nothing["conflicts"]) == (0, [])


def test_keeping_edits_goes_with_a_new_generation(segmend, reviewed: Path) -> None:
    refused = segmend("run", reviewed, "--keep-edits")
    assert refused.status == 2
    assert "--new-generation" in refused.err


@pytest.mark.parametrize("threshold", ["1.5", "-1", "nan"])
def test_a_threshold_is_an_affinity(segmend, reviewed: Path, threshold: str) -> None:
    assert segmend("run", reviewed, "--new-generation", "--threshold", threshold).status == 2
