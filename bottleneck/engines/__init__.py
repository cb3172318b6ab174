"""What turns pixels into rows, and how its rows are checked."""

from bottleneck.engines import catalog, check

__all__ = ["catalog", "check"]
