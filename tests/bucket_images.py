"""Images in the bucket of `bucket_world`: what is asked of each, and what is answered instead."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING

from bottleneck.core.buckets import Address

if TYPE_CHECKING:
    from pathlib import Path

    from bucket_world import Bucket, Request

NAME = "bucket"


class Images:
    """The bucket, behind its proxy.

    Attributes
    ----------
    asked : (method, path, whether it is a listing) of each request, in order
    answers : by the end of a path, the status and the code that are answered instead
    """

    def __init__(self, world: Bucket) -> None:
        self._world = world
        self.asked: list[tuple[str, str, bool]] = []
        self.answers: dict[str, tuple[int, str]] = {}
        world.harm = self._harm
        self._client = Address("s3", NAME).client()

    def _harm(self, request: Request) -> str | None:
        self.asked.append((request.method, request.key, request.is_list))
        for end, (status, code) in self.answers.items():
            if request.key.endswith(end):
                return f"{status} {code}"
        return None

    def put(self, key: str, data: bytes) -> None:
        """Put an object there."""
        import obstore

        obstore.put(self._client, key, data)

    def put_as_is(self, path: str, data: bytes) -> None:
        """Put an object there whose key obstore would not take, quoted for a URL."""
        connection = http.client.HTTPConnection(self._world.origin.removeprefix("http://"))
        connection.request("PUT", f"/{NAME}/{path}", data)
        assert connection.getresponse().status == 200
        connection.close()

    def delete(self, key: str) -> None:
        """Take an object away."""
        import obstore

        obstore.delete(self._client, key)

    def put_folder(self, folder: Path, prefix: str) -> str:
        """Put all files of a folder there; return the address."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.put(f"{prefix}/{path.relative_to(folder).as_posix()}", path.read_bytes())
        return self.at(prefix)

    def at(self, prefix: str) -> str:
        """Return the address of a prefix."""
        return f"s3://{NAME}/{prefix}"

    def reads(self) -> list[str]:
        """Return the paths of the objects that were read since this was asked last."""
        found = [path for method, path, is_list in self.asked if method == "GET" and not is_list]
        self.asked.clear()
        return found

    def n_listings(self) -> int:
        """Return how many pages of names were asked for since `reads`."""
        return sum(is_list for *_, is_list in self.asked)
