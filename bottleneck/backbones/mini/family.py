"""`mini` as the catalog sees it: light to import, so that its name can be listed."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from bottleneck.backbones.backbone import Backbone, Request, Spec
from bottleneck.backbones.mini import network
from bottleneck.core.reporter import SILENT

if TYPE_CHECKING:
    from bottleneck.core.reporter import Reporter


def names() -> tuple[str, ...]:
    """Return `mini` alone."""
    return ("mini",)


def claims(name: str) -> bool:
    """Whether this is `mini`."""
    return name == "mini"


def spec(name: str) -> Spec:
    """Return what is known of `mini`."""
    return Spec(
        name=name,
        size=(network.SIZE, network.SIZE),
        weights=network.WEIGHTS,
        features=network.FEATURES,
    )


def needs_keras(request: Request) -> bool:
    """Whether loading it imports Keras: only where it is not cut as it is shipped."""
    as_shipped = Request(backbone="mini", weights=network.WEIGHTS, size=request.size)
    return request != as_shipped or request.size not in (None, (network.SIZE, network.SIZE))


def load(request: Request, reporter: Reporter = SILENT) -> Backbone:
    """Return `mini`, cut as asked; see `mini.load.load`."""
    loader = import_module("bottleneck.backbones.mini.load")
    return cast("Backbone", loader.load(request, reporter))
