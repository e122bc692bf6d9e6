"""One file of settings: TOML and YAML, written out whole, read back the same, and nothing else believed."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from segmend.core.errors import InputError
from segmend.core.pipeline import plain_yaml
from segmend.core.pipeline.marks import stage_key
from segmend.core.pipeline.registry import STAGE_NAMES
from segmend.core.pipeline.runner import run_pipeline
from segmend.core.pipeline.settings import (
    AffinitiesSettings,
    AgglomerationSettings,
    PipelineSettings,
    WatershedSettings,
)
from segmend.core.pipeline.specification import (
    FILE_NAME,
    StageProvenance,
    load_specification,
    read_specification,
    specification_text,
    write_specification,
)
from segmend.core.project import open_project

words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
names = st.from_regex(r"[a-z_]{1,8}", fullmatch=True).filter(lambda n: n not in STAGE_NAMES)
plain = st.recursive(
    st.one_of(st.booleans(), st.integers(-99, 99), st.floats(-1e9, 1e9), words),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)),
    max_leaves=6,
)
any_settings = st.builds(
    PipelineSettings,
    affinities=st.builds(AffinitiesSettings, model=words),
    watershed=st.builds(
        WatershedSettings,
        per_section=st.sampled_from(["auto", "yes", "no"]),
        low=st.floats(0, 0.9),
        offsets=st.lists(st.tuples(*[st.integers(-9, 9)] * 3).filter(any), max_size=3).map(tuple),
    ),
    agglomeration=st.builds(AgglomerationSettings, acyclic=st.booleans()),
    others=st.dictionaries(names, st.dictionaries(names, plain, max_size=3), max_size=2),
)


@examples(max_examples=40, deadline=None)
@given(any_settings, st.sampled_from([".toml", ".yaml", ".yml"]))
def test_settings_written_out_read_back_the_same(tmp_path_factory, settings, suffix):
    path = tmp_path_factory.getbasetemp() / f"written{suffix}"
    path.write_text(specification_text(settings, suffix), encoding="utf-8")
    assert load_specification(path) == settings


@pytest.mark.parametrize("suffix", [".toml", ".yaml"])
def test_every_setting_is_written_under_what_it_means(suffix):
    text = specification_text(PipelineSettings(), suffix)
    for name, form in PipelineSettings.model_fields.items():
        for key, field in getattr(form.annotation, "model_fields", {}).items():
            if key != "stage":
                assert f"{key}{' =' if suffix == '.toml' else ':'} " in text, (name, key)
                assert field.description in text


def test_what_is_left_out_has_its_default_also_in_an_empty_file(tmp_path):
    for name, text in (
        ("a.toml", ""),
        ("a.yaml", "# nothing\n"),
        ("b.YML", "watershed: {low: 1e-4}"),
    ):
        (tmp_path / name).write_text(text)
        assert load_specification(tmp_path / name) == PipelineSettings()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "a.toml",
            "[watershed]\nlow = 2.0",
            r"a\.toml: setting watershed\.low = 2\.0 is not allowed",
        ),
        (
            "a.yaml",
            "watershed: {low: 2.0}",
            r"a\.yaml: setting watershed\.low = 2\.0 is not allowed",
        ),
        ("a.yaml", "watershed: {speed: 1}", r"no setting watershed\.speed"),
        ("a.yaml", "watershed: {low: yes}", r"setting watershed\.low = 'yes'"),
        ("a.yaml", "waterfall: {}", "setting waterfall"),
        ("a.yaml", "graph: 2026-01-01", "setting graph = '2026-01-01'"),
        ("a.yaml", "- 1", "holds no tables"),
        ("a.yaml", "a: &x [1]\nb: *x", "anchors and aliases"),
        ("a.yaml", "a: !!python/name:os.system ''", "tag"),
        ("a.yaml", "a: !foo 1", "tag !foo"),
        ("a.yaml", "graph: {}\ngraph: {}", "graph is given twice"),
        ("a.yaml", "1: 2", "1 is not a name"),
        ("a.yaml", "<<: {graph: {}}", "setting <<"),
        ("a.yaml", "a: [", "not the YAML"),
        ("a.yaml", "a: 1\n---\nb: 2", "not the YAML"),
        ("a.yaml", "[" * 5000, "not the YAML"),
        ("a.yaml", "a: \x07", "not the YAML"),
        ("a.toml", "a = " + "[" * 5000, "not TOML"),
        ("a.toml", "a = 1\na = 2", "not TOML"),
        ("a.toml", "x" * 300_000, "larger than 256 KB"),
        ("a.json", "{}", r"expected a name that ends in \.toml, \.yaml, \.yml"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line_that_names_the_file(tmp_path, name, text, said):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InputError, match=said) as caught:
        load_specification(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "? {}\n: 1".replace("{}", "[" + "0, " * 9000 + "]"),
        "{0}: 1\n{0}: 2".format("x" * 900),
        "a: !" + "x" * 900 + " 1",
    ],
)
def test_what_yaml_quotes_is_short(text):
    with pytest.raises(InputError) as caught:
        read_specification(text, ".yaml")
    assert len(str(caught.value)) < 400


def test_many_names_are_looked_through_once(monkeypatch):
    compared = []

    class Name(str):
        __slots__ = ()

        def __eq__(self, other):
            compared.append(other)
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    loader = plain_yaml._PlainLoader
    original = loader.construct_object
    monkeypatch.setattr(
        loader,
        "construct_object",
        lambda self, node, deep=False: (
            Name(found) if isinstance(found := original(self, node, deep), str) else found
        ),
    )
    count = 300
    values = plain_yaml.read_yaml("".join(f"n{i}: {i}\n" for i in range(count)))
    assert len(values) == count
    assert len(compared) < 10 * count


def test_files_that_cannot_be_read_are_told(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        load_specification(tmp_path / "none.toml")
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        load_specification(tmp_path / "folder.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not UTF-8"):
        load_specification(tmp_path / "bytes.toml")
    with pytest.raises(InputError, match=r"'\.json'"):
        specification_text(PipelineSettings(), ".json")


def test_yaml_reads_words_and_numbers_as_toml_does(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("watershed: {per_section: yes, size: 010}\nothers: {x: {a: ~, b: 1:30, c: .5}}")
    read = load_specification(path)
    assert (read.watershed.per_section, read.watershed.size) == ("yes", 10)
    assert read.others["x"] == {"a": None, "b": "1:30", "c": 0.5}


def test_the_file_beside_a_result_says_what_made_it_and_runs_again(tmp_path):
    settings = PipelineSettings(
        watershed=WatershedSettings(size=7), others={"negative": {"level": 3}}
    )
    tables = {
        "watershed": settings.watershed.model_dump(mode="json"),
        "negative": {"stage": "negative", "level": 3, "none": None},
    }
    made = {
        "watershed": StageProvenance(2, "ab" * 16, {"affinities": "cd"}, "offsets"),
        "negative": StageProvenance(1, "ef" * 16),
    }
    write_specification(tmp_path, tables, made)
    told = tomllib.loads((tmp_path / FILE_NAME).read_text())["provenance"]
    assert {"segmend", "python", "numpy", "numba"} <= set(told["versions"])
    assert told["stages"]["watershed"] == {
        "version": 2, "key": "ab" * 16, "inputs": {"affinities": "cd"}, "identity": "offsets",
    }  # fmt: skip
    read = load_specification(tmp_path / FILE_NAME)
    assert read.watershed == settings.watershed
    assert read.others == {"negative": {"stage": "negative", "level": 3}}


@pytest.mark.parametrize("method", ["quantile", "maximum"])
def test_methods_that_read_histograms_have_the_graph_stage_make_them(method):
    chosen = PipelineSettings.from_values({"agglomeration": {"method": method}})
    assert chosen.graph.histogram_bins == 64
    given = {"agglomeration": {"method": method}, "graph": {"histogram_bins": 200}}
    assert PipelineSettings.from_values(given).graph.histogram_bins == 200
    assert PipelineSettings().graph.histogram_bins == 0


def test_every_other_value_has_another_key():
    def key(settings):
        return stage_key("watershed", 1, settings.model_dump(mode="json"), ["x"])

    keys = {key(WatershedSettings(**{name: value})) for name, value in (
        ("size", 50), ("size", 51), ("low", 0.001), ("method", "watershed"), ("offsets", ((-1, 0, 0),)),
    )}  # fmt: skip
    assert len(keys) == 5


def test_a_run_leaves_the_file_beside_its_result_and_the_file_makes_the_same_run(make_project):
    project = make_project()
    settings = PipelineSettings.from_values({"watershed": {"filter_size": 7}})
    chain = ("watershed", "graph", "agglomeration")
    run_pipeline(project, chain, settings, scheduler="synchronous")
    path = open_project(project.path).generation_dir / FILE_NAME
    told = tomllib.loads(path.read_text())["provenance"]["stages"]
    assert set(told) == set(chain)
    assert told["graph"]["inputs"]["supervoxels"] == told["watershed"]["key"]
    again = run_pipeline(
        open_project(project.path), chain, load_specification(path), scheduler="synchronous"
    )
    assert all(stage.skipped for stage in again.stages)
    assert tomllib.loads(path.read_text())["provenance"]["stages"] == told
