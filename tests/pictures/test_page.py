"""The page of a run: whole, alone, and the same figures as beside it."""

import base64
import html
import html.parser
import io
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from bottleneck.heads.metrics import evaluate
from bottleneck.pictures.page import Mistake, Page, render
from bottleneck.pictures.page_style import STYLE

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
            "pictures": {
                "curves.png": png(7, 7),  # stays beside the page, which shows the two one by one
                "loss": png(80, 40),
                "accuracy": png(70, 40),
                "confusion.png": png(50, 60),
            },
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
    assert read.tags.count("img") == 4
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
    assert inside == [png(80, 40), png(70, 40), png(50, 60), png()]
    assert (read.all("img")[0]["width"], read.all("img")[0]["height"]) == ("38", "19")  # 96 / 200
    words = [found["alt"] for found in read.all("img")]
    assert words[0] == "The validation loss goes from 0.9000 at epoch 1 to 0.5000 at epoch 7."
    assert words[2].startswith("3 classes: a row is the truth, a column the answer, and the colour")
    assert words[3] == "test/1.png: cat taken for dog"


def test_the_caption_of_the_curves_says_which_epoch_was_best_or_which_strength_was_chosen():
    assert (
        "Loss and accuracy up to epoch 7; the validation loss is lowest, 0.5000, at epoch 7."
    ) in Reader(render(page())).text
    history = [{"epoch": n, "strength": 10.0**-n, "loss": 1 / n} for n in range(4)[1:]]
    receipt = {**page().receipt, "options": {"strength": 0.01}}
    text = Reader(render(page(history=history, receipt=receipt))).text
    assert (
        "Loss and accuracy of 3 fits, over the strength of their regularisation; 0.01 was" in text
    )
    assert "Epochs 1,234 in all, with 3 strengths tried" in text
    assert "at epoch" not in text


def test_a_fit_that_diverged_is_said():
    losses = (0.9, float("nan"), float("inf"))
    history = [{"epoch": n, "loss": loss, "accuracy": 0.5} for n, loss in enumerate(losses, 1)]
    text = Reader(render(page(history=history))).text
    assert "up to epoch 3; the loss is no finite number at epoch 2." in text


def test_a_curve_that_is_not_drawn_is_not_named():
    text = Reader(render(page(pictures={"loss": png()}))).text
    assert "Loss up to epoch 7; the validation" in text


def test_a_fit_of_one_step_has_no_curve_and_says_nothing_of_one():
    pictures = {"confusion.png": png()}
    read = Reader(render(page(pictures=pictures, history=[{"epoch": 1, "loss": 0.5}])))
    assert [found["id"] for found in read.all("h2")][:2] == ["figures", "classes"]
    assert "Epochs 1,234 Seconds" in read.text


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
    macro = kept["macro"].values()
    assert shown == [kept["accuracy"], kept["baseline"], *macro, kept["loss"]]
    assert f"{kept['accuracy']:.4f}" in read.text
    assert "of 60 test images" in read.text
    for name, found in kept["classes"].items():
        shares = " ".join(f"{found[key]:.4f}" for key in ("recall", "precision", "f1"))
        assert f"{name} {found['samples']} {shares}" in read.text
    recall, precision, f1 = (kept["macro"][key] for key in ("recall", "precision", "f1"))
    assert f"mean (macro) {recall:.4f} {precision:.4f} {f1:.4f}" in read.text
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
    assert many.tags.count("tr") == 23  # with the head and the mean


def counted(counts, names):
    """Return the figures of a head that has these confusions."""
    truth, answers = np.nonzero(counts)
    times = counts[truth, answers]
    labels, said = np.repeat(truth, times), np.repeat(answers, times)
    probabilities = np.eye(len(names), dtype="f4")[said]
    more = {"baseline": 0.5, "seconds": 1.0, "epochs": 1, "parameters": 1}
    return {"split": "test", **evaluate(probabilities, labels.astype("i4"), names), **more}


@pytest.mark.parametrize(("k", "is_listed"), [(10, False), (11, True), (1000, True)])
def test_of_more_classes_than_cells_can_be_read_the_worst_confusions_are_listed(k, is_listed):
    names = [f"c{i}" for i in range(k)]
    counts = np.eye(k, dtype=int) * 20
    counts[1, 2], counts[3, 4], counts[5, 6], counts[7, 8] = 5, 7, 1, 5
    counts[7, 7] = 15  # so that five of 20 are taken for 8, and five of 25 of class 1 for 2
    text = Reader(render(page(names, metrics=counted(counts, names)))).text
    told = "c3 taken for c4 7 times of 27 (25.9%) c7 taken for c8 5 times of 20 (25.0%) c1 taken"
    assert (told in text) is is_listed
    assert "c5 taken for c6" not in text  # once is chance
    assert "most often c3 is taken for c4, 7 times." in text


