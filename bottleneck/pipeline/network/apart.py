"""Networks that are loaded in a process of their own.

A process has one backend of Keras for its life, and the caller's belongs to the caller: who
extracts in a notebook also wants to train there. So Keras with its OpenVINO backend works in a
child process (`child`), which hands back what the network is and its graph; and where rows are to
be compared with plain Keras', that works in another one.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import os
import subprocess
import sys
import tempfile
import weakref
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck import backbones
from bottleneck.backbones import golden
from bottleneck.backbones.backbone import Backbone
from bottleneck.core import errors, files
from bottleneck.core.errors import RecipeError, UsageError
from bottleneck.core.installed import training_backend
from bottleneck.core.paths import from_json_text
from bottleneck.core.reporter import SILENT
from bottleneck.core.traced import Traced
from bottleneck.pipeline.network.options import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from bottleneck.backbones.backbone import Request
    from bottleneck.core.reporter import Reporter

log = logging.getLogger(__name__)

# `-P`: what lies in the current folder may have the name of one of Python's modules.
_START = (
    "import json, sys; told = json.loads(sys.stdin.buffer.raw.readline()); "
    "sys.path[:] = told['path']; from bottleneck.pipeline.network.child import main; main(told)"
)


class ForeignError(UsageError):
    """What Keras says of a network in the child; with another backend it may say otherwise."""


class _Child:
    """A process that loads one network, and the folder that it writes into."""

    def __init__(self, told: dict[str, Any], backend: str, folder: Path | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
            process_group=0,  # Ctrl-C is for this process, which then ends that one
        )
        self.folder = folder
        self.close = weakref.finalize(self, _end, self._process, folder)
        places: list[object] = list(sys.path)  # notebooks put Path objects there; Python skips them
        line = {**told, "backend": backend, "path": [p for p in places if isinstance(p, str)]}
        self._send(json.dumps(line).encode() + b"\n")

    def _send(self, data: bytes | memoryview) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it ended: reading says why
            self._process.stdin.write(data)
            self._process.stdin.flush()

    def send_images(self, images: NDArray[np.uint8]) -> None:
        """Send what rows are asked of."""
        self._send(np.ascontiguousarray(images).data.cast("B"))

    def answer(self, keys: set[str], reporter: Reporter) -> tuple[str, Any]:
        """Return the next (key, value) of these keys; what is for people goes to people.

        Raises
        ------
        BottleneckError
            The one that ended the child.
        """
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                ((key, value),) = json.loads(line).items()
            except (ValueError, AttributeError):
                continue  # what something printed while Python started
            if key in keys:
                return key, value
            if key == "say":
                reporter.say(value)
            elif key == "log":
                log.log(value[0], "%s", value[1])
            elif key == "failure":
                raise _raised(value)
        code = self._process.wait()
        if code == -9:  # as Linux ends what takes too much memory
            raise MemoryError("the process that loads the network was killed")
        raise ForeignError(
            f"the process that loads it ended with {code}", "--backbone", "try --engine keras"
        )


def _end(process: subprocess.Popen[bytes], folder: Path | None) -> None:
    process.kill()
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        with contextlib.suppress(OSError):
            pipe.close()
    process.wait()
    if folder is not None:
        _delete(folder)


def _delete(folder: Path) -> None:
    with contextlib.suppress(OSError):  # it is the system's to clean up, then
        files.delete(folder)


def _raised(failure: dict[str, Any]) -> Exception:
    if "bug" in failure:
        return RuntimeError(f"in the process that loads the network:\n{failure['bug']}")
    kind = getattr(errors, failure["class"], UsageError)
    if kind is UsageError and failure["foreign"]:
        kind = ForeignError
    error: Exception = kind(*failure["args"])
    return error


class Loading:
    """A network that a child process is loading."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._folder = Path(tempfile.mkdtemp(prefix="bottleneck-"))
        told = {
            "request": plain(request),
            "folder": str(self._folder),
            "golden": golden.of_request(request) is not None,
        }
        try:
            self._child = _Child(told, "openvino", self._folder)
        except BaseException:
            _delete(self._folder)
            raise

    def backbone(self, reporter: Reporter) -> Backbone:
        """Wait until the network is loaded; return it.

        Raises
        ------
        BottleneckError
            As `backbones.catalog.load` does.
        """
        _, told = self._child.answer({"backbone"}, reporter)
        here = functools.cache(lambda: _loaded_here(self._request, told))
        return replace(_as_told(told, here), traced=functools.cache(self._traced))

    def _traced(self) -> Traced:
        key, why = self._child.answer({"traced", "cannot"}, SILENT)
        if key == "cannot":
            self._child.close()
            from bottleneck.engines.openvino import cannot_express  # noqa: PLC0415 - numpy's time

            raise cannot_express(why)
        return Traced(files=self._files, golden=functools.cache(self._golden))

    @contextlib.contextmanager
    def _files(self) -> Iterator[Path]:
        try:
            yield self._folder / "network.xml"
        finally:
            _delete(self._folder)

    def _golden(self) -> tuple[NDArray[np.float32], NDArray[Any]] | None:
        _, told = self._child.answer({"golden"}, SILENT)
        self._child.close()
        if told is None:
            return None
        return np.array(told[0], np.float32), np.array(told[1], np.float32)


def _as_told(told: dict[str, Any], here: Callable[[], Backbone]) -> Backbone:
    """Return what the child told; `here` loads the same in this process, where it is needed."""
    parts = [_as_told(part, _part(here, i)) for i, part in enumerate(told["parts"])]
    return Backbone(
        make_model=lambda: here().model,
        preprocessing=told["preprocessing"],
        network=told["network"],
        weights=told["weights"],
        size=tuple(told["size"]),
        mode=told["mode"],
        resample=told["resample"],
        fit=told["fit"],
        row_shape=tuple(told["row_shape"]),
        row_dtype=told["row_dtype"],
        batch_size=told["batch_size"],
        weight_files=tuple(Path(from_json_text(path)) for path in told["weight_files"]),
        about=told["about"],
        behind=lambda: here().behind(),
        layers=lambda: here().layers(),
        before=lambda: tuple(told["before"]),
        parts=tuple(parts),
    )


def _part(here: Callable[[], Backbone], i: int) -> Callable[[], Backbone]:
    return lambda: here().parts[i]


def _loaded_here(request: Request, told: dict[str, Any]) -> Backbone:
    """Return the network as the Keras of this process has it; it must be the same one."""
    found = backbones.catalog.load(request)
    if (found.network, found.weights) != (told["network"], told["weights"]):
        raise RecipeError(
            "another network than a moment ago", request.backbone, "run the same command again"
        )
    return found


def reference(request: Request, images: NDArray[np.uint8]) -> NDArray[np.float32] | None:
    """Return plain Keras' float32 rows of images (k, height, width, channels).

    None where golden rows say more of this network, no backend that could compute is installed, or
    that backend cannot take the network.
    """
    backend = None if golden.of_request(request) is not None else training_backend()
    if backend is None:
        return None
    child = _Child({"request": plain(request), "images": list(images.shape)}, backend)
    try:
        child.send_images(images)
        _, (shape, data) = child.answer({"rows"}, SILENT)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a backend nobody asked for
        said = str(error).strip().splitlines() or [type(error).__name__]
        log.warning("OpenVINO's rows are not compared with Keras': %s", said[-1])
        return None
    finally:
        child.close()
    return np.frombuffer(bytes.fromhex(data), np.float32).reshape(shape)
