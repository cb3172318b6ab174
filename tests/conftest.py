"""A small world for most tests: real images on a real disk, and a network made of numpy."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict
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


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch):
    """An empty bucket on a server of this machine; see `bucket_server`."""
    from bucket_server import Bucket

    found = Bucket()
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    found.start()
    yield found
    found.stop()
