"""The settings of ``segmend run``: from a file, from the project's last run, or the defaults."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from segmend.app.cli.answer import Answer, say
from segmend.core.errors import InputError

if TYPE_CHECKING:
    from segmend.core.pipeline.settings import PipelineSettings


def add_settings_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how, not where, a run works."""
    parser.add_argument(
        "--settings",
        type=Path,
        metavar="FILE",
        help="settings of all stages, .toml or .yaml; what it leaves out has its default; without: as in the last run",
    )
    parser.add_argument(
        "--defaults",
        action="store_true",
        help="start from the default settings instead of those of the project's last run",
    )
    parser.add_argument(
        "--write-settings",
        type=Path,
        metavar="FILE",
        help="write all settings as they would be used, with what each means, and run nothing",
    )
    parser.add_argument(
        "--model", help="affinity network: a name (segmend models) or a file; wins over --settings"
    )
    parser.add_argument(
        "--threshold",
        type=float,
        metavar="AFFINITY",
        help="segments are cut at this mean affinity, 0 to 1 (0.4); wins over --settings",
    )


def settings_of(options: argparse.Namespace) -> PipelineSettings:
    """Return the settings to run with; single options win over where the others come from.

    Raises
    ------
    InputError
        If the file cannot be read, a value is not allowed, or two sources are named.
    """
    from segmend.core.pipeline.settings import PipelineSettings

    values = _base(options).model_dump(mode="json")
    if options.model is not None:
        values["affinities"]["model"] = options.model
    if options.threshold is not None:
        values["agglomeration"]["threshold"] = options.threshold
    return PipelineSettings.from_values(values)


def _base(options: argparse.Namespace) -> PipelineSettings:
    from segmend.core.pipeline.last_settings import last_settings
    from segmend.core.pipeline.settings import PipelineSettings
    from segmend.core.pipeline.specification import load_specification
    from segmend.core.project import open_project

    if options.settings is not None:
        if options.defaults:
            raise InputError("--settings and --defaults exclude each other: give one of them")
        return load_specification(options.settings)
    if options.defaults:
        return PipelineSettings()
    last = last_settings(open_project(options.project))
    if last != PipelineSettings():
        say("settings are those of the last run, not the defaults; --defaults starts from these")
    return last


def write_settings(settings: PipelineSettings, file: Path) -> Answer:
    """Write settings to a new file."""
    from segmend.core.pipeline.specification import specification_text

    text = specification_text(settings, file.suffix.lower())
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise InputError(f"{file} exists already: choose another name, or remove it") from None
    except OSError as error:
        raise InputError(
            f"{file} cannot be written ({error.strerror or error}): choose another place"
        ) from error
    return Answer({"settings": str(file)}, f"{file}: change what you want, then --settings {file}")
