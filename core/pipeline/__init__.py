"""The automated pipeline: stages, and the runner that works through them in worker processes.

Importing this package is cheap; torch, dask and kimimaro are imported when a run needs them.
"""

from segmend.core.pipeline.progress import CancelToken, NullProgress, Progress, RunReport, RunState
from segmend.core.pipeline.settings import PipelineSettings

__all__ = [
    "CancelToken",
    "NullProgress",
    "PipelineSettings",
    "Progress",
    "RunReport",
    "RunState",
    "run_pipeline",
]


def __getattr__(name: str) -> object:
    """Import the runner when it is first asked for."""
    if name != "run_pipeline":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from segmend.core.pipeline.runner import run_pipeline

    return run_pipeline
