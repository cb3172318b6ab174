"""Files that save time or tell people something, and on which nothing rests.

Where one of them cannot be written (no space, not permitted, a read-only disk), that is said, and
the run goes on: the next one takes longer, and nothing is lost.
"""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

from bottleneck.core.errors import from_foreign

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

log = logging.getLogger(__name__)
_said: set[tuple[Path, str]] = set()


@contextlib.contextmanager
def spared(path: Path, *also: type[Exception]) -> Iterator[None]:
    """Go on where `path` cannot be written, and say so once.

    Parameters
    ----------
    also : what a library raises, besides OSError, when it cannot write
    """
    try:
        yield
    except Exception as error:
        if not isinstance(error, (OSError, *also)):
            raise
        known = from_foreign(error)  # OpenVINO says of a full disk that a stream failed
        said = error.strerror if isinstance(error, OSError) else known and known.what
        reason = said or " ".join(str(error).split())[-120:]
        if (path, reason) not in _said:
            _said.add((path, reason))
            log.warning("%s is not kept (%s): the run goes on without it", path, reason)
