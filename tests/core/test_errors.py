"""Errors in a library's own words get the code of the table."""

import errno

import pytest

from bottleneck.core.errors import from_foreign, from_os_error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("Check 'x' failed: basic_ios::clear: iostream error"), "no space"),
        (
            OSError(
                "Unable to synchronously flush file (file write failed: errno = 28, "
                "error message = 'No space left on device')"
            ),
            "no space",
        ),
        (RuntimeError("[Errno 122] Disk quota exceeded"), "no space"),
        (RuntimeError("can't start new thread"), "memory"),
        (RuntimeError("std::bad_alloc"), "memory"),
        (RuntimeError("plugin.cpp:921: Resource temporarily unavailable"), "memory"),  # a thread
        (ImportError("x.so: failed to map segment from shared object"), "memory"),
        (ValueError("unable to open file (errno = 24, 'Too many open files')"), "open files"),
        (MemoryError(), "memory"),
    ],
)
def test_what_ran_out_is_12_whoever_says_it(error, said):
    known = from_foreign(error)
    assert (known.exit_code, said in known.what) == (12, True)
    assert "\n" not in str(known)


def raised(error, cause, *, is_named):
    """Return an error as Python leaves it where it was raised while another was handled."""
    try:
        try:
            raise cause
        except OSError:
            if is_named:
                raise error from cause
            raise error  # noqa: B904 - the other one is its context alone
    except Exception as found:  # noqa: BLE001
        return found


@pytest.mark.parametrize("is_named", [True, False])
def test_what_led_to_an_error_is_looked_at_too(is_named):
    full = OSError(errno.ENOSPC, "No space left on device", "/x/y")
    found = raised(ValueError("the archive cannot be closed"), full, is_named=is_named)
    assert from_foreign(found).where == "/x/y"


@pytest.mark.parametrize("is_named", [True, False])
def test_an_error_that_follows_a_missing_file_is_still_a_bug(is_named):
    missing = FileNotFoundError(errno.ENOENT, "No such file", "/x/y")
    assert from_foreign(raised(KeyError("size"), missing, is_named=is_named)) is None
    assert from_foreign(ValueError("4 is no size")) is None
    assert from_os_error(OSError("of no number")) is None
