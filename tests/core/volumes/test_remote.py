"""Arrays in buckets, on web servers and in precomputed folders: read by boxes, written so that they appear complete."""

from __future__ import annotations

import functools
import http.server
import json
import pickle
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import tensorstore as ts

sys.path.insert(0, str(Path(__file__).parent))
from buckets import fake_buckets

from segmend.core.errors import InputError, VolumeError
from segmend.core.geometry import Box, Grid
from segmend.core.project import create_project
from segmend.core.volumes import remote
from segmend.core.volumes.opening import open_affinities, open_image, open_labels
from segmend.core.volumes.remote import is_remote, parse_address
from segmend.core.volumes.writing import open_writer
from segmend.core.volumes.zarr import create_zarr, write_pyramid

SHAPE = (20, 150, 140)
GRID = Grid((40.0, 8.0, 9.0), (80.0, 16.0, 0.0))
WHOLE = Box.of_shape(SHAPE)
PART = Box((3, 60, 10), (18, 140, 130))


def numbers(dtype: type = np.uint64) -> np.ndarray:
    coarse = np.random.default_rng(0).integers(0, 2**31, (5, 10, 10))
    coarse[0, 0, 0] = 2**60
    return np.kron(coarse, np.ones((4, 15, 14), np.int64)).astype(dtype)


def write(place, voxels=None, grid=GRID, labels=True):
    voxels = numbers() if voxels is None else voxels
    with open_writer(place, voxels.shape, voxels.dtype, grid, labels=labels) as writer:
        for box in Box.of_shape(voxels.shape).blocks((16, 128, 128)):
            writer.write(box, voxels[box.slices])
    return voxels


def write_and_stop(place):
    with open_writer(place, SHAPE, np.uint64, GRID) as writer:
        writer.write(WHOLE, numbers())
        raise KeyboardInterrupt


@pytest.fixture(scope="module")
def server():
    with fake_buckets() as server:
        yield server


@pytest.fixture
def buckets(server, monkeypatch):
    """The stand-in, empty, in the place of both providers."""
    server.objects.clear()
    server.refuse = None
    monkeypatch.setenv("TENSORSTORE_GCS_HTTP_URL", server.url)
    monkeypatch.setenv("TENSORSTORE_GCS_HTTP_VERSION", "1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    monkeypatch.setenv("AWS_REGION", "nowhere-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "something")
    return server


