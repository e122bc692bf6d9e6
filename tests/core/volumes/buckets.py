"""A server that stands in for Google's and Amazon's storage: objects in memory, no credentials asked."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, unquote, urlsplit


class FakeBuckets(http.server.ThreadingHTTPServer):
    """``objects`` maps BUCKET/KEY to bytes, in the order of writing; ``refuse`` is a status for every request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, bytes] = {}
        self.refuse: int | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeBuckets

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        key = unquote(parts.path).strip("/")
        if key.startswith("storage/v1/b/"):
            bucket, _, name = key.removeprefix("storage/v1/b/").partition("/o/")
            key = f"{bucket}/{name}"
        self._answer(200, self.server.objects.get(key))

    do_HEAD = do_GET

    def do_PUT(self) -> None:
        self._keep(unquote(urlsplit(self.path).path).strip("/"))

    def do_POST(self) -> None:
        parts = urlsplit(self.path)
        bucket = parts.path.removeprefix("/upload/storage/v1/b/").removesuffix("/o")
        self._keep(f"{bucket}/{parse_qs(parts.query)['name'][0]}")

    def _keep(self, key: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.server.refuse is None:
            self.server.objects.pop(key, None)
            self.server.objects[key] = body
        self._answer(200, json.dumps({"generation": "1", "name": key}).encode())

    def _answer(self, code: int, body: bytes | None) -> None:
        code = self.server.refuse or (404 if body is None else code)
        body = body if code == 200 and body is not None else b""
        self.send_response(code)
        for name, value in (("x-goog-generation", "1"), ("ETag", '"1"')):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextmanager
def fake_buckets() -> Iterator[FakeBuckets]:
    """Run the server while the block lasts."""
    with FakeBuckets() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
