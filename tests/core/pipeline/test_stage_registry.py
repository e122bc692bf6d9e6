"""Stages by name, in order, and third parties' through entry points."""

from __future__ import annotations

import itertools
from importlib.metadata import EntryPoint

import pytest
from fake_stages import NegativeSettings, NegativeStage

from segmend.core.errors import InputError, StageError
from segmend.core.pipeline import registry
from segmend.core.pipeline.registry import STAGE_NAMES, build_stages, in_order, stage_form
from segmend.core.pipeline.settings import PipelineSettings
from segmend.core.pipeline.stage import BaseStage, Stage


class Nameless:
    name = "other"


class Silent(BaseStage):
    name = "negative"


def offer(monkeypatch, value: str, name: str = "negative") -> None:
    point = EntryPoint(name, value, registry.ENTRY_POINT_GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])


def test_own_stages_are_stages_with_their_own_settings():
    stages = build_stages(STAGE_NAMES, PipelineSettings())
    assert all(isinstance(stage, Stage) for stage in stages)
    assert [stage.settings.stage for stage in stages] == list(STAGE_NAMES)


@pytest.mark.parametrize(
    "names", itertools.permutations(("candidates", "graph", "watershed", "skeletons"))
)
def test_stages_run_in_the_order_of_what_they_need(names):
    ordered = [stage.name for stage in build_stages(names, PipelineSettings())]
    assert ordered == ["watershed", "graph", "skeletons", "candidates"]


def test_a_name_given_twice_runs_once():
    assert len(build_stages(["graph", "graph"], PipelineSettings())) == 1


def test_an_unknown_stage_is_refused_with_those_there_are():
    with pytest.raises(InputError, match=r"no stage 'waterfall': expected some of .*watershed"):
        stage_form("waterfall")


def test_a_third_party_stage_is_found_and_gets_its_checked_settings(monkeypatch):
    offer(monkeypatch, "fake_stages:NegativeStage")
    settings = PipelineSettings(others={"negative": {"level": 7}})
    [stage] = build_stages(["negative"], settings)
    assert stage.settings == NegativeSettings(level=7)
    with pytest.raises(InputError, match="level = 'dark'"):
        build_stages(["negative"], PipelineSettings(others={"negative": {"level": "dark"}}))


def test_a_third_party_cannot_replace_an_own_stage(monkeypatch):
    offer(monkeypatch, "fake_stages:NegativeStage", name="graph")
    assert stage_form("graph").__module__ == "segmend.core.pipeline.stages.graph"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("no_such_module:Stage", "cannot be imported"),
        ("fake_stages:NoSuchStage", "cannot be imported"),
        ("fake_stages:name_of", "it is not a class"),
        (f"{__name__}:Nameless", "its name is 'other'"),
        (f"{__name__}:Silent", "it has no run_block"),
    ],
)
def test_an_unusable_third_party_stage_is_named_with_its_fault(monkeypatch, value, said):
    offer(monkeypatch, value)
    with pytest.raises(StageError, match=said):
        stage_form("negative")
    assert "negative" not in registry.known_forms()  # and the others still work


def test_two_writers_of_one_artifact_are_refused():
    class Rival(NegativeStage):
        name = "rival"

    stages = [NegativeStage(NegativeSettings()), Rival(NegativeSettings())]
    with pytest.raises(StageError, match="both write negative"):
        in_order(stages)


def test_stages_that_wait_for_each_other_are_refused():
    class Egg(NegativeStage):
        name, inputs, outputs = "egg", ("hen",), {"egg": ("egg",)}

    class Hen(NegativeStage):
        name, inputs, outputs = "hen", ("egg",), {"hen": ("hen",)}

    with pytest.raises(StageError, match="wait for each other"):
        in_order([Egg(NegativeSettings()), Hen(NegativeSettings())])
