"""Addresses of object stores (`s3://bucket/prefix`), and their clients.

obstore does the work; it is imported when the first client is made. Credentials come from where
the clouds' own tools look: the environment, a profile of `~/.aws`, the role of the machine. They
are never part of an address, and never shown: of what a server answers, its code alone is.

How it is used::

    place = address("s3://bucket/images")     # None for a path on this machine
    client = place.client()                   # obstore's; keys are relative to the prefix
    with answers(place.at("cat/1.jpg")):      # obstore's errors become ours, in one line
        data = obstore.get(client, "cat/1.jpg").bytes()

`answers` passes on FileNotFoundError (no such object) and obstore's AlreadyExistsError, which
callers look for. Clients are safe for threads, and are not handed to other processes: an
`Address` is (it pickles), and each process makes its own.
"""

from __future__ import annotations

import configparser
import contextlib
import os
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from bottleneck.core.bucket_errors import answers as answers
from bottleneck.core.errors import UsageError
from bottleneck.core.installed import is_here, require

SCHEMES = ("s3", "gs", "az")
# Also `s3:/bucket/x`, which is what a Path makes of it.
_ADDRESS = re.compile(rf"({'|'.join(SCHEMES)})://?(.*)", re.DOTALL)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,221}")
_NO_KEY = re.compile(r"[#\x00-\x1f\x7f]|\?.*=")  # as in a link; in a pattern, ? is a character
# What of the environment says who we are: obstore knows it, and what it means.
_WHO = (
    "ACCESS_KEY_ID",
    "WEB_IDENTITY_TOKEN_FILE",
    "CONTAINER_CREDENTIALS_RELATIVE_URI",
    "CONTAINER_CREDENTIALS_FULL_URI",
    "SKIP_SIGNATURE",
)
# Of a profile, what else is taken: obstore's name of it, and what of the environment goes before.
_SETTINGS = {
    "region": ("region", "AWS_REGION", "AWS_DEFAULT_REGION"),
    "endpoint_url": ("endpoint", "AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"),
}
# By scheme, what of the environment obstore takes as it is: a server's address; names and keys.
# It ends with a panic over what no request can hold.
SERVERS = {
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    "gs": ("GOOGLE_BASE_URL",),
    "az": ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
}
_WORDS = {
    "s3": tuple(
        f"AWS_{name}"
        for name in (
            "ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "TOKEN", "REGION",
            "DEFAULT_REGION",
        )
    ),
    "az": ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT_KEY"),
}  # fmt: skip
_SERVER = re.compile(
    r"https?://(?:[\w.-]+|\[[0-9a-f:.]+\])(?::(\d{1,5}))?(?:/[!-~]*)?", re.I | re.A
)
# A server that is not there is known after some seconds, and one that is busy gets as long. One
# that takes connections and says nothing is known after a minute: a request may take half of one.
RETRIES: Any = {
    "max_retries": 8,
    "backoff": {
        "init_backoff": timedelta(seconds=0.1),
        "max_backoff": timedelta(seconds=5),
        "base": 2,
    },
    "retry_timeout": timedelta(seconds=45),
}


@dataclass(frozen=True, slots=True)
class Address:
    """A place in a bucket (S3, Google) or container (Azure)."""

    scheme: str
    bucket: str
    prefix: str = ""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")

    def at(self, key: str) -> Address:
        """Return the address of what is at `key` below this one."""
        return Address(self.scheme, self.bucket, f"{self.prefix}/{key}".strip("/"))

    def client(self) -> Any:
        """Return obstore's client of what is below this address.

        Raises
        ------
        MissingDependencyError
            Without obstore.
        UsageError
            For settings of the environment that cannot be.
        """
        require("obstore", "objects", str(self))
        require_same_process(self)
        from obstore import store as made  # noqa: PLC0415 - for buckets alone

        _check(self.scheme)
        with answers(self):
            if self.scheme == "gs":
                return made.GCSStore(self.bucket, prefix=self.prefix, retry_config=RETRIES)
            if self.scheme == "az":
                return made.AzureStore(self.bucket, prefix=self.prefix, retry_config=RETRIES)
            return made.S3Store(self.bucket, prefix=self.prefix, retry_config=RETRIES, **_profile())


