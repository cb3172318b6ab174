"""A process that extracts slowly with the numpy network, to be killed by a test."""

import signal
import sys
import time

import pytest
from conftest import numpy_network
from world import NumpyEngine

from bottleneck.core import console
from bottleneck.pipeline.extraction import writing
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.network.options import NetworkOptions


def main(_: object) -> int:
    # A shell that starts a job in the background has it ignore SIGINT, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    writing.COMMIT_EVERY_S = 0.0
    engine = NumpyEngine.__call__

    def slow(self: NumpyEngine, images: object) -> object:
        time.sleep(0.3)
        return engine(self, images)

    NumpyEngine.__call__ = slow
    with pytest.MonkeyPatch.context() as patch:
        numpy_network.__wrapped__(patch) if hasattr(numpy_network, "__wrapped__") else None
        network = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))
        extract(ExtractOptions(cache=store, data=sys.argv[1], network=network, batch_size=1))
    return 0


if __name__ == "__main__":
    from pathlib import Path

    store = Path(sys.argv[2])
    sys.exit(console.run(main))
