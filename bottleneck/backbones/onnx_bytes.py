"""What the bytes of an ONNX file say: its nodes, inputs and outputs, and the files beside it.

OpenVINO reads the network. What it does not tell is read here, by the few numbers of ONNX's
Protocol Buffers messages (onnx.proto) that matter: the names of nodes, and which other files hold
tensors, wherever a tensor may stand: in the graph, in an attribute, in a graph inside a node, in a
function. Tensors themselves are passed over.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bottleneck.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Which fields of which message are messages again, by their numbers in onnx.proto.
_INSIDE = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 11: "input", 12: "output", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
PASSED_OVER = ("Identity", "Dropout")  # what they give is what they are given
HALF = {10, 16}  # TensorProto.data_type of float16 and bfloat16
_EXTERNAL = 1  # TensorProto.data_location
_LENGTH, _VARINT, _FIXED = 2, 0, {1: 8, 5: 4}  # wire types


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One operation of the main graph."""

    name: str
    kind: str  # its operator, with the domain of one that is not ONNX's own
    inputs: tuple[str, ...]  # names of tensors
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a network can be cut: a tensor, and the operator that gives it."""

    tensor: str
    kind: str


@dataclass(slots=True, kw_only=True)
class Described:
    """What an ONNX file says of itself.

    Attributes
    ----------
    nodes : of the main graph, in the file's order, in which they compute
    outputs : names of the tensors that are the network's outputs
    kinds : the operators of all graphs
    locations : of the other files with its tensors, as it spells them
    types : of its tensors, as numbers of TensorProto.data_type
    """

    nodes: list[Node] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)
    locations: set[str] = field(default_factory=set)
    types: set[int] = field(default_factory=set)
    _copies: dict[str, str] = field(default_factory=dict)

    @property
    def places(self) -> dict[str, Place]:
        """Where it can be cut: by the name of a node, or of a tensor where that says no one."""
        names = Counter(node.name for node in self.nodes)
        found = {}
        for node in self.nodes:
            outputs = [name for name in node.outputs if name]
            is_named = node.name and names[node.name] == 1 and len(outputs) == 1
            for output in outputs:
                found[node.name if is_named else output] = Place(tensor=output, kind=node.kind)
        return found

    def enter(self, node: Node) -> None:
        """Enter the next node."""
        self.nodes.append(node)
        if node.kind in PASSED_OVER and node.inputs and node.outputs:
            self._copies[node.outputs[0]] = node.inputs[0]

    def root(self, tensor: str) -> str:
        """Return the tensor that this one is a mere copy of; itself where it is none."""
        while tensor in self._copies:
            tensor = self._copies[tensor]
        return tensor


def describe(data: bytes, path: Path) -> Described:
    """Return what the bytes of a file say; UsageError where they are no ONNX network."""
    found = Described()
    try:
        main = [value for number, value in _fields(memoryview(data)) if number == 7]
        if len(main) != 1 or isinstance(main[0], int):
            raise ValueError("no graph")
        for number, value in _fields(main[0]):
            if number == 1:
                found.enter(_node(_message(value)))
            elif number == 12:
                found.outputs.append(_text(_message(value), 1)[0])
        _walk(memoryview(data), found)
    except (ValueError, IndexError, UnicodeDecodeError) as error:
        raise UsageError(
            "not an ONNX file", path, "export the network anew, or check the download"
        ) from error
    return found


def _walk(data: memoryview, found: Described) -> None:
    """Enter operators and locations of all messages: iteratively, for graphs nest."""
    stack = [("model", data)]
    while stack:
        kind, message = stack.pop()
        if kind == "node":
            found.kinds.add(_node(message).kind)
        elif kind == "tensor":
            found.locations |= _locations(message)
            found.types |= {n for number, n in _fields(message) if number == 2 and type(n) is int}
        inside = _INSIDE.get(kind, {})
        stack += [(inside[n], _message(value)) for n, value in _fields(message) if n in inside]


def _node(message: memoryview) -> Node:
    name, kind, domain = (_text(message, number) for number in (3, 4, 7))
    own = not domain or domain[0] in ("", "ai.onnx")
    return Node(
        name=name[0] if name else "",
        kind=kind[0] if own else f"{domain[0]}.{kind[0]}",
        inputs=tuple(_text(message, 1)),
        outputs=tuple(_text(message, 2)),
    )


def _locations(tensor: memoryview) -> set[str]:
    """Return where the numbers of a tensor are, none where they are in it."""
    fields = [(number, value) for number, value in _fields(tensor) if number in (13, 14)]
    if (14, _EXTERNAL) not in fields:
        return set()
    entries = [_message(value) for number, value in fields if number == 13]
    pairs = {_text(entry, 1)[0]: (_text(entry, 2) or [""])[0] for entry in entries}
    return {pairs.get("location", "")}


def _text(message: memoryview, wanted: int) -> list[str]:
    found = [_message(value) for number, value in _fields(message) if number == wanted]
    return [bytes(value).decode() for value in found]


def _message(value: memoryview | int) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number where a message is")  # noqa: TRY004 - of the file, not a call
    return value


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """Yield (number, value) of each field: a number's, or the bytes of all else.

    Raises
    ------
    ValueError, IndexError
        When the bytes are no message.
    """
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        if number == 0:
            raise ValueError("no field has number 0")
        if wire == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if wire == _LENGTH:
            n, at = _varint(message, at)
        else:
            n = _FIXED.get(wire, -1)
        if n < 0 or at + n > len(message):
            raise ValueError("longer than its message")
        yield number, message[at : at + n]
        at += n


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Return the number that begins at `at`, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number of more than ten bytes")