def address(path: Path | str) -> Address | None:
    """Return the address that this is; None for a path on this machine, and other schemes.

    Raises
    ------
    UsageError
        For an address that names no bucket, or holds more than bucket and prefix: a password, say.
    """
    found = _ADDRESS.fullmatch(os.fspath(path))
    if found is None:
        return None
    scheme, rest = found.groups()
    bucket, _, prefix = rest.partition("/")
    if "@" in bucket or ":" in bucket:
        do = f"write {scheme}://BUCKET/PREFIX; credentials come from the environment"
        raise UsageError("an address holds no user and no password", f"{scheme}://…", do)
    if not _BUCKET.fullmatch(bucket):
        do = f"write {scheme}://BUCKET/PREFIX"
        raise UsageError("no name of a bucket", f"{scheme}://…", do)
    parts = [part for part in prefix.split("/") if part]
    if {".", ".."} & set(parts) or _NO_KEY.search(prefix):
        shown = f"{scheme}://{bucket}/{re.split('[?#]', prefix)[0]}"
        do = "leave out . and .., # and what follows it, and ? with a query"
        raise UsageError("no prefix in a bucket", shown, do)
    return Address(scheme, bucket, "/".join(parts))


_ours: dict[str, int] = {}  # the process that had the first client: forked ones have what it had


def require_same_process(where: object) -> None:
    """Raise UsageError in a process that was forked: obstore's threads are not there, so it hangs.

    To be asked before each use of a client.
    """
    if _ours.setdefault("process", os.getpid()) != os.getpid():
        do = "let processes be spawned (multiprocessing's start method)"
        raise UsageError("a forked process cannot reach a bucket", where, do)


def _profile() -> dict[str, Any]:
    """Return what a profile of `~/.aws` says, where the environment says nothing of who we are.

    obstore itself knows the environment, and the roles of machines, containers and clusters.
    """
    if any(os.environ.get(f"AWS_{name}") for name in _WHO):
        return {}
    name = os.environ.get("AWS_PROFILE") or "default"
    keys = _section("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", name)
    config = _section("AWS_CONFIG_FILE", "~/.aws/config", name, f"profile {name}")
    found = {**config, **keys}
    settings: dict[str, Any] = {
        to: found[key]
        for key, (to, *variables) in _SETTINGS.items()
        if key in found and not any(map(os.environ.get, variables))
    }
    if "aws_access_key_id" in found and "aws_secret_access_key" in found:
        settings["access_key_id"] = found["aws_access_key_id"]
        settings["secret_access_key"] = found["aws_secret_access_key"]
        if "aws_session_token" in found:
            settings["session_token"] = found["aws_session_token"]
    elif found and is_here("boto3"):  # single sign-on, roles and the like: boto3 knows them
        import boto3  # noqa: PLC0415 - see above
        from obstore.auth.boto3 import Boto3CredentialProvider  # noqa: PLC0415 - see above

        with contextlib.suppress(Exception):  # then obstore looks by itself, and says what it lacks
            settings["credential_provider"] = Boto3CredentialProvider(boto3.session.Session())
    for to, said in settings.items():
        if isinstance(said, str):
            of = f"{to} of the profile {name}"
            (_check_server if to == "endpoint" else _check_word)(said, of)
    return settings


def _check(scheme: str) -> None:
    """Refuse what of the environment cannot be; what it says is not shown: it may be a secret."""
    for name in SERVERS[scheme]:
        if name in os.environ:
            _check_server(os.environ[name], name)
    for name in _WORDS.get(scheme, ()):
        _check_word(os.environ.get(name, ""), name)


def _check_server(said: str, where: str) -> None:
    found = _SERVER.fullmatch(said)
    if not said:
        raise UsageError("set, but empty", where, "unset it, or write https://HOST:PORT")
    if not found or int(found[1] or 0) > 65535 or set("?#") & set(said):
        raise UsageError("no address of a server", where, "write https://HOST or http://HOST:PORT")


def _check_word(said: str, where: str) -> None:
    if re.search(r"[\x00-\x1f\x7f]", said):
        do = "set it again: no value holds a line break or another control character"
        raise UsageError("a control character in it", where, do)


def _section(variable: str, usual: str, *names: str) -> dict[str, str]:
    """Return a section of an INI file, by the first of its names that is there; {} for none."""
    read = configparser.RawConfigParser()
    try:
        read.read(Path(os.environ.get(variable) or usual).expanduser(), encoding="utf-8")
    except (OSError, RuntimeError, UnicodeError, configparser.Error):
        return {}
    return next((dict(read.items(name)) for name in names if read.has_section(name)), {})
