import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from segmend.core.algorithms.strongest_faces import (
    Passes,
    best_of_each,
    falling,
    no_passes,
    strongest_faces,
)


def by_definition(labels, face_value, floor, flat):
    """Best face of each pair, voxel by voxel."""
    best = {}
    for v, (z, y, x) in enumerate(np.ndindex(labels.shape)):
        for axis, before in enumerate(((z - 1, y, x), (z, y - 1, x), (z, y, x - 1))):
            a, b = int(labels[z, y, x]), 0
            if min(before) >= 0 and not (flat and axis == 0):
                b = int(labels[before])
            if a == b or not a or not b or face_value(axis, (z, y, x), before) < floor:
                continue
            candidate = (-face_value(axis, (z, y, x), before), 3 * v + axis)
            pair = (min(a, b), max(a, b))
            best[pair] = min(best.get(pair, candidate), candidate)
    return best


def as_table(passes):
    rows = zip(passes.pairs.tolist(), passes.strength.tolist(), passes.face.tolist(), strict=True)
    return {(u, v): (-strength, face) for (u, v), strength, face in rows}


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(*[st.integers(1, 5)] * 3),
    labels=st.integers(1, 30),
    floor=st.sampled_from([-np.inf, 2.0]),
    flat=st.booleans(),
    heights=st.booleans(),
)
def test_the_best_face_is_the_strongest_and_of_those_the_first(
    seed, shape, labels, floor, flat, heights
):
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, labels + 1, shape).astype(np.uint32)
    if heights:
        values = rng.integers(-3, 4, shape).astype(np.float32)
        wanted = by_definition(
            ids, lambda axis, v, w: float(min(values[v], values[w])), floor, flat
        )
    else:
        values = rng.integers(0, 4, (3, *shape)).astype(np.uint8)
        wanted = by_definition(ids, lambda axis, v, w: float(values[(axis, *v)]), floor, flat)
    assert as_table(strongest_faces(ids, values, floor=floor, flat=flat)) == wanted


@settings(deadline=None, max_examples=40)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from([-np.inf, -1.5, -0.0, 0.0, 0.25, 3.0, 255.0]),
            st.integers(0, 2**40),
            st.integers(1, 4),
            st.integers(1, 4),
        )
    )
)
def test_falling_order_has_no_ties_and_the_best_of_each_pair_stays(rows):
    passes = Passes(
        np.array([row[2:] for row in rows], np.uint32).reshape(-1, 2),
        np.array([row[0] for row in rows], np.float32),
        np.array([row[1] for row in rows], np.int64),
    )
    ordered = falling(passes)
    keys = list(zip((-ordered.strength).tolist(), ordered.face.tolist(), strict=True))
    assert keys == sorted((-row[0], row[1]) for row in rows)
    best = best_of_each(passes)
    pairs = {tuple(sorted(row[2:])) for row in rows if row[2] != row[3]}
    assert sorted(map(tuple, best.pairs.tolist())) == sorted(pairs)
    for pair, strength, face in zip(best.pairs.tolist(), best.strength, best.face, strict=True):
        same = [row for row in rows if sorted(row[2:]) == pair]
        assert (-strength, face) == min((-row[0], row[1]) for row in same)


def test_nothing_stays_nothing():
    assert all(len(array) == 0 for array in best_of_each(no_passes()))
