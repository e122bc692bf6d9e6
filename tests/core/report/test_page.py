import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from segmend.core.errors import InputError
from segmend.core.geometry import Box, Grid
from segmend.core.pipeline.marks import DoneMark, StageMarks
from segmend.core.pipeline.progress import RunReport, StageReport
from segmend.core.pipeline.settings import AgglomerationSettings
from segmend.core.project import create_project
from segmend.core.report.page import write_report
from segmend.core.review.evaluation import evaluate
from segmend.core.segmentation.graph_files import load_array, save_array
from segmend.core.volumes.memory import MemoryVolume

SHAPE = (12, 20, 24)
GRID = Grid((30.0, 10.0, 10.0))
NAME = "a<b>&'c'"


class Page(HTMLParser):
    """Checks that elements close in order, and keeps what a page would fetch or run."""

    VOID = ("meta", "img", "br")

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.fetched, self.text = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        self.fetched += [v for k, v in attrs if k in ("src", "href", "data") or k.startswith("on")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    @property
    def words(self):
        return " ".join(self.text)


@pytest.fixture(scope="module")
def labels():
    coarse = np.arange(1, 1 + 3 * 5 * 6, dtype=np.uint32).reshape(3, 5, 6)
    return np.kron(coarse, np.ones((4, 4, 4), np.uint32))


@pytest.fixture(scope="module")
def project(tmp_path_factory, labels):
    """A project whose supervoxels were agglomerated two by two; the run had a threshold of its own."""
    rng = np.random.default_rng(0)
    made = create_project(
        tmp_path_factory.mktemp("report") / f"{NAME}.segmend",
        image=MemoryVolume(rng.integers(0, 255, SHAPE).astype(np.uint8), GRID),
        affinities=MemoryVolume(rng.integers(0, 255, (3, *SHAPE)).astype(np.uint8), GRID),
        supervoxels=MemoryVolume(labels, GRID),
        segmentation=MemoryVolume((labels - 1) // 2 + 7, GRID),
    )
    pairs = np.arange(1, 91, dtype=np.uint32).reshape(-1, 2)
    save_array(made.graph_dir / "merge_edges.npy", pairs)
    save_array(made.graph_dir / "merge_scores.npy", np.linspace(0.9, 0.2, 45).astype(np.float32))
    settings = AgglomerationSettings(threshold=0.45).model_dump(mode="json")
    mark = DoneMark("0123abcd", ("segments",), 61.5, {"segments": 45}, settings)
    StageMarks(made.generation_dir / "marks" / "agglomeration").finish(mark)
    return made


def read(project, *arguments, **options):
    path = write_report(project, *arguments, **options)
    assert not list(path.parent.glob("*.partial*"))
    return Page(path.read_text(encoding="utf-8")), path


def test_the_page_is_whole_and_needs_nothing_beside_itself(project):
    page, path = read(project)
    assert path == project.generation_dir / "report.html"
    assert page.open == []
    assert page.tags.count("img") == 5  # image, affinities, segments across three axes
    assert all(source.startswith("data:image/png;base64,") for source in page.fetched)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    text = path.read_text(encoding="utf-8")
    assert "url(" not in text
    assert "prefers-color-scheme: dark" in text


def test_names_cannot_break_out_of_the_page(project):
    page, path = read(project)
    assert NAME in page.words
    assert "<b>&" not in path.read_text(encoding="utf-8")


def test_it_says_what_was_made_how_and_when(project):
    report = RunReport((StageReport("agglomeration", 61.5, False),), 90, 45, generation=1)
    page, _ = read(project, report)
    for words in ("12 x 20 x 24 voxels of 30 x 10 x 10 nm", "0123abcd", "61.5 s", "segments"):
        assert words in page.words
    assert re.search(r"threshold\s+0\.45\s+0\.4\s", page.words)  # name, value, default
    assert "1 not as by default" in page.words
    assert "numpy" in page.words


def test_the_table_of_stages_counts_what_was_done_again(project):
    marks = StageMarks(project.generation_dir / "marks" / "agglomeration")
    before = marks.done()
    marks.finish(replace(before, retries=1234))
    page, _ = read(project)
    marks.finish(before)
    assert "retries" in page.words
    assert re.search(r"61\.5 s\s+1,?.?234\s+45 segments", page.words)


def test_histograms_count_everything_once(project):
    _, path = read(project)
    charts = re.findall(r"<svg.*?</svg>", path.read_text(encoding="utf-8"))
    totals = [sum(map(int, re.findall(r": (\d+)</title>", chart))) for chart in charts]
    edges = len(load_array(project.graph_dir / "affinity.npy"))
    assert totals == [90, 45, edges, 45]


def test_with_a_truth_there_are_scores_and_a_curve(project, labels):
    truth = (labels - 1) // 6 + 1
    segments = MemoryVolume((labels - 1) // 2 + 1, GRID)
    box = Box((0, 0, 0), (8, 20, 24))
    page, _ = read(project, truth=MemoryVolume(truth), box=box)
    scores = evaluate(segments, MemoryVolume(truth, GRID), box)
    for value in (scores.vi_split, scores.vi_sum_tolerant, scores.rand_error, scores.pixel_error):
        assert f"{value:.4f}" in page.words
    assert "0:8,0:20,0:24" in page.words
    assert "lowest sum" in page.words
    assert page.tags.count("polyline") == 3


def test_a_truth_of_another_shape_is_refused_and_leaves_the_page_as_it_was(project):
    _, path = read(project)
    before = path.read_bytes()
    with pytest.raises(InputError, match="same volume"):
        write_report(project, truth=MemoryVolume(np.ones((3, 3, 3), np.uint8)))
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("roles", "pictures"), [(("image",), 1), (("image", "affinities"), 2), (("supervoxels",), 3)]
)
def test_what_is_not_there_is_left_out(tmp_path, labels, roles, pictures):
    given = {
        "image": labels.astype(np.uint8),
        "affinities": np.full((4, *SHAPE), 0.5, np.float32),
        "supervoxels": labels,
    }
    made = create_project(
        tmp_path / "p.segmend", **{role: MemoryVolume(given[role], GRID) for role in roles}
    )
    page, path = read(made)
    assert page.open == []
    assert path.parent == (made.generation_dir if made.generation else made.path)
    assert page.tags.count("img") == pictures
    assert "Beside the truth" not in page.words


def test_a_damaged_array_is_named_and_the_rest_shown(tmp_path, labels):
    made = create_project(tmp_path / "p.segmend", supervoxels=MemoryVolume(labels, GRID))
    (made.graph_dir / "affinity.npy").write_bytes(b"no array")
    page, _ = read(made)
    assert "affinity.npy" in page.words
    assert page.tags.count("img") == 3


def test_the_specification_beside_the_result_is_shown(project):
    file = project.generation_dir / "specification.toml"
    file.write_text('method = "<mean>"\n', encoding="utf-8")
    page, _ = read(project)
    file.unlink()
    assert 'method = "<mean>"' in page.words
