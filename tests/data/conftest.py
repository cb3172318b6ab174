import io
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def draw():
    """Return encoded images with pixels of their own: draw(seed=, size=, mode=, kind=)."""

    def encode(seed=0, size=(7, 5), mode="RGB", kind="PNG", **options):
        rng = np.random.default_rng(seed)
        pixels = rng.integers(0, 256, (size[1], size[0], 3), np.uint8)
        file = io.BytesIO()
        Image.fromarray(pixels).convert(mode).save(file, kind, **options)
        return file.getvalue()

    return encode


@pytest.fixture
def plant(tmp_path, draw):
    """Make files below tmp_path/root: plant("train/cat/1.png", …) or plant(**{name: bytes})."""
    root = tmp_path / "root"

    def make(*names, **contents):
        root.mkdir(exist_ok=True)
        for i, name in enumerate(names):
            contents.setdefault(name, draw(seed=i, size=(3, 2)))
        for name, content in contents.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return root

    return make


@pytest.fixture
def batches(tmp_path, monkeypatch):
    """Put a tiny CIFAR-10 into a KERAS_HOME of its own; return a function that makes it anew."""
    home = tmp_path / "keras"
    monkeypatch.setenv("KERAS_HOME", str(home))

    def make(seed=0, n=4, folder="cifar-10-batches-py", protocol=2) -> Path:
        rng = np.random.default_rng(seed)
        target = home / "datasets" / folder
        target.mkdir(parents=True, exist_ok=True)
        for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
            content = {
                b"data": rng.integers(0, 256, (n, 3072), np.uint8),
                b"labels": rng.integers(0, 10, n).tolist(),
            }
            (target / name).write_bytes(pickle.dumps(content, protocol=protocol))
        return target

    return make
