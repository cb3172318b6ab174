"""The page of a run: whole, alone, and the same figures as beside it."""

import base64
import html.parser
import io
import json

import numpy as np
import pytest
from PIL import Image

from bottleneck.heads.metrics import evaluate
from bottleneck.pictures.page import Mistake, Page, render

VOID = {"meta", "img", "br", "link", "input", "hr"}
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=http://example.com/x>',
    "a & b's",
    "right\u202eleft",
    "half \udcff",
)


class Reader(html.parser.HTMLParser):
    """Reads a page: its elements, their attributes, its text; refuses one that does not nest."""

    def __init__(self, page: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.attributes, self.texts = [], [], [], []
        self.feed(page.decode())
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names))
        self.tags.append(tag)
        self.attributes.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, tag):
        return [found for name, found in self.attributes if name == tag]

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


def png(width=9, height=5):
    file = io.BytesIO()
    Image.fromarray(np.zeros((height, width, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


def figures(names, n=60):
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(len(names)), n).astype("f4")
    labels = rng.integers(0, len(names), n).astype("i4")
    more = {"baseline": 1 / 3, "seconds": 1.25, "epochs": 1234, "parameters": 14}
    return {"split": "test", **evaluate(probabilities, labels, names), **more}


def page(names=("cat", "dog", "horse"), n=60, **changes):
    metrics = figures(names, n)
    mistake = Mistake(
        key="test/1.png", truth=names[0], answer=names[1], probability=0.98765, picture=png()
    )
    return Page(
        **{
            "title": f"linear head on {names[0]}",
            "subtitle": "a network",
            "metrics": metrics,
            "history": [{"epoch": 1, "validation_loss": 0.9}, {"epoch": 7, "validation_loss": 0.5}],
            "pictures": {"curves.png": png(80, 40), "confusion.png": png(50, 60)},
            "no_pictures": "",
            "frozen": 1000,
            "mistakes": [mistake],
            "about_mistakes": "",
            "cache": {"store": names[-1], "recipe": "ab" * 32},
            "receipt": {
                "options": {"seed": 3, "units": [4, 5], "source": None},
                "versions": {"bottleneck-cache": "0.1"},
                "classes": list(names),
                "split": {
                    "samples": {"train": 1167, "val": 2, "test": 3},
                    "left_out": {"changed": 0, "gone": 4},
                },
            },
            "time": "today",
            **changes,
        }
    )


def test_the_page_is_one_file_that_asks_nothing_of_a_network_and_runs_nothing():
    read = Reader(render(page()))
    assert read.tags.count("img") == 3
    assert all(found["src"].startswith("data:image/png;base64,") for found in read.all("img"))
    assert not {"script", "link", "iframe", "object", "embed", "form"} & set(read.tags)
    assert not {name for _, found in read.attributes for name in found} & {"href", "srcset"}
    (style,) = (text for text in read.texts if "--ink" in text)
    assert "url(" not in style
    assert "@import" not in style
    (policy,) = (m["content"] for m in read.all("meta") if "http-equiv" in m)
    assert "default-src 'none'" in policy


def test_every_picture_is_in_the_page_as_it_was_and_in_words_too():
    read = Reader(render(page()))
    inside = [base64.b64decode(found["src"].partition(",")[2]) for found in read.all("img")]
    assert inside == [png(80, 40), png(50, 60), png()]
    assert (read.all("img")[0]["width"], read.all("img")[0]["height"]) == ("80", "40")
    words = [found["alt"] for found in read.all("img")]
    assert words[0] == (
        "Loss and accuracy up to epoch 7; the validation loss is lowest, 0.5000, at epoch 7."
    )
    assert words[2] == "test/1.png: cat taken for dog"


def test_the_five_likeliest_are_shown_where_there_are_more_than_five_classes():
    asked = page(names=tuple("abcdef"))
    shown = [float(found["value"]) for found in Reader(render(asked)).all("data")]
    assert asked.metrics["top5"] in shown
    assert "Top 5" not in Reader(render(page(names=tuple("abcde")))).text


def test_the_figures_are_those_of_metrics_json():
    asked = page()
    read = Reader(render(asked))
    kept = json.loads(json.dumps(asked.metrics))
    shown = [float(found["value"]) for found in read.all("data")]
    assert shown == [kept[key] for key in ("accuracy", "baseline", "loss")]
    assert f"{kept['accuracy']:.4f}" in read.text
    assert "of 60 test images" in read.text
    for name, found in kept["classes"].items():
        assert f"{name} {found['samples']} {found['recall']:.4f} {found['precision']:.4f}" in (
            read.text
        )
    assert "left out: 4 gone" in read.text
    assert "trainable of 1,014" in read.text
    assert "4, 5" in read.text


def test_names_from_outside_are_shown_and_never_read_as_markup():
    tags = Reader(render(page(tuple("abcde")))).tags
    read = Reader(render(page(HOSTILE, title=HOSTILE[0], about_mistakes=HOSTILE[1])))
    assert read.tags == [*tags[: tags.index("ol")], "p", *tags[tags.index("ol") :]]
    for name in HOSTILE[:3]:
        assert name in read.text
    assert r"right\u202eleft" in read.text
    assert r"half \udcff" in read.text
    assert {key for tag, found in read.attributes if tag == "img" for key in found} <= {
        "alt", "class", "src", "loading", "width", "height", "style",
    }  # fmt: skip


def test_without_pictures_of_the_fit_one_line_says_so_and_the_rest_stands():
    read = Reader(render(page(pictures={}, no_pictures="No pictures: pip install it")))
    assert read.tags.count("img") == 1
    assert "No pictures: pip install it" in read.text
    assert "most often taken for" in read.text


@pytest.mark.parametrize("n", [0, 60])
def test_a_head_without_mistakes_and_one_that_nobody_judged_say_so(n):
    read = Reader(render(page(n=n, mistakes=[])))
    assert ("No image was judged." if not n else "every one of the 60 test images") in read.text
    assert read.tags.count("li") == 0


def test_a_mistake_without_a_picture_has_its_reason_there():
    lost = Mistake(key="k", truth="a", answer="b", probability=1.0, reason="changed since")
    read = Reader(render(page(mistakes=[lost])))
    assert "changed since a taken for b with 1.0000 k" in read.text


def test_many_classes_are_folded():
    few, many = (Reader(render(page([f"c{i}" for i in range(n)]))) for n in (20, 21))
    assert many.tags.count("details") == few.tags.count("details") + 1
    assert many.tags.count("tr") == 22
