"""`segmend export --what meshes|skeletons`: all of a box, or the segments that are named."""

import json

import numpy as np
import pytest

from segmend.app.cli import main as command_line
from segmend.core.project import open_project
from segmend.core.session import Session


@pytest.fixture
def export(project_path, capsys):
    def run(out, *options):
        words = ["export", str(project_path), str(out), *map(str, options), "--json"]
        status = command_line.run(words)
        printed = capsys.readouterr()
        return json.loads(printed.out.splitlines()[-1]) if status == 0 else printed.err

    return run


@pytest.fixture
def ids(project_path):
    """Ids of the two largest segments, as people see them."""
    with Session.open(project_path, read_only=True) as session:
        segmentation = session.segmentation
        segments = np.unique(segmentation.segment_of)[1:]
        segments = sorted(segments.tolist(), key=lambda s: -segmentation.voxels(s))[:2]
        return segmentation.export_ids(np.array(segments)).tolist()


@pytest.mark.parametrize(("what", "ending"), [("meshes", "ply"), ("skeletons", "swc")])
def test_only_named_segments_are_written(export, ids, tmp_path, what, ending):
    out = tmp_path / what
    answer = export(out, "--what", what, "--segments", f"{ids[1]},{ids[0]},{ids[1]}")
    assert answer["count"] == 2
    assert sorted(path.name for path in out.iterdir()) == sorted(f"{n}.{ending}" for n in ids)


def test_a_skeleton_of_one_segment_is_kept_with_the_project(export, ids, tmp_path, project_path):
    first = export(tmp_path / "one", "--what", "skeletons", "--segments", ids[0])
    kept = list(project_path.glob("generation-*/traced/of-*.npz"))
    assert first["count"] == len(kept) == 1
    assert not list(project_path.glob("generation-*/skeletons/of-*"))  # what the stage made stays
    export(tmp_path / "two", "--what", "skeletons", "--segments", ids[0])
    name = f"{ids[0]}.swc"
    assert (tmp_path / "one" / name).read_text() == (tmp_path / "two" / name).read_text()


def test_a_project_that_cannot_be_written_to_is_exported(export, ids, tmp_path, project_path):
    (open_project(project_path).generation_dir / "traced").write_text("no folder")
    found = export(tmp_path / "one", "--what", "skeletons", "--segments", ids[0])
    assert found["count"] == 1
    assert (tmp_path / "one" / f"{ids[0]}.swc").is_file()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--what", "meshes", "--segments", "999999"), "there is no segment 999999"),
        (("--what", "skeletons", "--segments", "1", "--box", "0:4,0:4,0:4"), "leave --box away"),
        (("--segments", "1"), "--segments is for meshes and skeletons"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_left(export, ids, tmp_path, options, said):
    options = [str(ids[0]) if word == "1" else word for word in options]
    told = export(tmp_path / "out", *options)
    assert said in told
    assert not list(tmp_path.glob("*out*"))


def test_ids_are_numbers(export, tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        export(tmp_path / "out", "--what", "meshes", "--segments", "1,x")
    assert end.value.code == 2
    assert "expected segment ids such as 12,15" in capsys.readouterr().err
