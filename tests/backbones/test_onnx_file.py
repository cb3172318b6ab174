"""ONNX files as backbones: what is read of them, how they are cut, and which are refused."""

import numpy as np
import pytest
from onnx_files import SIZE, graph, maps, model, node, small, tensor, tokens, value, weights

from bottleneck.backbones import Request, preprocessing
from bottleneck.backbones.catalog import load, needs_keras, spec
from bottleneck.core.errors import UsageError
from bottleneck.core.frameworks import import_openvino
from bottleneck.core.generated import pictures
from bottleneck.engines.openvino import OpenVinoEngine, compile_for_cpu

pytest.importorskip("openvino")


def asked(path, **more):
    return Request(**{"backbone": str(path), "weights": "own", "pooling": "none", **more})


def loaded(path, **more):
    return load(asked(path, **more))


def rows_of(found, images):
    """Return what OpenVINO computes of images, as the engine does."""
    core = import_openvino().Core()
    with found.traced().files() as file:
        network = core.read_model(file)
        compiled = compile_for_cpu(core, network, images.shape[1:])
    return OpenVinoEngine(compiled, 4, "")(images)


def close(found, expected):
    errors = np.linalg.norm((found - expected).reshape(len(found), -1), axis=1)
    assert (errors <= 1e-5 * np.linalg.norm(expected.reshape(len(found), -1), axis=1)).all()


@pytest.fixture
def net(tmp_path):
    return small(tmp_path / "net.onnx")


def test_a_file_is_known_by_its_ending_before_it_is_opened(tmp_path):
    found = spec(str(tmp_path / "none.ONNX"))
    assert (found.engines, found.oracle, found.is_users_file) == (
        ("openvino",),
        "onnxruntime",
        True,
    )
    assert not needs_keras(asked(tmp_path / "none.onnx"))


@pytest.mark.parametrize("layer", ["block/act", "act", "active"])
def test_a_node_by_its_name_an_end_of_it_or_its_tensor_is_one_recipe_with_the_rows_of_numpy(
    net, layer
):
    found = loaded(net, layer=layer)
    assert found.row_shape == (4, 6, 7)
    assert (found.network, found.weights) == (lambda f: (f.network, f.weights))(
        loaded(net, layer="block/act")
    )
    images = pictures(5, SIZE)
    close(rows_of(found, images), maps(images))


@pytest.mark.parametrize("text", ["caffe", "imagenet", "x/127.5-1", "bgr/255-0.1,0.2,0.3/0.5"])
@pytest.mark.parametrize("shape", [("n", 3, *SIZE), ("n", *SIZE, 3)])
def test_preprocessing_and_layout_are_as_spelled(tmp_path, text, shape):
    found = loaded(small(tmp_path / "net.onnx", shape=shape), layer="active", preprocessing=text)
    arithmetic = preprocessing.named(text, "")
    assert found.preprocessing == f"{arithmetic} {'nchw' if shape[1] == 3 else 'nhwc'}"
    images = pictures(5, SIZE)
    close(rows_of(found, images), maps(preprocessing.apply(arithmetic, images.astype("f4"))))


@pytest.mark.parametrize("shape", [("n", "c", "h", "w"), ("n", 3, "h", "w")])
def test_a_free_size_is_asked_for(tmp_path, shape):
    path = small(tmp_path / "net.onnx", shape=shape)
    with pytest.raises(UsageError, match="any size"):
        loaded(path)
    found = loaded(path, layer="active", size=(9, 11))
    assert (found.size, found.row_shape) == ((9, 11), (4, 7, 9))
    images = pictures(3, (9, 11))
    close(rows_of(found, images), maps(images))


def test_another_size_than_the_one_it_takes_is_refused(net):
    with pytest.raises(UsageError, match="takes images of 8x9 alone"):
        loaded(net, size=(8, 8))


