"""An S3 server on this machine (moto's), which counts what it is asked and can be made to fail.

Tests that need it ask for the fixture `bucket`; without moto or obstore they are skipped.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

import pytest

from bottleneck.core.buckets import Address, address

NAME = "bucket"


class Bucket:
    """A bucket on a server of its own.

    Attributes
    ----------
    asked : (method, path, query) of each request since it was emptied
    answers : by a path's end, the status and the code that are answered instead
    """

    def __init__(self) -> None:
        pytest.importorskip("obstore")
        pytest.importorskip("moto")
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._app = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )
        self.asked: list[tuple[str, str, str]] = []
        self.answers: dict[str, tuple[int, str]] = {}

    def _answer(self, environ: dict[str, Any], start: Any) -> Any:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        self.asked.append((method, path, environ.get("QUERY_STRING", "")))
        for end, (status, code) in self.answers.items():
            if path.endswith(end):
                text = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
                start(f"{status} no", [("Content-Type", "application/xml")])
                return [text]
        return self._app(environ, start)

    @property
    def environment(self) -> dict[str, str]:
        """What a process must have in its environment to reach it."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._server.server_port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "tester",
            "AWS_SECRET_ACCESS_KEY": "s3kr1t",
            "AWS_REGION": "us-east-1",
        }

    def start(self) -> None:
        """Begin to answer; the environment must be set by then."""
        self._thread.start()
        with_bucket = Address("s3", NAME)
        self._request("PUT", f"/{NAME}", b"")
        self.client = with_bucket.client()
        self.asked.clear()

    def stop(self) -> None:
        """End the server, and forget what it held: moto keeps it in this process."""
        from moto.core.models import DEFAULT_ACCOUNT_ID
        from moto.s3.models import s3_backends

        self._server.shutdown()
        self._server.server_close()
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].reset()

    def _request(self, method: str, path: str, data: bytes) -> None:
        from http.client import HTTPConnection

        connection = HTTPConnection("127.0.0.1", self._server.server_port)
        connection.request(method, path, data)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        connection.close()

    # --- what is in it ------------------------------------------------------------------------

    def put(self, key: str, data: bytes) -> None:
        """Put an object there."""
        import obstore

        obstore.put(self.client, key, data)

    def delete(self, key: str) -> None:
        """Take an object away."""
        import obstore

        obstore.delete(self.client, key)

    def put_folder(self, folder: Path, prefix: str) -> str:
        """Put all files of a folder there; return the address."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.put(f"{prefix}/{path.relative_to(folder).as_posix()}", path.read_bytes())
        return self.at(prefix)

    def at(self, prefix: str) -> str:
        """Return the address of a prefix."""
        found = address(f"s3://{NAME}/{prefix}")
        assert found is not None
        return str(found)

    def reads(self) -> list[str]:
        """Return the paths of the objects that were read since this was asked last."""
        found = [path for method, path, _ in self.asked if method == "GET" and path.count("/") > 1]
        listings = f"/{NAME}"
        self.asked.clear()
        return [path for path in found if path.rstrip("/") != listings]

    def n_listings(self) -> int:
        """Return how many pages of names were asked for since `reads`."""
        return sum("list-type=2" in query for _, _, query in self.asked)
