"""The settings of the next run as they are typed: what is shown, what is wrong, what is passed on. No Qt, no napari."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segmend.app.presenters.field_texts import empty, hint, parsed, text_of, wrong
from segmend.app.presenters.pipeline import STAGE_TITLES, STAGES
from segmend.core.errors import InputError
from segmend.core.pipeline.settings import PipelineSettings, StageSettings
from segmend.core.pipeline.settings_form import FormField, form_fields
from segmend.core.pipeline.specification import load_specification, specification_text


@dataclass(frozen=True, slots=True)
class FieldLine:
    """One setting as the form shows it.

    Parameters
    ----------
    name, title, kind : str
        As in `FormField`.
    text : str
        What is typed or chosen; "yes" or "no" for a switch.
    choices : tuple of str
    hint : str
        What may be typed: "0 to 1".
    empty : str
        What an empty field means.
    explanation : str
    default : str
    changed : bool
        It is not the default.
    error : str
        Why it cannot be taken; empty where it can.
    """

    name: str
    title: str
    kind: str
    text: str
    choices: tuple[str, ...]
    hint: str
    empty: str
    explanation: str
    default: str
    changed: bool
    error: str


@dataclass(frozen=True, slots=True)
class StagePage:
    """One stage as the form shows it.

    Parameters
    ----------
    stage, title : str
    about : str
        What the stage makes.
    on : bool
        It runs next time.
    changed : int
        Settings that are not the defaults.
    wrong : int
        Settings that cannot be taken.
    lines : tuple of FieldLine
        Those that the chosen method reads.
    """

    stage: str
    title: str
    about: str
    on: bool
    changed: int
    wrong: int
    lines: tuple[FieldLine, ...]


class SettingsForm:
    """Settings of all stages, as text, and which stages run.

    Parameters
    ----------
    used : mapping
        Settings that the stages of the project ran with, by stage; what does not fit any more has its default.
    usual : iterable of str
        Stages that run where nothing else is chosen.
    """

    def __init__(
        self, used: Mapping[str, Mapping[str, Any]] | None = None, usual: Iterable[str] = STAGES
    ) -> None:
        self._fields = {stage: form_fields(_class_of(stage)) for stage in STAGES}
        self._usual = frozenset(usual)
        self._on = set(self._usual)
        self._text: dict[tuple[str, str], str] = {}
        self._others: dict[str, dict[str, Any]] = {}
        self.take(_still_allowed(used or {}))

    def copy(self) -> SettingsForm:
        """Return a form of its own with the same content."""
        other = SettingsForm(usual=self._usual)
        other._text, other._on = dict(self._text), set(self._on)
        other._others = dict(self._others)
        return other

    # -- what a person does -------------------------------------------------------------------------------------

    def type(self, stage: str, name: str, text: str) -> None:
        """Take what was typed or chosen."""
        self._text[stage, name] = text

    def switch(self, stage: str, on: bool) -> None:
        """Have a stage run next time, or not."""
        (self._on.add if on else self._on.discard)(stage)

    def reset(self, stage: str, name: str | None = None) -> None:
        """Go back to the default of a setting, or of all settings of a stage."""
        for field in self._fields[stage]:
            if name in (None, field.name):
                self._text[stage, field.name] = text_of(field, field.default)

    def take(self, settings: PipelineSettings) -> None:
        """Fill all fields; settings of third parties' stages are kept as they are."""
        self._others = dict(settings.others)
        for stage, fields in self._fields.items():
            values = getattr(settings, stage)
            for field in fields:
                self._text[stage, field.name] = text_of(field, getattr(values, field.name))

    def load(self, path: Path) -> None:
        """Fill all fields from a file.

        Raises
        ------
        InputError
            If it is not a specification; nothing is changed.
        """
        self.take(load_specification(path))

    def save(self, path: Path) -> None:
        """Write all settings to a file.

        Raises
        ------
        InputError
            If a setting cannot be taken, or the file cannot be written.
        """
        suffix = path.suffix or ".toml"
        text = specification_text(PipelineSettings.from_values(self.values()), suffix)
        target = path.with_suffix(suffix)
        partial = target.with_name(f"{target.name}.partial")
        try:
            partial.write_text(text, encoding="utf-8")
            partial.replace(target)
        except OSError as error:
            raise InputError(
                f"{target} cannot be written: {error.strerror}; choose another place"
            ) from None

    # -- what it comes to ---------------------------------------------------------------------------------------

    @property
    def pages(self) -> tuple[StagePage, ...]:
        """All stages, in order."""
        return tuple(map(self.page, STAGES))

    def page(self, stage: str) -> StagePage:
        """Return a stage with the settings that its method reads."""
        lines = tuple(self._line(stage, field) for field in self._shown(stage))
        about = (_class_of(stage).__doc__ or "").strip().splitlines()[0]
        return StagePage(
            stage,
            STAGE_TITLES[stage],
            about,
            stage in self._on,
            sum(line.changed for line in lines),
            sum(bool(line.error) for line in lines),
            lines,
        )

    @property
    def stages(self) -> tuple[str, ...] | None:
        """The stages that are to run; None for those that run anyway."""
        return None if self._on == self._usual else tuple(s for s in STAGES if s in self._on)

    @property
    def obstacle(self) -> str:
        """Why nothing can be run like this; empty where it can."""
        titles = [page.title for page in self.pages if page.wrong]
        if titles:
            return f"Correct the settings of {' and '.join(titles)} first."
        if not self._on:
            return "Choose a stage to run."
        try:
            PipelineSettings.from_values(self.values())
        except InputError as error:
            return str(error)
        return ""

    @property
    def words(self) -> str:
        """How the next run differs from the usual one; an empty text where it does not."""
        changed = sum(page.changed for page in self.pages)
        parts = [f"{changed} setting{'s' * (changed != 1)} changed"] if changed else []
        if self.stages is not None:
            parts.append("runs " + ", ".join(STAGE_TITLES[stage] for stage in self.stages))
        return "; ".join(parts)

    def values(self) -> dict[str, dict[str, Any]]:
        """Return plain values for `PipelineSettings`; settings that the method does not read may be the defaults."""
        own = {stage: self._values_of(stage) for stage in STAGES}
        return own | {"others": dict(self._others)} if self._others else own

    def _values_of(self, stage: str) -> dict[str, Any]:
        found = {}
        for field in self._fields[stage]:
            text = self._text[stage, field.name]
            if not wrong(stage, field, text):
                found[field.name] = parsed(field, text)
        return found

    def _shown(self, stage: str) -> list[FormField]:
        method = self._text.get((stage, "method"), "")
        return [field for field in self._fields[stage] if field.applies_to(method)]

    def _line(self, stage: str, field: FormField) -> FieldLine:
        text = self._text[stage, field.name]
        error = wrong(stage, field, text)
        default = text_of(field, field.default)
        changed = bool(error) or text_of(field, parsed(field, text)) != default
        return FieldLine(
            field.name,
            field.title,
            field.kind,
            text,
            field.choices,
            hint(field),
            empty(field),
            field.description,
            default,
            changed,
            error,
        )


def _class_of(stage: str) -> type[StageSettings]:
    found: type[StageSettings] = PipelineSettings.model_fields[stage].annotation  # type: ignore[assignment]
    return found


def _still_allowed(used: Mapping[str, Mapping[str, Any]]) -> PipelineSettings:
    """Read recorded settings, setting by setting: an older program may have known others."""
    kept: dict[str, dict[str, Any]] = {stage: {} for stage in STAGES}
    for stage in STAGES:
        for name, value in dict(used.get(stage, {})).items():
            try:
                PipelineSettings.from_values({stage: {name: value}})
            except InputError:
                continue
            kept[stage][name] = value
    return PipelineSettings.from_values(kept | {"others": dict(used.get("others", {}))})
