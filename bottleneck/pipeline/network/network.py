"""From what the user asked of the network to a recipe, loading the network only when needed."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bottleneck import backbones
from bottleneck.core.errors import RecipeError, UsageError
from bottleneck.core.frameworks import collector_paused
from bottleneck.core.installed import training_backend
from bottleneck.core.paths import to_json_text
from bottleneck.core.recipe import ImageSpec, Recipe, RowSpec
from bottleneck.core.reporter import SILENT
from bottleneck.pipeline.network import requests
from bottleneck.pipeline.network.options import PERMISSIONS, NetworkOptions, plain, recorded_options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from bottleneck.backbones.backbone import Backbone
    from bottleneck.core.reporter import Reporter
    from bottleneck.core.traced import Traced
    from bottleneck.store.store import Store

DEFAULT_BATCH = 64
# Which words of `about` say what a digest of the recipe stands for.
DIGEST = re.compile("[0-9a-f]{64}")
NAMED = {"network": ("backbone", "layer", "output", "pooling"), "weights": ("weights",)}
START_ANEW = "use another --cache, or --replace to compute this store anew"


@dataclass(slots=True)
class Network:
    """A recipe, and the network that computes it once somebody needs to compute.

    Attributes
    ----------
    advice : what to do when the network turns out to have another recipe by now
    reporter : who is told of what loading finds
    is_apart : whether it is loaded in a process of its own, when it is
    """

    options: NetworkOptions
    recipe: Recipe
    about: dict[str, Any]
    advice: str = field(default=START_ANEW, kw_only=True)
    reporter: Reporter = field(default=SILENT, kw_only=True)
    is_apart: bool = field(default=False, kw_only=True)
    _backbone: Backbone | None = None
    _files: dict[str, str | None] = field(default_factory=dict)  # path → stats when it was read
    _cannot: UsageError | None = None  # why Keras' OpenVINO backend cannot take it, where tried

    @property
    def batch_size(self) -> int:
        """Images per compiled call, where nothing is recorded."""
        if self._backbone is not None:
            return self._backbone.batch_size
        if self.options.backbone is None:
            return DEFAULT_BATCH
        return backbones.catalog.spec(self.options.backbone).batch_size

    @property
    def is_users_own(self) -> bool:
        """Whether it is a file of the user's, who alone knows what is in it."""
        name = self.options.backbone
        return name is not None and backbones.catalog.spec(name).is_users_file

    def backbone(self) -> Backbone:
        """Return the loaded network; what it computes is checked to be the recipe.

        Raises
        ------
        RecipeError
            When loading gives another recipe than the one recorded.
        """
        if self._backbone is None:
            self._backbone = self._loaded(is_apart=self.is_apart)
        return self._backbone

    def _loaded(self, *, is_apart: bool) -> Backbone:
        loaded = load(self.options, self.reporter, is_apart=is_apart)
        loaded = _continued(loaded, self.recipe)
        check_same(self.recipe, loaded.recipe, "the recorded recipe", self.advice)
        self._files, self._cannot = loaded._files, loaded._cannot
        assert loaded._backbone is not None
        return loaded._backbone

    def traced(self) -> Traced:
        """Return the network as OpenVINO's graph, made in a process of its own.

        Raises
        ------
        UsageError
            When Keras' OpenVINO backend cannot take it, or cannot express it.
        RecipeError
            When loading gives another recipe than the one recorded.
        """
        if self._cannot is None and (self._backbone is None or self._backbone.traced is None):
            self._backbone = self._loaded(is_apart=True)
        if self._cannot is not None:
            raise self._cannot
        assert self._backbone is not None
        assert self._backbone.traced is not None
        return self._backbone.traced()

    def reference(self, images: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        """Return plain Keras' rows of images, where they say more than golden rows do."""
        from bottleneck.pipeline.network import apart  # noqa: PLC0415 - not for a warm run

        return apart.reference(self.options.request(), images)

    def remember(self, store: Store) -> None:
        """Enter a network that was loaded in the store's warm map."""
        if self._backbone is not None:
            requests.remember(store, self.options, self.recipe.id, self._files)


def load(
    options: NetworkOptions, reporter: Reporter = SILENT, *, is_apart: bool = False
) -> Network:
    """Load the network and spell out its recipe; see `begin`."""
    return begin(options, reporter, is_apart=is_apart)()


def begin(
    options: NetworkOptions, reporter: Reporter = SILENT, *, is_apart: bool = False
) -> Callable[[], Network]:
    """Begin to load a network; return what waits for it and spells out its recipe.

    Parameters
    ----------
    is_apart : whether Keras, where it is needed, works in a process of its own, which begins now;
        else it is imported here, when it is waited for
    """
    from bottleneck.pipeline.network import apart  # noqa: PLC0415 - not for a warm run

    started_ns, request = time.time_ns(), options.request()
    needs_one = is_apart and backbones.catalog.needs_keras(request)
    loading = apart.Loading(request) if needs_one else None

    def network() -> Network:
        cannot: UsageError | None = None
        if loading is None:
            with collector_paused():  # a network is many objects, and they stay
                backbone = backbones.catalog.load(request, reporter)
        else:
            try:
                backbone = loading.backbone(reporter)
            except apart.ForeignError as error:
                if training_backend() is None:
                    raise
                cannot, backbone = error, backbones.catalog.load(request, reporter)
        return _spelled(options, backbone, started_ns, reporter, cannot)

    return network


def _spelled(
    options: NetworkOptions,
    backbone: Backbone,
    started_ns: int,
    reporter: Reporter,
    cannot: UsageError | None,
) -> Network:
    read = {
        to_json_text(str(path)): requests.file_stat(str(path), started_ns)
        for path in backbone.weight_files
    }
    seen = options.view_spec()
    recipe = Recipe(
        network=backbone.network,
        weights=backbone.weights,
        preprocessing=backbone.preprocessing,
        image=ImageSpec(
            size=backbone.size,
            mode=backbone.mode,
            resample=options.resample or backbone.resample,
            decode="fast" if options.decode == "fast" else "exact",
            fit=options.fit or backbone.fit,  # type: ignore[arg-type] # of choices.FITS
        ),
        rows=RowSpec(
            dtype=options.rows or backbone.row_dtype, shape=(*seen.axes, *backbone.row_shape)
        ),
        compute=options.compute or "float32",
        views=seen,
        network_version=options.network_version,
    )
    request = {key: value for key, value in plain(options).items() if key not in PERMISSIONS}
    if request["decode"] == "exact":  # older versions, which know no other, refuse the word
        del request["decode"]
    about = {**backbone.about, "request": request}
    return Network(options, recipe, about, backbone, read, cannot, reporter=reporter)


def resolve(
    options: NetworkOptions,
    store: Store | None,
    reporter: Reporter = SILENT,
    *,
    is_apart: bool = False,
) -> Network:
    """Return the recipe that the options mean; without options, the store's own.

    A warm run finds the answer in the store's request map and loads nothing.

    Parameters
    ----------
    is_apart : whether Keras, where it is needed, works in a process of its own
    """
    if not options.given:
        if store is None:
            options.completed()  # says that a backbone must be named
        assert store is not None
        recorded = replace(
            recorded_options(store.about, store.path), imports=options.imports, trust=options.trust
        )
        return Network(recorded, store.recipe, store.about, reporter=reporter, is_apart=is_apart)
    options = options.completed()
    if store is None:
        return load(options, reporter, is_apart=is_apart)
    if requests.lookup(store, options) == store.recipe.id:
        return Network(options, store.recipe, store.about, reporter=reporter, is_apart=is_apart)
    return _continued(load(options, reporter, is_apart=is_apart), store.recipe)


def _continued(loaded: Network, recorded: Recipe) -> Network:
    """Return a loaded network as it is recorded, where only our way to spell its digest is new."""
    backbone, recipe = loaded._backbone, loaded.recipe
    assert backbone is not None
    same = replace(recipe, network=recorded.network, weights=recorded.weights) == recorded
    if same and recipe != recorded and backbone.before() == (recorded.network, recorded.weights):
        loaded.recipe = recorded
    return loaded


def check_same(
    recorded: Recipe,
    asked: Recipe,
    where: object,
    advice: str = START_ANEW,
    *,
    said: tuple[Mapping[str, Any], Mapping[str, Any]] = ({}, {}),
) -> None:
    """Raise RecipeError, one line for each key that differs, unless both recipes are one.

    Parameters
    ----------
    said : what is recorded `about` each recipe, for words in the place of digests
    """
    differences = recorded.differences(asked)
    if differences:
        raise RecipeError(
            "the recipe differs",
            where,
            advice,
            *(
                f"{key}: {_short(theirs)} asked, {_short(ours)} there"
                for difference in differences
                for key, ours, theirs in _in_words(difference, *said)
            ),
        )


def _in_words(
    difference: tuple[str, object, object], there: Mapping[str, Any], asked: Mapping[str, Any]
) -> list[tuple[str, object, object]]:
    """Return (key, ours, theirs) of what people know, where they would else read two digests."""
    found = [
        (key, there[key], asked[key])
        for key in NAMED.get(difference[0], ())
        if there.get(key, asked.get(key)) != asked.get(key) and key in asked
    ]
    return found or [difference]


def _short(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, tuple):
        numbers = all(isinstance(item, int) for item in value)
        return ("x" if numbers else ", ").join(map(str, value)) or "none"
    text = str(value)
    return text[:12] if DIGEST.fullmatch(text) else text
