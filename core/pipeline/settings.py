"""Settings of every stage, with the one set of defaults; they are also the provenance of a result.

Strict pydantic models: an unknown name, a wrong type or a value out of range is refused, never guessed. The
``stage`` tag says which stage a table belongs to, so settings survive a trip through JSON and TOML.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from segmend.core.pipeline.settings_base import StageSettings, only_for, validated

__all__ = [
    "NEED_HISTOGRAMS",
    "AffinitiesSettings",
    "AgglomerationSettings",
    "CandidatesSettings",
    "GraphSettings",
    "PipelineSettings",
    "SkeletonsSettings",
    "StageSettings",
    "WatershedSettings",
    "only_for",
    "validated",
]

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=0)]
PositiveInt = Annotated[int, Field(gt=0)]
PositiveNm = Annotated[float, Field(gt=0.0)]
HISTOGRAM_BINS = 64
"""Of each contact, where agglomeration needs histograms and the settings of the graph say nothing."""

BlockShape = tuple[PositiveInt, PositiveInt, PositiveInt]
Offset = tuple[int, int, int]


class AffinitiesSettings(StageSettings):
    """Affinities by a network, block by block."""

    stage: Literal["affinities"] = "affinities"
    model: str = Field(
        default="auto", description="network by name or file; auto chooses by voxel size"
    )
    block_zyx: BlockShape = Field(
        default=(80, 128, 128), description="voxels per block at most (z y x), in whole chunks"
    )


class WatershedSettings(StageSettings):
    """Supervoxels from affinities."""

    stage: Literal["watershed"] = "watershed"
    method: Literal["fragments", "watershed", "mutex_watershed"] = Field(
        default="fragments",
        description="seeds on the distance transform, watershed with thresholds, or mutex watershed",
    )
    boundary_threshold: Fraction = Field(
        default=0.6,
        description="inside above this affinity",
        json_schema_extra=only_for("fragments"),
    )
    filter_size: Annotated[int, Field(gt=0, lt=256)] = Field(
        default=9,
        description="seeds are maxima in a window of this many voxels, an odd number",
        json_schema_extra=only_for("fragments"),
    )
    farthest: Annotated[int, Field(gt=0, le=2**15)] = Field(
        default=32,
        description="distances to the boundary beyond this many voxels count the same",
        json_schema_extra=only_for("fragments"),
    )
    per_section: Literal["auto", "yes", "no"] = Field(
        default="auto",
        description="section by section; auto: where z steps are coarse",
        json_schema_extra=only_for("fragments"),
    )
    low: Fraction = Field(
        default=0.0001,
        description="voxels without an affinity above it are background",
        json_schema_extra=only_for("watershed"),
    )
    high: Fraction = Field(
        default=0.9999,
        validate_default=True,
        description="affinities above it are all the same",
        json_schema_extra=only_for("watershed"),
    )
    size: Count = Field(
        default=50,
        description="smaller regions join a neighbour",
        json_schema_extra=only_for("watershed"),
    )
    link_affinity: Fraction = Field(
        default=0.5,
        description="weakest contact across which small regions join",
        json_schema_extra=only_for("watershed"),
    )
    offsets: tuple[Offset, ...] = Field(
        default=(),
        description="where each channel leads (z y x); empty: as the network's card says",
        json_schema_extra=only_for("mutex_watershed"),
    )
    bias: tuple[Fraction, ...] = Field(
        default=(0.5,),
        description="affinity above which an edge attracts, one or one per channel",
        json_schema_extra=only_for("mutex_watershed"),
    )
    strides: tuple[PositiveInt, ...] = Field(
        default=(),
        description="use each n-th edge along each axis, one per channel; empty: half its reach",
        json_schema_extra=only_for("mutex_watershed"),
    )
    dust: Count = Field(
        default=10,
        description="regions still below this become background",
        json_schema_extra=only_for("watershed", "mutex_watershed"),
    )
    block_zyx: BlockShape = Field(
        default=(256, 256, 256),
        description="voxels per block at most (z y x), in whole chunks; mutex watershed: half along z",
    )
    context: Annotated[int, Field(gt=0, le=256)] = Field(
        default=16,
        description="voxels around a block that plateaus and the mutex watershed look at",
    )

    @field_validator("filter_size")
    @classmethod
    def _odd(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError("expected an odd number: the window has a middle")
        return value

    @field_validator("high")
    @classmethod
    def _not_below_low(cls, value: float, info: ValidationInfo) -> float:
        if info.data.get("method") == "watershed" and value < info.data.get("low", 0.0):
            raise ValueError("expected no less than low")
        return value

    @field_validator("offsets")
    @classmethod
    def _lead_somewhere(cls, value: tuple[Offset, ...]) -> tuple[Offset, ...]:
        if not all(map(any, value)):
            raise ValueError("an offset of 0 0 0 leads nowhere")
        return value

    @field_validator("bias", "strides")
    @classmethod
    def _one_per_channel(cls, value: tuple[Any, ...], info: ValidationInfo) -> tuple[Any, ...]:
        channels = len(info.data.get("offsets", ()))
        if channels and len(value) not in (channels, int(info.field_name == "bias")):
            raise ValueError(f"expected one for each of {channels} offsets")
        return value


class GraphSettings(StageSettings):
    """Region adjacency graph of the supervoxels."""

    stage: Literal["graph"] = "graph"
    block_zyx: BlockShape = Field(
        default=(256, 256, 256), description="voxels per block at most (z y x), in whole chunks"
    )
    histogram_bins: Annotated[int, Field(ge=0, le=256)] = Field(
        default=0,
        description="bins of the affinities of each contact; 0: none, or 64 where agglomeration needs them",
    )


class AgglomerationSettings(StageSettings):
    """Segments from supervoxels, with a recorded merge tree."""

    stage: Literal["agglomeration"] = "agglomeration"
    method: Literal["mean", "maximum", "quantile", "learned", "multicut", "lifted_multicut"] = (
        Field(
            default="mean",
            description="what two regions are joined by: affinities of their contact, a model of it, or a multicut",
        )
    )
    threshold: Fraction = Field(
        default=0.4,
        description="segments are cut at this score; in a multicut contacts attract above this affinity; "
        "every method has a scale of its own: 0.4 suits mean, near 0.95 maximum, near 0.3 the others",
    )
    quantile: Fraction = Field(
        default=0.5,
        description="which one of the affinities of a contact",
        json_schema_extra=only_for("quantile"),
    )
    scorer: str = Field(
        default="edge_model",
        description="name of an edge scorer (entry point group segmend.edge_scorers)",
        json_schema_extra=only_for("learned"),
    )
    area_power: Annotated[float, Field(ge=0.0, le=2.0)] = Field(
        default=1.0,
        description="a contact weighs as much as this power of its area; 0: all the same",
        json_schema_extra=only_for("multicut", "lifted_multicut"),
    )
    acyclic: bool = Field(
        default=False,
        description="no rings: pieces stay apart that would touch in several places",
        json_schema_extra=only_for("multicut", "lifted_multicut"),
    )
    one_contact_nm: PositiveNm = Field(
        default=500.0,
        description="acyclic: contacts of two pieces within a box of this diagonal are one place",
        json_schema_extra=only_for("multicut", "lifted_multicut"),
    )
    lifted_steps: Annotated[int, Field(ge=2, le=16)] = Field(
        default=2,
        description="long-range edges span at most this many contacts",
        json_schema_extra=only_for("lifted_multicut"),
    )
    lifted_probability: Fraction = Field(
        default=0.1,
        description="long-range edges whose most probable path is less probable are left out",
        json_schema_extra=only_for("lifted_multicut"),
    )
    lifted_share: Annotated[float, Field(ge=0.0, le=10.0)] = Field(
        default=0.1,
        description="what all long-range edges together weigh, the contacts being 1",
        json_schema_extra=only_for("lifted_multicut"),
    )


NEED_HISTOGRAMS = ("maximum", "quantile")
"""Methods of agglomeration that read the affinities of a contact and not only their mean."""


class SkeletonsSettings(StageSettings):
    """Centre lines of the larger segments."""

    stage: Literal["skeletons"] = "skeletons"
    resolution_nm: PositiveNm = Field(
        default=30.0, description="voxel size of the coarser copy traced"
    )
    minimum_voxels: PositiveInt = Field(
        default=2000, description="smaller segments get no skeleton"
    )


class CandidatesSettings(StageSettings):
    """Suspected merge and split errors."""

    stage: Literal["candidates"] = "candidates"
    min_probability: Fraction = Field(
        default=0.001, description="less likely candidates are not kept"
    )
    min_side_voxels: PositiveInt = Field(default=50, description="smallest side of an edit")
    min_area: PositiveInt = Field(
        default=3, description="smallest contact of touching sides, in faces"
    )
    splits_per_segment: PositiveInt = Field(default=8, description="cuts kept inside one segment")
    distinct_cuts: Fraction = Field(default=0.3, description="share by which two cuts must differ")
    seeds_per_side: PositiveInt = Field(
        default=64, description="supervoxels a split names on each side"
    )
    max_candidates: PositiveInt = Field(
        default=100_000, description="those with the highest gain are kept"
    )


class PipelineSettings(StageSettings):
    """Settings of all stages that Segmend brings; those of others are checked when their stage is built.

    Agglomeration by maximum or quantile needs histograms from the graph stage: where ``graph.histogram_bins`` is 0
    they get 64 bins, so that the method is all one has to set.
    """

    affinities: AffinitiesSettings = AffinitiesSettings()
    watershed: WatershedSettings = WatershedSettings()
    graph: GraphSettings = GraphSettings()
    agglomeration: AgglomerationSettings = AgglomerationSettings()
    skeletons: SkeletonsSettings = SkeletonsSettings()
    candidates: CandidatesSettings = CandidatesSettings()
    others: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="settings of stages brought by third parties, by name"
    )

    @model_validator(mode="after")
    def _count_affinities(self) -> PipelineSettings:
        """Have the graph stage keep histograms where the method of agglomeration reads them."""
        if self.agglomeration.method in NEED_HISTOGRAMS and not self.graph.histogram_bins:
            graph = self.graph.model_copy(update={"histogram_bins": HISTOGRAM_BINS})
            object.__setattr__(self, "graph", graph)  # frozen for everybody else
        return self

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> PipelineSettings:
        """Build settings from plain tables, one per stage name; what is left out has its default.

        Raises
        ------
        InputError
            If a name or value is not allowed.
        """
        return validated(cls, values)
