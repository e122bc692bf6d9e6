"""The form of the pipeline's settings: what it shows, what it refuses, and what it passes on."""

from unittest.mock import MagicMock

import pytest

from segmend.app.presenters.pipeline import STAGES
from segmend.app.presenters.settings import SettingsPresenter, SettingsView
from segmend.app.presenters.settings_form import SettingsForm
from segmend.core.errors import InputError
from segmend.core.pipeline.settings import PipelineSettings
from segmend.core.pipeline.specification import load_specification


@pytest.fixture
def form():
    return SettingsForm()


def lines(form, stage):
    return {line.name: line for line in form.page(stage).lines}


def test_untouched_it_is_the_defaults(form):
    assert PipelineSettings.from_values(form.values()) == PipelineSettings()
    assert form.words == ""
    assert form.stages is None
    assert form.obstacle == ""
    assert not any(line.changed for page in form.pages for line in page.lines)


def test_every_stage_has_a_page_with_explanations(form):
    assert [page.stage for page in form.pages] == list(STAGES)
    for page in form.pages:
        assert page.title
        assert page.about
        assert all(line.explanation for line in page.lines)


def test_only_the_settings_of_the_method_are_shown(form):
    assert "boundary_threshold" in lines(form, "watershed")
    form.type("watershed", "method", "mutex_watershed")
    shown = lines(form, "watershed")
    assert "boundary_threshold" not in shown
    assert {"bias", "strides"} <= set(shown)
    assert shown["method"].changed


def test_what_was_used_last_is_there(form):
    used = {"watershed": {"stage": "watershed", "method": "watershed", "low": 0.02, "gone": 1}}
    form = SettingsForm(used)
    assert lines(form, "watershed")["low"].text == "0.02"
    assert form.values()["watershed"]["method"] == "watershed"
    assert form.words == "2 settings changed"


def test_typed_values_are_passed_on(form):
    form.type("watershed", "filter_size", " 11 ")
    form.type("agglomeration", "threshold", "0.55")
    form.type("watershed", "block_zyx", "64, 128 128")
    settings = PipelineSettings.from_values(form.values())
    assert settings.watershed.filter_size == 11
    assert settings.watershed.block_zyx == (64, 128, 128)
    assert settings.agglomeration.threshold == 0.55


def test_places_are_read_in_groups(form):
    form.type("watershed", "method", "mutex_watershed")
    form.type("watershed", "offsets", "-1 0 0; 0 -1 0; 0 0 -1")
    assert form.obstacle == ""
    assert form.values()["watershed"]["offsets"] == ((-1, 0, 0), (0, -1, 0), (0, 0, -1))
    form.type("watershed", "offsets", "-1 0 0")
    assert "semicolon" in lines(form, "watershed")["offsets"].error


@pytest.mark.parametrize(
    ("stage", "name", "text", "said"),
    [
        ("agglomeration", "threshold", "1.5", "expected 0 to 1"),
        ("agglomeration", "threshold", "0,5", "a number"),
        ("agglomeration", "threshold", "", "a number"),
        ("agglomeration", "threshold", "nan", "finite"),
        ("watershed", "filter_size", "2.5", "whole number"),
        ("watershed", "filter_size", "0", "1 to 255"),
        ("skeletons", "minimum_voxels", "0", "1 or more"),
        ("watershed", "block_zyx", "64 x 64", "numbers"),
        ("watershed", "block_zyx", "64 64", "3 numbers"),
        ("watershed", "block_zyx", "64 64 64 64", "3 numbers"),
        ("watershed", "block_zyx", "64 64 1.5", "integer"),
        ("skeletons", "resolution_nm", "0", "greater than 0"),
        ("skeletons", "resolution_nm", "-3", "0 or more"),
    ],
)
def test_what_cannot_be_taken_is_said_beside_the_field(form, stage, name, text, said):
    form.type(stage, name, text)
    line = lines(form, stage)[name]
    assert said in line.error
    assert line.text == text
    assert line.changed
    assert form.page(stage).wrong == 1
    assert form.page(stage).title in form.obstacle
    assert "\n" not in line.error


