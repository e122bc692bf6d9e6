"""Arrays that are reached by address: cloud buckets and web servers, as Zarr or as Neuroglancer precomputed volumes.

Credentials come from the environment alone, the way the providers' own tools find them; an address that holds any is
refused, because addresses are kept with what is made from them.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from segmend.core.errors import InputError, VolumeError
from segmend.core.volumes import zarr_store
from segmend.core.volumes.lazy import READ_ERRORS, ArraySource

FORMS = "gs://BUCKET/PATH, s3://BUCKET/PATH, https://HOST/PATH, or precomputed:// before one of them or before a folder"
SECONDS = 60.0
_PRECOMPUTED = "precomputed"
_KNOWN = re.compile(r"^(precomputed|gs|s3|https?):/", re.IGNORECASE)
_ADDRESS = re.compile(r"^(gs|s3|https?):/{1,2}([^/].*)$", re.IGNORECASE | re.DOTALL)
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]*\]|[^:\[\]]*)(:\d{1,5})?")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_DATASET = re.compile(r"^(.*\.zarr):(/.*)$", re.IGNORECASE | re.DOTALL)
_LARGEST_METADATA = 16 * 2**20
_LARGEST_CHUNK = 2**31
_NOT_THERE = ("NOT_FOUND", "'404'", "NoSuchBucket", "NoSuchKey")
_NOT_ALLOWED = ("PERMISSION_DENIED", "UNAUTHENTICATED", "'401'", "'403'", "credentials")
_NOT_REACHED = ("curl_code", "CURL", "UNAVAILABLE", "DEADLINE_EXCEEDED", "retry attempts failed")


@dataclass(frozen=True)
class Address:
    """Where an array is.

    Parameters
    ----------
    text : str
        For people and for the record.
    precomputed : bool
        Whether it is a Neuroglancer precomputed volume; else Zarr.
    store : dict
        What tensorstore calls a key-value store; its ``path`` ends with a slash.
    folder : Path, optional
        Where it lies on this machine, if it does.
    """

    text: str
    precomputed: bool
    store: dict[str, Any]
    folder: Path | None = None

    def below(self, name: str) -> Address:
        """Return the address of something inside."""
        store = {**self.store, "path": f"{self.store['path']}{name.strip('/')}/"}
        return Address(f"{self.text}/{name.strip('/')}", self.precomputed, store)

    def above(self) -> tuple[Address, str] | None:
        """Return what it lies in and its name there; None at the top."""
        parts = self.store["path"].rstrip("/").rsplit("/", 1)
        if len(parts) < 2 or not parts[0]:
            return None
        text = self.text.rsplit("/", 1)[0]
        return Address(text, self.precomputed, {**self.store, "path": f"{parts[0]}/"}), parts[1]


def is_remote(path: str | Path) -> bool:
    """Say whether this is an address and no path; a single slash will do, which is what `Path` leaves."""
    return _KNOWN.match(str(path)) is not None


def open_remote(path: str | Path) -> ArraySource:
    """Open an array by its address without reading its voxels.

    Raises
    ------
    InputError
        If the address is not of a known form.
    VolumeError
        If nothing usable is there, it cannot be reached, or may not be read.
    """
    address = parse_address(path)
    if address.precomputed:
        from segmend.core.volumes.precomputed import open_precomputed

        return open_precomputed(address)
    from segmend.core.volumes.remote_zarr import open_remote_zarr

    return open_remote_zarr(address)


def parse_address(path: str | Path) -> Address:
    """Read an address.

    Raises
    ------
    InputError
        If it is not of a known form, or holds credentials.
    """
    text = str(path)
    _refuse_credentials(text)
    if text.lower().startswith(f"{_PRECOMPUTED}:/"):
        inner = text[len(_PRECOMPUTED) + 1 :]
        inner = inner[2:] if inner.startswith("//") else inner
        plain = inner.removeprefix("/")
        if _ADDRESS.match(plain):
            text, store = _store(plain)
            return Address(f"{_PRECOMPUTED}://{text}", True, store)
        return _local(inner, text)
    dataset = _DATASET.match(text)
    whole, store = _store(f"{dataset[1]}/{dataset[2].strip('/')}" if dataset else text)
    return Address(whole, False, store)


def _refuse_credentials(text: str) -> None:
    """Refuse what may hold a user, a password or a token without repeating any of it.

    A key may have a slash in it, so what looks like the path may be part of one: no @ is taken anywhere, and no colon
    in a host's name but that of a port.
    """
    plain = re.sub(rf"^{_PRECOMPUTED}:/{{0,2}}", "", text, flags=re.IGNORECASE)
    address = _ADDRESS.match(plain)
    if address is None and (plain == text or "://" in plain) and "@" in unquote(plain):
        raise InputError(f"this is no address of a volume: expected {FORMS}, without user and @")
    if address is None:
        return  # a folder of this machine, or nothing that is taken
    host = re.split(r"[/?#]", address[2], maxsplit=1)[0]
    if re.search(r"[@?#]", unquote(address[2])) or not _HOST.fullmatch(host):
        raise InputError(
            f"an address of the kind {address[1].lower()}:// has more than a host and a path in it: give it without "
            "user, password, @, ? and #, with a port in digits; credentials come from the environment"
        )


def _local(inner: str, text: str) -> Address:
    if not inner or "://" in inner:
        raise InputError(f"{text} is no address of a volume: expected {FORMS}")
    folder = Path(inner).expanduser().resolve()
    store = {"driver": "file", "path": f"{folder}/"}
    return Address(f"{_PRECOMPUTED}://{folder}", True, store, folder)


def _store(text: str) -> tuple[str, dict[str, Any]]:
    """Return the address in full and its key-value store."""
    found = _ADDRESS.match(text)
    if found is None:
        raise InputError(f"{text} is no address of a volume: expected {FORMS}")
    scheme, rest = found[1].lower(), found[2]
    try:
        whole = urlsplit(f"{scheme}://{rest}")
    except ValueError:  # of a host in brackets that is no number
        raise InputError(f"{text} names no host: expected {FORMS}") from None
    path = unquote(whole.path).strip("/")
    if not all(part not in ("", ".", "..") and part.isprintable() for part in path.split("/")):
        raise InputError(
            f"{text} is no address of a volume: expected a path without empty parts and .."
        )
    plain = f"{scheme}://{whole.netloc}/{path}"
    if scheme in ("http", "https"):
        return plain, {
            "driver": "http",
            "base_url": f"{scheme}://{whole.netloc}",
            "path": f"/{path}/",
        }
    if not _BUCKET.fullmatch(whole.netloc):
        raise InputError(f"{text} names no bucket: expected {FORMS}")
    if scheme == "gs":
        return plain, {"driver": "gcs", "bucket": whole.netloc, "path": f"{path}/"}
    return plain, {"driver": "s3", "bucket": whole.netloc, "path": f"{path}/", **_s3_options()}


def _s3_options() -> dict[str, str]:
    """Return what the environment says about another provider of the same protocol."""
    told = {
        "endpoint": os.environ.get("AWS_ENDPOINT_URL"),
        "aws_region": os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"),
    }
    return {name: value for name, value in told.items() if value}


def read_json(address: Address, name: str) -> dict[str, Any] | None:
    """Read a small JSON object; None where it is not there.

    Raises
    ------
    VolumeError
        If it cannot be read or is no JSON object.
    """
    import tensorstore as ts

    place = f"{address.text}/{name}"
    with explained(address.text):
        store = ts.KvStore.open(address.store, context=_quick_context()).result(timeout=SECONDS)
        if _is_large(store, name):
            raise VolumeError(f"{place} is larger than any metadata: expected a small JSON file")
        found = store.read(name).result(timeout=SECONDS)
    if found.state != "value":
        return None
    try:
        values = json.loads(found.value)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise VolumeError(f"{place} is damaged: expected a JSON object; copy the array again")
    return values


def _is_large(store: Any, name: str) -> bool:
    """Look for one byte beyond what metadata may have, before all of it is read."""
    beyond = slice(_LARGEST_METADATA, _LARGEST_METADATA + 1)
    try:
        found = store.read(name, byte_range=beyond).result(timeout=SECONDS)
    except ValueError as error:
        if "OUT_OF_RANGE" in str(error):
            return False
        if "ignored by server" in str(error):  # which sent everything, and it reached this far
            return True
        raise
    return bool(found.state == "value")


def write_json(address: Address, name: str, values: dict[str, Any]) -> None:
    """Write a small JSON object."""
    import tensorstore as ts

    with explained(address.text, writing=True):
        store = ts.KvStore.open(address.store, context=_quick_context()).result(timeout=SECONDS)
        store.write(name, json.dumps(values, indent=1).encode()).result(timeout=SECONDS)


def check_chunks(store: Any, source: str) -> None:
    """Refuse chunks that would fill the memory as soon as one voxel is read."""
    shape = store.chunk_layout.read_chunk.shape or ()
    size = int(store.dtype.numpy_dtype.itemsize)
    for length in shape:
        size *= int(length)
    if size > _LARGEST_CHUNK:
        raise VolumeError(
            f"{source} has chunks of {size / 2**30:.0f} GB: expected at most 2 GB; write it again in smaller ones"
        )


def reading(store: Any, source: str) -> Any:
    """Return a function that reads an index of a store, with errors that say what to do."""

    def read(index: tuple[slice, ...]) -> Any:
        with explained(source):
            return store[index].read().result()

    return read


@contextmanager
def explained(place: str, *, writing: bool = False) -> Iterator[None]:
    """Turn what tensorstore raises into one line that says what to do."""
    try:
        yield
    except VolumeError:
        raise
    except (*READ_ERRORS, NotImplementedError) as error:
        raise VolumeError(_line(place, str(error), writing), details=str(error)) from error


def _line(place: str, text: str, writing: bool) -> str:
    verb = "written" if writing else "read"
    if isinstance(text, str) and "does not support writing" in text:
        return f"{place} cannot be written: web servers are only read; export to gs://, s3:// or a folder"
    if any(sign in text for sign in _NOT_ALLOWED):
        return (
            f"{place} may not be {verb} with the credentials of this environment: log in "
            "(gcloud auth application-default login; AWS_PROFILE or AWS_ACCESS_KEY_ID), or ask its owner"
        )
    if any(sign in text for sign in _NOT_THERE):
        return f"{place} is not there: look at the names of the bucket and the path"
    if any(sign in text for sign in _NOT_REACHED) or not text:
        return (
            f"{place} cannot be reached: look at the network and at the host's name, then try again"
        )
    first = text.splitlines()[0][:160]
    return f"{place} cannot be {verb} ({first}): expected an undamaged array; copy it again"


@cache
def _quick_context() -> Any:
    """Metadata is asked for while a person waits: give up after some seconds, not after half an hour."""
    import tensorstore as ts

    retries = {"max_retries": 3, "initial_delay": "300ms", "max_delay": "2s"}
    return ts.Context(dict.fromkeys(zarr_store.RETRIES, retries))
