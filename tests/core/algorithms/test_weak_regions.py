import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from segmend.core.algorithms.strongest_faces import Passes, no_passes
from segmend.core.algorithms.weak_regions import join_weak


def passes_of(rows):
    """Passes from (u, v, strength) rows; the face is the row's number."""
    return Passes(
        np.array([row[:2] for row in rows], np.uint32).reshape(-1, 2),
        np.array([row[2] for row in rows], np.float32),
        np.arange(len(rows), dtype=np.int64),
    )


def by_definition(rows, weight, threshold):
    """Take contacts from the strongest to the weakest; join where a side is weak."""
    part = list(range(len(weight)))
    for _, _, u, v in sorted((-s, k, u, v) for k, (u, v, s) in enumerate(rows)):
        a, b = part[u], part[v]
        total = [sum(w for w, p in zip(weight, part, strict=True) if p == side) for side in (a, b)]
        if a != b and min(total) < threshold:
            part = [min(a, b) if p in (a, b) else p for p in part]
    return part


GRAPHS = st.integers(2, 12).flatmap(
    lambda n: st.tuples(
        st.lists(
            st.tuples(st.integers(0, n - 1), st.integers(0, n - 1), st.integers(0, 5)), max_size=30
        ),
        st.lists(st.integers(0, 6), min_size=n, max_size=n),
        st.lists(st.booleans(), min_size=n, max_size=n),
    )
)


@settings(deadline=None, max_examples=100)
@given(graph=GRAPHS, threshold=st.sampled_from([0, 1, 4, 9]))
def test_weak_regions_join_from_the_strongest_contact_on(graph, threshold):
    rows, weight, _ = graph
    found = join_weak(passes_of(rows), np.array(weight), threshold)
    assert found.root.tolist() == by_definition(rows, weight, threshold)
    assert len(found.kept.face) == 0


@settings(deadline=None, max_examples=300)
@given(graph=GRAPHS, threshold=st.sampled_from([1, 4, 9]), seed=st.integers(0, 2**32 - 1))
def test_joining_a_part_first_changes_nothing(graph, threshold, seed):
    rows, weight, inside = graph
    known = [row for row in rows if inside[row[0]] and inside[row[1]]]
    numbers = [k for k, row in enumerate(rows) if inside[row[0]] and inside[row[1]]]
    is_open = np.zeros(len(weight), bool)
    for u, v, _ in rows:
        if not (inside[u] and inside[v]):
            is_open[[u, v]] = True
    chosen = np.where(inside, weight, 0)  # the others are joined elsewhere
    part = passes_of(known)._replace(face=np.array(numbers, np.int64))
    first = join_weak(part, chosen, threshold, is_open)
    left = [k for k in range(len(rows)) if k not in numbers]
    other = Passes(*(array[left] for array in passes_of(rows)))
    pairs = np.concatenate([first.kept.pairs, first.root[other.pairs]])
    rest = Passes(
        pairs.astype(np.uint32),
        np.concatenate([first.kept.strength, other.strength]),
        np.concatenate([first.kept.face, other.face]),
    )
    now = np.where(inside, first.weight, weight)
    roots = first.root == np.arange(len(weight))
    found = join_weak(rest, np.where(roots, now, 0), threshold).root[first.root]
    wanted = by_definition(rows, weight, threshold)
    same = np.equal.outer(found, found) == np.equal.outer(wanted, wanted)
    assert same.all()


def test_a_contact_of_two_open_weak_regions_is_kept():
    rows = [(0, 1, 3.0), (1, 2, 2.0), (2, 3, 1.0)]
    weight, is_open = np.array([1, 1, 9, 1]), np.array([True, True, False, False])
    found = join_weak(passes_of(rows), weight, 5, is_open)
    assert found.root.tolist() == [0, 1, 2, 2]
    assert found.kept.pairs.tolist() == [[0, 1], [1, 2]]
    assert found.weight[2] == 9


def test_no_contacts_join_nothing():
    assert join_weak(no_passes(), np.array([1, 1]), 5).root.tolist() == [0, 1]
