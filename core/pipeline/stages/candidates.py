"""Suspected merge and split errors, with their probability and expected gain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from segmend.core.geometry import Box
from segmend.core.pipeline.settings import CandidatesSettings, StageSettings
from segmend.core.pipeline.stage import BaseStage, Scope, StageContext, Summary
from segmend.core.project import Project


@dataclass(frozen=True)
class CandidatesStage(BaseStage):
    """Writes ``candidates.json``."""

    settings: CandidatesSettings

    name: ClassVar[str] = "candidates"
    settings_form: ClassVar[type[StageSettings]] = CandidatesSettings
    inputs: ClassVar[tuple[str, ...]] = ("graph", "segments")
    optional: ClassVar[tuple[str, ...]] = ("skeletons",)
    outputs: ClassVar[Mapping[str, tuple[str, ...]]] = {"candidates": ("candidates.json",)}
    scope: ClassVar[Scope] = "derived"

    def check(self, project: Project) -> None:
        """Take volumes of any size: one worker holds the graph."""

    def identity(self, project: Project) -> str:
        """Return a hash of the edge model's weights."""
        from segmend.core.candidates.edge_model import shipped_identity

        return shipped_identity()

    def run_block(self, context: StageContext, box: Box) -> None:
        """Look at every contact, every accepted merge and every skeleton link."""
        from segmend.core.candidates.detection import DetectionSettings, detect_candidates
        from segmend.core.candidates.skeleton_links import load_links
        from segmend.core.candidates.store import save_candidates
        from segmend.core.segmentation.graph_files import load_graph

        chosen = self.settings
        found = detect_candidates(
            load_graph(context.graph_dir),
            context.project.grid,
            links=load_links(context.generation_dir / "skeletons"),
            settings=DetectionSettings(**chosen.model_dump(exclude={"stage"})),
        )
        save_candidates(context.generation_dir / "candidates.json", found)

    def finish(self, context: StageContext) -> Summary:
        """Count the candidates."""
        from segmend.core.candidates.store import load_candidates

        return {"candidates": len(load_candidates(context.generation_dir / "candidates.json"))}
