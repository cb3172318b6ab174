"""Run by test_guest.py in a process of its own: calls everything, and says what it left behind.

Arguments: a folder to work in, and what to do: `make` the images and the networks; or call, where
the program imported Keras `before`, or `never` did.
"""

import json
import logging
import os
import random
import signal
import sys
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from world import picture

FOLDER = Path(sys.argv[1])
OWN_LAYER = """
import keras

@keras.saving.register_keras_serializable("guest")
class Twice(keras.layers.Layer):
    def call(self, x):
        return x * 2.0
"""


def settings():
    """Return everything of this process that a guest could have moved."""
    logs = [logging.getLogger(name) for name in ("", "absl", "openvino", "keras")]
    found = {
        "filters": [(f[0], str(f[1]), f[2].__name__, str(f[3]), f[4]) for f in warnings.filters],
        "showwarning": repr(warnings.showwarning),
        "path": list(sys.path),
        "signals": [repr(signal.getsignal(n)) for n in (signal.SIGTERM, signal.SIGINT)],
        "loggers": [(log.name, log.level, repr(log.handlers)) for log in logs],
        "environment": dict(os.environ),
        "telemetry": "openvino_telemetry" in sys.modules,
        "errors": np.geterr(),
        "random": hash(random.getstate()),
        "numpy": hash(np.random.get_state()[1].tobytes()),
    }
    if "keras" in sys.modules:
        import keras
        import tensorflow as tf
        from tensorflow.python.framework import config

        found |= {
            "floatx": keras.config.floatx(),
            "epsilon": keras.config.epsilon(),
            "data_format": keras.config.image_data_format(),
            "policy": keras.config.dtype_policy().name,
            "tf32": tf.config.experimental.tensor_float_32_execution_enabled(),
            "deterministic": config.is_op_determinism_enabled(),
            "level": tf.get_logger().level,
            "tf_seed": tf.compat.v1.random.get_seed(None)[0],
        }
    return found


def set_up():
    warnings.filterwarnings("error", "a filter of the program's own", UserWarning)
    sys.path.append("/a/folder/of/the/program's/own")
    signal.signal(signal.SIGTERM, lambda *_: None)
    logging.getLogger().addHandler(logging.NullHandler())
    logging.getLogger("keras").setLevel("DEBUG")
    os.environ["A_VARIABLE"] = "of the program"


def set_up_keras():
    import keras
    import tensorflow as tf

    keras.config.set_floatx("float16")
    keras.config.set_epsilon(1e-5)
    keras.config.set_dtype_policy("mixed_float16")
    keras.config.set_image_data_format("channels_first")
    keras.utils.set_random_seed(7)
    tf.config.experimental.enable_tensor_float_32_execution(True)
    tf.get_logger().setLevel("INFO")
    return [keras.layers.Dense(1).name for _ in range(3)]


def make():
    """Write images, a network, and one with a layer of the user's own."""
    import keras

    for i in range(24):
        picture(FOLDER / "photos" / f"class{i % 3}" / f"{i:02}.png", i, size=16)
    (FOLDER / "mylayers.py").write_text(OWN_LAYER)
    sys.path.append(str(FOLDER))
    from mylayers import Twice

    for name, layer in (("plain", keras.layers.Flatten()), ("own", Twice())):
        inputs = keras.Input((16, 16, 3))
        x = keras.layers.Conv2D(4, 3, name="early")(inputs)
        x = keras.layers.Conv2D(4, 3, name="late")(x)
        x = keras.layers.Flatten()(layer(x))
        x = keras.layers.Dense(3, activation="softmax")(x)
        keras.Model(inputs, x, name=name).save(FOLDER / f"{name}.keras")


