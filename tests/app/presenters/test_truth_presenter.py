"""Comparing with the truth: files that do not fit are refused in words, figures follow the edits."""

from types import SimpleNamespace
from unittest.mock import MagicMock

import h5py
import numpy as np
import pytest

from segmend.app.presenters.truth import TruthLayer, TruthPresenter, TruthView
from segmend.core.edits.model import SplitSupervoxel
from segmend.core.errors import InputError, VolumeError
from segmend.core.geometry import Box
from segmend.core.review import evaluate
from segmend.core.segmentation.mapped_labels import MappedVolume
from segmend.core.volumes.opening import open_labels


@pytest.fixture
def view():
    return MagicMock(spec=TruthView)


@pytest.fixture
def layer():
    return MagicMock(spec=TruthLayer)


@pytest.fixture
def calls():
    return MagicMock()


@pytest.fixture
def presenter(session, jobs, view, layer, calls):
    return TruthPresenter(session, jobs, view, layer, changed=calls.changed, failed=calls.failed)


def write(path, labels, voxel_size=None):
    with h5py.File(path, "w") as file:
        data = file.create_dataset("labels", data=labels)
        if voxel_size:
            data.attrs["voxel_size_nm_zyx"] = voxel_size
    return str(path)


@pytest.fixture
def truth_path(session, tmp_path):
    """Every six supervoxels are one true object, the last ones are not known."""
    whole = session.supervoxels[0].read(Box.of_shape(session.project.shape_zyx))
    truth = np.where(whole > 54, 0, (whole + 5) // 6)
    return write(tmp_path / "truth.h5", truth.astype(np.uint32), (10.0, 10.0, 10.0))


def figures(view):
    card = view.show_truth.call_args.args[0]
    assert not card.note
    return {line.title: line for line in card.lines}


def test_figures_are_those_of_evaluate(presenter, session, truth_path, view, layer, calls):
    presenter.open(truth_path, calls.refused)
    calls.refused.assert_not_called()
    layer.open.assert_called_once()
    found = figures(view)
    volume = MappedVolume(session.supervoxels[0], session.segmentation)
    scores = evaluate(volume, open_labels(truth_path))
    assert found["VI split"].value == f"{scores.vi_split:.3f}"
    assert found["VI merge"].value == f"{scores.vi_merge:.3f}"
    assert found["VI sum"].tolerant == f"{scores.vi_sum_tolerant:.3f}"
    assert found["Adapted Rand error"].value == f"{scores.adapted_rand_error:.3f}"
    assert all(line.change == "" and line.explanation for line in found.values())


def test_it_is_counted_before_it_is_shown(presenter, truth_path, view, calls):
    presenter.open(truth_path, calls.refused)
    first = view.show_truth.call_args_list[0].args[0]
    assert first.note
    assert first.name == "truth.h5:/labels"
    assert presenter.table is not None


def test_a_merge_changes_the_figures(presenter, session, truth_path, view, calls):
    presenter.open(truth_path, calls.refused)
    before = figures(view)
    session.decide(session.queue.get(session.queue.next().id), "accept")
    presenter.follow()
    after = figures(view)
    scores = evaluate(
        MappedVolume(session.supervoxels[0], session.segmentation), open_labels(truth_path)
    )
    assert after["VI sum"].value == f"{scores.vi_sum:.3f}" != before["VI sum"].value
    assert after["Adapted Rand error"].value == f"{scores.adapted_rand_error:.3f}"
    assert after["VI sum"].change
    session.undo()
    presenter.follow()
    assert figures(view)["VI sum"] == before["VI sum"]


def test_a_voxel_edit_is_counted_again(presenter, session, truth_path, view, calls):
    presenter.open(truth_path, calls.refused)
    volume = session.supervoxels[0]
    voxels = np.argwhere(volume.read(Box.of_shape(volume.shape_zyx)) == 16)
    ends = (session.project.grid.to_nm(tuple(end)) for end in voxels[[0, -1]].tolist())
    session.apply(SplitSupervoxel(tuple((session.spot_at(end),) for end in ends)))
    table = presenter.table
    presenter.follow()
    assert any(call.args[0].note for call in view.show_truth.call_args_list[-2:])
    assert presenter.table is not table
    assert 16 not in presenter.table.labels
    assert figures(view)["VI sum"].change == ""


def test_putting_it_away_forgets_it(presenter, truth_path, view, layer, calls):
    presenter.open(truth_path, calls.refused)
    presenter.close()
    assert not presenter.shown
    assert presenter.table is None
    view.hide_truth.assert_called_once()
    layer.close.assert_called_once()
    shown = view.show_truth.call_count
    presenter.follow()
    assert view.show_truth.call_count == shown


def test_counting_stops_when_it_is_put_away(session, truth_path, view, layer, calls):
    waiting = []
    late = SimpleNamespace(
        query=lambda work, then, failed=None, topic="": waiting.append((work, then, failed))
    )
    presenter = TruthPresenter(
        session, late, view, layer, changed=calls.changed, failed=calls.failed
    )
    presenter.open(truth_path, calls.refused)
    work, then, _ = waiting.pop()
    then(work())
    presenter.close()
    work, _, failed = waiting.pop()
    with pytest.raises(Exception, match="put away") as caught:
        work()
    failed(caught.value)
    calls.failed.assert_not_called()


def test_a_file_that_is_open_too_late_is_not_shown(session, truth_path, view, layer, calls):
    waiting = []
    late = SimpleNamespace(
        query=lambda work, then, failed=None, topic="": waiting.append((work, then, failed))
    )
    presenter = TruthPresenter(
        session, late, view, layer, changed=calls.changed, failed=calls.failed
    )
    presenter.open(truth_path, calls.refused)
    presenter.close()  # as when the project is closed meanwhile
    work, then, failed = waiting.pop()
    then(work())
    failed(InputError("it does not fit"))
    layer.open.assert_not_called()
    calls.refused.assert_not_called()
    assert not presenter.shown


def test_a_file_that_is_none_is_refused(presenter, tmp_path, calls, view):
    presenter.open(str(tmp_path / "nothing.h5"), calls.refused)
    (error,) = calls.refused.call_args.args
    assert isinstance(error, VolumeError)
    assert not presenter.shown
    view.show_truth.assert_not_called()


def test_an_empty_truth_is_told_and_put_away(presenter, session, tmp_path, calls, view):
    path = write(tmp_path / "t.h5", np.zeros(session.project.shape_zyx, np.uint8))
    presenter.open(path, calls.refused)
    (error,) = calls.failed.call_args.args
    assert "0 everywhere" in str(error)
    assert not presenter.shown
    view.hide_truth.assert_called_once()
