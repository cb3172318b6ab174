"""What every source is: a listing that reads no content, and a read of one sample."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from bottleneck.core.paths import Stat, to_json_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bottleneck.core.sample import Groups, Targets
    from bottleneck.data.how import How
    from bottleneck.data.stat_table import StatTable

# The rules by which names, columns and files say classes and splits. Whoever changes them so that
# something that was read before reads otherwise adds one: then what differs is asked about
# (`pipeline.extraction.reading`), as it may be the rules and not the data that changed.
READING = 1
SKIPPED = ("hidden", "other", "excluded", "links")


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """What a source's names and columns were taken to mean, for people and for programs.

    Classes, splits and what was left alone stand in the listing; this is how they were found.

    Attributes
    ----------
    layout : str
        Where class and split stand in a path, such as `{split}/{class}/*`, or `*` where the
        paths of a folder say neither; empty where it is not paths that say them.
    splits : dict
        How the source spells each split, and which of `SPLITS` that is: `Training` is `train`.
    columns : dict
        Of a table: what each of our columns is called there: `filename` is `image_id`.
    other_columns : dict
        Of several tables: `columns` of those in which they are called otherwise, by their names.
    left_alone : dict
        Folders of file servers and desktops (`@eaDir`), and how many images in them were passed.
    missing : dict
        Of a table: `files` that it names and that are not there, how many, and the `first` names
        of them.
    notes : tuple of str
        What else a person should know before anything is computed: whole sentences, without a
        full stop.
    header : tuple of str
        Of a table: what all its columns are called. Nothing of it is kept.
    """

    layout: str = ""
    splits: dict[str, str] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    other_columns: dict[str, dict[str, str]] = field(default_factory=dict)
    left_alone: dict[str, int] = field(default_factory=dict)
    missing: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    header: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON, without what is empty, and without the header."""
        return {key: value for key, value in asdict(self).items() if value and key != "header"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Listing:
    """What a source holds, by names and stats alone.

    Attributes
    ----------
    keys : (n,) bytes (`S`)
        Paths relative to the source's root with `/`, unique, sorted as bytes.
    labels : (n,) int32
        Index into `classes`; -1 without a label.
    splits : (n,) uint8
        Index into `bottleneck.core.sample.SPLITS`.
    classes : tuple of str
        Class names in sorted order; a class has at least one sample.
    stats : (n, 4) int64
        Size, mtime_ns, ctime_ns, inode of each file; the container's for samples in one.
    skipped : dict
        How many entries were left alone: `hidden`, `other` (no image by its extension, or no
        regular file), `excluded` (by --include and --exclude), `links` (to folders, to nothing,
        or out of the source). A hidden folder counts once. Where there are any: `system` (images
        in folders of file servers and desktops), `unnamed` (images without an image's ending).
    device : int
        The root's `st_dev`; 0 for arrays.
    understood : Understood
        How classes and splits were found.
    groups, targets : None where the source says nothing of them
    seen : StatTable or None
        What else this run has read of these files, for another store; None for nothing.
    """

    keys: NDArray[np.bytes_]
    labels: NDArray[np.int32]
    splits: NDArray[np.uint8]
    classes: tuple[str, ...]
    stats: NDArray[np.int64]
    skipped: dict[str, int]
    device: int
    understood: Understood = field(default_factory=Understood)
    groups: Groups | None = None
    targets: Targets | None = None
    seen: StatTable | None = None

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Read:
    """One sample's content, and proof of when it was what.

    Attributes
    ----------
    content : bytes or uint8 array (height, width) or (height, width, channels)
        The encoded file, or the pixels of an array sample.
    stat : Stat
        The file's, equal before and after its bytes were read.
    clock_ns : int
        The system's clock, read before the file was opened.
    """

    content: bytes | NDArray[np.uint8]
    stat: Stat
    clock_ns: int


class Source(Protocol):
    """A data set as the user names it. Nothing in it is ever written."""

    @property
    def name(self) -> str:
        """The source's name unless the user gives another: the folder's or the data set's."""

    @property
    def spec(self) -> dict[str, Any]:
        """JSON (kind, where, include, exclude) from which `catalog.reopen` opens it again."""

    def exists(self) -> bool:
        """Whether it is there now; nothing is fetched to find out."""

    def list(self) -> Listing:
        """Look at the source now. No image is read.

        Raises
        ------
        DataError
            When there is nothing, or no image.
        PermissionDeniedError
            When a folder may not be read.
        UnavailableError
            When it would have to be fetched, and cannot be.
        """

    def read(self, index: int) -> Read:
        """Return the sample at `index` of the last listing, as it is now. Any thread may call.

        Raises
        ------
        OSError
            When it cannot be read, is gone, or changes while it is read.
        """


@runtime_checkable
class Unpacks(Protocol):
    """A source that may unpack what it reads; where `is_dry` is set, it writes nothing."""

    is_dry: bool


def at_once(source: object) -> int:
    """Return how many reads a source wants side by side: one, where it does not say `at_once`."""
    return int(getattr(source, "at_once", 1))


def spec_of(kind: str, path: object, how: How) -> dict[str, Any]:
    """Return `Source.spec` of what stands at an absolute path, or an address."""
    return {"kind": kind, "where": to_json_text(str(path)), **how.to_json()}