@pytest.fixture
def web(tmp_path):
    """Address of a web server on the test's folder."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    handler = functools.partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("place", "last"),
    [
        ("gs://labels/a/b.zarr", ".zattrs"),
        ("s3://labels/a/b.zarr", ".zattrs"),
        ("precomputed://gs://labels/a/b", "info"),
        ("precomputed://s3://labels/a/b", "info"),
    ],
)
def test_what_is_written_to_a_bucket_is_read_back(buckets, place, last):
    voxels = write(place)
    volume = open_labels(place)
    assert volume.dtype == np.uint64
    assert volume.grid == GRID
    assert np.array_equal(volume.read(PART), voxels[PART.slices])
    assert np.array_equal(pickle.loads(pickle.dumps(volume)).read(WHOLE), voxels)
    # What makes it visible comes after the voxels, for nothing can be renamed.
    assert list(buckets.objects)[-1].endswith(f"/{last}")
    with pytest.raises(VolumeError, match="exists already"):
        write(place)


def test_an_interrupted_export_is_not_there_and_can_be_written_again(buckets):
    for place in ("gs://labels/half.zarr", "precomputed://gs://labels/half"):
        with pytest.raises(KeyboardInterrupt):
            write_and_stop(place)
        with pytest.raises(VolumeError):
            open_labels(place)
        assert any("half" in key for key in buckets.objects)
        voxels = write(place, numbers()[:18])
        assert np.array_equal(open_labels(place).read(Box.of_shape(voxels.shape)), voxels)


def test_levels_in_a_bucket_are_those_of_a_file(buckets, tmp_path):
    voxels = np.random.default_rng(0).integers(0, 5, (6, 600, 520)).astype(np.uint32)
    write(tmp_path / "a.zarr", voxels)
    write("gs://labels/a.zarr", voxels)
    write("precomputed://gs://labels/b", voxels)
    for name in ("a.zarr:/1", "a.zarr/1"):
        expected = open_labels(f"{tmp_path / 'a.zarr'}:/1")
        level = open_labels(f"gs://labels/{name}")
        assert level.grid == expected.grid
        whole = Box.of_shape(expected.shape_zyx)
        assert np.array_equal(level.read(whole), expected.read(whole))
    info = json.loads(buckets.objects["labels/b/info"])
    assert [scale["size"] for scale in info["scales"]] == [[520, 600, 6], [260, 300, 6]]
    assert info["scales"][1]["resolution"] == [18.0, 16.0, 40.0]
    assert info["scales"][1]["voxel_offset"] == [0, 1, 2]


@pytest.mark.parametrize("how", ["zarr", "precomputed"])
def test_a_web_server_is_read(web, tmp_path, how):
    place = f"{web}/sub/v.zarr" if how == "zarr" else f"precomputed://{web}/sub/v.zarr"
    (tmp_path / "sub").mkdir()
    path = tmp_path / "sub" / "v.zarr"
    voxels = write(
        path if how == "zarr" else f"precomputed://{path}", numbers(np.uint8), labels=False
    )
    volume = open_image(place)
    assert volume.grid == GRID
    assert np.array_equal(volume.read(PART), voxels[PART.slices])
    with pytest.raises(VolumeError, match="web servers are only read"):
        write(f"{place}2")


def test_a_project_is_made_from_addresses_and_remembers_them(web, tmp_path):
    image = write(tmp_path / "i.zarr", numbers(np.uint8), labels=False)
    labels = write(f"precomputed://{tmp_path / 's'}")
    places = {"image": f"{web}/i.zarr", "supervoxels": f"precomputed://{web}/s"}
    project = create_project(tmp_path / "p.segmend", **places)
    assert dict(project.config.sources) == places
    assert project.grid == GRID
    assert np.array_equal(project.image.read(PART), image[PART.slices])
    assert len(np.unique(project.supervoxel_pyramid[0].read(WHOLE))) == len(np.unique(labels))


def test_affinities_of_a_web_server_have_channels_first(web, tmp_path):
    values = np.random.default_rng(0).integers(0, 255, (3, 8, 9, 10), dtype=np.uint8)
    create_zarr(tmp_path / "a.zarr", (8, 9, 10), np.uint8, GRID, channels=3).write(
        Box.of_shape((8, 9, 10)), values
    )
    write_pyramid(tmp_path / "a.zarr", labels=False)
    spec = {
        "driver": "neuroglancer_precomputed",
        "kvstore": {"driver": "file", "path": f"{tmp_path}/p/"},
        "multiscale_metadata": {"type": "image", "data_type": "uint8", "num_channels": 3},
        "scale_metadata": {
            "size": [10, 9, 8], "resolution": [9, 8, 40], "voxel_offset": [0, 2, 2],
            "encoding": "raw", "chunk_size": [4, 4, 4],
        },
    }  # fmt: skip
    ts.open(spec, create=True).result().write(values.transpose(3, 2, 1, 0)).result()
    for place in (f"{web}/a.zarr", f"precomputed://{web}/p", f"precomputed://{tmp_path}/p"):
        volume = open_affinities(place)
        assert volume.grid == GRID
        assert np.array_equal(volume.read(Box.of_shape((8, 9, 10))), values)


def test_zarr_version_3_is_read_from_a_web_server(web, tmp_path):
    voxels = numbers()
    kvstore = {"driver": "file", "path": f"{tmp_path}/v3/"}
    metadata = {"shape": SHAPE, "data_type": "uint64", "attributes": {"resolution": [40, 8, 9]}}
    ts.open({"driver": "zarr3", "kvstore": kvstore, "metadata": metadata}, create=True).result()[
        ...
    ].write(voxels).result()
    volume = open_labels(f"{web}/v3")
    assert volume.grid.voxel_size_nm_zyx == (40.0, 8.0, 9.0)
    assert np.array_equal(volume.read(PART), voxels[PART.slices])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.uint64])
def test_a_precomputed_folder_appears_when_it_is_complete(tmp_path, dtype):
    place = f"precomputed://{tmp_path / 'v'}"
    voxels = numbers(dtype)
    with open_writer(place, SHAPE, dtype, GRID) as writer:
        writer.write(WHOLE, voxels)
        assert not (tmp_path / "v").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["v"]
    assert np.array_equal(open_labels(place).read(PART), voxels[PART.slices])
    with pytest.raises(VolumeError, match="exists already"):
        write(place)


@pytest.mark.parametrize(
    "text",
    [
        "gs://",
        "gs://Bucket With Spaces/x",
        "gs://bucket/a/../../b",
        "gs://bucket",
        "https://user:secret@host/a",
        "https://host/a?token=secret",
        "precomputed://file:///etc",
        "precomputed://ftp://host/a",
        "precomputed://",
        "precomputed://gs://bucket/a#b",
        "s3://AKIAX:secret/K7MD@bucket/seg.zarr",
        "https://user:pa/secret@host/path",
        "https://host:secret/path",
        "https://host/a%40secret",
        "https://host/a%3Ftoken=secret",
        "precomputed:/https:/user:pa/secret@host/path",
        "precomputed://precomputed://s3://a:secret@b/c",
        "https:///user:secret@host/a",
        "gs://AKIA:secret",
        "https://[x/y.zarr",
        "https://[::::::]/y.zarr",
    ],
)
def test_addresses_of_another_form_are_refused(text):
    with pytest.raises(InputError) as caught:
        open_image(text)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("host", ["host", "host:8080", "[::1]:80", "a.b-c.org"])
def test_hosts_may_have_a_port_and_folders_an_at(host, tmp_path):
    assert parse_address(f"https://{host}/a:b/c").store["base_url"] == f"https://{host}"
    assert parse_address(f"precomputed://{tmp_path}/a@b").folder == tmp_path / "a@b"


@pytest.mark.parametrize("ranges", [True, False])
def test_metadata_is_measured_before_it_is_read(web, tmp_path, monkeypatch, ranges):
    monkeypatch.setattr(remote, "_LARGEST_METADATA", 200)
    (tmp_path / "v").mkdir()
    (tmp_path / "v" / "info").write_text(json.dumps({"scales": [], "more": "x" * 300}))
    place = f"precomputed://{tmp_path if ranges else web}/v"  # this web server knows no ranges
    reads = []
    whole = ts.KvStore.read

    def read(self, key, **options):
        reads.append(options.get("byte_range"))
        return whole(self, key, **options)

    monkeypatch.setattr(ts.KvStore, "read", read)
    with pytest.raises(VolumeError, match="larger than any metadata"):
        open_image(place)
    assert reads == [slice(200, 201)]


def test_an_address_that_went_through_a_path_is_still_one():
    for text in ("gs://bucket/a/b.zarr", "precomputed://s3://bucket/a"):
        assert is_remote(Path(text))
        assert parse_address(Path(text)) == parse_address(text)
    assert not is_remote("gs/bucket/a")
    assert not is_remote("/data/gs:/a")


@pytest.mark.parametrize(
    ("status", "line"),
    [(403, "may not be read"), (401, "may not be read"), (404, "look at the path")],
)
@pytest.mark.parametrize("place", ["gs://labels/a.zarr", "precomputed://s3://labels/a"])
def test_refusals_say_what_to_do(buckets, place, status, line):
    buckets.refuse = status
    with pytest.raises(VolumeError, match=line) as caught:
        open_labels(place)
    assert "\n" not in str(caught.value)


def test_a_bucket_that_may_not_be_written_says_so(buckets, monkeypatch):
    monkeypatch.setattr("segmend.core.volumes.remote_writing.read_json", lambda *_: None)
    buckets.refuse = 403
    with pytest.raises(VolumeError, match="may not be written"):
        write("gs://labels/a.zarr")


def test_a_host_that_is_not_there_is_told_soon(monkeypatch):
    retries = {"max_retries": 1, "initial_delay": "1ms", "max_delay": "1ms"}
    context = ts.Context({"http_request_retries": retries})
    monkeypatch.setattr(remote, "_quick_context", lambda: context)
    with pytest.raises(VolumeError, match="cannot be reached"):
        open_image("http://127.0.0.1:1/a.zarr")


@pytest.mark.parametrize(
    "scale",
    [
        {"key": "../../secret"},
        {"size": [0, 4, 4]},
        {"size": [4, 4]},
        {"resolution": ["8", 8, 8]},
        {"resolution": [8, 8, float("inf")]},
        {"encoding": "no such"},
        {"chunk_sizes": [[2**16, 2**16, 64]], "size": [2**16, 2**16, 64]},
    ],
)
def test_a_damaged_info_file_is_one_line(tmp_path, scale):
    good = {
        "key": "8", "size": [4, 4, 4], "resolution": [8, 8, 8], "voxel_offset": [0, 0, 0],
        "encoding": "raw", "chunk_sizes": [[4, 4, 4]],
    }  # fmt: skip
    info = {
        "type": "image", "data_type": "uint8", "num_channels": 1, "scales": [{**good, **scale}],
    }  # fmt: skip
    (tmp_path / "info").write_text(json.dumps(info))
    with pytest.raises(VolumeError) as caught:
        open_image(f"precomputed://{tmp_path}")
    assert "\n" not in str(caught.value)


def test_what_is_no_volume_is_told_apart(web, tmp_path):
    (tmp_path / "info").write_text("[1, 2")
    with pytest.raises(VolumeError, match="expected a JSON object"):
        open_image(f"precomputed://{tmp_path}")
    with pytest.raises(VolumeError, match="does not exist"):
        open_image(f"precomputed://{tmp_path / 'gone'}")
    with pytest.raises(VolumeError, match="neither a Zarr array nor an OME-Zarr image"):
        open_image(f"{web}/nothing.zarr")
