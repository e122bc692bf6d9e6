import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmend.core.errors import InputError, VolumeError
from segmend.core.volumes import label_codecs
from segmend.core.volumes.label_codecs import CODECS, decode_sections, encode_labels, read_header

NAMES = [pytest.param(name, id=name) for name in CODECS]


@pytest.fixture(autouse=True)
def _packages(request):
    if "name" in request.fixturenames:
        module = {"crackle": "crackle", "compresso": "compresso"}[request.getfixturevalue("name")]
        pytest.importorskip(module)


def decode_labels(data, name):
    return decode_sections(data, name, 0, read_header(data, name).shape_zyx[0])


def blocks(seed, shape, dtype):
    rng = np.random.default_rng(seed)
    largest = min(np.iinfo(dtype).max, 2**63)
    ids = rng.integers(0, largest, 7, dtype=np.uint64).astype(dtype)
    coarse = ids[rng.integers(0, 7, tuple((n + 2) // 3 for n in shape))]
    fine = coarse.repeat(3, 0).repeat(3, 1).repeat(3, 2)
    return np.ascontiguousarray(fine[: shape[0], : shape[1], : shape[2]])


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(*[st.integers(1, 17)] * 3),
    dtype=st.sampled_from([np.uint8, np.uint16, np.uint32, np.uint64]),
)
def test_labels_come_back_exactly(name, seed, shape, dtype):
    labels = blocks(seed, shape, dtype)
    back = decode_labels(encode_labels(labels, name), name)
    assert back.dtype == labels.dtype
    assert (back == labels).all()


@pytest.mark.parametrize("name", NAMES)
def test_noise_constants_and_nothing_come_back(name):
    noise = np.random.default_rng(0).integers(0, 2**32, (5, 9, 11), dtype=np.uint32)
    for labels in (noise, np.zeros((3, 4, 5), np.uint32), np.full((1, 1, 1), 2**64 - 1, np.uint64)):
        assert (decode_labels(encode_labels(labels, name), name) == labels).all()


@pytest.mark.parametrize("name", NAMES)
def test_views_and_foreign_byte_order_are_stored_as_seen(name):
    labels = blocks(3, (6, 7, 8), np.uint32)
    view = labels[::2, ::-1, 1:]
    assert (decode_labels(encode_labels(view, name), name) == view).all()
    assert (decode_labels(encode_labels(labels.astype(">u4"), name), name) == labels).all()


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**32 - 1), ends=st.tuples(st.integers(0, 40), st.integers(0, 40)))
def test_some_sections_are_those_of_the_whole(name, seed, ends):
    labels = blocks(seed, (40, 5, 6), np.uint32)
    start, stop = min(*ends, 39), max(*ends, 1)
    found = decode_sections(encode_labels(labels, name), name, start, stop)
    assert (found == labels[start:stop]).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("data", [b"", b"abc", b"x" * 100])
def test_what_is_no_stream_is_refused_in_one_line(name, data):
    with pytest.raises(VolumeError, match="damaged") as caught:
        read_header(data, name, "a.ckl")
    assert "\n" not in str(caught.value)
    assert "a.ckl" in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_too_many_voxels_are_refused_before_they_are_made(name, monkeypatch):
    whole = encode_labels(np.zeros((8, 64, 64), np.uint8), name)
    monkeypatch.setattr(label_codecs, "MOST_VOXELS", 2 * 64 * 64)
    assert decode_sections(whole, name, 3, 5).shape == (2, 64, 64)
    with pytest.raises(VolumeError, match="at once"):
        decode_sections(whole, name, 3, 6)
    with pytest.raises(VolumeError, match="at once"):
        decode_sections(whole, name, 7, 9)
    monkeypatch.setattr(label_codecs, "_MOST_IN_SECTION", 1000)
    with pytest.raises(VolumeError, match="claims 8 x 64 x 64"):
        read_header(whole, name)


def test_streams_without_an_index_are_refused_beyond_what_is_decoded_whole(monkeypatch):
    compresso = pytest.importorskip("compresso")
    whole = compresso.compress(np.zeros((64, 64, 8), np.uint8), random_access_z_index=False)
    assert read_header(whole, "compresso").slab_depth == 8
    assert decode_sections(whole, "compresso", 3, 5).shape == (2, 64, 64)
    monkeypatch.setattr(label_codecs, "_MOST_WITHOUT_INDEX", 7 * 64 * 64)
    with pytest.raises(VolumeError, match="no index of its sections"):
        decode_sections(whole, "compresso", 3, 5)


def test_what_are_no_labels_is_refused():
    flat, empty = np.zeros((2, 2), np.uint8), np.zeros((0, 2, 2), np.uint8)
    arrays = [flat, empty, np.zeros((2, 2, 2)), np.zeros((2, 2, 2), np.int32)]
    for labels in arrays:
        with pytest.raises(InputError, match="unsigned"):
            encode_labels(labels, "crackle")
    with pytest.raises(InputError, match="crackle, compresso"):
        encode_labels(np.zeros((2, 2, 2), np.uint8), "gif")


def test_a_package_that_is_missing_is_named(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(label_codecs, "import_module", missing)
    with pytest.raises(VolumeError, match="crackle-codec"):
        encode_labels(np.zeros((2, 2, 2), np.uint8), "crackle")


@pytest.mark.real_data
@pytest.mark.parametrize("name", NAMES)
def test_a_real_segmentation_shrinks_and_comes_back(name, real_data):
    crackle = pytest.importorskip("crackle")
    stored = gzip.decompress((real_data / "pinky40_segmentation_512.npy.ckl.gz").read_bytes())
    labels = np.ascontiguousarray(crackle.decompress(stored).T[:32, :256, :256])
    small = encode_labels(labels, name)
    assert labels.nbytes / len(small) > 20
    assert (decode_labels(small, name) == labels).all()
