"""What a careful user writes today: features of a folder of images, without a cache.

    python scripts/bench/baseline.py FOLDER WEIGHTS SIZE OUT [BACKBONE]

BACKBONE is mobilenetv2 (the default) or resnet50; WEIGHTS a file of it without its top, or
random:SEED. OUT gets rows.npy, and the file of each row in paths.txt.
"""

import os
import sys
from pathlib import Path

import numpy as np

BATCH = 32
APPLICATIONS = {"mobilenetv2": ("MobileNetV2", "mobilenet_v2"), "resnet50": ("ResNet50", "resnet")}


def network(weights, size, application="MobileNetV2", pooling="avg"):
    """Return a network without its top, as Keras gives it."""
    import keras

    random = weights.startswith("random:")
    made = getattr(keras.applications, application)(
        input_shape=(size, size, 3),
        include_top=False,
        pooling=pooling,
        weights=None if random else weights,
    )
    if random:
        from bottleneck.backbones.drawn import give_drawn

        give_drawn(made, int(weights.removeprefix("random:")))
    return made


def main(folder, weights, size, out, backbone="mobilenetv2"):
    """Write rows.npy (n, d) float32 and paths.txt."""
    import keras
    import tensorflow as tf

    dataset = keras.utils.image_dataset_from_directory(
        folder,
        image_size=(size, size),
        interpolation="bilinear",
        batch_size=BATCH,
        shuffle=False,
        verbose=False,
    )
    application, module = APPLICATIONS[backbone]
    preprocess_input = getattr(keras.applications, module).preprocess_input
    images = dataset.map(
        lambda batch, _: preprocess_input(batch),
        num_parallel_calls=tf.data.AUTOTUNE,
    ).prefetch(tf.data.AUTOTUNE)
    rows = network(weights, size, application).predict(
        images, verbose=0
    )  # in batches of the data set: BATCH
    out.mkdir(parents=True, exist_ok=True)
    np.save(out / "rows.npy", rows)
    (out / "paths.txt").write_text("\n".join(dataset.file_paths), encoding="utf-8")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]), *sys.argv[5:])
