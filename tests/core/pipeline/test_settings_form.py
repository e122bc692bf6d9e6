"""The form of a stage's settings: made from the settings class, and what it offers is what the class takes."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import Field

from segmend.core.errors import InputError
from segmend.core.pipeline.registry import STAGE_NAMES, stage_form
from segmend.core.pipeline.settings import (
    AgglomerationSettings,
    SkeletonsSettings,
    StageSettings,
    WatershedSettings,
    only_for,
    validated,
)
from segmend.core.pipeline.settings_form import form_fields, numbers_from_text, numbers_text

FORMS = [stage_form(name).settings_form for name in STAGE_NAMES]


class ForeignSettings(StageSettings):
    stage: Literal["foreign"] = "foreign"
    loud: bool = False
    level: int = Field(default=3, gt=1, lt=9, json_schema_extra=only_for("b"))
    label: str = Field(default="x", title="What to write")


def fields_of(form):
    return {field.name: field for field in form_fields(form)}


@pytest.mark.parametrize("form", FORMS)
def test_a_form_has_every_setting_with_the_default_of_the_class(form):
    values = {field.name: field.default for field in form_fields(form)}
    assert {*values, "stage"} == set(form.model_fields)
    assert form(**values) == form()


@pytest.mark.parametrize("form", FORMS)
def test_values_at_the_limits_are_taken_and_values_beyond_refused(form):
    for field in form_fields(form):
        for limit, step in ((field.minimum, -1), (field.maximum, 1)):
            if limit is None or field.kind not in ("number", "integer"):
                continue
            with pytest.raises(InputError, match=field.name):
                validated(form, {field.name: limit + step})
            if limit != 0.0 or field.kind == "integer":
                validated(form, {field.name: limit})


@pytest.mark.parametrize("form", FORMS)
def test_choices_are_taken_and_methods_exist(form):
    fields = fields_of(form)
    for field in fields.values():
        for choice in field.choices:
            assert getattr(validated(form, {field.name: choice}), field.name) == choice
        assert set(field.methods) <= set(fields["method"].choices if field.methods else ())


def test_a_form_can_show_only_what_the_chosen_method_reads():
    shown = {f.name for f in form_fields(AgglomerationSettings) if f.applies_to("quantile")}
    assert shown == {"method", "threshold", "quantile"}
    shown = {f.name for f in form_fields(WatershedSettings) if f.applies_to("fragments")}
    assert "filter_size" in shown
    assert shown.isdisjoint({"low", "offsets", "dust"})


def test_kinds_titles_and_limits_come_from_the_class():
    fields = fields_of(ForeignSettings)
    assert (fields["loud"].kind, fields["loud"].methods) == ("switch", ())
    assert (fields["level"].minimum, fields["level"].maximum) == (2, 8)
    assert fields["level"].methods == ("b",)
    assert (fields["label"].kind, fields["label"].title) == ("text", "What to write")
    assert fields_of(SkeletonsSettings)["resolution_nm"].title == "Resolution (nm)"
    block = fields_of(WatershedSettings)["block_zyx"]
    assert (block.kind, block.title, block.minimum) == ("numbers", "Block (z y x)", 1)


@pytest.mark.parametrize(
    "value", [(), (80, 128, 128), (0.5,), ((-1, 0, 0),), ((-1, 0, 0), (0, -3, 0))]
)
def test_numbers_survive_a_line_of_text(value):
    assert numbers_from_text(numbers_text(value)) == value


def test_a_word_among_numbers_is_refused():
    assert numbers_from_text("1, 2.5,3") == (1, 2.5, 3)
    with pytest.raises(InputError, match="not a row of numbers"):
        numbers_from_text("1 two 3")
