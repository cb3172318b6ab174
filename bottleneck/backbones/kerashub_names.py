"""How presets of KerasHub are named."""

from __future__ import annotations

import re

PREFIX = "kerashub:"
WEIGHTS = "own"
_HANDLE = re.compile(r"[a-z][a-z0-9+]*://")  # kaggle://…, hf://…


def is_folder(preset: str) -> bool:
    """Whether a preset is named by its folder: there is no `/` in the name of KerasHub's own."""
    return not _HANDLE.match(preset) and ("/" in preset or preset in (".", "..", "~"))
