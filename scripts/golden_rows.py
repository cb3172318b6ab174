"""Write bottleneck/backbones/golden_rows.json: what each application computes of two pictures.

    python scripts/golden_rows.py             all of them, with TensorFlow
    python scripts/golden_rows.py NAME …      these, beside what is there

Weights are drawn from a seed. Every machine compares its own rows with these, so a change is a
reviewed act: the weights are drawn otherwise, or Keras builds another network.
"""

import json
import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"

import numpy as np

from bottleneck.backbones import golden, preprocessing
from bottleneck.backbones.application_list import APPLICATIONS
from bottleneck.backbones.catalog import load
from bottleneck.core.frameworks import import_keras
from bottleneck.engines.keras import KerasEngine


def sums(name: str) -> list[list[float]]:
    """Return the sums of an application's rows, as TensorFlow computes them on the CPU."""
    found = load(golden.request(name))
    rows = KerasEngine(
        found.model,
        lambda x: preprocessing.apply(found.preprocessing, x),
        (*golden.SIZE, 3),
        golden.N_PICTURES,
    )(golden.images())
    apart = np.linalg.norm(rows[0] - rows[1]) / np.linalg.norm(rows[0])
    print(f"{name}: largest {np.abs(rows).max():.3g}, the two are {apart:.2g} apart", flush=True)
    assert np.isfinite(rows).all()
    import_keras().backend.clear_session()
    return golden.sums(rows).tolist()


if __name__ == "__main__":
    recorded = json.loads(golden.FILE.read_text()) if sys.argv[1:] else {}
    for name in sys.argv[1:] or sorted(APPLICATIONS):
        recorded[name] = sums(name)
    lines = [f" {json.dumps(name)}: {json.dumps(recorded[name])}" for name in sorted(recorded)]
    golden.FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")
