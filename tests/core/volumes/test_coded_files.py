import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segmend.core.errors import VolumeError
from segmend.core.geometry import Box, Grid
from segmend.core.volumes import coded_files
from segmend.core.volumes.coded_files import note_of
from segmend.core.volumes.opening import open_labels
from segmend.core.volumes.writing import open_writer

crackle = pytest.importorskip("crackle")
compresso = pytest.importorskip("compresso")

GRID = Grid((40.0, 4.0, 4.0), (80.0, 0.0, 12.0))
SUFFIXES = (".ckl", ".cpso")


def blobs(seed, shape=(37, 21, 18), dtype=np.uint32):
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, np.iinfo(dtype).max, 6, dtype=dtype, endpoint=True)
    coarse = ids[rng.integers(0, 6, tuple(-(-n // 4) for n in shape))]
    return np.kron(coarse, np.ones((4, 4, 4), dtype))[tuple(map(slice, shape))]


def write(path, labels, block=(16, 10, 18)):
    with open_writer(path, labels.shape, labels.dtype, GRID) as writer:
        for box in reversed(list(Box.of_shape(labels.shape).blocks(block))):
            writer.write(box, labels[box.slices])
    return path


@pytest.fixture
def no_process(monkeypatch):
    def refuse(path, shape):
        raise AssertionError("a file that this process wrote is not tried first")

    monkeypatch.setattr(coded_files, "_try_in_a_process", refuse)


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(
    deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 2**32 - 1),
    dtype=st.sampled_from([np.uint8, np.uint16, np.uint32, np.uint64]),
    z=st.integers(1, 40),
)
def test_what_is_written_is_read_in_any_box(tmp_path_factory, no_process, suffix, seed, dtype, z):
    labels = blobs(seed, (z, 9, 7), dtype)
    volume = open_labels(write(tmp_path_factory.mktemp("c") / f"a{suffix}", labels))
    assert (volume.shape_zyx, volume.dtype) == (labels.shape, labels.dtype)
    assert volume.grid == GRID
    low = np.random.default_rng(seed).integers(0, labels.shape)
    high = np.random.default_rng(seed + 1).integers(low, labels.shape) + 1
    for box in (Box.of_shape(labels.shape), Box(tuple(map(int, low)), tuple(map(int, high)))):
        assert (volume.read(box) == labels[box.slices]).all()


@pytest.mark.parametrize("labels", [np.zeros((20, 3, 4), np.uint32), np.full((1, 1, 1), 7, "u8")])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_constant_volumes(tmp_path, suffix, labels):
    volume = open_labels(write(tmp_path / f"a{suffix}", labels))
    assert (volume.read(Box.of_shape(labels.shape)) == labels).all()


def test_other_programs_read_the_files(tmp_path):
    labels = blobs(1)
    write(tmp_path / "a.ckl", labels)
    write(tmp_path / "a.cpso", labels)
    assert (crackle.load(str(tmp_path / "a.ckl")) == labels.T).all()  # x, y, z
    assert (compresso.decompress((tmp_path / "a.cpso").read_bytes()) == labels.T).all()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.ckl", "a.ckl.json", "a.cpso", "a.cpso.json"]  # fmt: skip


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_of_other_programs_are_tried_once_and_read(tmp_path, suffix):
    labels = blobs(2)
    data = crackle.compress(labels.T) if suffix == ".ckl" else compresso.compress(labels.T)
    (tmp_path / f"a{suffix}").write_bytes(data)
    volume = open_labels(tmp_path / f"a{suffix}")
    assert (volume.read(Box.of_shape(labels.shape)) == labels).all()
    assert volume.spacing.voxel_size_nm_zyx is None


def test_streams_without_an_index_of_sections_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(coded_files, "_try_in_a_process", lambda path, shape: None)
    labels = blobs(3)
    data = compresso.compress(labels.T, random_access_z_index=False)
    (tmp_path / "a.cpso").write_bytes(data)
    inside = Box((17, 2, 3), (35, 20, 11))
    assert (open_labels(tmp_path / "a.cpso").read(inside) == labels[inside.slices]).all()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_changed_or_shortened_file_is_not_decoded(tmp_path, suffix):
    path = write(tmp_path / f"a{suffix}", blobs(4))
    data = path.read_bytes()
    for damage in (data[:-3], data[:60] + bytes([data[60] ^ 4]) + data[61:]):
        path.write_bytes(damage)
        with pytest.raises(VolumeError, match=r"is not the file|damaged"):
            open_labels(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("data", [b"", b"abc", b"x" * 200])
def test_what_is_no_such_file_is_refused(tmp_path, suffix, data):
    (tmp_path / f"a{suffix}").write_bytes(data)
    with pytest.raises(VolumeError, match="damaged"):
        open_labels(tmp_path / f"a{suffix}")


def test_a_header_that_claims_more_than_can_be_is_refused_before_decoding(tmp_path, no_process):
    data = bytearray(compresso.compress(blobs(5).T))
    for place in (6, 8, 10):  # sx, sy, sz
        data[place : place + 2] = b"\xff\xff"
    (tmp_path / "a.cpso").write_bytes(data)
    with pytest.raises(VolumeError, match="claims"):
        open_labels(tmp_path / "a.cpso")


def test_streams_without_an_index_are_decoded_once(tmp_path, monkeypatch):
    monkeypatch.setattr(coded_files, "_try_in_a_process", lambda path, shape: None)
    decode = coded_files.decode_sections
    decoded = []
    monkeypatch.setattr(
        coded_files, "decode_sections", lambda *of: decoded.append(of[2:4]) or decode(*of)
    )
    data = compresso.compress(blobs(10).T, random_access_z_index=False)
    (tmp_path / "a.cpso").write_bytes(data)
    volume = open_labels(tmp_path / "a.cpso")
    for z in (0, 20, 36, 1):
        volume.read(Box((z, 0, 0), (z + 1, 21, 18)))
    assert decoded == [(0, 37)]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_note_does_not_vouch_for_the_file(tmp_path, monkeypatch, suffix):
    path = write(tmp_path / f"a{suffix}", blobs(11))
    monkeypatch.setattr(coded_files, "_tried", set())  # as in another process
    tried = []
    monkeypatch.setattr(coded_files, "_try_in_a_process", lambda path, shape: tried.append(path))
    for _ in range(2):
        assert open_labels(path).grid == GRID
    assert tried == [path]


def test_a_file_that_could_not_be_decoded_is_tried_again(tmp_path, monkeypatch):
    (tmp_path / "a.ckl").write_bytes(crackle.compress(blobs(12).T))
    died = subprocess.CompletedProcess([], -6, b"", b"")
    monkeypatch.setattr(coded_files.subprocess, "run", lambda *a, **k: died)
    for _ in range(2):
        with pytest.raises(VolumeError, match="cannot be decoded"):
            open_labels(tmp_path / "a.ckl")


def test_a_trial_ends_whatever_the_header_claims(tmp_path, monkeypatch):
    limits = []

    def run(*command, timeout, **options):
        limits.append(timeout)
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(coded_files.subprocess, "run", run)
    for shape in ((10, 1000, 1000), (2**40, 2**14, 2**14)):
        with pytest.raises(VolumeError, match="cannot be decoded in"):
            coded_files._try_in_a_process(tmp_path / "a.ckl", shape)
    assert limits == [61, 1800]


def test_a_decoder_that_dies_is_an_error_and_not_the_end(tmp_path, monkeypatch):
    (tmp_path / "a.ckl").write_bytes(crackle.compress(blobs(6).T))
    died = subprocess.CompletedProcess([], -6, b"", b"free(): invalid size\n")
    monkeypatch.setattr(coded_files.subprocess, "run", lambda *a, **k: died)
    with pytest.raises(VolumeError, match="cannot be decoded") as caught:
        open_labels(tmp_path / "a.ckl")
    assert "invalid size" in caught.value.details


def test_the_process_that_tries_says_when_sections_are_damaged(tmp_path):
    data = compresso.compress(blobs(7).T)
    (tmp_path / "a.cpso").write_bytes(data[: len(data) // 2])
    done = subprocess.run(
        [sys.executable, "-m", coded_files.__name__, str(tmp_path / "a.cpso")],
        check=False,
        capture_output=True,
    )
    assert done.returncode != 0


@pytest.mark.parametrize("change", [{"bytes": "x"}, {"voxel_size_nm_zyx": [1]}, {"crc32": None}])
def test_a_damaged_note_is_named(tmp_path, change):
    path = write(tmp_path / "a.ckl", blobs(8))
    note = note_of(path)
    note.write_text(json.dumps(json.loads(note.read_text()) | change))
    with pytest.raises(VolumeError, match=r"a\.ckl\.json is damaged"):
        open_labels(path)


def test_nothing_half_written_stays(tmp_path):
    def fail():
        labels = blobs(9)
        with open_writer(tmp_path / "a.ckl", labels.shape, labels.dtype, GRID) as writer:
            writer.write(Box((0, 0, 0), (1, 1, 1)), labels[:1, :1, :1])
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.ckl", "a.cpso"])
def test_what_is_not_labels_is_not_written(tmp_path, name):
    with (
        pytest.raises(VolumeError, match="unsigned integers"),
        open_writer(tmp_path / name, (2, 2, 2), np.float32, GRID),
    ):
        pass
    assert list(tmp_path.iterdir()) == []
