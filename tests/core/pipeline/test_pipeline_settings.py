"""Settings: strict, one set of defaults, the same after a trip through TOML and JSON."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pydantic import ValidationError

from segmend.core.errors import InputError
from segmend.core.pipeline.settings import (
    AffinitiesSettings,
    AgglomerationSettings,
    PipelineSettings,
    WatershedSettings,
)
from segmend.core.pipeline.specification import read_specification, specification_text

fractions = st.floats(0, 1)


@examples(max_examples=25, deadline=None)
@given(
    st.builds(
        PipelineSettings,
        affinities=st.builds(
            AffinitiesSettings,
            model=st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20),
            block_zyx=st.tuples(*[st.integers(1, 512)] * 3),
        ),
        watershed=st.builds(
            WatershedSettings,
            method=st.sampled_from(["fragments", "watershed"]),
            low=fractions,
            high=fractions,
            size=st.integers(0, 10**6),
        ),
        agglomeration=st.builds(AgglomerationSettings, threshold=fractions),
        others=st.dictionaries(
            st.from_regex(r"[a-z]{1,8}", fullmatch=True),
            st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.integers(-9, 9)),
        ),
    )
)
def test_settings_survive_toml_and_json(settings):
    assert read_specification(specification_text(settings)) == settings
    assert PipelineSettings.model_validate_json(settings.model_dump_json()) == settings
    assert PipelineSettings.from_values(settings.model_dump()) == settings


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[watershed]\nlow = 2.0", "watershed.low = 2.0"),
        ("[watershed]\nlow = '0.1'", "watershed.low = '0.1'"),
        ("[watershed]\nlow = nan", "watershed.low = nan|not plain"),
        ("[watershed]\nspeed = 1", "watershed.speed = 1"),
        ("[agglomeration]\nstage = 'graph'", "agglomeration.stage = 'graph'"),
        ("[affinities]\nblock_zyx = [64, 128]", "affinities.block_zyx"),
        ("[affinities]\nblock_zyx = [64, 0, 128]", "affinities.block_zyx.1 = 0"),
        ("watershed = 1", "watershed = 1"),
        ("[waterfall]", "waterfall"),
        ("not toml", "not TOML"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(text, said):
    with pytest.raises(InputError, match=said) as caught:
        read_specification(text)
    assert "\n" not in str(caught.value)


def test_settings_cannot_be_changed_in_place():
    with pytest.raises(ValidationError, match="frozen"):
        AgglomerationSettings().threshold = 0.1


def test_every_setting_of_a_stage_has_a_description():
    forms = [
        field.annotation
        for name, field in PipelineSettings.model_fields.items()
        if name != "others"
    ]
    silent = [
        f"{form.__name__}.{name}"
        for form in forms
        for name, field in form.model_fields.items()
        if name != "stage" and not field.description
    ]
    assert silent == []
    assert all(
        form().stage == name
        for form, name in zip(forms, PipelineSettings.model_fields, strict=False)
    )


def test_forms_can_be_built_without_heavy_libraries():
    script = (
        "import sys, segmend.core.pipeline.settings, segmend.core.pipeline.registry, "
        "segmend.core.pipeline.runner\n"
        "heavy = {'torch', 'dask', 'distributed', 'kimimaro', 'cc3d', 'qtpy', 'napari'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
