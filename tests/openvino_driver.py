"""Keras' OpenVINO backend at work on model files, for tests in whose process Keras has another.

    python openvino_driver.py FOLDER

Of each NAME.keras in the folder: what its network is, and the rows of its graph, float32, of the
pictures in pictures.npy. Into answers.npz go the rows, onto stdout JSON: name → [network, weights],
or what was raised. TensorFlow cannot be imported here.
"""

import json
import os
import sys
import warnings
from pathlib import Path

os.environ["KERAS_BACKEND"] = "openvino"

import numpy as np

from bottleneck.backbones import Request
from bottleneck.backbones.catalog import load
from bottleneck.core.frameworks import import_openvino
from bottleneck.engines import convert, layout
from bottleneck.engines.compiled import compile_for_cpu
from bottleneck.engines.openvino import OpenVinoEngine


class NoTensorFlow:
    """As where it is not installed."""

    def find_spec(self, name, path=None, target=None):
        """Raise for it, and know nothing of the others."""
        if name.partition(".")[0] == "tensorflow":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, NoTensorFlow())


def main(folder: Path) -> None:
    """Answer for each file."""
    warnings.simplefilter("ignore")
    images, told, rows = np.load(folder / "pictures.npy"), {}, {}
    core = import_openvino().Core()
    for path in sorted(folder.glob("*.keras")):
        try:
            found = load(Request(backbone=str(path), weights="own", pooling="none"))
            told[path.stem] = [found.network, found.weights]
            traced = convert.trace(found.model, lambda x: x, images.shape[1:])
            network, _ = layout.faster(traced, None)
            compiled = compile_for_cpu(core, network, images.shape[1:])
            rows[path.stem] = OpenVinoEngine(compiled, len(images), "")(images)
        except Exception as error:  # noqa: BLE001 - a layer raises anything
            told[path.stem] = [
                *told.get(path.stem, [None, None]),
                f"{type(error).__name__}: {error}",
            ]
    np.savez(folder / "answers.npz", **rows)
    print(json.dumps(told))


main(Path(sys.argv[1]))
