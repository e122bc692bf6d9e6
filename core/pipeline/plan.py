"""Decides, for each chosen stage, whether it is finished, where it works, and what its key is."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from segmend.core.errors import SegmendError, StageError
from segmend.core.pipeline import artifacts, generations
from segmend.core.pipeline.generations import Home, downstream, generation_home
from segmend.core.pipeline.marks import StageMarks, stage_key
from segmend.core.pipeline.registry import known_forms
from segmend.core.pipeline.settings import validated
from segmend.core.pipeline.specification import StageProvenance, write_specification
from segmend.core.pipeline.stage import BaseStage, Stage
from segmend.core.project import Project, open_project


class Plan:
    """The state of a project as a run sees it, and the generation the run works in.

    Parameters
    ----------
    project : Project
    stages : sequence of Stage
        Chosen for the run, in order.
    new_generation : bool
        Make a new generation even where the current one is still valid.
    """

    def __init__(
        self, project: Project, stages: Sequence[Stage], *, new_generation: bool = False
    ) -> None:
        self.project = project
        self._stages = list(stages)
        self._forms = {**known_forms(), **{stage.name: type(stage) for stage in stages}}
        self._new = new_generation
        self._volume_identities: dict[str, str] = {}
        number = project.generation
        self._current = self._existing(number) if number else None
        self._pending = generation_home(project, number + 1)
        self.home = self._current
        self.home = self._choose_home()

    def check(self) -> None:
        """Refuse before anything runs what cannot work.

        Raises
        ------
        StageError
            If an input is neither there nor made by the run, or a stage refuses the project.
        """
        made: set[str] = set()
        project = self.project
        for stage in self._stages:
            for artifact in stage.inputs:
                if artifact not in made and self._identity(artifact, self.home) is None:
                    raise StageError(
                        f"stage {stage.name} needs {artifact}, which the project does not have; "
                        f"{self._remedy(artifact)}"
                    )
            made |= set(stage.outputs)
            stage.check(project)
            project = stage.foreseen(project) if isinstance(stage, BaseStage) else project

    def key(self, stage: Stage) -> str:
        """Return the key of a stage as things stand now."""
        return self._key_in(stage, self.home) or ""

    def is_done(self, stage: Stage, key: str) -> bool:
        """Whether the result of an earlier run is valid."""
        if stage.scope == "project":
            return self._project_home.is_done(stage, key)
        return self.home is not None and self.home.is_done(stage, key)

    def folder(self, stage: Stage) -> Path:
        """Return the generation folder a stage works in, or the project folder."""
        return self._home_of(stage).folder

    def begin(self, stage: Stage, key: str) -> StageMarks:
        """Get ready to run a stage: a new generation where it changes the segmentation, no stale results."""
        if stage.scope != "project":
            if self.home is None or (stage.scope == "segmentation" and self.home != self._pending):
                self._begin_generation(stage)
            self._forget_after(stage)
        marks = self._home_of(stage).marks(stage.name)
        marks.begin(key)
        return marks

    def commit(self) -> int | None:
        """Make the generation that was built current, if it can be opened; return the current number."""
        concerned = any(stage.scope != "project" for stage in self._stages)
        if self._new and concerned and self.home is not None and self.home == self._current:
            self._begin_generation(None)
        if concerned and self.home is not None:
            self._write_specification(self.home)
        if self.home == self._pending and generations.is_complete(self._pending):
            self.project = self.project.commit_generation(
                self.project.generation + 1, stages=self._provenance()
            )
            self._current = self.home
        return self.project.generation or None

    def reload(self) -> None:
        """Read the project's settings again after a stage changed them."""
        self.project = open_project(self.project.path)
        self._volume_identities.pop("affinities", None)

    def _provenance(self) -> dict[str, Any]:
        """Return the settings that every stage of the project and the new generation ran with."""
        told: dict[str, Any] = {}
        for name in self._forms:
            for home in (self._project_home, self._pending):
                done = home.marks(name).done()
                if done is not None:
                    told[name] = dict(done.settings)
        return told

    def _write_specification(self, home: Home) -> None:
        """Put beside a result what made it; inputs are told where the key proves them."""
        settings, made = {}, {}
        for name, form in self._forms.items():
            done = (self._project_home if form.scope == "project" else home).marks(name).done()
            if done is None:
                continue
            settings[name], made[name] = done.settings, StageProvenance(form.version, done.key)
            with contextlib.suppress(SegmendError):  # of a network that is gone, for instance
                stage = form(validated(form.settings_form, dict(done.settings)))
                if self._key_in(stage, home) == done.key:
                    inputs = {
                        artifact: self._identity(artifact, home) or ""
                        for artifact in (*stage.inputs, *stage.optional)
                    }
                    identity = stage.identity(self.project)
                    made[name] = StageProvenance(form.version, done.key, inputs, identity)
        write_specification(home.folder, settings, made)

    @property
    def _project_home(self) -> Home:
        return Home(self.project.path)

    def _home_of(self, stage: Stage) -> Home:
        return self._project_home if stage.scope == "project" else self.home or self._pending

    def _existing(self, number: int) -> Home | None:
        home = generation_home(self.project, number)
        return home if home.folder.is_dir() else None

    def _choose_home(self) -> Home | None:
        """Go on in a generation that an earlier run left unfinished, unless it does not fit this run."""
        first = next((stage for stage in self._stages if stage.scope != "project"), None)
        if first is None or not self._pending.folder.is_dir():
            return self._current
        here = self._key_in(first, self._pending)
        if here is not None and self._pending.is_begun(first, here):
            return self._pending
        if self._current is not None and not self._new:
            there = self._key_in(first, self._current)
            if there is not None and self._current.is_done(first, there):
                return self._current
        return self._pending if here is not None else self._current

    def _key_in(self, stage: Stage, home: Home | None) -> str | None:
        """Return the key of a stage in a generation; None where an input is missing there."""
        needed = [self._identity(artifact, home) for artifact in stage.inputs]
        if any(identity is None for identity in needed):
            return None
        extra = [
            identity or ""
            for artifact, identity in ((a, self._identity(a, home)) for a in stage.optional)
            if identity
            or artifact != "mask"  # keys of projects without one are as they were before masks
        ]
        identities = [*map(str, needed), *extra, stage.identity(self.project)]
        settings = stage.settings.model_dump(mode="json")
        return stage_key(stage.name, stage.version, settings, identities)

    def _identity(self, artifact: str, home: Home | None) -> str | None:
        """Return what tells an artifact's content apart; None where it is not there."""
        if artifact == "mask":
            return self._mask_identity()
        if artifact in ("image", "affinities"):
            return self._project_home.maker(artifact) or self._volume_identity(artifact)
        files = self._files(artifact)
        if home is None or not files or not artifacts.exist(home.folder, files):
            return None
        return home.maker(artifact) or artifacts.files_identity(home.folder, files)

    def _volume_identity(self, artifact: str, *, whole: bool = False) -> str | None:
        if artifact not in self._volume_identities:
            volume = getattr(self.project, artifact)
            if volume is None:
                return None
            self._volume_identities[artifact] = artifacts.volume_identity(volume, whole=whole)
        return self._volume_identities[artifact]

    def _mask_identity(self) -> str | None:
        """Return a hash of all of a mask, however large, for samples would miss a change of a few even parts."""
        where = self.project.config.mask
        if where is None or self.project.mask is None:
            return None
        if not Path(where).is_absolute():
            return artifacts.files_identity(self.project.path, [where])
        return self._volume_identity("mask", whole=True)

    def _files(self, artifact: str) -> tuple[str, ...]:
        for form in self._forms.values():
            if artifact in form.outputs:
                return tuple(form.outputs[artifact])
        return ()

    def _remedy(self, artifact: str) -> str:
        makers = [name for name, form in self._forms.items() if artifact in form.outputs]
        if makers:
            return f"run stage {makers[0]} too"
        return (
            f"make the project with --{artifact}"
            if artifact in ("image", "mask")
            else "no stage makes it"
        )

    def _begin_generation(self, stage: Stage | None) -> None:
        stale = downstream(stage.outputs, self._forms.values()) if stage is not None else set()
        known = {
            artifact: tuple(files)
            for form in self._forms.values()
            if form.scope != "project"
            for artifact, files in form.outputs.items()
        }
        keep = {artifact: files for artifact, files in known.items() if artifact not in stale}
        generations.begin(self._current, self._pending, keep)
        self.home = self._pending

    def _forget_after(self, stage: Stage) -> None:
        """Void what was computed from a result that is about to change."""
        home = self._home_of(stage)
        stale = downstream(stage.outputs, self._forms.values()) - set(stage.outputs)
        for name, form in self._forms.items():
            if form.scope == "project" or stale.isdisjoint(form.outputs):
                continue
            home.marks(name).discard()
            if home == self._pending:
                for files in form.outputs.values():
                    artifacts.remove(home.folder, files)
