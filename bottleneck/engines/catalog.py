"""The engines by name."""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from bottleneck.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bottleneck.engines.engine import Engine

# One line an engine: name → module with `open_engine`.
ENGINES: Mapping[str, str] = MappingProxyType({"keras": "bottleneck.engines.keras"})


def open_engine(
    name: str,
    *,
    model: Any,
    preprocess: Callable[[Any], Any],
    size: tuple[int, int],
    batch_size: int,
    devices: str | None = None,
) -> Engine:
    """Return an engine for `model`.

    Parameters
    ----------
    model : keras.Model
        From float32 (n, height, width, 3) to rows.
    preprocess : callable
        From float32 pixels 0 to 255, RGB, to the model's input, in the framework's tensors.
    size : (height, width), pixels
    devices : str, optional
        Such as cpu or gpu:0; the engine chooses where it is None.
    """
    if name not in ENGINES:
        raise UsageError(f"no engine {name!r}", "--engine", f"one of {', '.join(ENGINES)}")
    module = import_module(ENGINES[name])
    return cast(
        "Engine",
        module.open_engine(
            model=model, preprocess=preprocess, size=size, batch_size=batch_size, devices=devices
        ),
    )
