"""A bucket on this machine: moto's S3 server, and a proxy before it that counts and does harm.

What it needs (obstore, moto) is not among the tests' packages: who uses this asks first.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import threading
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ADDRESS = Path("s3://bucket/stores/first")  # as a command has it
LATE_S = 0.05
LAST_ENTRY = re.compile(rb"(.*)<Contents>.*</Contents>", re.DOTALL)
BELOW = "stores/first/"
HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive", "content-length"}


@dataclass
class Request:
    """What a client asks: its method, and the path with its query."""

    method: str
    path: str
    body: bytes

    @property
    def key(self) -> str:
        """The object's name, or the bucket's."""
        return self.path.partition("?")[0]

    @property
    def is_list(self) -> bool:
        return "list-type=2" in self.path


@dataclass
class Bucket:
    """A server with one bucket, `bucket`.

    Attributes
    ----------
    harm : is asked about each request, and says what becomes of it: None (nothing), "cut" (before
        it is passed on), "lost" (its answer is cut off after it was done), "half" (its answer is
        cut off in the middle), "503 done" (said after it was done), "late" (it is done after the
        client was cut off), "behind" (a listing without its last entry), "unconditional" (its
        condition is not looked at), or a status and a code, such as "503 SlowDown"
    counts : requests by kind; bytes of bodies by direction
    """

    url: str
    origin: str
    harm: Callable[[Request], str | None] = lambda _: None
    counts: Counter = field(default_factory=Counter)
    harmed: Counter = field(default_factory=Counter)

    def env(self) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": "AKIATEST",
            "AWS_SECRET_ACCESS_KEY": "s3kr1t",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
        }

    def objects(self, below: str = BELOW) -> dict[str, bytes]:
        """Return the objects below a prefix, asked of the server behind the proxy."""
        client = self._client
        pages = client.get_paginator("list_objects_v2").paginate(Bucket="bucket", Prefix=below)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        return {
            key[len(below) :]: client.get_object(Bucket="bucket", Key=key)["Body"].read()
            for key in keys
        }

    def put(self, name: str, data: bytes | None) -> None:
        """Put an object of the first store behind everybody's back; None deletes it."""
        if data is None:
            self._client.delete_object(Bucket="bucket", Key=f"{BELOW}{name}")
        else:
            self._client.put_object(Bucket="bucket", Key=f"{BELOW}{name}", Body=data)

    @cached_property  # making one takes longer than most requests
    def _client(self):
        import boto3

        return boto3.client(
            "s3", endpoint_url=self.origin, region_name="us-east-1",
            aws_access_key_id="a", aws_secret_access_key="b",
        )  # fmt: skip

    def empty(self) -> None:
        """Begin anew: no objects, no harm, nothing counted."""
        self.harm = lambda _: None
        for kept in (self.counts, self.harmed):
            kept.clear()
        for path, method in (("moto-api/reset", "POST"), ("bucket", "PUT")):
            urllib.request.urlopen(
                urllib.request.Request(f"{self.origin}/{path}", method=method)
            ).close()


@contextlib.contextmanager
def served() -> Iterator[Bucket]:
    """A server, and the proxy before it; `empty` makes the bucket."""
    import logging

    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    proxy.daemon_threads = True
    origin = f"http://{host}:{port}"
    world = Bucket(url=f"http://127.0.0.1:{proxy.server_address[1]}", origin=origin)
    proxy.world = world
    thread = threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield world
    finally:
        proxy.shutdown()
        proxy.server_close()
        server.stop()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms for its body

    def log_message(self, *_):
        pass

    def _any(self) -> None:
        world = self.server.world
        n = int(self.headers.get("Content-Length") or 0)
        request = Request(self.command, self.path, self.rfile.read(n))
        world.counts["list" if request.is_list else request.method.lower()] += 1
        world.counts["up"] += n
        harm = world.harm(request)
        world.harmed[harm] += harm is not None
        if harm == "cut":
            self._cut()
            return
        if harm and harm[:3].isdigit() and harm != "503 done":
            status, _, code = harm.partition(" ")
            self._answer(int(status), {}, f"<Error><Code>{code}</Code></Error>".encode())
            return
        if harm == "late":
            threading.Thread(target=self._late, args=(request,), daemon=True).start()
            self._cut()
            return
        status, headers, body = self._pass_on(request, harm)
        if harm == "behind":
            body = LAST_ENTRY.sub(rb"\1", body)
        if harm == "lost":
            self._cut()
        elif harm == "half":
            self._answer(status, headers, body, half=True)
        elif harm == "503 done":
            self._answer(503, {}, b"<Error><Code>InternalError</Code></Error>")
        else:
            world.counts["down"] += len(body)
            self._answer(status, headers, body)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _any  # noqa: N815 - the base class has it so

    def _late(self, request: Request) -> None:
        time.sleep(LATE_S)
        self._pass_on(request)

    def _pass_on(
        self, request: Request, harm: str | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        host, _, port = self.server.world.origin[len("http://") :].partition(":")
        connection = http.client.HTTPConnection(host, int(port))
        left_out = HOP_BY_HOP | ({"if-none-match"} if harm == "unconditional" else set())
        headers = {k: v for k, v in self.headers.items() if k.lower() not in left_out}
        headers["Content-Length"] = str(len(request.body))
        connection.request(request.method, request.path, request.body, headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, dict(answer.getheaders()), body

    def _answer(
        self, status: int, headers: dict[str, str], body: bytes, *, half: bool = False
    ) -> None:
        self.send_response_only(status)
        length = len(body)
        for name, value in headers.items():
            if name.lower() == "content-length" and self.command == "HEAD":
                length = int(value)
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if half:
            self.wfile.write(body[: length // 2])
            self._cut()
        elif self.command != "HEAD":
            self.wfile.write(body)

    def _cut(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(2)
