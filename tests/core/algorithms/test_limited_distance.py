import edt
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from segmend.core.algorithms.limited_distance import limited_distance

SHAPES = st.tuples(*[st.integers(1, 12)] * 3)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=SHAPES,
    share=st.sampled_from([0.5, 0.9, 0.995, 1.0]),
    limit=st.sampled_from([1, 2, 5, 40, 181, 182, 2**15]),
    flat=st.booleans(),
)
def test_distances_are_the_euclidean_ones_up_to_the_limit(seed, shape, share, limit, flat):
    rng = np.random.default_rng(seed)
    inside = rng.random(shape) < share
    exact = np.stack([edt.edt(section) for section in inside]) if flat else edt.edt(inside)
    found = limited_distance(inside, limit, flat=flat)
    assert found.dtype == np.float32
    assert np.array_equal(found, np.minimum(exact, limit))
    start = [int(rng.integers(0, n)) for n in shape]
    part = tuple(
        slice(a, int(rng.integers(a + 1, n + 1))) for a, n in zip(start, shape, strict=True)
    )
    assert np.array_equal(limited_distance(inside, limit, flat=flat, part=part), found[part])
