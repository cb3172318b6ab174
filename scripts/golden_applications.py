"""Write tests/golden/applications.json: the digest of every network of keras.applications.

    python scripts/golden_applications.py            write
    python scripts/golden_applications.py --check    compare, exit 1 when one differs

A digest that changes makes every store of that network another recipe: a reviewed act.
"""

import json
import sys
from pathlib import Path

from bottleneck.backbones import cut, identity
from bottleneck.backbones.application_list import APPLICATIONS
from bottleneck.backbones.applications import build
from bottleneck.core.frameworks import import_keras

GOLDEN = Path(__file__).parents[1] / "tests" / "golden" / "applications.json"
SIZE = (96, 96)
# One of each family: the tests walk these; this script's --check walks them all.
FAMILIES = (
    "convnexttiny",
    "densenet121",
    "efficientnetb0",
    "efficientnetv2b0",
    "inceptionresnetv2",
    "inceptionv3",
    "mobilenet",
    "mobilenetv2",
    "mobilenetv3small",
    "nasnetmobile",
    "resnet50",
    "resnet50v2",
    "vgg16",
    "xception",
)


def digest(name: str) -> str:
    """Return the digest of an application below its top, averaged over space, at 96x96 pixels."""
    with import_keras().StatelessScope():  # the graph alone: no weights, no memory
        model = build(APPLICATIONS[name], SIZE, top=False, weights=None)
        flat = cut.flatten(model, SIZE, ours=True)
        found = identity.network_digest(cut.pool(flat.output, "avg"))
    import_keras().backend.clear_session(free_memory=False)
    return found


if __name__ == "__main__":
    found = {name: digest(name) for name in sorted(APPLICATIONS)}
    if sys.argv[1:] == ["--check"]:
        golden = json.loads(GOLDEN.read_text())
        wrong = [name for name in found if found[name] != golden.get(name)]
        print(f"{len(found)} networks, {len(wrong)} differ: {wrong}")
        sys.exit(bool(wrong))
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps(found, indent=1) + "\n")
    print(f"{len(found)} networks, {len(set(found.values()))} digests in {GOLDEN}")
