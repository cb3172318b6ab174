"""What runs in the process of its own that loads a network; `apart` starts it.

It reads one line of JSON on stdin (what is asked for, and how modules are found) and writes lines
of JSON on stdout, each an object of one key:

    {"log": [level, text]}, {"say": text}      for people, at any time
    {"backbone": {…}}                          what the network is
    {"traced": "folder"} or {"cannot": why}    its graph as OpenVINO's files
    {"golden": [computed, expected] or null}   rows of the same architecture with known weights
    {"rows": [shape, bytes in hex]}            what plain Keras computes of the images on stdin
    {"failure": {…}}                           what ended it

It ends when its stdin does: whoever asked is gone.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import sys
import threading
import traceback
import warnings
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck import backbones
from bottleneck.backbones.backbone import Request
from bottleneck.core import files, guest
from bottleneck.core.errors import BottleneckError, expected
from bottleneck.core.frameworks import collector_paused, import_keras, import_openvino
from bottleneck.core.generated import pictures
from bottleneck.core.installed import TRAINING
from bottleneck.core.paths import to_json_text
from bottleneck.core.reporter import Silent
from bottleneck.pipeline.network.options import from_plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from bottleneck.backbones.backbone import Backbone

# Keras imports these where they are, and they take a second: for plots and tables, or windows of
# Fourier transforms.
NOT_NEEDED = ("pandas", "matplotlib", "sklearn")
SELDOM_NEEDED = "scipy.signal"
N_COMPARED = 2  # pictures, where no golden rows say that channels first changed nothing

log = logging.getLogger(__name__)


def main(told: Mapping[str, Any]) -> None:
    """Do what is asked; never returns."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    answers.write("\n")  # behind what a line of somebody's may have begun
    os.dup2(2, 1)  # what a layer of somebody's own prints is no answer
    lock = threading.Lock()

    def tell(key: str, value: Any) -> None:
        with lock:
            answers.write(json.dumps({key: value}) + "\n")
            answers.flush()

    images = _images(told)
    _end_with_parent(told.get("folder"))
    warnings.simplefilter("ignore")
    handler = _ToParent(tell)
    logging.getLogger("bottleneck").addHandler(handler)
    logging.getLogger("bottleneck").setLevel(logging.INFO)
    try:
        with collector_paused():
            _answer(told, images, tell)
    except Exception as error:  # noqa: BLE001 - the parent raises it again
        tell("failure", _failure(error))
    answers.flush()
    os._exit(0)  # looking once more through all that Keras made takes time


def _answer(told: Mapping[str, Any], images: NDArray[np.uint8] | None, tell: Any) -> None:
    request = Request(**from_plain(told["request"]))
    if told["backend"] == "openvino":
        _import_lean_keras()
    found = backbones.catalog.load(request, _Reporter(tell))
    if images is not None:
        rows = _plain_rows(found, images)
        tell("rows", [list(rows.shape), rows.tobytes().hex()])
        return
    tell("backbone", backbone_to_json(found))
    is_whole = request.layer is None and request.pooling == "avg" and not request.cuts
    is_golden = told["golden"] and is_whole
    _trace(found, Path(told["folder"]), tell, is_golden=is_golden)
    del found
    tell("golden", _golden(request) if told["golden"] else None)


def _trace(found: Backbone, folder: Path, tell: Any, *, is_golden: bool) -> None:
    """Write OpenVINO's graph of a network; `is_golden`: golden rows are of this very cut."""
    from bottleneck.engines import check, convert, layout  # noqa: PLC0415 - after Keras

    shape = (*found.size, 1 if found.mode == "gray" else 3)
    images = pictures(N_COMPARED, found.size, shape[2])
    try:
        network, off = layout.faster(
            convert.trace(found.model, _preprocess(found), shape),
            None if is_golden else lambda one: _rows(one.clone(), images),
            check.compare_each(found.spans),
        )
        if off is not None:
            log.warning("computing slowly: with channels first, rows differ by %.1e", off.worst)
    except (BottleneckError, MemoryError, OSError):
        raise
    except Exception as error:
        if expected(error) is not None:  # no memory, say: that is not the network's fault
            raise
        tell("cannot", f"{type(error).__name__}: {error}")
        return
    convert.save(network, folder)
    tell("traced", str(folder))


