"""What a store asks of the place where its bytes live; `storage.py` says which there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from bottleneck.store.anew import Anew
    from bottleneck.store.inventory import Entry, Recorded


class Storage(Protocol):
    """What a store asks of the place where it is. Any thread may call."""

    root: Path  # where its files are on this machine
    least_age_s: float  # so old must be what nobody names before it may be deleted

    @property
    def location(self) -> str:
        """What opens this store again, in another process too: an absolute path, or an address."""

    def is_there(self) -> bool:
        """Whether a store is here; UsageError where something else is."""

    def prepare(self) -> None:
        """Make the folder of this machine, so that a lock can be held there."""

    def found(self) -> None:
        """Make sure that a new store can be here; UsageError where `create` would not hold."""

    def names(self, room: str) -> list[str]:
        """Return the names in a room; FileNotFoundError or NotADirectoryError where it is none."""

    def newest(self, room: str) -> list[str]:
        """Return the names that stand last in a room, or all of them; raises as `names` does."""

    def entries(self, room: str) -> list[Entry]:
        """Return what is in a room, by name; nothing where there is no room."""

    def has(self, name: str) -> bool:
        """Whether there is such a file."""

    def is_due(self) -> bool:
        """Whether it is time to ask again for what others did: over a network, now and then."""

    def create(self, name: str, data: bytes) -> None:
        """Create a file, whole and durable, if and only if the name is free.

        Raises
        ------
        FileExistsError
            When it is taken, and not by this very call that was retried.
        """

    def publish(self, *names: str) -> None:
        """Put files and tables, under names that are unique by construction, where others look."""

    def take_in(self, name: str, path: Path, recorded: Mapping[str, Any]) -> None:
        """Copy a table of another store, durably, in the place of what is not whole.

        Raises
        ------
        DamagedError
            When its files are not as they are recorded.
        """

    @property
    def new_runs(self) -> Path:
        """Where a run's folder is written; `publish_run` puts it where others look."""

    def publish_run(self, name: str) -> Path:
        """Put a run's folder where others look; return where it is then.

        Raises
        ------
        FileExistsError
            When the name is taken there; it is where it was.
        """

    def fetch(self, name: str, recorded: Mapping[str, Any] | None = None) -> Path:
        """Return where a file or table can be read; nothing is there where it is not to be had.

        Parameters
        ----------
        recorded : a table's files, as a commit records them

        Raises
        ------
        DamagedError
            When what came is not what was recorded.
        """

    def lent(self, name: str, recorded: Mapping[str, Any]) -> AbstractContextManager[Path]:
        """Do what `fetch` does for a table that is read through once: no copy need stay."""

    def fetch_all(self, tables: Iterable[Recorded]) -> None:
        """Do what `fetch` does for many."""

    def run_names(self) -> list[str]:
        """Return the names of the finished runs."""

    def fetch_runs(self) -> list[Path]:
        """Return the folders of the finished runs of all machines, to be read here, by name."""

    def move(self, name: str, target: str) -> None:
        """Give a file another name, which is free."""

    def n_bytes(self, name: str) -> int:
        """Return how many bytes a file or folder holds that was listed just now."""

    def delete(self, *names: str) -> None:
        """Delete files and folders, in this order; what is gone already is no error."""

    def read_anew(self) -> AbstractContextManager[Anew | None]:
        """Meanwhile fetch everything as it stands there, whatever was fetched before.

        What is given knows which copies are good all the same; None where there are no copies.
        """
