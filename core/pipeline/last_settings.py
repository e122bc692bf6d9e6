"""The settings of a project's last run: the next one starts from them, wherever it is started."""

from __future__ import annotations

from pathlib import Path

from segmend.core.errors import InputError
from segmend.core.pipeline.marks import write_mark
from segmend.core.pipeline.settings import PipelineSettings
from segmend.core.pipeline.specification import load_specification, specification_text
from segmend.core.project import Project

FILE_NAME = "settings.toml"


def last_settings(project: Project) -> PipelineSettings:
    """Return what the last run was asked for, finished or not.

    Where nothing was kept these are the settings that the stages of the present generation ran with, and defaults for
    the rest; so they are where what was kept does not fit this program.
    """
    path = project.path / FILE_NAME
    if path.is_file():
        try:
            return load_specification(path)
        except InputError:
            return PipelineSettings()
    own = PipelineSettings.model_fields
    recorded = {name: values for name, values in project.config.stages.items() if name in own}
    try:
        return PipelineSettings.from_values(recorded)
    except InputError:
        return PipelineSettings()


def keep_settings(folder: Path, settings: PipelineSettings) -> None:
    """Keep the settings of a run that begins.

    Parameters
    ----------
    folder : Path
        The project.
    settings : PipelineSettings
    """
    write_mark(folder / FILE_NAME, specification_text(settings))