def test_wrong_text_of_another_method_is_in_nobodys_way(form):
    form.type("watershed", "filter_size", "many")
    form.type("watershed", "method", "watershed")
    assert form.obstacle == ""
    assert PipelineSettings.from_values(form.values()).watershed.method == "watershed"


def test_back_to_the_defaults(form):
    form.type("watershed", "filter_size", "many")
    form.type("watershed", "farthest", "7")
    form.reset("watershed", "filter_size")
    assert form.page("watershed").changed == 1
    form.reset("watershed")
    assert form.page("watershed").changed == 0


def test_stages_are_chosen(form):
    for stage in STAGES[:3]:
        form.switch(stage, False)
    assert form.stages == STAGES[3:]
    assert "Agglomeration" in form.words
    for stage in STAGES[3:]:
        form.switch(stage, False)
    assert "stage" in form.obstacle


def test_stages_that_run_anyway_are_not_named():
    form = SettingsForm(usual=("graph", "agglomeration"))
    assert [page.stage for page in form.pages if page.on] == ["graph", "agglomeration"]
    assert form.stages is None
    form.switch("skeletons", True)
    assert form.stages == ("graph", "agglomeration", "skeletons")


def test_a_copy_is_independent(form):
    copy = form.copy()
    copy.type("agglomeration", "threshold", "0.1")
    copy.switch("graph", False)
    assert form.words == ""
    assert form.stages is None


@pytest.mark.parametrize("suffix", [".toml", ".yaml"])
def test_settings_travel_through_a_file(form, tmp_path, suffix):
    form.type("watershed", "method", "mutex_watershed")
    form.type("watershed", "bias", "0.4 0.6")
    path = tmp_path / f"s{suffix}"
    form.save(path)
    assert load_specification(path).watershed.bias == (0.4, 0.6)
    other = SettingsForm()
    other.load(path)
    assert other.values() == form.values()


def test_a_file_that_is_none_changes_nothing(form, tmp_path):
    path = tmp_path / "s.toml"
    path.write_text("[watershed]\nfilter_size = 'x'\n")
    form.type("watershed", "farthest", "7")
    with pytest.raises(InputError, match="filter_size"):
        form.load(path)
    assert lines(form, "watershed")["farthest"].text == "7"
    with pytest.raises(InputError, match="written"):
        form.save(tmp_path / "nowhere" / "s.toml")


@pytest.fixture
def view():
    return MagicMock(spec=SettingsView)


def test_typing_shows_what_is_wrong_and_that_it_cannot_run(form, view):
    presenter = SettingsPresenter(form, view)
    presenter.choose("agglomeration")
    presenter.type("threshold", "2")
    (page,) = view.show_page.call_args.args
    assert page.wrong == 1
    assert "Agglomeration" in view.show_problem.call_args.args[0]
    presenter.reset()
    view.show_problem.assert_called_with("")


def test_files_that_cannot_be_used_are_told(form, view, tmp_path):
    presenter = SettingsPresenter(form, view)
    presenter.load(tmp_path / "nothing.toml")
    assert view.show_note.call_args.kwargs["warning"]
    presenter.save(tmp_path / "s.toml")
    view.show_note.assert_called_with("Saved s.toml.")
    presenter.switch("graph", False)
    presenter.choose("agglomeration")
    presenter.type("threshold", "x")
    presenter.save(tmp_path / "t.toml")
    assert "Not saved" in view.show_note.call_args.args[0]
    assert not (tmp_path / "t.toml").exists()
    presenter.load(tmp_path / "s.toml")
    view.show_note.assert_called_with("Loaded s.toml.")
    assert form.obstacle == ""


def test_settings_of_other_stages_pass_through():
    form = SettingsForm({"others": {"denoise": {"strength": 3}}})
    assert form.copy().values()["others"] == {"denoise": {"strength": 3}}
    assert "others" not in SettingsForm().values()
