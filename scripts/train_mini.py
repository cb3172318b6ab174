"""Train the backbone `mini`: one command, seeded; the same command goes on from its last epoch.

    python scripts/train_mini.py --work WORK --tiny-imagenet tiny-imagenet.zip \
        --cifar10 cifar10.zip --teacher-weights mobilenet_v2_..._no_top.h5

Each zip holds `train/CLASS/IMAGE` and `val/` or `test/`. Of CIFAR-10 only `train/` is read, and
only its pictures: no label, and no picture of `test/`.

The method. The network learns two things at once: the 200 classes of Tiny ImageNet (with label
smoothing), and, on all pictures, the standardised pooled features that MobileNetV2 computes from
the same crop at 128x128 (Hinton, Vinyals and Dean 2015; regression onto features: Romero et al.
2015, "FitNets"). The teacher runs once for each of ROUNDS sets of crops; epochs take the sets in
turn, so student and teacher always see the same crop (Beyer et al. 2022, "A good teacher is
patient and consistent"), while colours, and how sharp the picture is, are the student's alone.
Half of each batch is shrunk and enlarged again, because enlarged small pictures are blurred, and a
network that never saw a blurred one loses accuracy on them. The first epochs run at 48x48, which
costs half as much (Touvron et al. 2019, "FixRes"; Howard 2018). In the last epochs pictures are
shrunk down to 8 pixels, more of them are gray, and classes of generated signs (glyphs.py) are told
apart too: photographs alone taught nothing of strokes, and features of 8x8 digits were worse than
their pixels. The result is the moving average of the weights, with normalisation
folded into the convolutions.

Half of Tiny ImageNet's `val` (every second picture of a class) is looked at after each epoch; the
other half is never read here.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import time
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import openvino
import tensorflow as tf
from glyphs import CLASSES, Glyphs
from keras import layers
from PIL import Image

from bottleneck.backbones.mini.network import FEATURES, SIZE, build

TEACHER_SIZE, TEACHER_BATCH = 128, 64
ROUNDS = 4  # sets of crops; the first two are whole pictures, mirrored or not
BATCH = 128
SMALL = 48  # pixels, in the first part of the training
SMALL_SHARE = 0.6  # of the epochs
PEAK_RATE, WARMUP, WEIGHT_DECAY = 3e-3, 500, 0.05
SMOOTHING = 0.1
TEACHER_SHARE = 5.0  # weight of the regression beside the cross-entropy
AVERAGING = 0.9985
SHRUNK = tuple(range(24, 57))  # pixels
# The last epochs: pictures as small as icons, more gray ones, and signs, at a lower rate.
LAST_EPOCHS, LAST_RATE = 4, 1e-3
LAST_SHRUNK = (8, 9, 10, 11, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56)
GRAY, LAST_GRAY = 0.05, 0.25  # share of the pictures
GLYPHS = 32  # beside each batch of the last epochs
GLYPHS_SHRUNK = (8, 9, 10, 12, 14, 16, 20, 24, 32)
GLYPHS_SHARE = 0.5  # weight of their cross-entropy


def read_zip(path: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Return images (n, 64, 64, 3) uint8 and labels (n,) of `split/CLASS/IMAGE`, sorted."""
    images, classes = [], []
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            parts = name.split("/")
            if len(parts) == 3 and parts[0] == split:
                image = Image.open(io.BytesIO(archive.read(name))).convert("RGB")
                images.append(np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BILINEAR)))
                classes.append(parts[1])
    names = sorted(set(classes))
    return np.stack(images), np.array([names.index(name) for name in classes], np.int32)


