import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmend.core.errors import InputError, VolumeError
from segmend.core.volumes.label_codecs import CODECS, decode_labels, encode_labels

NAMES = [pytest.param(name, id=name) for name in CODECS]


@pytest.fixture(autouse=True)
def _packages(request):
    if "name" in request.fixturenames:
        module = {"crackle": "crackle", "compresso": "compresso"}[request.getfixturevalue("name")]
        pytest.importorskip(module)


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
    back = decode_labels(encode_labels(labels, name))
    assert back.dtype == labels.dtype
    assert back.flags.c_contiguous
    assert (back == labels).all()


@pytest.mark.parametrize("name", NAMES)
def test_noise_constants_and_nothing_come_back(name):
    noise = np.random.default_rng(0).integers(0, 2**32, (5, 9, 11), dtype=np.uint32)
    for labels in (noise, np.zeros((3, 4, 5), np.uint32), np.full((1, 1, 1), 2**64 - 1, np.uint64)):
        assert (decode_labels(encode_labels(labels, name)) == labels).all()
    assert decode_labels(encode_labels(np.zeros((0, 4, 4), np.uint16), name)).shape == (0, 4, 4)


@pytest.mark.parametrize("name", NAMES)
def test_views_and_foreign_byte_order_are_stored_as_seen(name):
    labels = blocks(3, (6, 7, 8), np.uint32)
    assert (
        decode_labels(encode_labels(labels[::2, ::-1, 1:], name)) == labels[::2, ::-1, 1:]
    ).all()
    assert (decode_labels(encode_labels(labels.astype(">u4"), name)) == labels).all()


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_every_damage_is_found(name, data):
    whole = encode_labels(blocks(1, (6, 12, 12), np.uint32), name)
    place = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        broken = whole[:place]
    else:
        flipped = whole[place] ^ data.draw(st.integers(1, 255))
        broken = whole[:place] + bytes([flipped]) + whole[place + 1 :]
        if place == 7:
            return  # padding
    with pytest.raises(VolumeError) as caught:
        decode_labels(broken)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_too_many_voxels_are_refused_before_they_are_made(name):
    whole = encode_labels(np.zeros((8, 64, 64), np.uint8), name)
    with pytest.raises(VolumeError, match="at most 1000"):
        decode_labels(whole, most_voxels=1000)


def test_what_are_no_labels_is_refused():
    for labels in (np.zeros((2, 2), np.uint8), np.zeros((2, 2, 2)), np.zeros((2, 2, 2), np.int32)):
        with pytest.raises(InputError, match="unsigned"):
            encode_labels(labels)
    with pytest.raises(InputError, match="crackle, compresso"):
        encode_labels(np.zeros((2, 2, 2), np.uint8), "gif")


@pytest.mark.real_data
@pytest.mark.parametrize("name", NAMES)
def test_a_real_segmentation_shrinks_and_comes_back(name, real_data):
    crackle = pytest.importorskip("crackle")
    stored = gzip.decompress((real_data / "pinky40_segmentation_512.npy.ckl.gz").read_bytes())
    labels = np.ascontiguousarray(crackle.decompress(stored).T[:32, :256, :256])
    small = encode_labels(labels, name)
    assert labels.nbytes / len(small) > 20
    assert (decode_labels(small) == labels).all()