def _golden(request: Request) -> list[Any] | None:
    """Return what this machine computes of the network with known weights, and what is recorded."""
    from bottleneck.backbones import golden  # noqa: PLC0415
    from bottleneck.engines import convert, layout  # noqa: PLC0415

    recorded = golden.of_request(request)
    if recorded is None:
        return None
    known = golden.network(request.backbone)
    shape = (*golden.SIZE, 3)
    network, _ = layout.faster(convert.trace(known.model, _preprocess(known), shape), None)
    return [golden.sums(_rows(network, golden.images())).tolist(), recorded.tolist()]


def _rows(network: Any, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return what OpenVINO computes of images (k, height, width, channels)."""
    from bottleneck.engines import compiled, openvino  # noqa: PLC0415

    shape: Any = images.shape[1:]
    network = compiled.compile_for_cpu(import_openvino().Core(), network, shape)
    return openvino.OpenVinoEngine(network, len(images), "")(images)


def _plain_rows(found: Backbone, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    from bottleneck.engines.keras import KerasEngine  # noqa: PLC0415

    shape: Any = images.shape[1:]
    return KerasEngine(found.model, _preprocess(found), shape, len(images))(images)


def _preprocess(found: Backbone) -> Callable[[Any], Any]:
    return lambda x: backbones.preprocessing.apply(found.preprocessing, x)


def _import_lean_keras() -> None:
    """Import Keras without what it does not need here."""
    with ExitStack() as hidden:
        for name in NOT_NEEDED:
            hidden.enter_context(guest.module_hidden(name))
        _import_when_used(SELDOM_NEEDED)
        import_keras()
    from keras.src.utils import module_utils  # noqa: PLC0415

    # It would import them to see whether some argument is one of their tensors.
    for name in TRAINING:
        if hasattr(module_utils, name):
            getattr(module_utils, name)._available = False


def _import_when_used(name: str) -> None:
    """Let `import` give a module that is loaded when something of it is asked for."""
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        return
    if spec is None or spec.loader is None or name in sys.modules:
        return
    loader = importlib.util.LazyLoader(spec.loader)
    spec.loader = loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    loader.exec_module(module)


def _images(told: Mapping[str, Any]) -> NDArray[np.uint8] | None:
    """Return the images that follow on stdin, where some do."""
    shape = told.get("images")
    if shape is None:
        return None
    data = sys.stdin.buffer.read(int(np.prod(shape)))
    return np.frombuffer(data, np.uint8).reshape(shape)


def _end_with_parent(folder: str | None) -> None:
    parent = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # a layer of somebody's own that asks for input gets none
    os.close(nothing)

    def watch() -> None:
        with suppress(OSError, ValueError):
            while os.read(parent, 1 << 16):
                pass
        if folder is not None:
            with suppress(OSError):
                files.delete(Path(folder))
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _failure(error: Exception) -> dict[str, Any]:
    """Return an error as the parent raises it again; `foreign` where a library's is behind it."""
    known = expected(error)
    if known is None:
        return {"bug": "".join(traceback.format_exception(error))}
    return {
        "class": type(known).__name__,
        "args": [known.what, str(known.where), known.do, *known.details],
        "foreign": error.__cause__ is not None,
    }


class _ToParent(logging.Handler):
    """Hands on what is logged."""

    def __init__(self, tell: Any) -> None:
        super().__init__()
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        self._tell("log", [record.levelno, record.getMessage()])


class _Reporter(Silent):
    """Hands on what is said while a network is loaded."""

    def __init__(self, tell: Any) -> None:
        self._tell = tell

    def say(self, message: str) -> None:
        self._tell("say", message)


def backbone_to_json(found: Backbone) -> dict[str, Any]:
    """Return what a network is, as JSON."""
    return {
        "preprocessing": found.preprocessing,
        "network": found.network,
        "weights": found.weights,
        "size": list(found.size),
        "mode": found.mode,
        "resample": found.resample,
        "fit": found.fit,
        "row_shape": list(found.row_shape),
        "row_dtype": found.row_dtype,
        "batch_size": found.batch_size,
        "weight_files": [to_json_text(str(path)) for path in found.weight_files],
        "about": found.about,
        "before": list(found.before()),
        "parts": [backbone_to_json(part) for part in found.parts],
    }
