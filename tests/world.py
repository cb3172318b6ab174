"""What many tests are made of: small pictures, a numpy network, damage."""

from __future__ import annotations

import tempfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from bottleneck.engines import Frozen
from bottleneck.store.store import Store

N_FEATURES = 6


def picture(path: Path, seed: int, size: int = 12) -> Path:
    """Write a small PNG of seeded noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def pictures(root: Path, n: int) -> Path:
    """Write n such pictures into three classes, in turn; return their folder."""
    for i in range(n):
        picture(root / f"{i % 3}/{i:03}.png", i)
    return root


def row_of(image: np.ndarray, dtype: str = "float16") -> np.ndarray:
    """Return what the numpy network computes of one (h, w, 3) uint8 image."""
    x = image.astype(np.float32) / 255
    columns = [x.mean((0, 1)), x.std((0, 1))]
    return np.concatenate(columns).astype(dtype)


class NumpyEngine:
    """Mean and deviation of each channel; a whole network for those who test what is around it."""

    name = "numpy"
    device = "a test"
    warning = None
    lanes = 1
    factor = 1.0  # a test that wants an engine to be off sets this

    def __init__(self, batch_size: int) -> None:
        self.batch_size = batch_size
        self.calls: list[int] = []

    @property
    def provenance(self) -> dict:
        return {"engine": self.name, "device": self.device, "batch": self.batch_size}

    def __call__(self, images: np.ndarray) -> np.ndarray:
        self.calls.append(len(images))
        return np.stack([row_of(i, "float32") for i in images]) * np.float32(self.factor)


def frozen(network, size, *, preprocess=lambda x: x / 127.5 - 1, **more) -> Frozen:
    """Return a Keras model as engines are given it."""
    return Frozen(
        **{
            "recipe": "ab" * 32,
            "size": size,
            "batch_size": 4,
            "preprocess": preprocess,
            "model": lambda: network,
            "portable": lambda: None,
            "traced": lambda: traced(network),
            "reference": lambda images: network.predict(preprocess(images.astype("f4")), verbose=0),
            "sample": np.random.default_rng(1).integers(0, 256, (3, *size, 3), np.uint8),
            "kept": None,
            **more,
        }
    )


def traced(model):
    """Return a Keras model as OpenVINO's graph, made in a process of its own."""
    from bottleneck.backbones import Request
    from bottleneck.core.reporter import SILENT
    from bottleneck.pipeline.network.apart import Loading

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        request = Request(backbone=str(path), weights="own", pooling="none", preprocessing="tf")
        return Loading(request).backbone(SILENT).traced()


def flip(path: Path, at: int, bit: int = 0) -> None:
    """Flip one bit of a file."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1 << bit
    path.write_bytes(bytes(data))


def crc(path: Path) -> int:
    """Return a checksum of a file."""
    return zlib.crc32(path.read_bytes())


def tree(root: Path) -> dict[str, int]:
    """Return every file below with a checksum."""
    files = (p for p in root.rglob("*") if p.is_file())
    return {p.relative_to(root).as_posix(): crc(p) for p in files}


def rows_in(store: Path | str) -> dict[bytes, bytes]:
    """Return the bytes of the row of every key of a store."""
    x, _, keys = Store.open(store).arrays()
    return {bytes(key): row.tobytes() for key, row in zip(keys, x[:], strict=True)}
