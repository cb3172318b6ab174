"""What the bytes of an ONNX file say, and what bytes that are none may do: nothing."""

import contextlib
import random
from pathlib import Path

import numpy as np
import pytest
from onnx_files import field, graph, model, node, small, tensor, value

from bottleneck.backbones.onnx_bytes import describe
from bottleneck.core.errors import UsageError

IMAGE = [value("image", ("n", 3, 8, 9))]
KERNEL = np.zeros((2, 3), np.float32)


def described(data):
    return describe(data, Path("net.onnx"))


def test_nodes_have_their_names_operators_and_tensors(tmp_path):
    found = described(small(tmp_path / "net.onnx").read_bytes())
    conv = found.nodes[0]
    assert (conv.name, conv.kind, conv.outputs) == ("block/conv", "Conv", ("maps",))
    assert conv.inputs == ("image", "kernel", "bias")
    assert found.outputs == ["chances"]
    assert found.locations == set()


def test_a_node_without_a_name_of_its_own_is_cut_by_its_tensor():
    nodes = [node("Relu", "image", "a"), node("Relu", "a", "b", "twice")]
    nodes += [node("Relu", "b", "c", "twice"), node("Split", "c", "d e", "split", axis=1)]
    found = described(model(graph(nodes, IMAGE, [value("e", None)]))).places
    assert list(found) == ["a", "b", "c", "d", "e"]


def test_a_copy_is_what_it_is_a_copy_of():
    nodes = [node("Relu", "image", "a"), node("Identity", "a", "b"), node("Dropout", "b", "c mask")]
    found = described(model(graph(nodes, IMAGE, [value("c", None)])))
    assert [found.root(name) for name in "abc"] == ["a", "a", "a"]
    assert found.root("mask") == "mask"


def outside(name):
    return tensor(name, KERNEL, location=f"{name}.bin")


@pytest.mark.parametrize(
    ("data", "locations"),
    [
        (model(graph([], IMAGE, [], [outside("a"), tensor("b", KERNEL), outside("c")])), "a c"),
        (model(graph([node("Constant", "", "x", value=outside("a"))], IMAGE, [])), "a"),
        # A graph inside a node (`If`), and in that one a node with a tensor.
        (
            model(
                graph(
                    [
                        node("If", "image", "x")
                        + field(
                            5,
                            field(1, "then_branch")
                            + field(
                                6,
                                graph(
                                    [node("Constant", "", "y", value=outside("a"))],
                                    [],
                                    [],
                                    [outside("b")],
                                ),
                            ),
                        )
                    ],
                    IMAGE,
                    [],
                )
            ),
            "a b",
        ),
        # A function, a sparse tensor.
        (
            model(
                graph([], IMAGE, []) + field(15, field(1, outside("a")) + field(2, outside("b"))),
                field(25, field(1, "f") + field(7, node("Constant", "", "y", value=outside("c")))),
            ),
            "a b c",
        ),
    ],
)
def test_files_beside_it_are_found_wherever_a_tensor_stands(data, locations):
    assert described(data).locations == {f"{name}.bin" for name in locations.split()}


def test_a_location_that_a_tensor_does_not_use_is_none():
    inside = tensor("a", KERNEL) + field(13, field(1, "location") + field(2, "a.bin"))
    assert described(model(graph([], IMAGE, [], [inside]))).locations == set()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 64,
        b"PK\x03\x04" + bytes(range(200)),
        b"not an ONNX file, but a few words of text",
        b"\x08\x08",  # a version and no graph
        field(7, b"") + field(7, b""),
        field(7, field(1, b"\xff\xff\xff")),
        field(7, 3),
        b"\x3a" + b"\xff" * 11,
        field(7, field(12, field(1, b"\xff\xfe"))),
    ],
)
def test_bytes_that_are_no_network_are_said_to_be_none(data):
    with pytest.raises(UsageError, match="not an ONNX file"):
        described(data)


def test_a_file_that_was_cut_off_is_none(tmp_path):
    data = small(tmp_path / "net.onnx").read_bytes()
    for n in (1, 2, 30, 200):
        with pytest.raises(UsageError, match="not an ONNX file"):
            described(data[:-n])


def test_the_types_of_all_tensors_are_known():
    half = tensor("h", KERNEL.astype(np.float16))
    nodes = [node("Constant", "", "x", value=half)]
    assert described(model(graph(nodes, IMAGE, [], [tensor("a", KERNEL)]))).types == {1, 10}


def test_damage_anywhere_is_found_out_or_does_no_harm(tmp_path):
    data = small(tmp_path / "net.onnx", location="a.bin").read_bytes()
    draw = random.Random(0)
    for _ in range(2000):
        damaged = bytearray(data)
        for _ in range(draw.randint(1, 4)):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        cut = damaged[: draw.randrange(len(damaged))] if draw.random() < 0.3 else damaged
        with contextlib.suppress(UsageError):
            described(bytes(cut))


def test_graphs_may_be_nested_deeper_than_python_recurses():
    inner = graph([], [], [], [outside("deep")])
    for _ in range(3000):
        inner = graph([node("If", "", "x") + field(5, field(1, "b") + field(6, inner))], [], [])
    assert described(model(inner)).locations == {"deep.bin"}
