"""A small world for most tests: real images on a real disk, and a network made of numpy."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import fault_table
import pytest
from world import N_FEATURES, NumpyEngine, picture

from bottleneck.core import console
from bottleneck.core.recipe import ImageSpec, Recipe, RowSpec
from bottleneck.engines import Frozen
from bottleneck.pipeline.network import network as networks


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what was injected, and what that broke, where anything was."""
    for line in fault_table.lines():
        terminalreporter.write_line(line)


@pytest.fixture(autouse=True)
def talkative() -> None:
    """Undo the --quiet of a test before: it is a setting of the process."""
    console.configure(quiet=False)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Twelve images of two classes."""
    root = tmp_path / "photos"
    for i in range(12):
        picture(root / ("cat" if i % 2 else "dog") / f"{i:02}.png", i)
    return root


@pytest.fixture
def numpy_network(monkeypatch: pytest.MonkeyPatch) -> type[NumpyEngine]:
    """Put the numpy network in the place of Keras; its recipe follows every option."""

    def load(options: networks.NetworkOptions, *_: object, **__: object) -> networks.Network:
        def digest(*of: object) -> str:
            return hashlib.sha256(repr(of).encode()).hexdigest()

        recipe = Recipe(
            network=digest(options.layer, options.pooling),
            weights=digest(options.weights),
            preprocessing="none",
            image=ImageSpec(size=options.size, resample=options.resample, decode=options.decode),
            rows=RowSpec(
                dtype=options.rows or "float16", shape=(*options.view_spec().axes, N_FEATURES)
            ),
            compute=options.compute or "float32",
            views=options.view_spec(),
        )
        backbone = SimpleNamespace(
            model=None, preprocessing="none", size=options.size, mode="rgb", batch_size=4,
            weight_files=(), before=lambda: None,
        )  # fmt: skip
        about = {"backbone": "numpy", "weights": "none", "request": asdict(options)}
        return networks.Network(options, recipe, about, backbone)

    class Engine(NumpyEngine):
        opened: list[NumpyEngine] = []

    def open_engine(name: str, frozen: Frozen, **_: object) -> NumpyEngine:
        Engine.opened.append(Engine(frozen.batch_size))
        return Engine.opened[-1]

    Engine.opened = []
    monkeypatch.setattr(networks, "load", load)
    monkeypatch.setattr(networks, "begin", lambda options, *_, **__: lambda: load(options))
    monkeypatch.setattr("bottleneck.engines.catalog.open_engine", open_engine)
    return Engine


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch):
    """Move the clock that sources read: what was written before is then no longer racy."""
    import time

    real = time.time_ns
    offset = [0]
    monkeypatch.setattr(time, "time_ns", lambda: real() + offset[0])

    def move(seconds: float = 10.0) -> None:
        offset[0] += int(seconds * 1e9)

    return move


@pytest.fixture(scope="session")
def _served():
    pytest.importorskip("obstore", reason="make objects installs it")
    pytest.importorskip("moto", reason="make objects installs it")
    from bucket_world import served

    with served() as world:
        yield world


@pytest.fixture
def bucket(_served, tmp_path, monkeypatch):
    """An empty bucket behind a proxy (`bucket_world.py`); this process knows no store yet."""
    from bottleneck.core import buckets
    from bottleneck.store import bucket as objects
    from bottleneck.store import storage

    _served.empty()
    for name, value in _served.env().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("BOTTLENECK_PART_CACHE", str(tmp_path / "copies"))
    monkeypatch.setattr(storage, "_opened", {})
    # A server that fails is given up sooner than a user would like.
    monkeypatch.setitem(buckets.RETRIES, "max_retries", 1)
    monkeypatch.setitem(buckets.RETRIES, "backoff", {"init_backoff": timedelta(milliseconds=5)})
    monkeypatch.setattr(objects, "PAUSE_S", 0.01)
    return _served


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Call it to go to another machine: one that has no copies and knows of no store."""
    from bottleneck.store import storage

    def go(name: str = "another") -> None:
        monkeypatch.setenv("BOTTLENECK_PART_CACHE", str(tmp_path / name))
        monkeypatch.setattr(storage, "_opened", {})

    return go


@pytest.fixture
def image_bucket(bucket):
    """The same bucket, for images: it counts what is asked of each object."""
    from bucket_images import Images

    return Images(bucket)