def test_where_channels_are_can_be_said_where_shapes_do_not(tmp_path):
    path = small(tmp_path / "net.onnx", shape=("n", 3, 8, 3))
    assert loaded(path, layer="active").preprocessing == "none nchw"
    said = tmp_path / "said.onnx"
    inputs = [value("image", ("n", 3, 8, 3))]
    said.write_bytes(model(graph([node("Relu", "image", "y")], inputs, [value("y", None)])))
    found = loaded(said, preprocessing="none nhwc")
    assert (found.preprocessing, found.size) == ("none nhwc", (3, 8))
    with pytest.raises(UsageError, match=r"3x8x9 .*as nhwc"):
        loaded(small(tmp_path / "net.onnx"), preprocessing="none nhwc")


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_a_network_that_takes_so_many_images_at_once_computes_any_number(tmp_path, at_once):
    found = loaded(small(tmp_path / "net.onnx", shape=(at_once, 3, *SIZE)), layer="active")
    images = pictures(5, SIZE)
    close(rows_of(found, images), maps(images))


def test_constants_of_a_network_may_rest_on_how_many_images_it_takes(tmp_path):
    path = tmp_path / "net.onnx"
    nodes = [node("Reshape", "image shape", "flat"), node("Relu", "flat", "y")]
    shape = tensor("shape", np.array([2, 3 * 8 * 9], np.int64))
    image = value("image", (2, 3, *SIZE))
    path.write_bytes(model(graph(nodes, [image], [value("y", None)], [shape])))
    images = pictures(5, SIZE)
    close(rows_of(loaded(path), images), images.transpose(0, 3, 1, 2).reshape(5, -1))


def test_a_gray_network_takes_gray_images(tmp_path):
    path = small(tmp_path / "net.onnx", shape=("n", 1, *SIZE))
    found = loaded(path, layer="active", preprocessing="x/255-0.5/0.25")
    assert found.mode == "gray"
    images = pictures(3, SIZE, 1)
    close(rows_of(found, images), maps((images / 255 - 0.5) / 0.25))
    for text in ("imagenet", "bgr", "x-1,2,3"):
        with pytest.raises(UsageError, match="three channels"):
            loaded(path, preprocessing=text)


def test_a_network_of_whole_numbers_takes_them_as_they_are(tmp_path):
    path = small(tmp_path / "net.onnx", dtype="uint8")
    images = pictures(3, SIZE)
    close(rows_of(loaded(path, layer="active"), images), maps(images))
    with pytest.raises(UsageError, match="whole numbers"):
        loaded(path, preprocessing="tf")


def test_pooling_of_maps_is_over_space_wherever_channels_are(tmp_path):
    images = pictures(3, SIZE)
    turned = [
        node("Conv", "image kernel bias", "maps", kernel_shape=[3, 3]),
        node("Relu", "maps", "active"),
        node("Transpose", "active", "last", perm=[0, 2, 3, 1]),
        node("Relu", "last", "end"),
    ]
    kernel, bias, _ = weights()
    path = tmp_path / "net.onnx"
    tensors = [tensor("kernel", kernel), tensor("bias", bias)]
    main = graph(turned, [value("image", ("n", 3, *SIZE))], [value("end", None)], tensors)
    path.write_bytes(model(main))
    for layer in ("active", "last", None):
        for pooling, reduce in (("avg", np.mean), ("max", np.max)):
            found = loaded(path, layer=layer, pooling=pooling)
            assert found.row_shape == (4,)
            close(rows_of(found, images), reduce(maps(images), axis=(2, 3)))


def test_pooling_of_a_flat_output_is_nothing_and_one_recipe(net):
    found = [loaded(net, pooling=pooling).network for pooling in ("avg", "max", "none")]
    assert len(set(found)) == 1
    assert len({loaded(net, layer="act", pooling=p).network for p in ("avg", "max", "none")}) == 3


@pytest.mark.parametrize("n_prefix", [0, 1, 3])
def test_pooling_of_tokens(tmp_path, n_prefix):
    path = tokens(tmp_path / "net.onnx", n_prefix=n_prefix)
    images = pictures(3, (8, 8))
    whole = rows_of(loaded(path, output="all"), images)
    assert whole.shape == (3, n_prefix + 4, 5)
    patches = whole[:, n_prefix:]
    close(rows_of(loaded(path, output="all", pooling="avg"), images), patches.mean(axis=1))
    close(rows_of(loaded(path, output="all", pooling="max"), images), patches.max(axis=1))
    if not n_prefix:
        with pytest.raises(UsageError, match="no class token"):
            loaded(path, output="all", pooling="cls")
        return
    close(rows_of(loaded(path, output="all", pooling="cls"), images), whole[:, 0])
    both = np.concatenate([whole[:, 0], patches.mean(axis=1)], axis=1)
    close(rows_of(loaded(path, output="all", pooling="cls+avg"), images), both)


def test_cls_is_of_tokens_alone(net):
    with pytest.raises(UsageError, match="is of tokens"):
        loaded(net, layer="active", pooling="cls")


def test_an_output_is_said_by_name_or_number_and_is_one_cut_with_its_node(tmp_path):
    path = tokens(tmp_path / "net.onnx")
    with pytest.raises(UsageError, match=r"2 outputs: --output: say which, of 0 all, 1 maps"):
        loaded(path)
    with pytest.raises(UsageError, match="no output is named 'other'"):
        loaded(path, output="other")
    with pytest.raises(UsageError, match="no output is named '2'"):
        loaded(path, output="2")
    named = [loaded(path, output="maps"), loaded(path, output="1"), loaded(path, layer="patches")]
    assert len({found.network for found in named}) == 1


def test_copies_are_the_node_that_they_copy(tmp_path):
    path = small(tmp_path / "net.onnx", copies=True)
    assert len({loaded(path, layer=name).network for name in ("act", "copy", "drop")}) == 1


def test_probabilities_are_kept_in_float32(net):
    assert [loaded(net, layer=name).row_dtype for name in ("fc", "softmax")] == [
        "float16",
        "float32",
    ]


def test_near_names_are_proposed(net):
    with pytest.raises(UsageError, match=r"no layer 'block/cnv': --layer: near it: block/conv"):
        loaded(net, layer="block/cnv")


def test_nodes_are_listed_with_their_shapes(tmp_path):
    found = loaded(small(tmp_path / "net.onnx", shape=("n", "c", "h", "w")), size=(9, 11)).layers()
    assert [(one.name, one.kind, one.shape, one.tail) for one in found] == [
        ("block/conv", "Conv", (4, 7, 9), False),
        ("block/act", "Relu", (4, 7, 9), False),
        ("pool", "GlobalAveragePool", (4, 1, 1), False),
        ("flatten", "Flatten", (4,), False),
        ("fc", "MatMul", (2,), False),
        ("softmax", "Softmax", (2,), False),
    ]


def test_what_gives_no_floating_point_numbers_is_not_listed(tmp_path):
    path = tmp_path / "net.onnx"
    nodes = [node("Cast", "image", "whole", to=7), node("Cast", "whole", "y", to=1)]
    inputs = [value("image", ("n", 3, *SIZE))]
    path.write_bytes(model(graph(nodes, inputs, [value("y", None)])))
    assert [one.name for one in loaded(path).layers()] == ["y"]


def test_there_is_no_keras_model_of_it_nor_anything_behind_its_cut(net):
    found = loaded(net)
    for ask in (lambda: found.model, found.behind, found.front):
        with pytest.raises(UsageError, match="cannot become a Keras model"):
            ask()


def refused(path, nodes, inputs=None, outputs=("y",), tensors=(), **more):
    inputs = [value("image", ("n", 3, *SIZE))] if inputs is None else inputs
    ends = [value(name, None) for name in outputs]
    path.write_bytes(model(graph(nodes, inputs, ends, tensors)))
    with pytest.raises(UsageError) as caught:
        loaded(path, **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


RELU = [node("Relu", "image", "y")]


@pytest.mark.parametrize(
    ("nodes", "inputs", "said"),
    [
        ([node("Own", "image", "y", domain="own")], None, "own.Own"),
        ([node("Add", "image other", "y")], [("image", 4), ("other", 4)], "has 2 inputs"),
        (RELU, [("image", None)], "how many axes"),
        (RELU, [("image", 3)], "takes 3x8"),
        (RELU, [("image", (1, 4, 8, 9))], "takes 4x8x9"),
        ([node("QuantizeLinear", "image s z", "y")], None, "is quantised (QuantizeLinear)"),
        ([node("MatMulInteger", "image image", "y")], None, "is quantised (MatMulInteger)"),
        ([node("Relu", "missing", "y")], None, "cannot read this network"),
        ([node("RandomNormalLike", "image", "y")], None, "draws random numbers"),
        ([node("ReduceMean", "image", "y", axes=[0], keepdims=1)], None, "gives 1 rows for 7"),
        ([node("Constant", "", "y", value=tensor("t", np.ones(3, "f4")))], None, "has 0 inputs"),
    ],
)
def test_a_network_that_cannot_be_is_refused_in_one_line(tmp_path, nodes, inputs, said):
    made = None
    if inputs is not None:
        shapes = {4: ("n", 3, *SIZE), 3: ("n", 3, 8), None: None}
        made = [
            value(name, shapes.get(kind, kind) if not isinstance(kind, tuple) else kind)
            for name, kind in inputs
        ]
    assert said in refused(tmp_path / "net.onnx", nodes, made)


def test_an_input_that_the_cut_does_not_need_is_none_of_its_inputs(tmp_path):
    nodes = [node("Relu", "image", "seen"), node("Add", "seen words", "y")]
    inputs = [value("image", ("n", 3, *SIZE)), value("words", ("n", 3, *SIZE))]
    assert "has 2 inputs, not one image" in refused(tmp_path / "net.onnx", nodes, inputs)
    assert loaded(tmp_path / "net.onnx", layer="seen").row_shape == (3, *SIZE)


@pytest.mark.parametrize("content", [b"", b"no network at all", None])
def test_what_is_no_onnx_file_is_refused(tmp_path, content):
    path = tmp_path / "net.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=r"no such model file|not an ONNX file"):
        loaded(path)


def test_tensors_beside_it_are_read_and_digested(tmp_path):
    inside = loaded(small(tmp_path / "in.onnx"), layer="act")
    path = small(tmp_path / "net.onnx", location="data/net.bin")
    found = loaded(path, layer="act")
    assert found.weight_files == (path, tmp_path / "data/net.bin")
    images = pictures(3, SIZE)
    close(rows_of(found, images), maps(images))
    assert found.weights != inside.weights
    small(path, location="data/net.bin", factor=2)
    edited = loaded(path, layer="act")
    assert edited.weights != found.weights
    assert edited.network != found.network
    close(rows_of(edited, images), maps(images, factor=2))


def test_tensors_outside_of_its_folder_are_refused(tmp_path):
    (tmp_path / "in").mkdir()
    path = tmp_path / "in/net.onnx"
    inside = ("x/../net.bin", str(tmp_path / "in/net.bin"))  # spelled so, they are refused too
    for location in ("../net.bin", str(tmp_path / "net.bin"), "x/../../net.bin", *inside):
        small(path, location=location)
        with pytest.raises(UsageError, match="keeps tensors outside of its folder"):
            loaded(path)
    small(path, location="net.bin")
    (tmp_path / "in/net.bin").rename(tmp_path / "net.bin")
    with pytest.raises(UsageError, match=r"net\.bin, which is not there"):
        loaded(path)
    (tmp_path / "in/net.bin").symlink_to(tmp_path / "net.bin")
    with pytest.raises(UsageError, match="keeps tensors outside of its folder"):
        loaded(path)


def test_a_location_of_no_file_is_refused(tmp_path):
    path = tmp_path / "net.onnx"
    nodes = [node("Conv", "image k", "y")]
    for location in ("", "a\0b"):
        kernel = tensor("k", np.ones((4, 3, 1, 1), "f4"), location=location)
        assert "keeps tensors outside" in refused(path, nodes, tensors=[kernel])


def test_a_file_that_changes_while_it_is_read_is_refused(net, monkeypatch):
    from bottleneck.backbones import onnx_graph

    real = onnx_graph.read

    def read(path):
        model = real(path)
        small(net, factor=2)
        return model

    monkeypatch.setattr(onnx_graph, "read", read)
    with pytest.raises(UsageError, match="changed while it was read"):
        loaded(net)
