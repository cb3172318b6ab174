"""Only code that is known: Keras' own and KerasHub's.

A class or function that is neither could compute anything, and change unseen; so it is
refused, unless the user says which version it is. Byte code is never hashed.
"""

from __future__ import annotations

import contextlib
import warnings
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from bottleneck.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Of Keras, but made to hold code of others.
FOREIGN = {"Lambda", "TFSMLayer", "JaxLayer", "FlaxLayer", "TorchModuleWrapper"}

# How Keras writes values that JSON does not have.
PLAIN = {
    "__tuple__",
    "__ellipsis__",
    "__bytes__",
    "__numpy__",
    "__tensor__",
    "__keras_tensor__",
    "__slice__",
}

_packages: ContextVar[tuple[str, ...]] = ContextVar("packages", default=("keras", "keras_hub"))
_HUBS = ("keras_hub>", "keras_nlp>")  # how KerasHub registers what is its own, now and before

_ARROWS = {"equation", "subscripts", "pattern"}  # of products: abc,cd->abd is no package>name


@contextlib.contextmanager
def only_keras() -> Iterator[None]:
    """Take KerasHub for somebody's own, as older versions did."""
    token = _packages.set(("keras",))
    try:
        yield
    finally:
        _packages.reset(token)


def config_of(operation: Any) -> dict[str, Any]:
    """Return an operation's config, without Keras' warning of the lambdas in it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            config: dict[str, Any] = operation.get_config()
        except (AttributeError, TypeError):
            if not is_of_keras_hub(type(operation)):
                raise
            return {}  # some of its layers cannot say; the preset's own config counts as a whole
    return config


def check_known(operation: Any, network_version: str | None) -> None:
    """Raise UsageError for code that cannot be known, unless its version was said."""
    foreign = foreign_code(operation)
    if foreign and network_version is None:
        raise UsageError(
            f"{foreign} is code from outside Keras, whose version cannot be known",
            f"layer {operation.name}",
            "name its version with --network-version TEXT; change the text with the code",
        )


def is_of_keras(thing: Any) -> bool:
    """Whether a class or function is Keras' or KerasHub's own."""
    return _package(thing) in _packages.get()


def is_of_keras_hub(thing: Any) -> bool:
    """Whether a class or function is KerasHub's own."""
    return is_of_keras(thing) and _package(thing) == "keras_hub"


def _package(thing: Any) -> str:
    return str(getattr(thing, "__module__", "")).split(".")[0]


def foreign_code(operation: Any) -> str | None:
    """Return a name for code in an operation that is not Keras' own, if there is any."""
    kind = type(operation)
    if not is_of_keras(kind) or kind.__name__ in FOREIGN:
        return kind.__name__
    return foreign_config(config_of(operation))


def is_lambda(value: Any, key: str) -> bool:
    """Whether the value of a config's key is a lambda, which is written as its byte code."""
    if not isinstance(value, dict):
        return False
    if "class_name" in value:
        return bool(value["class_name"] == "__lambda__")
    return key == "activation"


def foreign_object(value: Any) -> str | None:
    """Return a name for an object as configs write it, if it is not Keras' own."""
    kind, module = str(value["class_name"]), str(value.get("module") or "")
    # Keras' own functions are written as their bare names; any other comes as an object.
    if kind == "function":
        return f"the function {value['config']}"
    if module.split(".")[0] not in _packages.get() and kind not in PLAIN:
        return str(value.get("registered_name") or kind)
    return None


def foreign_config(value: Any, key: str = "") -> str | None:
    """Return a name for code in a config (or in what its `key` has) that is not Keras' own."""
    if isinstance(value, dict):
        if is_lambda(value, key):
            return "a lambda"
        if "class_name" in value and "config" in value and (found := foreign_object(value)):
            return found
        return next((found for k, v in value.items() if (found := foreign_config(v, k))), None)
    if isinstance(value, list | tuple):
        return next((found for item in value if (found := foreign_config(item, key))), None)
    if isinstance(value, str) and ">" in value and key not in _ARROWS:
        if value.startswith(_HUBS):
            return None
        return value  # a registered function, package>name
    return value.__qualname__ if callable(value) and not is_of_keras(value) else None
