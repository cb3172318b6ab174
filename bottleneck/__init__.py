"""bottleneck-cache: features of frozen networks, computed once and never silently wrong.

From Python, with the words of the commands: `open_store`, `extract_features`, `train_head`,
`predict_images`, `export_model`, `export_features`, `compare_runs`, `compare_backbones`.

The import name is also that of a NumPy accelerator (PyPI: Bottleneck) that pandas and xarray pick
up when they see it. To be a good neighbour, `__version__` stays below the floor that pandas asks
for (1.3.6 at the lowest), so that pandas leaves us alone; its warning about that is silenced; and
whoever calls one of the accelerator's functions here is told of the confusion.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from bottleneck.core.version import __version__ as __version__

if TYPE_CHECKING:
    from bottleneck.api.api import extract_features, open_store, train_head
    from bottleneck.api.calls import (
        compare_backbones,
        compare_runs,
        export_features,
        export_model,
        predict_images,
    )

__all__ = [
    "compare_backbones",
    "compare_runs",
    "export_features",
    "export_model",
    "extract_features",
    "open_store",
    "predict_images",
    "train_head",
]

warnings.filterwarnings(
    "ignore", message="Pandas requires version .* of 'bottleneck'", category=UserWarning
)


def __getattr__(name: str) -> Any:
    if name in __all__:
        from bottleneck.api import api, calls  # noqa: PLC0415 - importing us costs nothing

        return getattr(api if hasattr(api, name) else calls, name)
    if name.startswith("__"):
        raise AttributeError(name)
    raise AttributeError(
        f"bottleneck-cache has no {name!r}. If pandas or xarray asked for it, they want the NumPy "
        "accelerator 'Bottleneck', which has the same import name and cannot share an environment "
        "with bottleneck-cache; numbagg does the same for xarray (pip install numbagg)"
    )


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
