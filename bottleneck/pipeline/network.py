"""From what the user asked of the network to a recipe, loading the network only when needed.

The request map (`derived/requests.json`) is a shortcut to what loading would give, never more:
its key is everything that the recipe is made from, the versions that spell it, and the stats of
the files that were read, as they were then: a file that changes while its rows are computed is
another one. A file so young that it could change again under the same stats is not entered.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from dataclasses import asdict, dataclass, field, fields, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bottleneck import backbones
from bottleneck.core import files
from bottleneck.core.errors import RecipeError, UsageError
from bottleneck.core.frameworks import collector_paused
from bottleneck.core.recipe import ImageSpec, Recipe, RowSpec, canonical_digest
from bottleneck.data import views
from bottleneck.data.decode import decoder_version
from bottleneck.data.scan import SLACK_NS
from bottleneck.data.source import from_json_text, stat_row, to_json_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bottleneck.backbones.backbone import Backbone
    from bottleneck.core.recipe import ViewSpec
    from bottleneck.store.store import Store

REQUESTS = "requests.json"
DEFAULT_BATCH = 64
# Leave to run code: each command gives it anew, and a store's word for it is never taken.
LEAVE = {"imports", "trust"}
START_ANEW = "use another --cache, or --replace to start this one anew"


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkOptions:
    """What a command says of the network; None where it says nothing."""

    backbone: str | None = None
    weights: str | None = None  # imagenet, a path, or random:SEED
    layer: str | None = None
    pooling: str | None = None  # avg, max or none
    size: tuple[int, int] | None = None  # (height, width), pixels
    resample: str | None = None  # one of core.recipe.RESAMPLING
    rows: str | None = None  # float16 or float32
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
        """Whether anything was said that a recipe is made from; leave to run code is none."""
        plain = asdict(self)
        return any(plain[key] is not None for key in plain.keys() - LEAVE)

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
        if self.network_version is not None and not self.network_version.strip():
            raise UsageError("is empty, so it says nothing", "--network-version", "give a text")
        spec = backbones.catalog.spec(self.backbone)
        weights = self.weights or spec.weights
        if weights != spec.weights and not weights.startswith("random:"):
            weights = str(Path(weights).expanduser().absolute())
        return replace(
            self,
            backbone=spec.name,
            weights=weights,
            pooling=self.pooling or "avg",
            size=self.size or spec.size,
            resample=self.resample or "bilinear",
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
            pooling=self.pooling,
            size=self.size,
            preprocessing=self.preprocessing,
            network_version=self.network_version,
            imports=self.imports or (),
            trust=bool(self.trust),
        )


@dataclass(slots=True)
class Network:
    """A recipe, and the network that computes it once somebody needs to compute.

    Attributes
    ----------
    advice : what to do when the network turns out to have another recipe by now
    """

    options: NetworkOptions
    recipe: Recipe
    about: dict[str, Any]
    advice: str = field(default=START_ANEW, kw_only=True)
    _backbone: Backbone | None = None
    _files: dict[str, str | None] = field(default_factory=dict)  # path → stats when it was read

    @property
    def batch_size(self) -> int:
        """Images a compiled call, where nothing is recorded."""
        if self._backbone is not None:
            return self._backbone.batch_size
        if self.options.backbone is None:
            return DEFAULT_BATCH
        return backbones.catalog.spec(self.options.backbone).batch_size

    def backbone(self) -> Backbone:
        """Return the loaded network; what it computes is checked to be the recipe.

        Raises
        ------
        RecipeError
            When loading gives another recipe than the one recorded.
        """
        if self._backbone is None:
            loaded = load(self.options)
            check_same(self.recipe, loaded.recipe, "the recorded recipe", self.advice)
            self._backbone, self._files = loaded._backbone, loaded._files
        assert self._backbone is not None
        return self._backbone


def load(options: NetworkOptions) -> Network:
    """Load the network and spell out its recipe. Imports the network framework."""
    started_ns = time.time_ns()
    with collector_paused():  # a network is many objects, and they stay
        backbone = backbones.catalog.load(options.request())
    read = {to_json_text(str(path)): _stat(str(path), started_ns) for path in backbone.weight_files}
    seen = options.view_spec()
    recipe = Recipe(
        network=backbone.network,
        weights=backbone.weights,
        preprocessing=backbone.preprocessing,
        image=ImageSpec(size=backbone.size, resample=options.resample or "bilinear"),
        rows=RowSpec(
            dtype=options.rows or backbone.row_dtype, shape=(*seen.axes, *backbone.row_shape)
        ),
        views=seen,
        network_version=options.network_version,
    )
    request = {key: value for key, value in _plain(options).items() if key not in LEAVE}
    about = {**backbone.about, "request": request}
    return Network(options, recipe, about, backbone, read)


def resolve(options: NetworkOptions, store: Store | None) -> Network:
    """Return the recipe that the options mean; without options, the store's own.

    A warm run finds the answer in the store's request map and loads nothing.
    """
    if not options.given:
        if store is None:
            options.completed()  # says that a backbone must be named
        assert store is not None
        recorded = replace(
            recorded_options(store.about, store.path), imports=options.imports, trust=options.trust
        )
        return Network(recorded, store.recipe, store.about)
    options = options.completed()
    if store is None:
        return load(options)
    if _lookup(store, options) == store.recipe.id:
        return Network(options, store.recipe, store.about)
    return load(options)


def _plain(options: NetworkOptions) -> dict[str, Any]:
    """Return the options as JSON holds them; paths need not be UTF-8."""
    plain = asdict(options)
    return {k: to_json_text(v) if isinstance(v, str) else v for k, v in plain.items()}


def recorded_options(about: Mapping[str, Any], where: object) -> NetworkOptions:
    """Return how the network was asked for, of what a store or a receipt says about its recipe.

    Leave to run code is not among it, whatever they say.
    """
    try:
        recorded = {k: v for k, v in dict(about.get("request", {})).items() if k not in LEAVE}
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


def check_same(recorded: Recipe, asked: Recipe, where: object, advice: str = START_ANEW) -> None:
    """Raise RecipeError, one line for each key that differs, unless both recipes are one."""
    differences = recorded.differences(asked)
    if differences:
        raise RecipeError(
            "the recipe differs",
            where,
            advice,
            *(
                f"{key}: {_short(theirs)} asked, {_short(ours)} there"
                for key, ours, theirs in differences
            ),
        )


def _short(value: object) -> str:
    if isinstance(value, tuple):
        numbers = all(isinstance(item, int) for item in value)
        return ("x" if numbers else ", ").join(map(str, value)) or "none"
    text = str(value)
    return text if len(text) < 64 else text[:12]


def _key(options: NetworkOptions) -> str:
    return canonical_digest(
        {
            "options": _plain(options),
            "identity": backbones.identity.IDENTITY_VERSION,
            "decoder": decoder_version(),
            "keras": metadata.version("keras") if _has_keras() else None,
            "backend": os.environ.get("KERAS_BACKEND", "tensorflow"),
        }
    )


def _has_keras() -> bool:
    try:
        metadata.version("keras")
    except metadata.PackageNotFoundError:
        return False
    return True


def _stat(path: str, read_ns: int | None = None) -> str | None:
    """Return a file's stats as text (a time in nanoseconds is no exact float64), None if gone.

    With `read_ns`, the clock before it was read, None too where it may have changed since then
    (git calls such a file racy).
    """
    try:
        row = stat_row(os.stat(path))  # noqa: PTH116 - a path as it stands in the map
    except OSError:
        return None
    if read_ns is not None and row[2] >= read_ns - SLACK_NS:
        return None
    return " ".join(map(str, row))


def _read_map(store: Store) -> dict[str, Any]:
    """Return the request map, empty when it is missing or not as we wrote it: it is derived."""
    try:
        content = json.loads(files.read(store.derived / REQUESTS))
        requests = content["requests"]
        if canonical_digest(requests) == content["checksum"]:
            return dict(requests)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    return {}


def _lookup(store: Store, options: NetworkOptions) -> str | None:
    entry: Mapping[str, Any] = _read_map(store).get(_key(options), {})
    stats: Mapping[str, Any] = entry.get("files", {})
    if any(_stat(from_json_text(path)) != stat for path, stat in stats.items()):
        return None
    return entry.get("recipe")


def remember(store: Store, network: Network) -> None:
    """Enter a loaded network in the store's request map; a store not ours to write is left."""
    if network._backbone is None or None in network._files.values():
        return
    requests = _read_map(store)
    requests[_key(network.options)] = {
        "recipe": network.recipe.id,
        "files": network._files,
    }
    content = {"requests": requests, "checksum": canonical_digest(requests)}
    with contextlib.suppress(OSError):
        files.replace(store.derived / REQUESTS, json.dumps(content, indent=1).encode())