class Data:
    """The pictures, and what the teacher says of each round's crops."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.seed: int = args.seed
        self.work: Path = args.work
        self.teacher_weights: Path = args.teacher_weights
        tiny, labels = self._cached(
            "tiny-imagenet-train", lambda: read_zip(args.tiny_imagenet, "train")
        )
        cifar, _ = self._cached("cifar10-train", lambda: read_zip(args.cifar10, "train"))
        val, val_labels = self._cached(
            "tiny-imagenet-val", lambda: read_zip(args.tiny_imagenet, "val")
        )
        self.val, self.val_labels = val[::2], val_labels[::2]
        self.n_labelled = len(tiny)
        self.images = np.concatenate([tiny, cifar])
        self.labels = np.concatenate([labels, np.full(len(cifar), -1, np.int32)])

    def _cached(self, name: str, read: Any) -> tuple[np.ndarray, np.ndarray]:
        path = self.work / f"{name}.npz"
        if not path.exists():
            images, labels = read()
            with path.with_suffix(".part").open("wb") as file:
                np.savez(file, images=images, labels=labels)
            path.with_suffix(".part").rename(path)
        with np.load(path) as stored:
            return stored["images"], stored["labels"]

    def members(self, number: int) -> np.ndarray:
        """Return the pictures of a round: all labelled ones, and every second of the others."""
        others = np.arange(self.n_labelled + number % 2, len(self.images), 2)
        return np.concatenate([np.arange(self.n_labelled), others])

    def crops(self, number: int) -> np.ndarray:
        """Return a round's boxes (n, 4) float32, y1 x1 y2 x2 in shares; mirrored: x1 > x2."""
        rng = np.random.default_rng((self.seed, 1, number))
        n = len(self.members(number))
        area = np.ones(n) if number < 2 else rng.uniform(0.35, 1.0, n)
        ratio = np.ones(n) if number < 2 else np.exp(rng.uniform(-0.25, 0.25, n))
        height = np.minimum(np.sqrt(area * ratio), 1)
        width = np.minimum(np.sqrt(area / ratio), 1)
        top, left = rng.uniform(0, 1 - height), rng.uniform(0, 1 - width)
        x1, x2 = left, left + width
        mirrored = rng.random(n) < 0.5
        x1, x2 = np.where(mirrored, x2, x1), np.where(mirrored, x1, x2)
        return np.stack([top, x1, top + height, x2], 1).astype(np.float32)

    def targets(self, number: int) -> np.ndarray:
        """Return the teacher's features (n, 1280) float16 of a round's crops, computed once."""
        path = self.work / f"teacher-{number}.npy"
        if not path.exists():
            say(f"teacher: round {number}")
            members, boxes = self.members(number), self.crops(number)
            done = teach(self.teacher_weights, self.images, members, boxes, self.work)
            with path.with_suffix(".part").open("wb") as file:
                np.save(file, done)
            path.with_suffix(".part").rename(path)
        return np.load(path, mmap_mode="r")


def cropped(images: Any, boxes: Any, size: int) -> Any:
    """Return crops (n, size, size, 3) float32, 0 to 255."""
    return tf.image.crop_and_resize(
        tf.cast(images, tf.float32), boxes, tf.range(tf.shape(boxes)[0]), (size, size)
    )


