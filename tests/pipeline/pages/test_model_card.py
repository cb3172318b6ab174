"""The model card: it is true, no Markdown of strangers, and its commands make the run again."""

import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from world import picture

from bottleneck.__main__ import main
from bottleneck.heads.catalog import load_head
from bottleneck.heads.run import read_run
from bottleneck.pictures import plots
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.pipeline.pages.model_card import escaped, limits
from bottleneck.store.store import Store

EXTRACT = "extract --data digits --backbone mini --cache store --quiet"
TRAIN = "train --cache store --run one --quiet"
NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 10))


@pytest.fixture(autouse=True)
def no_drawing(monkeypatch):
    monkeypatch.setattr(plots, "can_draw", lambda: False)  # for speed


@pytest.fixture
def cache(tmp_path, photos, numpy_network, later):
    for i in range(12, 40):
        picture(photos / ("cat" if i % 2 else "dog") / f"{i:02}.png", i)
    extract(ExtractOptions(cache=tmp_path / "a store", data=str(photos), network=NETWORK))
    later()
    return tmp_path / "a store"


def card_of(cache, **options):
    run = Path(train(TrainOptions(cache=cache, **options))["run"])
    return (run / "README.md").read_text(), run


def commands(card):
    """Return the words of the commands of the last block."""
    block = re.findall(r"^```sh\n(.*?)^```", card, re.DOTALL | re.MULTILINE)[-1]
    lines = [shlex.split(line) for line in block.splitlines()]
    assert {words[0] for words in lines} == {"bottleneck"}
    return [words[1:] for words in lines]


def newest(cache, before):
    (run,) = set((cache / "runs").iterdir()) - before
    return run


@pytest.mark.parametrize(
    ("head", "options"),
    [
        ("linear", {}),
        ("knn", {}),
        ("prototypes", {}),
        pytest.param(
            "dense", {"units": (4,), "epochs": 3, "nesterov": True, "optimizer": "sgd"},
            marks=pytest.mark.slow,
        ),
    ],
)  # fmt: skip
def test_its_commands_make_the_same_head_with_the_store_and_without(cache, head, options):
    card, run = card_of(
        cache, head=head, seed=3, validation_split=0.3, run="mine", head_options=options
    )
    rows = np.asarray(Store.open(cache).features())
    heads = {p.name: p.read_bytes() for p in run.glob("head.*")}
    said = load_head(run).predict(rows)
    metrics = (run / "metrics.json").read_text().split('"seconds"')[0]
    for is_gone in (False, True):
        before = set((cache / "runs").iterdir())
        if is_gone:
            shutil.rmtree(cache)
            before = set()
        for words in commands(card):
            assert main([*words, "--quiet"]) == 0
        again = newest(cache, before)
        # Keras' files hold the time.
        if head != "dense":
            assert {p.name: p.read_bytes() for p in again.glob("head.*")} == heads
        np.testing.assert_array_equal(load_head(again).predict(rows), said)
        assert (again / "metrics.json").read_text().split('"seconds"')[0] == metrics


def test_how_the_source_was_read_is_in_the_command(tmp_path, photos, numpy_network, later):
    options = {"exclude": ("*/00.png", "it's*"), "label_from": "(cat|dog)/"}
    data = shutil.copytree(photos, tmp_path / "my photos")
    cache = tmp_path / "store"
    extract(
        ExtractOptions(cache=cache, data=str(data), network=NETWORK, reading=options, format="zarr")
    )
    later()
    card, run = card_of(cache)
    head = (run / "head.safetensors").read_bytes()
    shutil.rmtree(cache)
    for words in commands(card):
        assert main([*words, "--quiet"]) == 0
    assert (newest(cache, set()) / "head.safetensors").read_bytes() == head
    assert "| training images | " in card


@pytest.mark.slow
def test_a_run_of_a_real_network_is_made_again_from_its_card_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(EXTRACT.split()) == 0
    assert main(TRAIN.split()) == 0
    card = Path("store/runs/one/README.md").read_text()
    head = Path("store/runs/one/head.safetensors").read_bytes()
    shutil.rmtree("store")
    for words in commands(card):
        assert main([*words, "--quiet"]) == 0
    (again,) = Path("store/runs").iterdir()
    assert (again / "head.safetensors").read_bytes() == head


