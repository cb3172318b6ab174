"""What a command says of the network."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from bottleneck import backbones
from bottleneck.core.errors import UsageError
from bottleneck.core.paths import at_home, from_json_text, to_json_text
from bottleneck.data import views

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bottleneck.core.recipe import ViewSpec

# Permission to run code from a file: each command gives it anew, and what a store says of it is
# never taken.
PERMISSIONS = {"imports", "trust"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkOptions:
    """What a command says of the network; None where it says nothing."""

    backbone: str | None = None
    weights: str | None = None  # imagenet, a path, or random:SEED
    layer: str | None = None
    output: str | None = None  # of a model file with several, by name or number
    pooling: str | None = None  # avg, max or none
    size: tuple[int, int] | None = None  # (height, width), pixels
    resample: str | None = None  # one of core.choices.RESAMPLING
    fit: str | None = None  # one of core.choices.FITS; None: the network's own
    decode: str | None = None  # one of core.choices.DECODING
    rows: str | None = None  # float16 or float32
    compute: str | None = None  # one of core.choices.COMPUTE, or a recipe's: bfloat16/openvino
    preprocessing: str | None = None  # of backbones.preprocessing.NAMED
    network_version: str | None = None
    imports: tuple[str, ...] | None = None  # modules with layers of the user's own
    trust: bool | None = None  # code inside a model file may run
    views: int | None = None  # of each image, itself included
    augment: tuple[str, ...] | None = None  # names of data.views.OPERATIONS
    views_seed: int | None = None

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> NetworkOptions:
        """Return what the words of a command say of the network, whatever else is among them."""
        told = {field.name: said.get(field.name) for field in fields(cls)}
        told["imports"] = tuple(told["imports"] or ()) or None
        told["trust"] = told["trust"] or None
        return cls(**told)

    @property
    def given(self) -> bool:
        """Whether anything was said that a recipe is made from; a permission is nothing of it."""
        plain = asdict(self)
        return any(plain[key] is not None for key in plain.keys() - PERMISSIONS)

    @property
    def engines(self) -> tuple[str, ...]:
        """The only engines that can take the network; none where all can."""
        return () if self.backbone is None else backbones.catalog.spec(self.backbone).engines

    def view_spec(self) -> ViewSpec:
        """Return what a recipe says of the views; UsageError where the words do not fit."""
        return views.spec(self.views, self.augment, self.views_seed)

    def completed(self) -> NetworkOptions:
        """Return the options with the defaults that do not depend on the network."""
        if self.backbone is None:
            raise UsageError(
                "no backbone named", "--backbone", "name one, such as --backbone resnet50"
            )
        self.view_spec()  # a wrong word must show before anything is loaded
        check_preprocessing(self.preprocessing)
        if self.network_version is not None and not self.network_version.strip():
            raise UsageError(
                "is empty", "--network-version", "give a text that names the version of the code"
            )
        spec = backbones.catalog.spec(self.backbone)
        weights = self.weights or spec.weights
        if weights != spec.weights and not weights.startswith("random:"):
            weights = str(at_home(weights).absolute())
        return replace(
            self,
            backbone=spec.name,
            weights=weights,
            pooling=self.pooling or "avg",
            size=self.size or spec.size,
            resample=self.resample or spec.resample,
            decode=self.decode or "exact",
        )

    def request(self) -> backbones.Request:
        """Return what the station of backbones is asked for."""
        assert self.backbone is not None
        assert self.weights is not None
        assert self.pooling is not None
        return backbones.Request(
            backbone=self.backbone,
            weights=self.weights,
            layer=self.layer,
            output=self.output,
            pooling=self.pooling,
            size=self.size,
            preprocessing=self.preprocessing,
            network_version=self.network_version,
            imports=self.imports or (),
            trust=bool(self.trust),
        )


def check_preprocessing(text: str | None) -> None:
    """Raise UsageError where a text says no preprocessing."""
    if text is not None:
        backbones.preprocessing.formula(text)


def plain(asked: NetworkOptions | backbones.Request) -> dict[str, Any]:
    """Return what is asked for as JSON holds it; paths need not be UTF-8."""
    plain = asdict(asked)
    if plain.get("fit", "") is None:  # as requests were spelled before there was the word
        del plain["fit"]
    return {k: to_json_text(v) if isinstance(v, str) else v for k, v in plain.items()}


def from_plain(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of what `plain` was given; JSON has lists in the place of tuples."""
    found = {k: from_json_text(v) if isinstance(v, str) else v for k, v in plain.items()}
    return {k: tuple(v) if isinstance(v, list) else v for k, v in found.items()}


def recorded_options(about: Mapping[str, Any], where: object) -> NetworkOptions:
    """Return how the network was asked for, of what a store or a receipt says about its recipe.

    Permission to run code is never among it, whatever they say.
    """
    try:
        recorded = {k: v for k, v in dict(about.get("request", {})).items() if k not in PERMISSIONS}
        request: dict[str, Any] = {
            k: from_json_text(v) if isinstance(v, str) else v for k, v in recorded.items()
        }
        for key in ("size", "augment"):
            if request.get(key):
                request[key] = tuple(request[key])
        return NetworkOptions(**request)
    except (TypeError, ValueError) as error:
        raise UsageError(
            "it does not say how its network was asked for",
            where,
            "name it: --backbone, --weights, --layer",
        ) from error
