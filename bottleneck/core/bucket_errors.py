"""What the errors of object stores mean: obstore's, and what their servers answer, in one line."""

from __future__ import annotations

import contextlib
import errno
import re
from typing import TYPE_CHECKING

from bottleneck.core.errors import (
    BottleneckError,
    DataError,
    NoSpaceError,
    PermissionDeniedError,
    UnavailableError,
    UsageError,
)
from bottleneck.core.text import count, printable

if TYPE_CHECKING:
    from collections.abc import Iterator


class OddKeyError(DataError):
    """A key is no path: the client lists nothing of the thousand keys or so that it is among."""


@contextlib.contextmanager
def answers(where: object) -> Iterator[None]:
    """Translate what obstore raises within; FileNotFoundError and AlreadyExistsError pass.

    Raises
    ------
    UsageError
        No such bucket, another region, a server without what is asked of it; settings over which
        obstore ends with a panic.
    UnavailableError
        A server that cannot be reached, or that does not answer in time.
    PermissionDeniedError
        No credentials, wrong ones, or ones that may not do this.
    NoSpaceError
        A bucket that is full.
    OddKeyError
        A listing with a key that is no path.
    """
    try:
        yield
    except BaseException as error:
        module = type(error).__module__
        if (module, type(error).__name__) == ("pyo3_runtime", "PanicException"):
            do = "check the endpoint and the credentials of the environment"
            raise UsageError("the client of the object store failed", where, do) from None
        is_missing = isinstance(error, FileNotFoundError) and error.errno is None
        if not module.startswith("obstore") and not is_missing:
            raise
        if type(error).__name__ == "AlreadyExistsError":
            raise
        known = _meaning(error, where)
        if known is not None:
            raise known from None  # what stands in the original may name keys of the user's
        raise FileNotFoundError(errno.ENOENT, "no such object", str(where)) from None


_WRONG_KEYS = {
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "InvalidSecurity",
    "TokenRefreshRequired",
    "AuthenticationFailed",
}
_CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS, or sign in with gcloud auth application-default login",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}
_NO_BUCKET = {"NoSuchBucket", "ContainerNotFound", "InvalidBucketName"}
_REGION = {"PermanentRedirect", "AuthorizationHeaderMalformed", "TemporaryRedirect"}
_FULL = {"QuotaExceeded", "XMinioStorageFull", "AccountQuotaExceeded", "InsufficientStorage"}


def _meaning(error: BaseException, where: object) -> BottleneckError | None:
    """Return the error of ours; None where there is no such object."""
    text, kind = str(error), type(error).__name__
    code = _first(r"<Code>([A-Za-z]{3,64})</Code>", text)
    status = _first(r"status code: (\d{3})", text)
    said = code or status
    if kind == "InvalidPathError":
        key = printable(_first(r'(?s)[Pp]ath "(.*?)"', text) or "of one")
        do = (
            "rename that object: no //, no . or .. between slashes, no control characters; until "
            "then what is beside it cannot be listed"
        )
        return OddKeyError(f"the key {key} is no path", where, do)
    if code in _NO_BUCKET:
        return UsageError("no such bucket", where, "make it, or check its name and the endpoint")
    if isinstance(error, FileNotFoundError):
        return None
    if code in _FULL or status == "507":
        return NoSpaceError(
            f"the bucket takes no more ({said})", where, "free some, then try again"
        )
    if code in _REGION or "configured region" in text:  # the client's words for a redirect
        return UsageError("the bucket is in another region", where, "set AWS_REGION")
    if re.search(r"169\.254\.|latest/api/token|metadata\.google|getting credentials", text):
        do = f"set {_CREDENTIALS.get(str(where)[:2], 'those of the cloud')}"
        return PermissionDeniedError("no credentials found", where, do)
    if code in _WRONG_KEYS or kind == "UnauthenticatedError" or status == "401":
        do = "check the credentials of the environment"
        return PermissionDeniedError(f"the credentials are not valid ({said})", where, do)
    if kind == "PermissionDeniedError" or status == "403":
        do = "check what these credentials may do"
        return PermissionDeniedError(f"not permitted ({said})", where, do)
    if "BadScheme" in text:
        do = "set AWS_ALLOW_HTTP=true"
        return UsageError("the endpoint is http://, without encryption", where, do)
    if status.startswith("5") and status != "501":
        do = "run the same command again later"
        details = "; ".join(filter(None, (said, _tried(text))))
        return UnavailableError(f"the object store is busy or ill ({details})", where, do)
    if not status and re.search(r"HTTP error|timed? ?out|dns error|error decoding", text):
        do = "check the network and the endpoint (AWS_ENDPOINT_URL), then run it again"
        tried = _tried(text)
        what = "the object store cannot be reached"
        return UnavailableError(f"{what} ({tried})" if tried else what, where, do)
    if kind == "NotSupportedError" or status == "501":
        return UsageError(f"the object store cannot do this ({said})", where, "use another one")
    what = f"the object store refuses ({said or kind})"
    return PermissionDeniedError(what, where, "check the address and the settings of the endpoint")


def _tried(text: str) -> str:
    """Return how often and how long it was tried, as the client says it."""
    found = re.search(r" in ([\d.]+)([mµn]?)s(?:, after (\d+) retries)?", text)
    if not found:
        return ""
    seconds = 0.0 if found[2] else float(found[1])
    return f"tried {count(int(found[3] or 0) + 1, 'time')} in {seconds:.0f} s"


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1] if found else ""
