"""Images of noise in some colour, and tables that say something of them."""

import numpy as np
from PIL import Image

from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.network.options import NetworkOptions

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))


def draw(path, colour, rng):
    """Save 12 x 12 pixels of noise around a colour, three numbers from 0 to 1."""
    pixels = np.clip(colour * 200 + rng.normal(0, 20, (12, 12, 3)), 0, 255).astype("u1")
    Image.fromarray(pixels).save(path)


def extracted(folder, lines, **reading):
    """Write the lines of a table beside images, and extract it; return the store."""
    table = folder / "t.csv"
    table.write_text("\n".join(lines) + "\n")
    cache = folder / "store"
    extract(ExtractOptions(cache=cache, data=str(table), network=NETWORK, reading=reading))
    return cache
