"""Settings: strict, one set of defaults, the same after a trip through TOML and JSON."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pydantic import ValidationError

from segmend.core.algorithms.limited_distance import LARGEST_LIMIT
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
            low=st.floats(0, 0.5),
            high=st.floats(0.5, 1),
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
        ("[watershed]\nspeed = 1", "no setting watershed.speed"),
        ("[agglomeration]\nstage = 'graph'", "agglomeration.stage = 'graph'"),
        ("[affinities]\nblock_zyx = [64, 128]", "affinities.block_zyx"),
        ("[affinities]\nblock_zyx = [64, 0, 128]", "affinities.block_zyx.1 = 0"),
        ("watershed = 1", "watershed = 1"),
        (
            "[watershed]\nfilter_size = 8",
            "watershed.filter_size = 8 is not allowed: expected an odd",
        ),
        ("[watershed]\nfarthest = 1000000", "watershed.farthest = 1000000"),
        ("[watershed]\ncontext = 100000", "watershed.context = 100000"),
        (
            "[watershed]\nmethod = 'watershed'\nlow = 0.5\nhigh = 0.4",
            "watershed.high = 0.4 .* no less than low",
        ),
        (
            "[watershed]\nmethod = 'watershed'\nlow = 1.0",
            "watershed.high = 0.9999 .* no less than low",
        ),
        ("[watershed]\noffsets = [[0, 0, 1], [0, 0, 0]]", "watershed.offsets .* leads nowhere"),
        (
            "[watershed]\noffsets = [[0, 0, 1], [0, 1, 0]]\nstrides = [1]",
            "watershed.strides = .* one for each of 2",
        ),
        (
            "[watershed]\noffsets = [[0, 0, 1], [0, 1, 0]]\nbias = [0.1, 0.2, 0.3]",
            "watershed.bias = .* one for each of 2",
        ),
        ("[waterfall]", "waterfall"),
        ("not toml", "not TOML"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(text, said):
    with pytest.raises(InputError, match=said) as caught:
        read_specification(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        f"[watershed]\nlow = {[0] * 20_000}",
        f"[watershed]\n{'speed' * 20_000} = 1",
        f"watershed = '{'x' * 20_000}'",
    ],
)
def test_what_does_not_fit_is_quoted_in_short(text):
    with pytest.raises(InputError, match="watershed") as caught:
        read_specification(text)
    assert len(str(caught.value)) < 300


def test_distances_are_bounded_as_the_algorithm_bounds_them():
    assert WatershedSettings(farthest=LARGEST_LIMIT).farthest == LARGEST_LIMIT
    with pytest.raises(ValidationError, match="farthest"):
        WatershedSettings(farthest=LARGEST_LIMIT + 1)


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
