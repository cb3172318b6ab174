"""What a kind of source is, as the catalog has it. Imports the standard library alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bottleneck.core.option import Option


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSpec:
    """A kind of source.

    Attributes
    ----------
    opens : str
        `module:function` that opens one. A path's takes the path and how it is read
        (`data.how.How`), a data set's the latter alone.
    about : str
        What it is, for help texts: a few words.
    endings : of the names of files that are of this kind, in lower case; the longest one counts
    holds : file names that together make a folder one of this kind, in one or several ways
    is_pattern : whether it is named by a pattern of paths, such as `train-*.tar`, that has one of
        these endings, or any that no other kind of pattern has
    options : what such a source can be told besides `include` and `exclude`, which all have
    """

    opens: str
    about: str
    endings: frozenset[str] = frozenset()
    holds: tuple[frozenset[str], ...] = ()
    is_pattern: bool = False
    options: tuple[Option, ...] = ()
