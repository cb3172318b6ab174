"""Claims: while somebody publishes what no commit names yet, gc leaves such files alone.

Copying and folding publish files for as long as it takes, and a commit names them at the end; an
extraction commits behind a batch, and a batch may be slow. gc of another machine, which no lock
holds back, takes what nobody names once it is older than `Storage.least_age_s`. So whoever is at it
for a minute or more keeps a file in `claims/`, and puts a younger one in its place each minute.
Whoever goes on with what may be old already does so at once, and looks after that what is there: a
copy, as a killed one may have left it, and who sets a recipe, whose name is that of its content. gc
asks for claims last, right before it deletes. The claim of one that was killed is soon too old to
count, and gc takes it away with the rest.
"""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from typing import TYPE_CHECKING

from bottleneck.core import files
from bottleneck.core.errors import BottleneckError, ExpiredError
from bottleneck.store.log import SetSource
from bottleneck.store.storage import is_table_there

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bottleneck.store.inventory import Recorded
    from bottleneck.store.snapshot import Snapshot
    from bottleneck.store.storage_protocol import Storage
    from bottleneck.store.store import Store

ROOM = "claims"
RENEW_S = 60.0


class Claim:
    """One claim; see `claimed`. Any thread may call."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="claim", daemon=True)
        self._name = ""
        self._renewed = time.time()  # not monotonic: that stands still while a machine sleeps

    def renew(self, *, at_once: bool = False) -> None:
        """Put a younger file in its place, unless it is younger than a minute, or `at_once`."""
        with self._lock:
            if not at_once and abs(time.time() - self._renewed) < RENEW_S:
                return
            files.make_folder(self._storage.root / ROOM)
            name, before = f"{ROOM}/{uuid.uuid4().hex}", self._name
            self._storage.create(name, b"{}\n")
            self._name, self._renewed = name, time.time()
            if before:
                self._storage.delete(before)

    def holds(self, tables: Iterable[Recorded]) -> bool:
        """Renew it; return whether all these are still there, as they are where it was not needed.

        A process that was stopped, or a machine that slept, may have renewed it too late.
        """
        self.renew()
        return not self._name or all(is_table_there(self._storage, table) for table in tables)

    def require(self, tables: Iterable[Recorded]) -> None:
        """Do what `holds` does; ExpiredError where one is gone."""
        if not self.holds(tables):
            raise ExpiredError(
                "gc of another machine took what this run had not committed yet",
                self._storage.location,
                "run the command again: what was committed is kept",
            )

    def begin(self) -> None:
        """Have a thread renew it, from a minute from now."""
        self._thread.start()

    def _keep(self) -> None:
        while not self._is_over.wait(RENEW_S):
            with contextlib.suppress(BottleneckError, OSError):  # the next time, then
                self.renew()

    def end(self) -> None:
        """Take it away."""
        self._is_over.set()
        if self._thread.is_alive():  # not where Ctrl-C came before it began
            self._thread.join()
        with self._lock, contextlib.suppress(BottleneckError, OSError):  # gc does, then
            if self._name:
                self._storage.delete(self._name)


@contextlib.contextmanager
def claimed(storage: Storage, *, at_once: bool = False) -> Iterator[Claim]:
    """Claim what is published while the block runs.

    Parameters
    ----------
    at_once : what is published already, and may be old, is to stay as well
    """
    claim = Claim(storage)
    claim.begin()
    try:
        if at_once:
            claim.renew(at_once=True)
        yield claim
    finally:
        claim.end()


def record_source(store: Store, name: str, snapshot: Snapshot, by: str) -> Store:
    """Record what a source of a store is now; an object put in pieces is as old as the first."""
    with claimed(store.storage) as claim:
        entry = store.write_snapshot(snapshot)
        claim.require([entry])
        return store.commit([SetSource(name, store.state.sources[name].snapshot, entry)], by)


def is_claimed(storage: Storage) -> bool:
    """Whether somebody is at work whose files no commit may name yet."""
    now = time.time()
    # One from the future is of a clock that was wrong, not of somebody who is still at it.
    return any(abs(now - entry.modified) <= storage.least_age_s for entry in storage.entries(ROOM))