def calls():
    """Yield (what, function) of each use case; some of them fail."""
    import bottleneck
    from bottleneck.core.errors import BottleneckError

    photos, now = FOLDER / "photos", sys.argv[2]

    def extract(cache, **more):
        return lambda: bottleneck.extract_features(data=photos, cache=FOLDER / cache, **more)

    def train(cache, head, **more):
        return lambda: bottleneck.train_head(FOLDER / cache, head=head, run=head, **more)

    def failing(call):
        def attempt():
            try:
                call()
            except BottleneckError:
                return
            raise AssertionError("did not fail")

        return attempt

    maps = {"backbone": FOLDER / "plain.keras", "layer": "early", "pooling": "none"}
    own = {"backbone": FOLDER / "own.keras", "imports": ["mylayers"], "network_version": "1"}
    runs = [FOLDER / "maps/runs" / head for head in ("linear", "dense", "tail")]
    yield "OpenVINO", extract("mini", backbone="mini", size=64, engine="openvino")
    yield "OpenVINO, converted", extract("maps", **maps, engine="openvino")
    yield "Keras", extract("own", **own, engine="keras")
    yield "no such layer", failing(extract("none", backbone="mini", layer="nowhere"))
    yield "no permission", failing(extract("none", backbone=own["backbone"]))
    yield "linear", train("maps", "linear")
    yield "dense", train("maps", "dense", epochs=1)
    yield "tail", train("maps", "tail", epochs=1)
    yield "predict", lambda: bottleneck.predict_images([photos], run=runs[2])
    yield "compare", lambda: bottleneck.compare_runs(runs)
    yield "export", lambda: bottleneck.export_model(runs[1], FOLDER / f"{sys.argv[2]}.keras")
    yield "no seed", failing(extract("none", backbone="mobilenet", weights="random:x"))
    yield (
        "seeded",
        extract("seeded", backbone="mobilenet", weights="random:3", size=32, rows="float32"),
    )
    yield "data set", lambda: bottleneck.open_store(FOLDER / "maps").keras_dataset()
    yield "tf data set", lambda: bottleneck.open_store(FOLDER / "maps").tf_dataset()
    for run in runs:
        yield f"head {run.name}", lambda run=run: of_a_head(bottleneck.load_head(run), run)
    yield "features", lambda: bottleneck.export_features(FOLDER / "maps", FOLDER / f"{now}.npz")
    yield "store", lambda: of_a_store(bottleneck.open_store(FOLDER / "mini"))
    yield (
        "backbones",
        lambda: bottleneck.compare_backbones(["mini"], photos, caches=FOLDER / f"ranked-{now}"),
    )


def of_a_head(head, run):
    """Use everything of a fitted head."""
    rows = np.asarray(__import__("bottleneck").open_store(FOLDER / "maps").arrays()[0])
    head.predict(rows.astype("float32"))
    assert head.versions is not None
    assert head.parameters > 0
    copy = FOLDER / f"copy-{run.name}-{sys.argv[2]}"
    copy.mkdir()
    head.save(copy)


def of_a_store(store):
    """Use everything of an open store that makes no data set."""
    assert repr(store)
    assert store._repr_html_()
    np.asarray(store.arrays()[0])
    store.handles()
    if __import__("importlib.util").util.find_spec("matplotlib"):
        store.picture()


def main():
    os.chdir(FOLDER)
    moved, problems = {}, []
    set_up()
    names = set_up_keras() if "before" in sys.argv else []
    for what, call in calls():
        before = settings()
        try:
            call()
        except Exception as error:  # noqa: BLE001 - the test shows it
            problems.append(f"{what}: {type(error).__name__}: {error}")
        after = settings()
        left = {key: (before[key], after[key]) for key in before if before[key] != after[key]}
        if left:
            moved[what] = {key: str(value)[:1000] for key, value in left.items()}
    if names:
        import keras

        names.append(keras.layers.Dense(1).name)
    print(json.dumps({"moved": moved, "problems": problems, "names": names}))


if __name__ == "__main__":
    make() if "make" in sys.argv else main()
