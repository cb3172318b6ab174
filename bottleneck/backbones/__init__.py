"""Frozen networks: loaded, flattened, cut, and given an identity."""

from bottleneck.backbones import catalog, identity, preprocessing

__all__ = ["catalog", "identity", "preprocessing"]
