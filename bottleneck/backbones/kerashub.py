"""The image backbones of KerasHub: `kerashub:` and a preset's name, handle or folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bottleneck.backbones.backbone import Backbone, Request, Spec
from bottleneck.backbones.kerashub_names import PREFIX, WEIGHTS, is_folder
from bottleneck.core.paths import at_home
from bottleneck.core.reporter import SILENT

if TYPE_CHECKING:
    from bottleneck.core.reporter import Reporter


def names() -> tuple[str, ...]:
    """Return none: which presets there are, KerasHub alone knows."""
    return ()


def listed() -> list[dict[str, Any]]:
    """Return what `kerashub:list` prints: the presets that KerasHub knows, without a network."""
    from bottleneck.backbones import kerashub_presets  # noqa: PLC0415 - imports KerasHub

    return kerashub_presets.listed()


def claims(name: str) -> bool:
    """Whether a name begins with `kerashub:`."""
    return name.startswith(PREFIX)


def spec(name: str) -> Spec:
    """Return what is known of a preset that is not opened yet; of a folder, where it is."""
    preset = name.removeprefix(PREFIX)
    if is_folder(preset):
        preset = str(at_home(preset).absolute())
    return Spec(name=PREFIX + preset, size=None, weights=WEIGHTS, resample=None)


def needs_keras(_request: Request) -> bool:
    """Whether loading it imports Keras: always."""
    return True


def load(request: Request, reporter: Reporter = SILENT) -> Backbone:
    """Load the image tower of a preset, cut it, and give it its identity.

    Raises
    ------
    UsageError
        No such preset, or none of images; an unknown layer; a pooling or a size that does not fit.
    UnavailableError
        A preset that is not here and cannot be downloaded.
    DamagedError
        A preset whose files cannot be read.
    MissingDependencyError
        Without KerasHub, Keras and its backend.
    """
    from bottleneck.backbones import kerashub_load  # noqa: PLC0415 - Keras: not for a warm run

    return kerashub_load.load(request, reporter)
