"""bottleneck-cache: features of frozen networks, computed once and never silently wrong.

From Python, with the words of the commands:

- `extract_features` computes the features that are missing and keeps them in a store;
- `open_store` opens a store, as a `FeatureStore`;
- `train_head` trains a classifier on a store, and `load_head` loads it again;
- `predict_images` classifies images, and returns `Predictions`;
- `compare_runs`, `compare_backbones`: which classifier, which network is the best;
- `export_model`, `export_features`: files for other programs;
- `verify_store`, `collect_garbage`: upkeep of a store;
- `errors`: the family of errors that all of them raise;
- `sklearn`: stores and heads as scikit-learn's objects, where that is installed.

The import name is also that of a NumPy accelerator (PyPI: Bottleneck) that pandas and xarray pick
up when they see it. To be a good neighbour, `__version__` stays below the floor that pandas asks
for (1.3.6 at the lowest), so that pandas leaves us alone; its warning about that is silenced; and
whoever calls one of the accelerator's functions here is told of the confusion.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bottleneck.core.version import __version__ as __version__

if TYPE_CHECKING:
    from bottleneck import errors
    from bottleneck import sklearn as sklearn
    from bottleneck.api.comparing import compare_backbones, compare_runs
    from bottleneck.api.extraction import extract_features
    from bottleneck.api.learning import (
        Predictions,
        export_features,
        export_model,
        load_head,
        predict_images,
        train_head,
    )
    from bottleneck.api.stores import FeatureStore, open_store
    from bottleneck.api.upkeep import collect_garbage, verify_store

__all__ = [
    "FeatureStore",
    "Predictions",
    "collect_garbage",
    "compare_backbones",
    "compare_runs",
    "errors",
    "export_features",
    "export_model",
    "extract_features",
    "load_head",
    "open_store",
    "predict_images",
    "train_head",
    "verify_store",
]

# Where each public name is; it is imported when it is first used, so that importing us is free.
_HOMES = {
    "FeatureStore": "bottleneck.api.stores",
    "Predictions": "bottleneck.api.learning",
    "collect_garbage": "bottleneck.api.upkeep",
    "compare_backbones": "bottleneck.api.comparing",
    "compare_runs": "bottleneck.api.comparing",
    "export_features": "bottleneck.api.learning",
    "export_model": "bottleneck.api.learning",
    "extract_features": "bottleneck.api.extraction",
    "load_head": "bottleneck.api.learning",
    "open_store": "bottleneck.api.stores",
    "predict_images": "bottleneck.api.learning",
    "train_head": "bottleneck.api.learning",
    "verify_store": "bottleneck.api.upkeep",
}

warnings.filterwarnings(
    "ignore", message="Pandas requires version .* of 'bottleneck'", category=UserWarning
)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in ("errors", "sklearn"):
        return import_module(f"bottleneck.{name}")
    if name.startswith("__"):
        raise AttributeError(name)
    raise AttributeError(
        f"bottleneck-cache has no {name!r}. If pandas or xarray asked for it, they want the NumPy "
        "accelerator 'Bottleneck', which has the same import name and cannot share an environment "
        "with bottleneck-cache; numbagg does the same for xarray (pip install numbagg)"
    )


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