def teach(
    weights: Path, images: np.ndarray, members: np.ndarray, boxes: np.ndarray, work: Path
) -> np.ndarray:
    """Return MobileNetV2's pooled features (n, 1280) float16 of crops, through OpenVINO."""
    model = keras.applications.MobileNetV2(
        weights=None, include_top=False, pooling="avg", input_shape=(TEACHER_SIZE, TEACHER_SIZE, 3)
    )
    model.load_weights(weights)
    model.export(work / "teacher", verbose=False)
    shape = [TEACHER_BATCH, TEACHER_SIZE, TEACHER_SIZE, 3]
    compiled = openvino.Core().compile_model(
        openvino.convert_model(work / "teacher", input=shape),
        "CPU",
        {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": "f32"},
    )
    features = np.zeros((len(members) + TEACHER_BATCH, 1280), np.float16)

    def keep(request: Any, at: int) -> None:
        features[at : at + TEACHER_BATCH] = request.get_output_tensor().data

    crops = tf.function(
        lambda x, box: cropped(x, box, TEACHER_SIZE) / 127.5 - 1, reduce_retracing=True
    )
    queue = openvino.AsyncInferQueue(compiled)
    queue.set_callback(keep)
    for at in range(0, len(members), TEACHER_BATCH):
        chosen = np.resize(np.arange(at, min(at + TEACHER_BATCH, len(members))), TEACHER_BATCH)
        queue.start_async(crops(images[members[chosen]], boxes[chosen]).numpy(), at)
    queue.wait_all()
    return features[: len(members)]


class Normalised:
    """Builds the network for training: each convolution is followed by batch normalisation."""

    def conv(self, x: Any, name: str, channels: int, kernel: int, stride: int) -> Any:
        """See `network.Builder`."""
        x = layers.Conv2D(
            channels,
            kernel,
            stride,
            "same",
            use_bias=False,
            name=name,
            kernel_initializer="he_normal",
        )(x)
        return layers.BatchNormalization(momentum=0.95, epsilon=1e-3, name=f"{name}_bn")(x)

    def relu(self, x: Any, name: str) -> Any:
        """See `network.Builder`."""
        return layers.ReLU(name=name)(x)

    def add(self, x: Any, y: Any, name: str) -> Any:
        """See `network.Builder`."""
        return layers.Add(name=name)([x, y])

    def average(self, x: Any, name: str) -> Any:
        """See `network.Builder`."""
        return layers.GlobalAveragePooling2D(name=name)(x)


def student(n_classes: int, n_teacher: int) -> keras.Model:
    """Return images in [-1, 1] → (logits, the teacher's standardised features, signs)."""
    images = keras.Input((None, None, 3))
    pooled = build(Normalised(), images)
    return keras.Model(
        images,
        [
            layers.Dense(n_classes, name="logits")(pooled),
            layers.Dense(n_teacher, name="taught")(pooled),
            layers.Dense(CLASSES, name="glyphs")(pooled),
        ],
    )


class Rate(keras.optimizers.schedules.LearningRateSchedule):
    """Warm-up and cosine to zero, and a second, lower cosine for the last epochs."""

    def __init__(self, n_steps: int, n_last_steps: int) -> None:
        self.first = keras.optimizers.schedules.CosineDecay(
            0.0, n_steps - WARMUP, warmup_target=PEAK_RATE, warmup_steps=WARMUP
        )
        self.last = keras.optimizers.schedules.CosineDecay(LAST_RATE, n_last_steps)
        self.n_steps = n_steps

    def __call__(self, step: Any) -> Any:
        """Return the rate of a step."""
        step = tf.cast(step, tf.float32)
        last = self.last(tf.maximum(step - self.n_steps, 0.0))
        return tf.where(step < self.n_steps, self.first(step), last)


class Trainer:
    """Weights, their average, optimiser; everything that a checkpoint holds."""

    def __init__(self, model: keras.Model, n_steps: int, n_last_steps: int) -> None:
        self.model = model
        self.average = keras.models.clone_model(model)
        self.average.set_weights(model.get_weights())
        self.optimizer = keras.optimizers.AdamW(
            Rate(n_steps, n_last_steps), weight_decay=WEIGHT_DECAY, global_clipnorm=5.0
        )
        self.optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        self.optimizer.build(model.trainable_variables)
        self.epoch = tf.Variable(0, dtype=tf.int64)

    @tf.function(reduce_retracing=True)
    def step(self, images, boxes, labels, targets, mean, scale, look, glyphs, glyph_labels):
        """Take one step; return (cross-entropy, regression error, cross-entropy of the signs)."""
        x = distorted(cropped(images, boxes, SIZE), glyphs, look)
        n = tf.shape(images)[0]
        targets = (tf.cast(targets, tf.float32) - mean) / scale
        labelled = tf.cast(labels >= 0, tf.float32)
        with tf.GradientTape() as tape:
            logits, taught, signs = self.model(x, training=True)
            entropy = smoothed(labels, logits[:n])
            entropy = tf.reduce_sum(entropy * labelled) / tf.reduce_sum(labelled)
            error = tf.reduce_mean(tf.square(taught[:n] - targets))
            signs = tf.reduce_sum(smoothed(glyph_labels, signs[n:])) / GLYPHS
            loss = entropy + TEACHER_SHARE * error + GLYPHS_SHARE * signs
        gradients = tape.gradient(loss, self.model.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.model.trainable_variables, strict=True))
        # The average starts as the plain mean of the first steps, not as the random start.
        step = tf.cast(self.optimizer.iterations.value, tf.float32)
        keep = tf.minimum(AVERAGING, step / (step + 10))
        for old, new in zip(self.average.variables, self.model.variables, strict=True):
            if old.dtype == "float32":
                old.assign(keep * old.value + (1 - keep) * new.value)
        return entropy, error, signs