def test_figures_have_their_n_and_an_interval(cache):
    card, run = card_of(cache, seed=1)
    metrics = read_run(run).metrics
    assert f"On {metrics['samples']} validation images:" in card
    found = re.search(r"\| accuracy \| ([\d.]+) \(95% interval ([\d.]+) to ([\d.]+)\) \|", card)
    accuracy, low, high = map(float, found.groups())
    assert accuracy == round(metrics["accuracy"], 4)
    assert low < accuracy < high or low <= accuracy <= high != low
    assert "The validation images also chose" in card
    assert "top-5" not in card  # of two classes


def test_where_all_are_right_the_interval_says_how_many_they_were(tmp_path, numpy_network, later):
    for i in range(40):
        path = picture(tmp_path / "d" / ("dark" if i % 2 else "light") / f"{i:02}.png", i)
        if i % 2:
            Image.fromarray(np.asarray(Image.open(path)) // 8).save(path)
    extract(ExtractOptions(cache=tmp_path / "s", data=str(tmp_path / "d"), network=NETWORK))
    later()
    card, run = card_of(tmp_path / "s")
    n = read_run(run).metrics["samples"]
    # If the true accuracy were this low, n right answers of n would come in 2.5 % of all cases.
    low = float(re.search(r"interval ([\d.]+) to 1\.0000", card)[1])
    assert low**n == pytest.approx(0.025, abs=0.002)


def test_without_images_to_judge_by_it_says_so(cache):
    card, _ = card_of(cache, validation_split=0)
    assert "Not known: it was fitted on all images" in card


def test_names_of_strangers_are_no_markdown(tmp_path, numpy_network, later):
    names = ("*a*|b", "<script>_x_", "`c` [d](e)")
    for n, name in enumerate(names):
        for i in range(4):
            picture(tmp_path / "odd|photos" / name / f"{i}.png", 10 * n + i)
    extract(
        ExtractOptions(cache=tmp_path / "s", data=str(tmp_path / "odd|photos"), network=NETWORK)
    )
    later()
    card, run = card_of(tmp_path / "s")
    assert set(read_run(run).classes) == set(names)
    prose = re.sub(r"^```.*?^```", "", card, flags=re.DOTALL | re.MULTILINE)
    assert not re.search(r"(?<!\\)[<`*\[]", prose)
    rows = [line for line in prose.splitlines() if line.startswith("|")]
    for row in rows:
        assert len(re.findall(r"(?<!\\)\|", row)) in (3, 5, 6)  # of two columns, four or five
    assert r"\*a\*\|b" in prose
    for words in commands(card):
        assert main([*words, "--quiet"]) == 0


def test_a_name_stays_on_its_line_and_obeys_no_terminal():
    assert escaped("a\nb\x1b[2J") == r"a\\nb\\x1b\[2J"


def test_its_readers_may_add_to_it_and_the_run_is_whole_still(cache):
    _, run = card_of(cache)
    with (run / "README.md").open("a") as file:
        file.write("\nUsed by the north station since May.\n")
    assert read_run(run).head == "linear"
    (run / "README.md").unlink()
    assert read_run(run).head == "linear"


def test_what_was_left_out_and_what_was_not_at_hand_are_said(cache, photos):
    picture(photos / "cat/01.png", 500)
    card, _ = card_of(cache)
    assert "1 changed (the image changed since it was extracted: cat/01.png)" in card.replace(
        "\\", ""
    )
    shutil.rmtree(photos)
    card, _ = card_of(cache)
    assert "The source was not at hand" in card


def test_images_from_python_have_the_command_of_the_training_alone(tmp_path, numpy_network):
    from bottleneck.core.given import Given

    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), np.uint8)
    labels = tuple("ab"[i % 2] for i in range(20))
    given = Given(images=images, labels=labels)
    extract(ExtractOptions(cache=tmp_path / "s", data=given, network=NETWORK))
    card, run = card_of(tmp_path / "s")
    (words,) = commands(card)
    assert words[0] == "train"
    assert main([*words, "--quiet"]) == 0
    again = newest(tmp_path / "s", {run})
    assert (again / "head.safetensors").read_bytes() == (run / "head.safetensors").read_bytes()


def test_the_licence_is_said_where_it_is_known_alone(cache, monkeypatch):
    card, _ = card_of(cache)
    assert "is not known here" in card  # the numpy network's weights are called `none`


@pytest.mark.parametrize(
    ("weights", "said"),
    [("imagenet", "ImageNet"), ("random:3", "drawn from a seed"), ("/a/b.h5", "not known here")],
)
def test_of_weights_by_name_it_says_what_is_known(weights, said):
    receipt = {"classes": ["a"], "about": {"weights": weights}}
    lines = [*limits(receipt, {"samples": 0, "classes": {}}, is_seen=True)]
    assert said in lines[-2]
