"""Put trained weights of `mini` into the package, with their identity and reference rows.

    python scripts/pack_mini.py WORK/mini.safetensors --date 2026-11-21

`mini.json` holds what an engine without Keras cannot find out by itself: the digests of network
and weights as Keras gives them. `rows.safetensors` holds what plain Keras computes in float32 on
the CPU of 32 generated pictures; every engine is compared with it before it is used.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
from datetime import date
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from bottleneck.backbones import Request
from bottleneck.backbones.mini import load as mini
from bottleneck.backbones.preprocessing import apply
from bottleneck.core.frameworks import import_keras
from bottleneck.core.generated import pictures


def main(argv: list[str] | None = None) -> int:
    """Write the three files into the package's folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("tensors", type=Path)
    parser.add_argument("--date", type=date.fromisoformat, default=date.today())
    args = parser.parse_args(argv)
    import_keras().config.disable_interactive_logging()
    shutil.copyfile(args.tensors, mini.HERE / mini.TENSORS)
    tensors = {k: v.astype(np.float32) for k, v in load_file(args.tensors).items()}
    made = mini._in_keras(Request(backbone="mini"), mini.SIZE, tensors, {})
    images = pictures(mini.N_PICTURES, mini.SIZE).astype(np.float32)
    rows = made.model.predict(apply(made.preprocessing, images), verbose=0)
    save_file({"rows": np.asarray(rows, "<f4")}, mini.HERE / mini.ROWS)
    names = (mini.TENSORS, mini.ROWS)
    facts = {
        "date": args.date.isoformat(),
        "network": made.network,
        "weights": made.weights,
        "files": {n: hashlib.sha256((mini.HERE / n).read_bytes()).hexdigest() for n in names},
    }
    (mini.HERE / mini.FACTS).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    print(f"{mini.HERE}: {sum((mini.HERE / n).stat().st_size for n in names)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
