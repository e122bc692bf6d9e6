import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmend.core.algorithms.min_cut import seeded_partition
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
        side = seeded_partition(edges, affinity, np.ones(len(edges)), [a], [b], n)
        assert side.tolist() == [True] * (n // 2) + [False] * (n // 2)


def test_noise_on_the_contacts_moves_few_supervoxels():
    edges, affinity, n = tubes(100, 5, 0.5)
    rng = np.random.default_rng(0)
    noisy = np.clip(affinity + rng.normal(0, 0.05, len(affinity)), 0, 1)
    side = seeded_partition(edges, noisy, np.ones(len(edges)), [7], [n - 7], n)
    wrong = (side != (np.arange(n) < n // 2)).sum()
    assert wrong <= n // 20


def test_seeds_beside_each_other_stay_on_their_sides():
    edges = np.array([[0, 1], [1, 2], [2, 3]])
    side = seeded_partition(edges, [0.9, 0.1, 0.9], [5, 5, 5], [1], [2], 4)
    assert side.tolist() == [True, True, False, False]
    assert (
        seeded_partition(edges, [0.1, 0.9, 0.1], [5, 5, 5], [1], [2], 4).tolist() == side.tolist()
    )


def test_pieces_without_a_seed_go_with_the_side_of_more_supervoxels():
    edges = np.array([[0, 1], [1, 2], [2, 3], [4, 5]])
    side = seeded_partition(edges, [0.9, 0.9, 0.1, 0.9], [1] * 4, [0], [3], 6)
    assert side.tolist() == [True, True, True, False, True, True]


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 40), count=st.integers(0, 120))
def test_partition_keeps_every_seed_on_its_side(seed, n, count):
    rng = np.random.default_rng(seed)
    edges = rng.integers(0, n, (count, 2))
    seeds = rng.permutation(n)[: rng.integers(2, n + 1)]
    a, b = seeds[: len(seeds) // 2], seeds[len(seeds) // 2 :]
    side = seeded_partition(edges, rng.random(count), rng.integers(1, 30, count), a, b, n)
    assert side[a].all()
    assert not side[b].any()


def test_seeds_on_both_sides_of_one_supervoxel_are_refused():
    with pytest.raises(InputError, match="both sides"):
        seeded_partition(np.array([[0, 1]]), [0.5], [1], [0], [0], 2)
