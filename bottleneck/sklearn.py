"""Stores and heads as scikit-learn's objects; needs scikit-learn (`bottleneck-cache[sklearn]`)."""

from bottleneck.core.errors import MissingDependencyError
from bottleneck.core.installed import is_here

if not is_here("sklearn"):
    raise MissingDependencyError(
        "scikit-learn is not installed",
        "bottleneck.sklearn",
        "pip install 'bottleneck-cache[sklearn]'",
    )

from bottleneck.api.cached_features import CachedFeatures
from bottleneck.api.estimators import KNNClassifier, LinearClassifier, PrototypesClassifier

__all__ = ["CachedFeatures", "KNNClassifier", "LinearClassifier", "PrototypesClassifier"]
