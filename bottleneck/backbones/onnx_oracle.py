"""What ONNX Runtime computes of an ONNX network: rows to compare OpenVINO's with.

It is no dependency: where it is installed, it is asked.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.backbones import preprocessing
from bottleneck.core.frameworks import collector_paused, native_chatter_held
from bottleneck.core.installed import is_here

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

PACKAGE = "onnxruntime"
_FOLDER = "session.model_external_initializers_file_folder_path"
_TYPES = {"tensor(float)": "f4", "tensor(float16)": "f2", "tensor(double)": "f8"}

log = logging.getLogger(__name__)


def rows(
    path: Path, tensor: str, at_once: int | None, text: str, images: NDArray[np.uint8]
) -> NDArray[np.float32] | None:
    """Return what a tensor is for each of some images (k, height, width, channels).

    None where ONNX Runtime is not here, or cannot compute it: that says nothing of OpenVINO.

    Parameters
    ----------
    at_once : how many images the network takes; None: any number
    text : the preprocessing, layout included
    """
    if not is_here(PACKAGE):
        return None
    try:
        with native_chatter_held(), collector_paused():
            session = _session(path, tensor)
            x = preprocessing.apply(text, images.astype(np.float32))
            return _run(session, tensor, x, at_once or len(x))
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a package nobody asked for
        said = " ".join(str(error).split())[:200]
        log.warning("OpenVINO's rows are not compared with ONNX Runtime's: %s", said)
        return None


def _session(path: Path, tensor: str) -> Any:
    """Return a session that gives this tensor, whether it is an output of the file or not.

    Messages of Protocol Buffers that follow one another are one: what is put behind the bytes of a
    model adds an output to its graph.
    """
    runtime = import_module(PACKAGE)
    data = path.read_bytes()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1  # more would count up in another order each time
    options.log_severity_level = 4
    options.add_session_config_entry(_FOLDER, str(path.parent))
    session = runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    if tensor in [one.name for one in session.get_outputs()]:
        return session
    more = _field(7, _field(12, _field(1, tensor.encode())))
    return runtime.InferenceSession(data + more, options, providers=["CPUExecutionProvider"])


def _run(session: Any, tensor: str, x: NDArray[Any], at_once: int) -> NDArray[np.float32]:
    (image,) = session.get_inputs()
    x = x.astype(_TYPES.get(image.type, "u1"))
    missing = -len(x) % at_once
    padded = np.concatenate([x, np.zeros((missing, *x.shape[1:]), x.dtype)])
    parts = [
        session.run([tensor], {image.name: np.ascontiguousarray(padded[at : at + at_once])})[0]
        for at in range(0, len(padded), at_once)
    ]
    return np.asarray(np.concatenate(parts)[: len(x)], np.float32)


def _field(number: int, value: bytes) -> bytes:
    """Return a field of Protocol Buffers that holds bytes."""
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])
