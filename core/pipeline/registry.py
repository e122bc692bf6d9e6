"""Finds stages by name: those that Segmend brings, and third parties' through entry points.

A third party declares, in the group ``segmend.stages``, ``name = "package.module:StageClass"``.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from segmend.core.errors import InputError, StageError
from segmend.core.pipeline.settings import PipelineSettings, StageSettings, validated
from segmend.core.pipeline.stage import Stage
from segmend.core.pipeline.stages.affinities import AffinitiesStage
from segmend.core.pipeline.stages.agglomeration import AgglomerationStage
from segmend.core.pipeline.stages.candidates import CandidatesStage
from segmend.core.pipeline.stages.graph import GraphStage
from segmend.core.pipeline.stages.skeletons import SkeletonsStage
from segmend.core.pipeline.stages.watershed import WatershedStage

ENTRY_POINT_GROUP = "segmend.stages"

_OWN: tuple[type[Stage], ...] = (
    AffinitiesStage,
    WatershedStage,
    GraphStage,
    AgglomerationStage,
    SkeletonsStage,
    CandidatesStage,
)
STAGE_NAMES = tuple(form.name for form in _OWN)
"""The stages that Segmend brings, in the order in which they run."""

_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_FUNCTIONS = ("check", "identity", "blocks", "prepare", "run_block", "join", "finish")


def known_stages() -> Mapping[str, type[Stage] | EntryPoint]:
    """Return every stage by name; third parties' are not imported yet."""
    own: dict[str, type[Stage] | EntryPoint] = {form.name: form for form in _OWN}
    foreign = {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
    return {**foreign, **own}


def stage_form(name: str) -> type[Stage]:
    """Return the class of a stage.

    Raises
    ------
    InputError
        If no stage has this name.
    StageError
        If a third party's stage cannot be imported or lacks something.
    """
    known = known_stages()
    if name not in known:
        raise InputError(f"there is no stage {name!r}: expected some of {','.join(known)}")
    found = known[name]
    return _load(found) if isinstance(found, EntryPoint) else found


def known_forms() -> dict[str, type[Stage]]:
    """Return the class of every stage by name; third parties' that cannot be used are left out."""
    forms = {}
    for name in known_stages():
        with contextlib.suppress(StageError):
            forms[name] = stage_form(name)
    return forms


def build_stages(chosen: Iterable[str | Stage], settings: PipelineSettings) -> list[Stage]:
    """Return stages with their settings, in the order in which they can run."""
    stages = []
    for item in dict.fromkeys(chosen):
        if isinstance(item, str):
            form = stage_form(item)
            stages.append(form(settings_of(form, settings)))
        else:
            stages.append(item)
    return in_order(stages)


def settings_of(form: type[Stage], settings: PipelineSettings) -> StageSettings:
    """Return a stage's own settings; a third party's are checked against its class here."""
    if form.name in type(settings).model_fields:
        own: StageSettings = getattr(settings, form.name)
        return own
    return validated(form.settings_form, {"stage": form.name, **settings.others.get(form.name, {})})


def in_order(stages: Sequence[Stage]) -> list[Stage]:
    """Sort stages so that each comes after those whose outputs it reads; else the given order stays.

    Raises
    ------
    StageError
        If two stages write the same artifact or wait for each other.
    """
    writers: dict[str, str] = {}
    for stage in stages:
        for output in stage.outputs:
            if writers.setdefault(output, stage.name) != stage.name:
                raise StageError(
                    f"stages {writers[output]} and {stage.name} both write {output}; leave one of them out"
                )
    rank = {name: number for number, name in enumerate(STAGE_NAMES)}
    waiting = sorted(stages, key=lambda stage: rank.get(stage.name, len(rank)))
    ordered: list[Stage] = []
    while waiting:
        missing = {output for stage in waiting for output in stage.outputs}
        ready = next(
            (s for s in waiting if missing.isdisjoint({*s.inputs, *s.optional} - set(s.outputs))),
            None,
        )
        if ready is None:
            raise StageError(
                f"stages {', '.join(s.name for s in waiting)} wait for each other's outputs; leave one of them out"
            )
        waiting.remove(ready)
        ordered.append(ready)
    return ordered


def _load(point: EntryPoint) -> type[Stage]:
    where = f"stage {point.name!r} of {point.dist.name if point.dist else point.value}"
    try:
        form: Any = point.load()
    except Exception as error:
        raise StageError(
            f"{where} cannot be imported ({type(error).__name__}: {error}); update or remove that package"
        ) from error
    problem = _problem(form, point.name)
    if problem:
        raise StageError(f"{where} is not usable: {problem}; update or remove that package")
    checked: type[Stage] = form
    return checked


def _problem(form: Any, name: str) -> str:
    """Say what a third party's class lacks to be a stage; empty where nothing is missing."""
    if not isinstance(form, type):
        return "it is not a class"
    if getattr(form, "name", None) != name or not _NAME.fullmatch(name):
        return f"its name is {getattr(form, 'name', None)!r}, expected {name!r} in small letters"
    settings = getattr(form, "settings_form", None)
    if not (isinstance(settings, type) and issubclass(settings, StageSettings)):
        return "settings_form is not a class of StageSettings"
    missing = [item for item in _FUNCTIONS if not callable(getattr(form, item, None))]
    if missing:
        return f"it has no {', '.join(missing)}"
    rounds = getattr(form, "rounds", None)
    if not (isinstance(rounds, int) and rounds > 0):
        return f"its rounds are {rounds!r}, expected a number from 1"
    outputs = getattr(form, "outputs", None)
    if not isinstance(outputs, Mapping) or not outputs:
        return "it declares no outputs"
    return ""
