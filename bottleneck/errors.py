"""The errors that every command and call raises; all are `BottleneckError`.

Each says `what` went wrong, `where`, and what to `do`; `exit_code` is the one that the command line
would end with.
"""

from bottleneck.core.errors import (
    BottleneckError,
    BusyError,
    ConflictError,
    DamagedError,
    DataError,
    ExpiredError,
    MissingDependencyError,
    NoSpaceError,
    OccupiedError,
    OtherRowsError,
    PermissionDeniedError,
    RecipeError,
    StaleError,
    UnavailableError,
    UsageError,
)

__all__ = [
    "BottleneckError",
    "BusyError",
    "ConflictError",
    "DamagedError",
    "DataError",
    "ExpiredError",
    "MissingDependencyError",
    "NoSpaceError",
    "OccupiedError",
    "OtherRowsError",
    "PermissionDeniedError",
    "RecipeError",
    "StaleError",
    "UnavailableError",
    "UsageError",
]