class Look(NamedTuple):
    """How a batch is distorted."""

    seed: Any
    size: Any
    shrunk: Any
    glyphs_shrunk: Any
    gray: Any


def smoothed(labels: Any, logits: Any) -> Any:
    """Return the cross-entropy (n,) with smoothed labels."""
    n = logits.shape[-1]
    wanted = tf.one_hot(labels, n) * (1 - SMOOTHING) + SMOOTHING / n
    return tf.nn.softmax_cross_entropy_with_logits(wanted, logits)


def distorted(x: Any, glyphs: Any, look: Look) -> Any:
    """Return crops, then signs, (n, size, size, 3) in [-1, 1]; half blurred, all recoloured."""
    half = tf.shape(x)[0] // 2
    size = (look.size, look.size)
    small = tf.image.resize(x[:half], (look.shrunk, look.shrunk), antialias=True)
    signs = tf.image.resize(glyphs, (look.glyphs_shrunk, look.glyphs_shrunk), antialias=True)
    x = tf.concat(
        [
            tf.image.resize(small, size),
            tf.image.resize(x[half:], size, antialias=True),
            tf.repeat(tf.image.resize(signs, size), 3, axis=-1) * 255,
        ],
        0,
    )
    n = tf.shape(x)[0]
    x = x / 127.5 - 1
    draw = tf.random.stateless_uniform((4, n, 1, 1, 1), look.seed, -1.0, 1.0)
    x = x * (1 + 0.3 * draw[0]) + 0.25 * draw[1]  # contrast, brightness
    light = tf.reduce_mean(x, -1, keepdims=True)
    x = light + (x - light) * (1 + 0.4 * draw[2])  # saturation
    x = tf.where(draw[3] > 1 - 2 * look.gray, tf.broadcast_to(light, tf.shape(x)), x)
    return tf.ensure_shape(x, (None, None, None, 3))


def accuracy(model: keras.Model, images: np.ndarray, labels: np.ndarray) -> float:
    """Return the top-1 accuracy of the classifier."""
    run = tf.function(lambda x: model(tf.cast(x, tf.float32) / 127.5 - 1, training=False)[0])
    found = [run(images[at : at + 100]).numpy().argmax(1) for at in range(0, len(images), 100)]
    return float((np.concatenate(found) == labels).mean())


