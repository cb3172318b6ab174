"""Stores and heads as scikit-learn's objects; needs scikit-learn (`bottleneck-cache[sklearn]`)."""

from bottleneck.core.installed import require

require("sklearn", "sklearn", "bottleneck.sklearn", called="scikit-learn")

from bottleneck.api.cached_features import CachedFeatures  # noqa: E402 - after the check
from bottleneck.api.estimators import (  # noqa: E402
    DenseClassifier,
    KNNClassifier,
    LinearClassifier,
    PrototypesClassifier,
)
from bottleneck.api.regressors import LinearRegressor  # noqa: E402

__all__ = [
    "CachedFeatures",
    "DenseClassifier",
    "KNNClassifier",
    "LinearClassifier",
    "LinearRegressor",
    "PrototypesClassifier",
]
