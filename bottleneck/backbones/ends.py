"""The outputs of a network: what they are called, and which one is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bottleneck.core.errors import UsageError

if TYPE_CHECKING:
    from bottleneck.backbones.flat import Flat


def output_names(model: Any) -> list[str]:
    """Return the names of a model's outputs: of a dict its keys, else of the layers they are of."""
    struct = getattr(model, "_outputs_struct", None)  # a Sequential has none
    if isinstance(struct, dict) and len(struct) == len(model.outputs):
        return sorted(map(str, struct))  # as Keras flattens it
    return [str(tensor._keras_history.operation.name) for tensor in model.outputs]


def choose_output(flat: Flat, wanted: str | None) -> int | None:
    """Return the number of the output that is meant; None where several are there and none is said.

    Raises
    ------
    UsageError
        When there is no such output, or several are called so.
    """
    if wanted is None:
        return 0 if len(flat.outputs) == 1 else None
    found = [i for i, name in enumerate(flat.names) if name == wanted]
    if not found and wanted.isdecimal() and int(wanted) < len(flat.outputs):
        found = [int(wanted)]
    if len(found) != 1:
        what = f"{len(found) or 'no'} output{'s are' if found else ''} named {wanted!r}"
        raise UsageError(what, "--output", f"one of {_listed(flat)}")
    return found[0]


def find_end(flat: Flat) -> Any:
    """Return the output that is the network's end.

    Raises
    ------
    UsageError
        When there are several, and nobody said which; they are listed.
    """
    if flat.chosen is None:
        raise UsageError(
            f"has {len(flat.outputs)} outputs", "--output", f"say which, of {_listed(flat)}"
        )
    return flat.output


def _listed(flat: Flat) -> str:
    """Return the outputs in words: `0 features (8x8x5), 1 classes (10)`."""
    return ", ".join(
        f"{i} {name} ({'x'.join(map(str, tensor.shape[1:]))})"
        for i, (name, tensor) in enumerate(zip(flat.names, flat.outputs, strict=True))
    )
