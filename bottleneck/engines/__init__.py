"""What turns pixels into rows, and how its rows are checked."""

from bottleneck.engines import catalog, check
from bottleneck.engines.engine import Frozen

__all__ = ["Frozen", "catalog", "check"]