def test_classes_without_rows_have_a_dash_and_the_mean_is_of_those_that_occur():
    counts = np.array([[4, 1, 0], [0, 0, 0], [0, 0, 0]])
    text = Reader(render(page(metrics=counted(counts, ["cat", "dog", "horse"])))).text
    assert "cat 5 0.8000 1.0000 0.8889 dog (1) dog 0 - 0.0000 0.0000 horse 0 - - -" in text
    assert "mean (macro) 0.4000 0.5000 0.4444" in text


def rules(style, inside=None):
    """Return {selector: declarations} of a style sheet, or of one of its `@media` blocks."""
    found, plain, rest = {}, "", style
    while "@media" in rest:  # a block ends where its braces do
        before, _, rest = rest.partition("@media")
        plain += before
        condition, _, rest = rest.partition("{")
        end, depth = 0, 1
        while depth:
            depth += {"{": 1, "}": -1}.get(rest[end], 0)
            end += 1
        if condition.strip() == inside:
            return rules(rest[: end - 1])
        rest = rest[end:]
    assert inside is None
    for selectors, declarations in re.findall(r"([^{}]+)\{([^}]*)\}", plain + rest):
        for selector in selectors.split(","):
            found[selector.strip()] = found.get(selector.strip(), "") + " ".join(
                declarations.split()
            )
    return found


def test_what_is_wide_scales_or_scrolls_in_a_box_of_its_own_which_keys_reach():
    read = Reader(render(page([f"c{i}" for i in range(30)])))
    boxes = [found for found in read.all("div") if found.get("class") == "scroll"]
    assert len(boxes) == read.tags.count("table") == 1
    assert boxes[0]["tabindex"] == "0"
    assert boxes[0]["aria-label"] == "Each class of the 60 test images"
    style = rules(STYLE)
    assert "overflow-x: auto" in style[".scroll"]
    assert "width: 100%" in style[".drawn img"]
    assert "outline" in style[":focus-visible"]
    for found in read.all("img")[:3]:
        assert re.fullmatch(r"max-width:\d+px", found["style"])
    assert not re.search(r"min-width: *\d{3,}px|[^-]width: *\d{3,}(px|rem)", STYLE)


def test_on_a_phone_the_table_drops_two_columns_and_both_curves_stand_below_each_other():
    read = Reader(render(page()))
    dropped = [found.get("class") == "least" for found in read.all("th") if "scope" in found]
    assert sum(dropped[:6]) == 2
    assert rules(STYLE, "(max-width: 34rem)")[".least"] == "display: none;"
    assert "minmax(min(100%, 22rem), 1fr)" in rules(STYLE)[".curves"]  # two need 45rem


def test_in_the_dark_drawings_are_turned_and_photographs_are_not_and_paper_is_white():
    dark = rules(STYLE, "screen and (prefers-color-scheme: dark)")
    assert "invert" in dark[".drawn img"]
    assert ".mistakes img" not in dark
    assert "overflow: visible" in rules(STYLE, "print")[".scroll"]


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("chromium"), reason="no browser here")
@pytest.mark.parametrize("width", [320, 390])
def test_in_a_browser_no_page_is_wider_than_a_phone(tmp_path, width):
    long = [f"a_very_long_name_of_a_class_{'and_more_' * 9}{i}" for i in range(12)]
    pages = [render(page(names)) for names in (long, list("0123456789"), [HOSTILE[1], "b"])]
    frames = "".join(
        f'<iframe width="{width}" height="800" srcdoc="{html.escape(found.decode())}"></iframe>'
        for found in pages
    )
    script = (
        "onload = () => document.title = [...document.querySelectorAll('iframe')]"
        ".map(f => f.contentDocument.documentElement)"
        ".map(e => e.scrollWidth - e.clientWidth).join(' ')"
    )
    (tmp_path / "frames.html").write_text(f"{frames}<script>{script}</script>")
    words = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    words += [f"--user-data-dir={tmp_path / 'profile'}", (tmp_path / "frames.html").as_uri()]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
    assert re.search("<title>(.*?)</title>", done.stdout)[1].split() == ["0"] * len(pages)
