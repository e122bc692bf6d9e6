import base64
import io
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from segmend.core.algorithms.agglomeration import agglomerate, cut_tree
from segmend.core.algorithms.contingency import contingency
from segmend.core.algorithms.metrics import variation_of_information
from segmend.core.geometry import Grid
from segmend.core.report.charts import line_chart, log_histogram, unit_histogram
from segmend.core.report.markup import Markup, element, table
from segmend.core.report.pictures import coloured, grey, mean_affinity, picture, plane
from segmend.core.report.truth import threshold_curve
from segmend.core.volumes.memory import MemoryVolume


def test_text_and_attributes_are_escaped_and_markup_is_not():
    inner = element("b", "1 < 2")
    assert inner == "<b>1 &lt; 2</b>"
    whole = element("p", inner, "&", title='"', class_="soft", lang=None)
    assert whole == '<p title="&quot;" class="soft"><b>1 &lt; 2</b>&amp;</p>'
    assert isinstance(whole, Markup)
    assert "<i>" not in table(["<i>"], [["<i>"]])


def bars(chart):
    return [int(n.replace("\u202f", "")) for n in re.findall(r": ([\d\u202f]+)</title>", chart)]


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(1, 2**40), min_size=1, max_size=50))
def test_every_size_falls_into_one_bar(sizes):
    assert sum(bars(log_histogram(np.array(sizes), "voxels"))) == len(sizes)


def test_values_beyond_the_ends_are_counted_at_the_ends():
    assert bars(unit_histogram(np.array([-0.1, 0.0, 0.5, 1.0, 1.2]), "score")) == [2, 1, 2]


def test_lines_reach_from_axis_to_axis_and_equal_ends_keep_their_names_apart():
    x = np.array([0.2, 0.6])
    chart = line_chart(x, {"a": np.array([0, 1.0]), "b": np.array([1.0, 1.0])}, "x", "y", 0.4)
    lines = [
        np.array([p.split(",") for p in found.split()], float)
        for found in re.findall(r'points="([^"]+)"', chart)
    ]
    assert lines[0][0, 0] == lines[1][0, 0] < lines[0][-1, 0]
    assert lines[0][0, 1] > lines[0][1, 1] == lines[1][0, 1]  # y grows downward
    ends = re.findall(r'class="k\d" x="\d+" y="([\d.]+)"', chart)
    assert abs(float(ends[0]) - float(ends[1])) >= 13
    assert re.search(r'class="chosen"[^>]*>0\.4<', chart)


class Watched(MemoryVolume):
    read_voxels = 0

    def read(self, box):
        self.read_voxels += box.size
        return super().read(box)


def test_a_section_shows_each_voxel_at_its_size():
    voxels = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    volume = Watched(voxels, Grid((40.0, 10.0, 10.0), (7.0, 8.0, 9.0)))
    section = plane([[volume]], 0, (1, 0, 0)).sample([volume])
    assert section.shape == (384, 512)
    assert (section == np.kron(voxels[1], np.ones((128, 128), np.uint8))).all()
    across = plane([[volume]], 2, (0, 0, 3)).sample([volume])  # z goes down, y to the right
    assert across.shape == (512, 192)
    assert (across == np.kron(voxels[:, :, 3], np.ones((256, 64), np.uint8))).all()


def test_large_sections_come_from_coarse_levels_or_show_the_middle(monkeypatch):
    fine = Watched(np.zeros((1, 4096, 1024), np.uint8), Grid((10.0, 10.0, 10.0)))
    coarse = Watched(np.ones((1, 1024, 256), np.uint8), Grid((10.0, 40.0, 40.0), (0.0, 15.0, 15.0)))
    cut = plane([[fine, coarse]], 0, (0, 0, 0))
    assert cut.sample([fine, coarse]).all()
    assert fine.read_voxels == 0
    alone = plane([[fine]], 0, (0, 4000, 0))
    assert alone.sample([fine]).shape == (512, 256)
    assert fine.read_voxels <= 2048 * 1024
    assert alone.rows_nm[-1] > 40_900  # the part around the voxel, moved inside


def test_channels_come_last_and_only_the_nearest():
    volume = MemoryVolume(np.arange(5, dtype=np.uint8).repeat(8).reshape(5, 2, 2, 2))
    section = plane([[volume]], 1, (0, 0, 0)).sample([volume])
    assert section.shape == (512, 512, 3)
    assert section[0, 0].tolist() == [0, 1, 2]
    assert (mean_affinity(section) == 1).all()
    assert (mean_affinity(np.full((1, 1, 3), 0.5, np.float32)) == 127).all()


def test_background_shows_the_image_and_neighbours_differ():
    segments = np.array([[0, 0, 1, 1, 2, 2]] * 6, np.uint32)
    image = np.full(segments.shape, 100, np.uint8)
    mixed = coloured(segments, image)
    assert (mixed[:, 0] == 100).all()
    assert np.abs(mixed[5, 3].astype(int) - mixed[5, 5]).max() > 20


def test_constant_and_16_bit_sections_become_grey():
    assert (grey(np.full((4, 4), 9, np.uint16)) == 0).all()
    ramp = grey(np.arange(10_000, dtype=np.uint16).reshape(100, 100))
    assert (ramp.min(), ramp.max()) == (0, 255)


def test_a_picture_carries_its_pixels():
    pixels = np.random.default_rng(0).integers(0, 255, (5, 7, 3)).astype(np.uint8)
    data = re.search(r'base64,([^"]+)"', picture(pixels, "noise")).group(1)
    assert (np.array(Image.open(io.BytesIO(base64.b64decode(data)))) == pixels).all()


@pytest.mark.parametrize("seed", [0, 1])
def test_the_curve_is_that_of_the_cuts_themselves(seed):
    rng = np.random.default_rng(seed)
    supervoxels = rng.integers(0, 31, (4, 8, 8)).astype(np.uint32)
    truth = rng.integers(0, 4, supervoxels.shape).astype(np.uint32)
    edges = np.unique(np.sort(rng.integers(1, 31, (80, 2)), axis=1), axis=0)
    edges = edges[edges[:, 0] < edges[:, 1]]
    tree = agglomerate(edges, rng.random(len(edges)), np.ones(len(edges)), 30)
    curve = threshold_curve(contingency(supervoxels, truth), tree, 30)
    assert (np.diff(curve.thresholds) > 0).all()
    for k in (0, 20, 40):
        cut = cut_tree(tree, 30, curve.thresholds[k])[supervoxels]
        scores = variation_of_information(cut, truth)
        assert (curve.split[k], curve.merge[k]) == pytest.approx((scores.split, scores.merge))
