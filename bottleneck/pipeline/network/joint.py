"""Several cuts of one network: loaded once, computed at once, each with the recipe it has alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING

from bottleneck.backbones.backbone import spans
from bottleneck.backbones.joint import joint_digest
from bottleneck.core.recipe import RowSpec
from bottleneck.core.reporter import SILENT
from bottleneck.pipeline.network import network as networks
from bottleneck.pipeline.network.network import Network
from bottleneck.pipeline.network.options import NetworkOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bottleneck.backbones import Request
    from bottleneck.backbones.backbone import Backbone
    from bottleneck.core.recipe import Recipe
    from bottleneck.core.reporter import Reporter


@dataclass(frozen=True, slots=True, kw_only=True)
class CutsOptions(NetworkOptions):
    """What a command says of a network with several cuts."""

    cuts: tuple[tuple[str | None, str], ...] = ()  # layer and pooling of each

    def request(self) -> Request:
        """Return what the station of backbones is asked for."""
        return replace(NetworkOptions.request(self), cuts=self.cuts)


@dataclass(slots=True)
class Joint(Network):
    """A network whose rows are those of several cuts, one behind the other."""

    parts: Sequence[Network] = ()

    def _loaded(self, *, is_apart: bool) -> Backbone:
        found = Network._loaded(self, is_apart=is_apart)
        for part, backbone in zip(self.parts, found.parts, strict=True):
            part.adopt(backbone, self._files)  # so that the warm map hears of each
        return found


def begin(
    each: Sequence[NetworkOptions], reporter: Reporter = SILENT, *, is_apart: bool = False
) -> Callable[[], list[Network]]:
    """Begin to load a network for some cuts; return what waits for it and spells out each recipe.

    Parameters
    ----------
    each : completed options that differ in layer and pooling alone
    """
    if len(each) == 1:
        alone = networks.begin(each[0], reporter, is_apart=is_apart)
        return lambda: [alone()]
    begun = networks.begin(_together(each), reporter, is_apart=is_apart)

    def parts() -> list[Network]:
        whole = begun()
        found = [networks.part_of(whole, i, options) for i, options in enumerate(each)]
        joint = _joint(found)
        joint.take_over(whole)
        for part in found:
            part.joint = joint
        return found

    return parts


def joined(parts: Sequence[Network]) -> Network:
    """Return the network that computes these cuts at once; of one, itself."""
    if len(parts) == 1:
        return parts[0]
    loaded = parts[0].joint
    is_same = isinstance(loaded, Joint) and list(map(id, loaded.parts)) == list(map(id, parts))
    return loaded if loaded is not None and is_same else _joint(parts)


def spans_of(parts: Sequence[Network]) -> tuple[slice, ...]:
    """Return where the numbers of each cut stand in a row of `joined`."""
    return (slice(None),) if len(parts) == 1 else spans([_n_numbers(p.recipe) for p in parts])


def _n_numbers(recipe: Recipe) -> int:
    """Return how many numbers one view's row has."""
    return prod(recipe.rows.shape[len(recipe.views.axes) :])


def _joint(parts: Sequence[Network]) -> Joint:
    first = parts[0]
    network, weights = joint_digest([(part.recipe.network, part.recipe.weights) for part in parts])
    n_numbers = sum(_n_numbers(part.recipe) for part in parts)
    recipe = replace(
        first.recipe,
        network=network,
        weights=weights,
        rows=RowSpec(
            dtype=first.options.rows or "float32", shape=(*first.recipe.views.axes, n_numbers)
        ),
    )
    return Joint(
        _together([part.options for part in parts]),
        recipe,
        dict(first.about),
        advice=first.advice,
        reporter=first.reporter,
        is_apart=first.is_apart,
        parts=tuple(parts),
    )


def _together(each: Sequence[NetworkOptions]) -> CutsOptions:
    completed = [options.completed() for options in each]
    said = {name: getattr(completed[0], name) for name in NetworkOptions.__dataclass_fields__}
    return CutsOptions(
        **{**said, "layer": None, "pooling": "none"},
        cuts=tuple((options.layer, options.pooling or "avg") for options in completed),
    )
