"""bottleneck-cache: features of frozen networks, computed once and never silently wrong."""

__version__ = "0.1.0"
