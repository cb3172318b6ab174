"""Several cuts of one network as one network: the numbers of each cut side by side in a row.

An engine then computes all of them at the price of the deepest, and knows of nothing but a row.
Each cut keeps the identity that it has alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bottleneck.backbones.backbone import Backbone
from bottleneck.core.canonical import canonical_digest
from bottleneck.core.errors import UsageError
from bottleneck.core.frameworks import import_keras

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bottleneck.backbones.backbone import Request
    from bottleneck.core.reporter import Reporter

    Load = Callable[[Request, Reporter], Backbone]


def load(request: Request, alone: Load, reporter: Reporter) -> Backbone:
    """Return the network whose rows are those of `request.cuts`, one behind the other, flat.

    Parameters
    ----------
    alone : loads a network with one cut

    Raises
    ------
    UsageError
        As `alone` raises it; for a network that can be cut in one place only.
    """
    each = [
        replace(request, cuts=(), layer=layer, pooling=pooling) for layer, pooling in request.cuts
    ]
    parts = _cut(each, alone, reporter)
    first = parts[0]
    digests = joint_digest([(part.network, part.weights) for part in parts])
    return Backbone(
        make_model=lambda: _side_by_side(parts),
        preprocessing=first.preprocessing,
        network=digests[0],
        weights=digests[1],
        size=first.size,
        row_shape=(sum(part.n_numbers for part in parts),),
        row_dtype="float32",
        mode=first.mode,
        resample=first.resample,
        fit=first.fit,
        batch_size=first.batch_size,
        weight_files=first.weight_files,
        about=dict(first.about),
        before=lambda: joint_digest([part.before() for part in parts]),
        parts=parts,
    )


def joint_digest(digests: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Return the digests of graph and weights of several cuts together, of those of each."""
    return tuple(canonical_digest({"cuts": list(each)}) for each in zip(*digests, strict=True))


def _cut(each: Sequence[Request], alone: Load, reporter: Reporter) -> tuple[Backbone, ...]:
    """Return each cut of one and the same network: of the first loaded that has them all.

    What is loaded for a layer far from the classes may end before the layer of another cut.
    """
    refusal: UsageError | None = None
    for one in each:
        found = alone(one, reporter)
        try:
            return tuple(found.another(other.layer, other.pooling) for other in each)
        except UsageError as error:
            refusal = error
    assert refusal is not None
    raise refusal


def _side_by_side(parts: Sequence[Backbone]) -> object:
    """Return the keras.Model with the cuts' rows as one."""
    keras = import_keras()
    models = [part.model for part in parts]
    flat = [
        keras.layers.Flatten(name=f"bottleneck_flat_{i}")(model.output)
        for i, model in enumerate(models)
    ]
    rows = keras.layers.Concatenate(name="bottleneck_rows")(flat)
    return keras.Model(models[0].input, rows, name="cuts")
