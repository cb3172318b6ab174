"""A scikit-learn transformer from images to rows, through a store."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from bottleneck.api import extraction, words
from bottleneck.api.keywords import plain_number
from bottleneck.core.errors import UsageError
from bottleneck.pipeline.extraction.collecting import collect
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from numpy.typing import NDArray

    from bottleneck.api.extraction import Compute, Decode, Fit, Pooling, Resample, Rows

ON_ERROR = ("raise", "nan")
COUNTS = ("batch_size", "threads")
HOW = ("format", "engine", "devices", "wait_s", *COUNTS)


# Several to a line, by subject, as in `extract_features`.
class CachedFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc] # no types in sklearn
    """From images to the rows of a frozen network, each computed once and kept in a store.

    `fit` does nothing. `transform` takes n paths, PIL images or uint8 arrays, or one uint8 array
    (n, height, width[, 3]), and returns rows (n, d) float32; maps and tokens are flattened in C
    order. An image is known by its bytes, so what the store has, from whichever source, is not
    computed again: not in another fold, process or year.

    What is computed becomes part of the store's source `sklearn`, which only grows, so that `gc`
    keeps its rows; `bottleneck forget --source sklearn` and `gc` give the space back. One process
    at a time computes into a store, and the others wait; where everything is known, nothing is
    written, and the store may be read-only.

    Parameters
    ----------
    backbone, weights, layer, output, pooling, size, resample, decode, preprocessing, rows, compute,
    network_version, imports, trust : the network, as of `extract_features`; none of them: the
        store's own
    cache : the store's folder; it is made where there is none
    image_fit : squash, crop or pad, which `extract_features` calls `fit`
    format, engine, devices, batch_size, threads : as of `extract_features`
    wait_s : seconds to wait while another process computes into the store
    on_error : what an image that cannot be used is: `raise` a DataError that names it, or a row of
        `nan`
    progress : show bars and messages, in notebooks too
    """

    def __init__(
        self, backbone: str | PathLike[str] | None = None, *,
        cache: str | PathLike[str] | None = None,
        weights: str | PathLike[str] | None = None, layer: str | None = None,
        output: str | int | None = None, pooling: Pooling | None = None,
        size: int | str | tuple[int, int] | None = None, resample: Resample | None = None,
        image_fit: Fit | None = None, decode: Decode | None = None,
        preprocessing: str | None = None, rows: Rows | None = None,
        compute: Compute | None = None, network_version: str | None = None,
        imports: str | Sequence[str] | None = None, trust: bool | None = None,
        format: str | None = None, engine: str = "auto",  # noqa: A002
        devices: str | None = None, batch_size: int | None = None, threads: int | None = None,
        wait_s: float = math.inf, on_error: str = "raise", progress: bool = False,
    ) -> None:  # fmt: skip
        self.backbone = backbone
        self.cache = cache
        self.weights = weights
        self.layer = layer
        self.output = output
        self.pooling = pooling
        self.size = size
        self.resample = resample
        self.image_fit = image_fit
        self.decode = decode
        self.preprocessing = preprocessing
        self.rows = rows
        self.compute = compute
        self.network_version = network_version
        self.imports = imports
        self.trust = trust
        self.format = format
        self.engine = engine
        self.devices = devices
        self.batch_size = batch_size
        self.threads = threads
        self.wait_s = wait_s
        self.on_error = on_error
        self.progress = progress

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803 - as scikit-learn has it
        """Return itself: there is nothing to learn."""
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:  # noqa: N803 - as scikit-learn has it
        """Return the rows (n, d) float32 of images, computing those that the store lacks.

        Raises
        ------
        DataError
            When an image cannot be used, and `on_error` is raise.
        UsageError
            No store named, no network named for a new one, or a choice that there is not.
        RecipeError
            When the store has another network's rows, or this machine computes other ones.
        """
        if self.on_error not in ON_ERROR:
            what = f"{self.on_error!r} is not one of the choices"
            raise UsageError(what, "on_error", f"choose {' or '.join(ON_ERROR)}")
        said = {name: plain_number(value) for name, value in self.get_params(deep=False).items()}
        said["fit"] = said["image_fit"]
        extraction.check_network(said)
        words.check_counts(said, *COUNTS)
        told: dict[str, Any] = {name: said[name] for name in HOW}
        options = ExtractOptions(**told, cache=self._folder(), network=words.network(said))
        reporter = words.reporter(self.progress)
        return collect(X, options, reporter, is_strict=self.on_error == "raise").rows()

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Return `f0`, `f1`, … for the numbers of a row, as exported features have them.

        Raises
        ------
        UsageError
            When there is no store yet.
        """
        recipe = Store.open(self._folder()).recipe
        n = math.prod(recipe.rows.shape[len(recipe.views.axes) :])
        return np.array([f"f{i}" for i in range(n)], dtype=object)

    def _folder(self) -> Any:
        if self.cache is None:
            raise UsageError("no store named", "cache", "name a folder")
        return words.store(self.cache)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.no_validation = True
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags
