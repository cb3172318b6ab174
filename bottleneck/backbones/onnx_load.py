"""An ONNX file as a backbone: read, cut where it is asked, with the identity of its bytes."""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bottleneck.backbones import onnx_bytes, onnx_graph, onnx_oracle, onnx_pooling, preprocessing
from bottleneck.backbones.backbone import Backbone, Request
from bottleneck.core import files
from bottleneck.core.canonical import canonical_digest
from bottleneck.core.errors import UsageError
from bottleneck.core.frameworks import import_openvino
from bottleneck.core.traced import Traced

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from bottleneck.backbones.onnx_bytes import Described, Place
    from bottleneck.backbones.onnx_graph import Image
    from bottleneck.core.reporter import Reporter

QUANTISED = re.compile(r"(^|\.)(Q[A-Z]\w+|\w*QuantizeLinear|\w+Integer)$")
PROBABILITIES = ("Softmax", "Sigmoid")
XML = "network.xml"


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxFile:
    """An ONNX file that was read: what it says, the files beside it, and what they digest to."""

    path: Path
    described: Described
    beside: tuple[Path, ...]  # that hold its tensors
    digest: str  # hex

    def graph(self) -> Any:
        """Return the network as OpenVINO's graph, made of the bytes that `digest` is of."""
        model = onnx_graph.read(self.path)
        if read(self.path).digest != self.digest:
            raise UsageError("changed while it was read", self.path, "run the same command again")
        return model


def read(path: Path) -> OnnxFile:
    """Read a file and digest it: its own SHA-256, or one over it and those of what lies beside.

    Raises
    ------
    UsageError
        No such file, no ONNX network, a quantised one, or one whose tensors are not beside it.
    """
    if not path.is_file():
        raise UsageError("no such model file", path, "put it there, or say where: --backbone FILE")
    data = files.read(path)
    described = onnx_bytes.describe(data, path)
    quantised = sorted(kind for kind in described.kinds if QUANTISED.search(kind))
    if quantised:
        raise UsageError(
            f"is quantised ({quantised[0]})", path, "use the float32 network that it was made from"
        )
    beside = {location: _beside(path, location) for location in sorted(described.locations)}
    digest = hashlib.sha256(data).hexdigest()
    if beside:
        digests = [[location, _sha256(one)] for location, one in beside.items()]
        digest = canonical_digest({"file": digest, "beside": digests})
    return OnnxFile(path=path, described=described, beside=tuple(beside.values()), digest=digest)


def _beside(path: Path, location: str) -> Path:
    """Return the file with tensors that `location` names; UsageError outside the file's folder."""
    found, folder = path.parent / location, path.parent.resolve()
    try:
        is_inside = bool(location) and found.resolve().is_relative_to(folder)
        is_file = is_inside and found.is_file()
    except (OSError, ValueError):  # a loop of links, a null byte
        is_inside = is_file = False
    if not is_inside or Path(location).is_absolute() or ".." in Path(location).parts:
        raise UsageError(
            f"keeps tensors outside of its folder ({location!r})",
            path,
            "put these files beside it, and no links to elsewhere",
        )
    if not is_file:
        raise UsageError(f"its tensors are in {location}, which is not there", path, "copy it too")
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load(path: Path, asked: Request, reporter: Reporter) -> Backbone:
    """Return the network of a file, cut and pooled as asked; see `onnx_file.load`."""
    import_openvino()  # without it nothing else is of use
    file = read(path)
    said = preprocessing.formula(asked.preprocessing or preprocessing.NONE)
    place = _place(file.described, asked, path)
    model = file.graph()
    end = onnx_graph.find(model, file.described, place.tensor)
    if end is None:
        raise UsageError(
            f"OpenVINO computes {place.tensor!r} inside of other nodes", path, "cut elsewhere"
        )
    image = onnx_graph.image_of(end, path, said.layout)
    size = _size(image, asked, path)
    said = preprocessing.in_layout(said, image.layout)
    _check_fits(said.text, image, asked)
    parameters = onnx_graph.n_parameters(end)
    whole = onnx_graph.made(end, image, size, said.text, path)
    trial = whole.clone()
    shape = onnx_graph.shape_of(trial, path)
    pooling = onnx_pooling.spell(asked.pooling, onnx_graph.end_of(trial), shape, image, path)
    network = onnx_pooling.pooled(whole, pooling)
    if asked.preprocessing is None:
        reporter.say(f"{path.name} gets pixels from 0 to 255 (--preprocessing none)")
    tensor = file.described.root(place.tensor)
    return Backbone(
        make_model=lambda: _not_keras(path),
        behind=lambda: _not_keras(path),
        preprocessing=said.text,
        network=canonical_digest({"onnx": file.digest, "output": tensor, "pooling": pooling}),
        weights=file.digest,
        size=size,
        mode="gray" if image.channels == 1 else "rgb",
        row_shape=onnx_graph.shape_of(network.clone(), path),
        row_dtype="float32" if place.kind in PROBABILITIES else "float16",
        weight_files=(path, *file.beside),
        about=_about(asked, path, tensor, parameters),
        traced=lambda: Traced(files=lambda: _saved(network), golden=lambda: None),
        reference=lambda images: _reference(
            file, place.tensor, image, (said.text, pooling), images
        ),
        layers=lambda: onnx_graph.layers((file.graph(), file.described, path), image, size),
    )


def _place(described: Described, asked: Request, path: Path) -> Place:
    """Return where a network is to be cut: at the node that is asked for, or at its output.

    Raises
    ------
    UsageError
        No such node or output (the near ones are named), or several outputs and none said.
    """
    places = described.places
    by_tensor = {place.tensor: place for place in places.values()}
    if asked.layer is not None:
        return _node(asked.layer, places, by_tensor)
    outputs = described.outputs
    listed = ", ".join(f"{i} {name}" for i, name in enumerate(outputs))
    wanted = asked.output
    if wanted is None and len(outputs) != 1:
        raise UsageError(f"has {len(outputs)} outputs", "--output", f"say which, of {listed}")
    if wanted is not None and wanted not in outputs and wanted.isdecimal():
        wanted = outputs[int(wanted)] if int(wanted) < len(outputs) else wanted
    name = outputs[0] if wanted is None else wanted
    if name not in outputs:
        raise UsageError(f"no output is named {name!r}", "--output", f"one of {listed}")
    root = by_tensor.get(described.root(name))
    if root is None:
        raise UsageError(f"its output {name} is none of a node", path, "export it anew")
    return root


def _node(wanted: str, places: dict[str, Place], by_tensor: dict[str, Place]) -> Place:
    found = places.get(wanted) or by_tensor.get(wanted)
    if found is not None:
        return found
    ends = [name for name in places if name.endswith(f"/{wanted}")]
    if len(ends) == 1:
        return places[ends[0]]
    if ends:
        some = " or ".join(ends[:5]) + (" …" if len(ends) > 5 else "")
        raise UsageError(f"{len(ends)} nodes are named {wanted!r}", "--layer", some)
    near = difflib.get_close_matches(wanted, [*places, *by_tensor], 5, 0.4)
    hint = f"near it: {', '.join(near)}" if near else f"the last ones: {', '.join([*places][-3:])}"
    raise UsageError(f"no layer {wanted!r}", "--layer", hint)


def _size(image: Image, asked: Request, path: Path) -> tuple[int, int]:
    """Return (height, width): what the network takes, or what is asked for where it takes any."""
    height, width = image.size
    wanted = asked.size or (height, width)
    if wanted[0] is None or wanted[1] is None:
        raise UsageError("takes images of any size", path, "choose one with --size HEIGHT[xWIDTH]")
    if wanted[0] != (height or wanted[0]) or wanted[1] != (width or wanted[1]):
        takes = "x".join("any" if n is None else str(n) for n in image.size)
        raise UsageError(f"takes images of {takes} alone", "--size", "omit --size")
    return wanted[0], wanted[1]


def _check_fits(arithmetic: str, image: Image, asked: Request) -> None:
    """Refuse preprocessing that a network's input cannot take."""
    if image.channels == 1 and preprocessing.is_of_rgb(arithmetic):
        raise UsageError(
            "is of three channels, and this network takes gray images",
            f"--preprocessing {asked.preprocessing}",
            "use none, unit, tf or a formula of one number each",
        )
    if image.kind == "u8" and preprocessing.changes_numbers(arithmetic):
        raise UsageError(
            "gives fractions, and this network takes whole numbers from 0 to 255",
            f"--preprocessing {asked.preprocessing}",
            "use none: it has its own inside",
        )


def _about(asked: Request, path: Path, output: str, parameters: int) -> dict[str, Any]:
    return {
        "backbone": path.name.encode("utf-8", "backslashreplace").decode(),
        "layer": asked.layer or output,
        "pooling": asked.pooling,
        "weights": "its own",
        "openvino": import_openvino().get_version(),
        "parameters": parameters,
    }


@contextlib.contextmanager
def _saved(network: Any) -> Iterator[Path]:
    """Give the path of a network as OpenVINO's own files, every number as it is."""
    folder = Path(tempfile.mkdtemp(prefix="bottleneck-"))
    try:
        import_openvino().save_model(network, folder / XML, compress_to_fp16=False)
        yield folder / XML
    finally:
        files.delete(folder)


def _reference(
    file: OnnxFile, tensor: str, image: Image, said: tuple[str, str], images: NDArray[np.uint8]
) -> NDArray[np.float32] | None:
    """Return ONNX Runtime's rows; None where it computes in half precision, which we do not."""
    if file.described.types & onnx_bytes.HALF:
        return None
    text, pooling = said
    found = onnx_oracle.rows(file.path, tensor, image.shape[0], text, images)
    return None if found is None else onnx_pooling.pooled_rows(found, pooling)


def _not_keras(path: Path) -> Any:
    raise UsageError(
        "an ONNX network is computed by OpenVINO and cannot become a Keras model",
        path,
        "use its rows: any head but tail, --engine openvino, export to .npz or .csv",
    )
