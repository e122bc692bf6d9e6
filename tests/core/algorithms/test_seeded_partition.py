import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmend.core.algorithms.components import components
from segmend.core.algorithms.min_cut import min_cut
from segmend.core.algorithms.seeded_partition import cut_capacity, seeded_partition
from segmend.core.errors import InputError


def tubes(length, width, weak):
    """Two grids of supervoxels, `length` x `width` each, in contact along a quarter of their length."""
    edges, affinity = [], []

    def node(tube, i, j):
        return (tube * length + i) * width + j

    for tube in range(2):
        for i in range(length):
            for j in range(width):
                for a, b in ((i + 1, j), (i, j + 1)):
                    if a < length and b < width:
                        edges.append((node(tube, i, j), node(tube, a, b)))
                        affinity.append(0.8)
    for i in range(3 * length // 8, 5 * length // 8):
        edges.append((node(0, i, width - 1), node(1, i, 0)))
        affinity.append(weak)
    return np.array(edges), np.array(affinity), 2 * length * width


@pytest.mark.parametrize("length", [8, 40, 200])
def test_one_seed_on_each_side_divides_two_tubes_at_their_contact(length):
    edges, affinity, n = tubes(length, 4, 0.5)
    rng = np.random.default_rng(length)
    for _ in range(10):
        a, b = int(rng.integers(n // 2)), int(rng.integers(n // 2, n))
        side = seeded_partition(edges, affinity, np.ones(len(edges)), [[a], [b]], n)
        assert side.tolist() == [0] * (n // 2) + [1] * (n // 2)


def test_noise_on_the_contacts_moves_few_supervoxels():
    edges, affinity, n = tubes(100, 5, 0.5)
    rng = np.random.default_rng(0)
    noisy = np.clip(affinity + rng.normal(0, 0.05, len(affinity)), 0, 1)
    side = seeded_partition(edges, noisy, np.ones(len(edges)), [[7], [n - 7]], n)
    wrong = ((side == 1) != (np.arange(n) >= n // 2)).sum()
    assert wrong <= n // 20


@pytest.mark.parametrize("middle", [0.1, 0.9])
def test_seeds_beside_each_other_stay_on_their_sides(middle):
    edges = np.array([[0, 1], [1, 2], [2, 3]])
    affinity = [1 - middle, middle, 1 - middle]
    side = seeded_partition(edges, affinity, [5, 5, 5], [[1], [2]], 4, boundary=0)
    assert side.tolist() == [0, 0, 1, 1]


def test_what_no_contact_joins_to_a_seed_belongs_to_no_side():
    edges = np.array([[0, 1], [1, 2], [2, 3], [4, 5]])
    side = seeded_partition(edges, [0.9, 0.9, 0.1, 0.9], [1] * 4, [[0], [3]], 6)
    assert side.tolist() == [0, 0, 0, 1, -1, -1]


def test_a_piece_that_a_boundary_parts_from_its_only_neighbour_belongs_to_the_other_side():
    edges = np.array([[0, 1], [1, 2], [2, 3], [3, 4]])
    affinity = [0.9, 0.3, 0.9, 0.02]
    assert seeded_partition(edges, affinity, [9] * 4, [[0], [3]], 5).tolist() == [0, 0, 1, 1, 0]
    kept = seeded_partition(edges, affinity, [9] * 4, [[0], [3]], 5, boundary=0)
    assert kept.tolist() == [0, 0, 1, 1, 1]


def test_many_contacts_of_one_pair_count_as_one_large_contact():
    edges = np.array([[0, 1], [1, 0], [1, 2]])
    side = seeded_partition(edges, [0.2, 0.8, 0.6], [1, 3, 4], [[0], [2]], 3)
    assert side.tolist() == [0, 0, 1]


def test_a_cut_between_strokes_is_the_cheapest_there_is():
    edges, affinity, n = tubes(60, 5, 0.5)
    rng = np.random.default_rng(4)
    noisy = np.clip(affinity + rng.normal(0, 0.1, len(affinity)), 0, 1)
    area = rng.integers(1, 30, len(edges))
    seeds = [np.arange(0, n // 2, 7), np.arange(n // 2, n, 7)]
    capacity = cut_capacity(noisy, area)
    ours = seeded_partition(edges, noisy, area, seeds, n)
    best = min_cut(edges, capacity, *seeds, n)
    cost = capacity[ours[edges[:, 0]] != ours[edges[:, 1]]].sum()
    least = capacity[best[edges[:, 0]] != best[edges[:, 1]]].sum()
    assert cost == pytest.approx(least, rel=0.01)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(2, 40),
    count=st.integers(0, 120),
    sides=st.integers(2, 5),
    boundary=st.sampled_from([0, 0.1, 0.6]),
)
def test_every_seed_is_on_its_side_and_everything_it_reaches_is_on_one(
    seed, n, count, sides, boundary
):
    rng = np.random.default_rng(seed)
    edges = rng.integers(0, n, (count, 2))
    seeds = np.array_split(rng.permutation(n)[: rng.integers(2, n + 1)], sides)
    seeds = [s for s in seeds if len(s)]
    area = rng.integers(1, 30, count)
    side = seeded_partition(edges, rng.random(count), area, seeds, n, boundary=boundary)
    for number, rows in enumerate(seeds):
        assert (side[rows] == number).all()
    part = components(edges + 1, n)[1:]
    assert ((side >= 0) == np.isin(part, part[np.concatenate(seeds)])).all()


@pytest.mark.parametrize("seeds", [[[0], [0]], [[0], []], [[0]], [[0], [7]], [[1], [0], [1]]])
def test_seeds_that_overlap_or_are_missing_are_refused(seeds):
    with pytest.raises(InputError):
        seeded_partition(np.array([[0, 1]]), [0.5], [1], seeds, 2)
