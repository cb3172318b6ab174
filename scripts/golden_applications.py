"""Write tests/golden/applications.json: the digest of every network of keras.applications.

    python scripts/golden_applications.py

A digest that changes makes every store of that network another recipe: a reviewed act.
"""

import json
from pathlib import Path

from bottleneck.backbones import cut, identity
from bottleneck.backbones.applications import APPLICATIONS
from bottleneck.backbones.catalog import build
from bottleneck.core.frameworks import import_keras

GOLDEN = Path(__file__).parents[1] / "tests" / "golden" / "applications.json"
SIZE = (96, 96)
SMALL = ("mobilenet", "mobilenetv2", "resnet50", "vgg16", "convnexttiny")


def digest(name: str) -> str:
    """Return the digest of an application below its top, averaged over space, at 96x96 pixels."""
    with import_keras().StatelessScope():  # the graph alone: no weights, no memory
        model = build(APPLICATIONS[name], SIZE, top=False, weights=None)
        flat = cut.flatten(model, SIZE, copy_weights=False)
        found = identity.network_digest(cut.pool(flat.output, "avg"))
    import_keras().backend.clear_session(free_memory=False)
    return found


if __name__ == "__main__":
    found = {name: digest(name) for name in sorted(APPLICATIONS)}
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps(found, indent=1) + "\n")
    print(f"{len(found)} networks, {len(set(found.values()))} digests in {GOLDEN}")
