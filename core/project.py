"""The project folder: make one, open one, write to it alone. The door of ``core/projects`` and the lock beside it."""

from segmend.core.project_lock import ProjectLock
from segmend.core.projects.config import FORMAT, ProjectConfig
from segmend.core.projects.creation import Progress, create_project
from segmend.core.projects.folder import Project, open_project

__all__ = [
    "FORMAT",
    "Progress",
    "Project",
    "ProjectConfig",
    "ProjectLock",
    "create_project",
    "open_project",
]