def train(args: argparse.Namespace) -> keras.Model:
    """Train, or go on, and return the model with the averaged weights."""
    data = Data(args)
    steps_per_epoch = len(data.members(0)) // BATCH
    keras.utils.set_random_seed(args.seed)
    targets = data.targets(0)
    sample = targets[:: max(1, len(targets) // 8192)].astype(np.float32)
    mean, scale = sample.mean(0), sample.std(0) + 1e-3
    glyphs = Glyphs(args.seed)
    trainer = Trainer(
        student(200, targets.shape[1]),
        args.epochs * steps_per_epoch,
        LAST_EPOCHS * steps_per_epoch,
    )
    checkpoint = tf.train.Checkpoint(
        epoch=trainer.epoch,
        model=trainer.model.variables,
        average=trainer.average.variables,
        optimizer=trainer.optimizer.variables,
    )
    manager = tf.train.CheckpointManager(checkpoint, str(args.work / "checkpoints"), 2)
    if manager.latest_checkpoint:
        checkpoint.restore(manager.latest_checkpoint).assert_consumed()
        say(f"going on after epoch {int(trainer.epoch)}")
    n_epochs = args.epochs + LAST_EPOCHS
    for epoch in range(int(trainer.epoch), n_epochs):
        is_last = epoch >= args.epochs
        shrunk, gray, n_glyphs = (LAST_SHRUNK, LAST_GRAY, GLYPHS) if is_last else (SHRUNK, GRAY, 0)
        number = epoch % ROUNDS
        members, boxes, targets = data.members(number), data.crops(number), data.targets(number)
        size = SMALL if epoch < SMALL_SHARE * args.epochs else SIZE
        rng = np.random.default_rng((args.seed, 2, epoch))
        order = rng.permutation(len(members))
        began, sums = time.monotonic(), np.zeros(3)
        for step in range(steps_per_epoch):
            chosen = order[step * BATCH : (step + 1) * BATCH]
            sums += [
                float(value)
                for value in trainer.step(
                    tf.constant(data.images[members[chosen]]),
                    tf.constant(boxes[chosen]),
                    tf.constant(data.labels[members[chosen]]),
                    tf.constant(targets[chosen]),
                    tf.constant(mean),
                    tf.constant(scale),
                    Look(
                        tf.constant([epoch, step]),
                        tf.constant(size),
                        tf.constant(int(rng.choice(shrunk))),
                        tf.constant(int(rng.choice(GLYPHS_SHRUNK))),
                        tf.constant(gray),
                    ),
                    *map(tf.constant, glyphs.draw(n_glyphs, rng)),
                )
            ]
            if step % 50 == 49:
                entropy, error, signs = sums / (step + 1)
                rate = (step + 1) * BATCH / (time.monotonic() - began)
                print(
                    f"  {step + 1}/{steps_per_epoch} {entropy:.3f} {error:.3f} {signs:.3f} "
                    f"{rate:.0f}/s",
                    end="\r",
                )
        entropy, error, signs = sums / steps_per_epoch
        trainer.epoch.assign(epoch + 1)
        manager.save()
        right = accuracy(trainer.average, data.val, data.val_labels)
        say(
            f"epoch {epoch + 1}/{n_epochs} at {size}: cross-entropy {entropy:.3f} "
            f"regression {error:.3f} signs {signs:.3f} val {right:.3f} "
            f"{time.monotonic() - began:.0f} s"
        )
    return trainer.average


def folded(model: keras.Model) -> dict[str, np.ndarray]:
    """Return kernels (h, w, in, out) and biases (out,), normalisation folded in, as float16."""
    tensors = {}
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D):
            normalise = model.get_layer(f"{layer.name}_bn")
            gamma, beta, mean, variance = (
                np.asarray(w, np.float64) for w in normalise.get_weights()
            )
            scale = gamma / np.sqrt(variance + normalise.epsilon)
            tensors[f"{layer.name}.kernel"] = (np.asarray(layer.kernel, np.float64) * scale).astype(
                "<f2"
            )
            tensors[f"{layer.name}.bias"] = (beta - mean * scale).astype("<f2")
    return tensors


def say(text: str) -> None:
    """Print a line of progress."""
    print(time.strftime("%H:%M:%S"), text, flush=True)


def main(argv: list[str] | None = None) -> int:
    """Train and write WORK/mini.safetensors and WORK/training.json."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--work", type=Path, required=True, help="checkpoints and the result")
    parser.add_argument("--tiny-imagenet", type=Path, required=True)
    parser.add_argument("--cifar10", type=Path, required=True)
    parser.add_argument("--teacher-weights", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    args.work.mkdir(parents=True, exist_ok=True)
    model = train(args)
    from safetensors.numpy import save_file

    tensors = folded(model)
    save_file(tensors, args.work / "mini.safetensors")
    about = {
        "parameters": int(sum(t.size for t in tensors.values())),
        "features": FEATURES,
        "epochs": args.epochs,
        "seed": args.seed,
        "versions": {m.__name__: m.__version__ for m in (keras, tf, np)},
    }
    (args.work / "training.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    say(f"{about['parameters']} parameters in {args.work / 'mini.safetensors'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
