"""ONNX files written by hand, without the onnx package, and by numpy what they compute.

A file is nested messages of Protocol Buffers; the numbers are those of onnx.proto.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

SIZE = (8, 9)
TYPES = {"float32": 1, "uint8": 2, "int64": 7, "float16": 10}


def field(number: int, value: bytes | str | int | float) -> bytes:
    """Return one field of a message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(number: int) -> bytes:
    found = b""
    number &= 2**64 - 1
    while number > 0x7F:
        found += bytes([number & 0x7F | 0x80])
        number >>= 7
    return found + bytes([number])


def tensor(name: str, array, *, location: str | None = None, offset: int = 0) -> bytes:
    """Return a TensorProto; with a location its numbers are in that file, from `offset` on."""
    array = np.asarray(array)
    data = array.tobytes()
    head = b"".join(field(1, n) for n in array.shape) + field(2, TYPES[array.dtype.name])
    if location is None:
        return head + field(8, name) + field(9, data)
    entries = {"location": location, "offset": str(offset), "length": str(len(data))}
    outside = b"".join(field(13, field(1, k) + field(2, v)) for k, v in entries.items())
    return head + field(8, name) + outside + field(14, 1)


def value(name: str, shape: tuple | None, dtype: str = "float32") -> bytes:
    """Return a ValueInfoProto; an axis is a number, or a name where it is free."""
    axes = [field(1, n) if isinstance(n, int) else field(2, n) for n in shape or ()]
    known = b"" if shape is None else field(2, b"".join(field(1, one) for one in axes))
    return field(1, name) + field(2, field(1, field(1, TYPES[dtype]) + known))


def node(
    kind: str, inputs: str, outputs: str, name: str = "", domain: str = "", **attributes
) -> bytes:
    """Return a NodeProto; names of tensors are separated by blanks."""
    made = b"".join(field(1, one) for one in inputs.split())
    made += b"".join(field(2, one) for one in outputs.split())
    made += field(3, name) + field(4, kind)
    made += b"".join(field(5, attribute(key, what)) for key, what in attributes.items())
    return made + field(7, domain)


def attribute(name: str, what) -> bytes:
    if isinstance(what, bytes):  # a TensorProto
        return field(1, name) + field(5, what) + field(20, 4)
    if isinstance(what, int):
        return field(1, name) + field(3, what) + field(20, 2)
    if isinstance(what, float):
        return field(1, name) + field(2, what) + field(20, 1)
    return field(1, name) + b"".join(field(8, one) for one in what) + field(20, 7)


def graph(nodes, inputs, outputs, tensors=()) -> bytes:
    parts = [(1, nodes), (5, tensors), (11, inputs), (12, outputs)]
    return b"".join(field(number, one) for number, all_of in parts for one in all_of)


def model(main: bytes, *more: bytes, opset: int = 17) -> bytes:
    """Return the bytes of a file; `more` are further fields."""
    versions = field(8, field(1, "") + field(2, opset)) + field(8, field(1, "own") + field(2, 1))
    return field(1, 8) + field(7, main) + versions + b"".join(more)


def weights(channels: int = 3):
    """Return kernel (4, channels, 3, 3), bias, and the classifier's (4, 2)."""
    rng = np.random.default_rng(0)
    kernel = rng.normal(0, 0.1, (4, channels, 3, 3)).astype("f4")
    return kernel, rng.normal(size=4).astype("f4"), rng.normal(0, 0.1, (4, 2)).astype("f4")


def small(
    path: Path,
    *,
    shape: tuple = ("n", 3, *SIZE),
    factor: float = 1.0,
    location: str | None = None,
    middle: str = "Relu",
    copies: bool = False,
    dtype: str = "float32",
    kernel: str = "float32",
) -> Path:
    """Write convolution, activation, mean over space, classes, probabilities; return the path.

    Parameters
    ----------
    factor : what the kernel is multiplied by
    location : of a file beside it that holds the kernel
    dtype, kernel : of the image, and of the kernel
    copies : whether an Identity and a Dropout stand behind the activation
    """
    channels_last = len(shape) == 4 and shape[3] in (1, 3)
    channels = shape[3] if channels_last else shape[1]
    drawn, bias, dense = weights(channels if channels in (1, 3) else 3)
    drawn = (drawn * np.float32(factor)).astype(kernel)
    first = "image"
    nodes = []
    if dtype != "float32":
        nodes.append(node("Cast", first, "as_float", "cast", to=TYPES["float32"]))
        first = "as_float"
    if channels_last:
        nodes.append(node("Transpose", first, "turned", "turn", perm=[0, 3, 1, 2]))
        first = "turned"
    if kernel != "float32":
        nodes.append(node("Cast", "kernel", "wide", "widen", to=TYPES["float32"]))
    nodes += [
        node(
            "Conv",
            f"{first} {'kernel' if kernel == 'float32' else 'wide'} bias",
            "maps",
            "block/conv",
            kernel_shape=[3, 3],
        ),
        node(middle, "maps", "active", "block/act"),
    ]
    last = "active"
    if copies:
        nodes.append(node("Identity", "active", "same", "copy"))
        nodes.append(node("Dropout", "same", "dropped", "drop"))
        last = "dropped"
    nodes += [
        node("GlobalAveragePool", last, "mean", "pool"),
        node("Flatten", "mean", "flat", "flatten"),
        node("MatMul", "flat dense", "logits", "fc"),
        node("Softmax", "logits", "chances", "softmax"),
    ]
    tensors = [tensor("kernel", drawn, location=location), tensor("bias", bias)]
    tensors.append(tensor("dense", dense))
    if location is not None:
        (path.parent / location).parent.mkdir(parents=True, exist_ok=True)
        (path.parent / location).write_bytes(drawn.tobytes())
    inputs, outputs = [value("image", shape, dtype)], [value("chances", (shape[0], 2))]
    path.write_bytes(model(graph(nodes, inputs, outputs, tensors)))
    return path


def maps(x, *, factor: float = 1.0):
    """Return what `small` computes at its activation, (n, 4, height - 2, width - 2).

    `x` : preprocessed images (n, height, width, channels)
    """
    kernel, bias, _ = weights(x.shape[-1])
    windows = np.lib.stride_tricks.sliding_window_view(x.astype("f8"), (3, 3), axis=(1, 2))
    found = np.einsum("nhwcij,kcij->nkhw", windows, kernel * factor) + bias[:, None, None]
    return np.maximum(found, 0)


def tokens(path: Path, *, n_prefix: int = 1, size: int = 8) -> Path:
    """Write patches of 4 pixels as tokens (n, prefix + patches, 5), a mean token before them."""
    kernel = np.random.default_rng(1).normal(0, 0.01, (5, 3, 4, 4)).astype("f4")
    nodes = [
        node("Conv", "image kernel", "maps", "patches", kernel_shape=[4, 4], strides=[4, 4]),
        node("Reshape", "maps shape", "columns", "columns"),
        node("Transpose", "columns", "rows", "rows", perm=[0, 2, 1]),
        node("ReduceMax", "rows", "token", "class_token", axes=[1], keepdims=1),
        node("Concat", " ".join(["token"] * n_prefix + ["rows"]), "all", "tokens", axis=1),
    ]
    tensors = [tensor("kernel", kernel), tensor("shape", np.array([0, 5, -1], np.int64))]
    n = n_prefix + (size // 4) ** 2
    outputs = [value("all", ("n", n, 5)), value("maps", ("n", 5, size // 4, size // 4))]
    inputs = [value("image", ("n", 3, size, size))]
    path.write_bytes(model(graph(nodes, inputs, outputs, tensors)))
    return path
