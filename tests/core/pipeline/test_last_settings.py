from segmend.core.pipeline.last_settings import FILE_NAME, keep_settings, last_settings
from segmend.core.pipeline.settings import PipelineSettings
from segmend.core.project import open_project

OTHER = PipelineSettings.from_values(
    {"watershed": {"method": "watershed"}, "agglomeration": {"threshold": 0.7}}
)


def test_a_new_project_has_the_usual_settings(image_project):
    assert last_settings(image_project) == PipelineSettings()


def test_the_settings_of_a_run_are_kept(image_project):
    keep_settings(image_project.path, OTHER)
    assert last_settings(image_project) == OTHER


def test_without_the_file_those_of_the_present_generation_count(image_project):
    stages = {"agglomeration": OTHER.agglomeration.model_dump(mode="json"), "mine": {"a": 1}}
    image_project.with_config(stages=stages)
    found = last_settings(open_project(image_project.path))
    assert found == PipelineSettings(agglomeration=OTHER.agglomeration)


def test_what_does_not_fit_any_more_is_not_taken(image_project):
    (image_project.path / FILE_NAME).write_text("[watershed]\nmethod = 'sieve'\n")
    assert last_settings(image_project) == PipelineSettings()
