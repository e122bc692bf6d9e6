"""One file that says how a segmentation is made, or was made: read, written out with every setting, kept with results.

TOML or YAML, one table per stage. What stands beside a result also has a table ``provenance``: versions and the keys of
all stages. Reading skips that table, so the file of a result can be run again as it is.
"""

from __future__ import annotations

import json
import platform
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from segmend.core.errors import InputError
from segmend.core.pipeline.marks import write_mark
from segmend.core.pipeline.plain_yaml import read_yaml
from segmend.core.pipeline.settings import PipelineSettings, StageSettings
from segmend.core.pipeline.settings_form import FormField, form_fields

FILE_NAME = "specification.toml"
SUFFIXES = (".toml", ".yaml", ".yml")

_LARGEST = 256 * 1024
_PROVENANCE = "provenance"
_PACKAGES = ("segmend", "numpy", "numba", "torch")


@dataclass(frozen=True)
class StageProvenance:
    """What one stage's result depends on besides its settings.

    Parameters
    ----------
    version : int
        Of the stage.
    key : str
        Hash of settings, inputs and identity: the one in the stage's mark.
    inputs : mapping of str to str
        Artifact to what tells its content apart: the key of the stage that made it, or a hash of the file.
    identity : str
        Of weights, scorers and the like; empty where there are none.
    """

    version: int
    key: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    identity: str = ""


def load_specification(path: Path) -> PipelineSettings:
    """Read settings from a TOML or YAML file; what is left out has its default.

    Parameters
    ----------
    path : Path
        ``.toml``, ``.yaml`` or ``.yml``, at most 256 KB.

    Raises
    ------
    InputError
        If the file cannot be read or is another format, or a name, type or value is not allowed; the message is one
        line that names file and setting.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(
            f"{path} is no settings file: expected a name that ends in {', '.join(SUFFIXES)}"
        )
    text = _text_of(path)
    try:
        return read_specification(text, suffix)
    except InputError as error:
        raise InputError(f"{path}: {error}", details=error.details) from None


def read_specification(text: str, suffix: str = ".toml") -> PipelineSettings:
    """Read settings from text, as `load_specification` does from a file."""
    values = _toml(text) if suffix == ".toml" else read_yaml(text)
    if values is None:
        return PipelineSettings()
    if not isinstance(values, dict):
        raise InputError("it holds no tables: expected one per stage, by its name")
    values.pop(_PROVENANCE, None)
    return PipelineSettings.from_values(values)


def specification_text(settings: PipelineSettings, suffix: str = ".toml") -> str:
    """Write out every setting, defaults included, each under a comment that says what it is.

    Parameters
    ----------
    settings : PipelineSettings
    suffix : str
        ``.toml``, ``.yaml`` or ``.yml``.

    Raises
    ------
    InputError
        If the suffix is another.
    """
    if suffix not in SUFFIXES:
        raise InputError(f"settings are not written as {suffix!r}: expected {', '.join(SUFFIXES)}")
    return _written(_by_stage(settings), {}, suffix)


def write_specification(
    folder: Path,
    settings: Mapping[str, Mapping[str, Any]],
    stages: Mapping[str, StageProvenance],
) -> None:
    """Put ``specification.toml`` beside a result.

    Parameters
    ----------
    folder : Path
        Of the generation.
    settings : mapping of str to mapping
        Of every stage that made something there, by its name, as plain values.
    stages : mapping of str to StageProvenance
        The same stages.
    """
    provenance = {
        "versions": {"python": platform.python_version(), **_versions()},
        "stages": {name: asdict(entry) for name, entry in stages.items()},
    }
    write_mark(folder / FILE_NAME, _written(settings, provenance, ".toml"))


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise InputError(
                f"{path} is larger than {_LARGEST // 1024} KB: this is no settings file"
            )
        return data.decode("utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; give a settings file") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text: give a settings file") from None


def _toml(text: str) -> Any:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(
            f"it is not TOML: {error or 'nested too deep'}; correct the file"
        ) from None


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found


def _by_stage(settings: PipelineSettings) -> dict[str, dict[str, Any]]:
    tables: dict[str, dict[str, Any]] = settings.model_dump(mode="json")
    others = tables.pop("others")
    return {**others, **tables}


def _written(
    settings: Mapping[str, Mapping[str, Any]], provenance: Mapping[str, Any], suffix: str
) -> str:
    """Own stages first, in their order; others' in tables ``others.NAME``."""
    own = {
        name: form.annotation
        for name, form in PipelineSettings.model_fields.items()
        if name in settings and name != "others"
    }
    others = {name: dict(values) for name, values in settings.items() if name not in own}
    rest = {name: table for name, table in (("others", others), (_PROVENANCE, provenance)) if table}
    if suffix == ".toml":
        return "\n".join([*_toml_lines(own, settings), _toml_text(rest)]).rstrip() + "\n"
    return "\n".join([*_yaml_lines(own, settings), *_yaml_rest(rest)]).rstrip() + "\n"


def _toml_lines(own: Mapping[str, Any], settings: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, form in own.items():
        yield from (_about(form), f"[{name}]")
        for said, key, value in _rows(form, settings[name]):
            yield from (f"# {said}", f"{key} = {_toml_value(value)}")
        yield ""


def _toml_value(value: Any) -> str:
    """Numbers in a row stay in a row."""
    if isinstance(value, list) and not any(isinstance(item, str) for item in value):
        return json.dumps(value)
    return _toml_text({"x": value}).removeprefix("x = ").rstrip()


def _toml_text(values: Mapping[str, Any]) -> str:
    import tomli_w

    return tomli_w.dumps(_without_none(values))


def _yaml_lines(own: Mapping[str, Any], settings: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, form in own.items():
        yield from (_about(form), f"{name}:")
        for said, key, value in _rows(form, settings[name]):
            yield from (f"  # {said}", f"  {key}: {_yaml_value(value)}")
        yield ""


def _yaml_rest(rest: Mapping[str, Any]) -> Iterator[str]:
    for name, table in _without_none(rest).items():
        yield f"{name}:"
        yield from (f"  {_yaml_value(key)}: {_yaml_value(value)}" for key, value in table.items())


def _yaml_value(value: Any) -> str:
    """Write a value on one line: YAML in its flow style, all words in quotes."""
    if isinstance(value, Mapping):
        return (
            "{" + ", ".join(f"{_yaml_value(k)}: {_yaml_value(v)}" for k, v in value.items()) + "}"
        )
    if isinstance(value, list):
        return f"[{', '.join(map(_yaml_value, value))}]"
    if isinstance(value, str):
        return yaml.safe_dump(value, default_style='"', width=len(value) * 16 + 80).rstrip()
    return json.dumps(value)


def _about(form: type[StageSettings]) -> str:
    said = (form.__doc__ or "").strip().splitlines()
    return f"# {said[0] if said else form.__name__}"


def _rows(form: type[StageSettings], values: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Give comment, name and value of each setting; the table's name says which stage it is."""
    for described in form_fields(form):
        if described.name in values:
            yield _said(described), described.name, values[described.name]


def _said(described: FormField) -> str:
    words = described.description
    if described.choices:
        words += f" ({', '.join(described.choices)})"
    return f"for {', '.join(described.methods)}: {words}" if described.methods else words


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what has no value: TOML has no word for it."""
    return {
        name: _without_none(value) if isinstance(value, Mapping) else value
        for name, value in values.items()
        if value is not None
    }
