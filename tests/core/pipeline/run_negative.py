"""Run a slow fake stage on a project in worker processes; a program of its own, to be killed by a test."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    from fake_stages import NegativeSettings, NegativeStage, TwiceStage

    from segmend.core.pipeline.runner import run_pipeline
    from segmend.core.project import open_project

    form = TwiceStage if "twice" in sys.argv else NegativeStage
    stage = form(NegativeSettings(seconds=float(sys.argv[2])))
    try:
        run_pipeline(open_project(sys.argv[1]), [stage], device="cpu", workers=2)
    except KeyboardInterrupt:
        sys.exit(130)
