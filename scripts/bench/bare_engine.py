"""The bare engine: Pillow on all cores beside OpenVINO's queue, and np.save; no store, no checks.

    python bare_engine.py FOLDER NETWORK.xml SIZE ROWS

What is left between this and an extraction is what identity, the store and the pipeline cost.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import openvino
from PIL import Image

AT_ONCE = 8  # images of a request, as the engine has them for a network of this size


def main(folder, network, size, rows):
    """Write the rows of a folder's images, sorted by path, to one file."""
    size = int(size)
    core = openvino.Core()
    model = core.read_model(network)
    model.reshape([AT_ONCE, size, size, 3])
    precise = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": "f32"}
    compiled = core.compile_model(model, "CPU", precise)
    queue = openvino.AsyncInferQueue(compiled)
    paths = sorted(Path(folder).rglob("*.jpg"))
    found = np.empty((len(paths), *tuple(compiled.output(0).shape)[1:]), np.float32)

    def keep(request, at):
        part = found[at : at + AT_ONCE]
        part[:] = request.get_output_tensor(0).data[: len(part)]

    def decode(path):
        with Image.open(path) as image:
            small = image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
            return np.asarray(small)

    queue.set_callback(keep)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        batch = []
        for at, image in enumerate(pool.map(decode, paths), start=1):
            batch.append(image)
            if len(batch) == AT_ONCE or at == len(paths):
                whole = np.zeros((AT_ONCE, size, size, 3), np.uint8)
                whole[: len(batch)] = batch
                queue.start_async(whole, at - len(batch))
                batch = []
        queue.wait_all()
    np.save(rows, found)


if __name__ == "__main__":
    main(*sys.argv[1:])
