"""Write bottleneck/backbones/golden_rows.json: what each application computes of two pictures.

    python scripts/golden_rows.py             all of them, with TensorFlow
    python scripts/golden_rows.py NAME …      these, beside what is there
    python scripts/golden_rows.py --check …   writes nothing: extracts the pictures by OpenVINO, and
                                              says how far its rows are from TensorFlow's

Weights are drawn from a seed. Every machine compares its own rows with these, so a change is a
reviewed act: the weights are drawn otherwise, or Keras builds another network.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"

import numpy as np

from bottleneck import open_store
from bottleneck.backbones import golden, preprocessing
from bottleneck.backbones.application_list import APPLICATIONS
from bottleneck.core.errors import OtherRowsError
from bottleneck.core.frameworks import import_keras
from bottleneck.engines.check import FLOAT32_BOUND
from bottleneck.engines.keras import KerasEngine


def rows_of(name: str) -> np.ndarray:
    """Return an application's rows of the pictures, as TensorFlow computes them on the CPU."""
    found = golden.network(name)
    rows = KerasEngine(
        found.model,
        lambda x: preprocessing.apply(found.preprocessing, x),
        (*golden.SIZE, 3),
        golden.N_PICTURES,
    )(golden.images())
    import_keras().backend.clear_session()
    assert np.isfinite(rows).all()
    return rows


def sums(name: str) -> list[list[float]]:
    """Return the sums of an application's rows."""
    rows = rows_of(name)
    apart = np.linalg.norm(rows[0] - rows[1]) / np.linalg.norm(rows[0])
    print(f"{name}: largest {np.abs(rows).max():.3g}, the two are {apart:.2g} apart", flush=True)
    return golden.sums(rows).tolist()


def extracted(name: str, folder: Path) -> np.ndarray | None:
    """Return the rows of the pictures in a store that OpenVINO filled, in a process of its own.

    None where it refuses to: it compares its rows with the recorded ones by itself.
    """
    height, width = golden.SIZE
    words = [
        *("--data", folder / "pictures.npz", "--cache", folder / name, "--engine", "openvino"),
        *("--size", f"{height}x{width}", "--rows", "float32", "--quiet"),
    ]
    if name in golden.SMALLER:
        found = golden.network(name)
        found.model.save(folder / f"{name}.keras")
        words += ["--backbone", folder / f"{name}.keras", "--preprocessing", found.preprocessing]
    else:
        words += ["--backbone", name, "--weights", f"random:{golden.SEED}"]
    command = [sys.executable, "-m", "bottleneck.extract", *map(str, words)]
    done = subprocess.run(command, check=False, env={**os.environ, "KERAS_BACKEND": "openvino"})
    if done.returncode == OtherRowsError.exit_code:
        return None
    done.check_returncode()
    features, _, _ = open_store(folder / name).arrays()
    return np.asarray(features)


def check(names: list[str]) -> int:
    """Print how far each application's rows are off; return the exit code."""
    worst = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        np.savez(folder / "pictures.npz", x_train=golden.images(), y_train=[0, 1])
        for name in names:
            ours, expected = extracted(name, folder), rows_of(name)
            if ours is None:
                worst[name] = np.inf
                continue
            assert ours.shape == expected.shape
            off = np.linalg.norm(ours - expected, axis=1) / np.linalg.norm(expected, axis=1)
            worst[name] = float(off.max())
            print(f"{name:22} {ours.shape[1]:6} {worst[name]:.1e}", flush=True)
    last = max(worst, key=worst.__getitem__)
    print(f"{len(worst)} applications, the worst row {worst[last]:.1e} ({last})")
    return int(worst[last] > FLOAT32_BOUND)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--check", action="store_true")
    said = parser.parse_args()
    if said.check:
        sys.exit(check(said.names or sorted(APPLICATIONS)))
    recorded = json.loads(golden.FILE.read_text()) if said.names else {}
    for name in said.names or sorted(APPLICATIONS):
        recorded[name] = sums(name)
    lines = [f" {json.dumps(name)}: {json.dumps(recorded[name])}" for name in sorted(recorded)]
    golden.FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")
