"""Skeletons keep clear of each other and hang together."""

from __future__ import annotations

import numpy as np
import pytest

from segmend.core.synthesis.skeletons import GAP_NM, clearance, empty_room, stamp
from segmend.core.synthesis.specs import SampleSpec
from segmend.core.synthesis.tissue import THINNEST_NM, Skeletons, grow_tissue


@pytest.fixture(scope="module")
def tissue() -> Skeletons:
    return grow_tissue(np.random.default_rng(5), (700.0, 700.0, 700.0), SampleSpec())


def test_clearance_leaves_out_the_asker() -> None:
    room = empty_room((400.0, 400.0, 400.0))
    stamp(room, np.array([200.0, 200.0, 100.0, 40.0]), 1, 300.0)
    stamp(room, np.array([200.0, 200.0, 300.0, 60.0]), 2, 300.0)
    place = np.array([200.0, 200.0, 200.0])
    assert clearance(room, place, -1) == pytest.approx(40.0, abs=3.0)
    assert clearance(room, place, 2) == pytest.approx(60.0, abs=3.0)
    assert clearance(room, place, 1) == pytest.approx(40.0, abs=3.0)


def test_neurites_do_not_run_into_each_other(tissue: Skeletons) -> None:
    centres, radii = tissue.balls[:, :3], tissue.balls[:, 3]
    apart = np.linalg.norm(centres[:, None] - centres[None], axis=-1) - radii[:, None] - radii[None]
    foreign = tissue.neurite[:, None] != tissue.neurite[None]
    assert (apart[foreign] < -GAP_NM).mean() < 1e-4


def test_chains_have_no_holes(tissue: Skeletons) -> None:
    steps = np.linalg.norm(np.diff(tissue.balls[:, :3], axis=0), axis=1)
    reach = tissue.balls[1:, 3] + tissue.balls[:-1, 3]
    same = np.diff(tissue.chain) == 0
    assert np.all(steps[same] < reach[same])


def test_calibres_vary(tissue: Skeletons) -> None:
    assert tissue.balls[:, 3].min() >= THINNEST_NM
    assert tissue.balls[:, 3].max() > 3 * tissue.balls[:, 3].min()


def test_branching_adds_chains_to_neurites() -> None:
    def branches(factor: float) -> int:
        grown = grow_tissue(
            np.random.default_rng(5), (700.0, 700.0, 700.0), SampleSpec(branching=factor)
        )
        return int(grown.chain.max() + 1 - grown.neurite.max())

    assert branches(0.0) == 0
    assert branches(3.0) >= 5
