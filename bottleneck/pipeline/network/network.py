"""From what the user asked of the network to a recipe, loading the network only when needed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bottleneck import backbones
from bottleneck.core.frameworks import collector_paused
from bottleneck.core.installed import training_backend
from bottleneck.core.paths import to_json_text
from bottleneck.core.recipe import ImageSpec, Recipe, RowSpec
from bottleneck.core.reporter import SILENT
from bottleneck.pipeline.network import requests
from bottleneck.pipeline.network.options import PERMISSIONS, NetworkOptions, plain, recorded_options
from bottleneck.pipeline.network.same_recipe import START_ANEW, check_same

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from bottleneck.backbones.backbone import Backbone
    from bottleneck.core.errors import UsageError
    from bottleneck.core.reporter import Reporter
    from bottleneck.core.traced import Traced
    from bottleneck.store.store import Store

DEFAULT_BATCH = 64


@dataclass(slots=True)
class Network:
    """A recipe, and the network that computes it once somebody needs to compute.

    Attributes
    ----------
    advice : what to do when the network turns out to have another recipe by now
    reporter : who is told of what loading finds
    is_apart : whether it is loaded in a process of its own, when it is
    joint : the network of several cuts as one of which it was loaded; see `joint`
    """

    options: NetworkOptions
    recipe: Recipe
    about: dict[str, Any]
    advice: str = field(default=START_ANEW, kw_only=True)
    reporter: Reporter = field(default=SILENT, kw_only=True)
    is_apart: bool = field(default=False, kw_only=True)
    joint: Network | None = field(default=None, kw_only=True, repr=False)
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
        loaded = continued(loaded, self.recipe)
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

    @property
    def engines(self) -> tuple[str, ...]:
        """The only engines that can take it; none where all can."""
        return self.options.engines

    @property
    def oracle(self) -> str | None:
        """The package that computes `reference`; None where that is Keras."""
        name = self.options.backbone
        return None if name is None else backbones.catalog.spec(name).oracle

    def adopt(self, backbone: Backbone, read: dict[str, str | None]) -> None:
        """Take what was loaded elsewhere, and the stats of the files that were read for it."""
        self._backbone, self._files = backbone, read

    def take_over(self, other: Network) -> None:
        """Go on with what another one of the same recipe has loaded."""
        self._backbone, self._files, self._cannot = other._backbone, other._files, other._cannot

    def reference(self, images: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        """Return the rows of images as another package computes them: plain Keras, say.

        None where golden rows say more, or no such package is here.
        """
        own = self.backbone().reference if self.oracle is not None else None
        if own is not None:
            return own(images)
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


def part_of(whole: Network, i: int, options: NetworkOptions) -> Network:
    """Return a cut of a network that was loaded with several."""
    assert whole._backbone is not None
    part = whole._backbone.parts[i]
    found = _spelled(options, part, 0, whole.reporter, whole._cannot)
    found.adopt(part, whole._files)
    return found


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
    known = recalled(options, store, reporter, is_apart=is_apart)
    if known is not None:
        return known
    return continued(load(options, reporter, is_apart=is_apart), store.recipe)


def recalled(
    options: NetworkOptions, store: Store, reporter: Reporter = SILENT, *, is_apart: bool = False
) -> Network | None:
    """Return the store's own network where its warm map says that these options mean it."""
    if requests.lookup(store, options) != store.recipe.id:
        return None
    return Network(options, store.recipe, store.about, reporter=reporter, is_apart=is_apart)


def continued(loaded: Network, recorded: Recipe) -> Network:
    """Return a loaded network as it is recorded, where only our way to spell its digest is new."""
    backbone, recipe = loaded._backbone, loaded.recipe
    assert backbone is not None
    same = replace(recipe, network=recorded.network, weights=recorded.weights) == recorded
    if same and recipe != recorded and backbone.before() == (recorded.network, recorded.weights):
        loaded.recipe = recorded
    return loaded
