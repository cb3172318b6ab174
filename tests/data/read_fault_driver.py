"""A disk that does not read once (EIO), at each read of each kind of source, one after the other.

    LD_PRELOAD=faulty.so python read_fault_driver.py LIBRARY FOLDER ABOUT

ABOUT is how many of the reads of a source fail, evenly spread; 0 fails every one. Prints JSON: for
each kind how many there were, how many failed, and what was wrong.
"""

from __future__ import annotations

import ctypes
import errno
import itertools
import json
import os
import shutil
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "contract")]

import numpy as np  # noqa: E402
from fault_driver import FAIL_ONCE, NEVER, READS  # noqa: E402
from test_sources import ADDRESSES, MAKERS, make_folder  # noqa: E402

from bottleneck.core.digest import sample_digest  # noqa: E402
from bottleneck.core.errors import BottleneckError  # noqa: E402
from bottleneck.data.catalog import open_source  # noqa: E402

MOST = 5  # samples of a source that are read


def a_folder_of_links(home):
    """A folder with links to images, and images without an image's ending."""
    root = make_folder(home / "images")
    for path in sorted(root.rglob("*.png"))[::2]:
        path.with_name(f"link{path.name}").symlink_to(path)
    for path in sorted(root.rglob("1*.png")):
        path.rename(path.with_suffix(""))
    return root


TOLD = {"a_folder_of_links": {"any_name": True}}


def looked(data, told):
    """Return the listing, and the digests of some samples; None for one that cannot be read."""
    source = open_source(data, told)
    listing = source.list()
    found = []
    for i in np.linspace(0, len(listing) - 1, min(MOST, len(listing))).astype(int).tolist():
        try:
            found.append(sample_digest(source.read(i).content))
        except OSError:
            found.append(None)
    return listing, found


def same(a, b):
    """Whether two listings name the same samples, as the same classes and splits."""
    columns = ("keys", "labels", "splits")
    equal = (np.array_equal(getattr(a, name), getattr(b, name)) for name in columns)
    return a.classes == b.classes and all(equal)


def attempt(data, told, expected):
    """Return what is wrong with a look while the disk fails; None for nothing."""
    try:
        listing, digests = looked(data, told)
    except (BottleneckError, OSError):
        return None
    except Exception as error:  # noqa: BLE001 - whatever it is, a user sees it as a bug
        return f"ended with {error!r}"
    if not same(listing, expected[0]):
        return f"another listing: {len(listing)} of {len(expected[0])} samples"
    pairs = zip(digests, expected[1], strict=True)
    return "another content" if any(d not in (None, e) for d, e in pairs) else None


def loop(lib, data, told, home, about):
    """Fail one read after the other; return (reads, failed, what was wrong)."""
    kept = home / "keras" / "datasets" / "bottleneck"  # what is made once of a data set
    under = str(home).encode()

    def armed(at):
        shutil.rmtree(kept, ignore_errors=True)
        lib.faulty_arm(under, ctypes.c_long(at), FAIL_ONCE, errno.EIO, READS)

    armed(NEVER)
    expected = looked(data, told)
    lib.faulty_disarm()
    n = lib.faulty_count()
    step, wrong = max(1, n // about) if about else 1, []
    for number in itertools.count():
        armed(number * step + step // 2)
        said = attempt(data, told, expected)
        lib.faulty_disarm()
        if said:
            wrong.append(f"at {number * step + step // 2}: {said}")
        if not lib.faulty_hits():
            break
    return n, number, wrong


def main(library, folder, about):
    lib = ctypes.CDLL(library)
    found = {}
    apart = {"frames", *ADDRESSES}  # no disk is read for what is in a bucket
    examples = [pair for pair in MAKERS if pair[1] is not None and pair[0] not in apart]
    for kind, make in [*examples, ("folder", a_folder_of_links)]:
        home = Path(folder).resolve() / f"{kind}-{make.__name__}"
        home.mkdir(parents=True)
        os.environ["KERAS_HOME"] = str(home / "keras")
        data = str(make(home))
        told = TOLD.get(make.__name__, {})
        looked(data, told)
        found[make.__name__] = loop(lib, data, told, home, int(about))
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
