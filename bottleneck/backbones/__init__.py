"""Frozen networks: loaded, flattened, cut, and given an identity."""

from bottleneck.backbones import catalog, preprocessing
from bottleneck.backbones.backbone import Request

__all__ = ["Request", "catalog", "preprocessing"]
