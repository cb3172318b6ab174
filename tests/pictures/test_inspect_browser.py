"""The page of an inspection in a browser: what it does, and how it looks on a phone and paper."""

import csv
import io

import numpy as np
import pytest
from browser import EXECUTABLE, Page
from PIL import Image

from bottleneck.data.decisions import read_decisions
from bottleneck.pictures.inspect_page import Card, Finding, InspectPage, Part, render

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(EXECUTABLE is None, reason="no Chromium is installed"),
]
CLASSES = ("cat", "dog", "tree frog")
FORMULA = '=1+1,"it\'s".png'


def picture(seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    return data.getvalue()


PICTURES = [picture(i) for i in range(20)]


def card(i, key=None, label=None):
    return Card(
        key=key or f"train/{i:04}.png", split="train" if i % 2 else "test",
        label=label or CLASSES[i % 3], note=f"note {i}", picture=PICTURES[i % 20],
    )  # fmt: skip


def write(path, parts, **more):
    facts = {"title": "photos: a look into the data", "subtitle": "60 images", "notes": [],
             "classes": CLASSES, "version": "1", "time": "now"}  # fmt: skip
    path.write_bytes(render(InspectPage(parts=parts, **{**facts, **more})))
    return path


def parts():
    groups = [
        Finding(title=f"train and test {g}", cards=[card(10 * g + i) for i in range(3)], score=g)
        for g in range(3)
    ]
    doubtful = [
        Finding(
            title=f"{CLASSES[i % 3]}, or dog?", cards=[card(i)], score=1 - i / 10, proposed="dog",
            beside=[("nearest of cat", [card(100 + i)]), ("nearest of dog", [card(200 + i)])],
        )
        for i in range(4)
    ]  # fmt: skip
    doubtful.append(Finding(title="odd name", cards=[card(5, key=FORMULA)], score=2))
    return [
        Part(title="The same images", about="Leaks first.", findings=groups),
        Part(title="Doubtful labels", about="The worst first.", findings=doubtful),
    ]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    page = Page(EXECUTABLE, tmp_path_factory.mktemp("browser"))
    yield page
    page.close()


@pytest.fixture
def page(browser, tmp_path):
    browser.be()
    browser.open(write(tmp_path / "page.html", parts()))
    yield browser
    assert browser.errors() == []


def shown(page):
    """Return the keys of the findings that can be seen, from top to bottom."""
    return page.ask(
        "[...document.querySelectorAll('.finding')].filter(f => f.checkVisibility())"
        ".map(f => f.dataset.key)"
    )


def chosen(page):
    return page.ask("document.activeElement.dataset.key || document.activeElement.tagName")


def saved(page, folder):
    file = page.download(folder, lambda: page.click("#save"))
    assert file.name == "decisions.csv"
    return [*csv.reader(file.read_text().splitlines())], file


def test_the_filter_shows_what_has_the_words_in_it(page):
    assert len(shown(page)) == 8
    page.click("#filter")
    page.type("tree FROG, or")
    assert shown(page) == ["train/0002.png"]
    assert page.ask("document.getElementById('shown').textContent").startswith("1 of 8 findings")
    page.ask("document.getElementById('filter').value = ''")
    page.ask("document.getElementById('filter').dispatchEvent(new Event('input'))")
    page.ask("(e => { e.value = '1'; e.dispatchEvent(new Event('change')) })"
             "(document.getElementById('part'))")  # fmt: skip
    assert len(shown(page)) == 5
    assert "The same images" not in page.ask("document.body.innerText").split("sorted by")[1]


def test_findings_are_sorted_as_asked(page):
    def sort(by):
        page.ask(f"(e => {{ e.value = '{by}'; e.dispatchEvent(new Event('change')) }})"
                 "(document.getElementById('sort'))")  # fmt: skip
        return shown(page)[3:]

    named = [f"train/000{i}.png" for i in range(4)]
    assert sort("score") == [*named[::-1], FORMULA]
    assert sort("key") == sorted([*named, FORMULA], key=lambda key: key.strip("="))
    assert sort("label") == [named[0], named[3], named[1], FORMULA, named[2]]


def test_what_is_clicked_is_saved_and_can_be_read_again(page, tmp_path):
    assert page.ask("document.getElementById('save').disabled")
    first = "section[data-part='1'] .finding[data-key='train/0000.png']"
    page.click(f"{first} button[data-what='relabel']")
    assert page.ask("document.activeElement.value") == "dog"  # as proposed, ready to be changed
    page.type('tree "frog", green')
    page.click(f"{first} ~ .finding[data-key='train/0001.png'] button[data-what='drop']")
    page.click("section[data-part='1'] .finding:last-child button[data-what='keep']")
    second = "section[data-part='0'] .finding[data-key='train/0010.png']"
    page.click(f"{second} button[data-what='keep']")
    page.click(f"{second} button[data-what='keep']")  # and not, after all
    rows, file = saved(page, tmp_path)
    assert rows[0] == ["key", "decision", "label"]
    assert rows[1:] == [
        ["train/0000.png", "relabel", 'tree "frog", green'],
        ["train/0001.png", "drop", ""],
        ["'" + FORMULA, "keep", ""],
    ]
    told = {one.key: (one.what, one.label) for one in read_decisions(file).each}
    assert told[FORMULA] == ("keep", "")


def test_the_keyboard_alone_goes_through_everything(page, tmp_path):
    page.press("j", "j")  # the second group; its second image
    assert chosen(page) == "train/0010.png"
    page.press("3", "n", "3", "n", "n", "1")
    page.press("j", "j", "2")
    assert chosen(page) == "INPUT"
    page.type("cat")
    page.press("j", "Enter")  # a letter there is a letter
    assert chosen(page) == "train/0000.png"
    page.press("j", "1", "0", "k", "k")
    assert chosen(page) == "train/0020.png"
    rows, _ = saved(page, tmp_path)
    assert rows[1:] == [
        ["train/0011.png", "keep", ""],
        ["train/0012.png", "drop", ""],
        ["train/0000.png", "relabel", "catj"],
    ]


def test_of_what_was_found_for_an_image_the_first_is_decided_on_first(browser, tmp_path):
    found = Finding(title="near", cards=[card(1), card(2)], searched=card(0))
    browser.be()
    browser.open(write(tmp_path / "page.html", [Part(title="Near", about="", findings=[found])]))
    assert browser.ask("document.querySelectorAll('.tiles img').length") == 3
    assert browser.ask("document.querySelectorAll('.decide').length") == 2
    browser.press("j", "3", "n", "1")
    rows, _ = saved(browser, tmp_path)
    assert rows[1:] == [[card(1).key, "drop", ""], [card(2).key, "keep", ""]]


def test_an_image_that_stands_in_two_findings_has_one_decision(page):
    page.click("section[data-part='1'] .finding[data-key='train/0000.png'] [data-what='drop']")
    dropped = page.ask("[...document.querySelectorAll('.dropped')].map(c => c.dataset.key)")
    assert dropped == ["train/0000.png"] * 2


def test_what_is_not_saved_is_not_lost_without_a_word(page, tmp_path):
    other = write(tmp_path / "other.html", parts())
    page.dialogs.clear()
    page.open(other)
    assert page.dialogs == []  # nothing was decided
    page.press("j", "3")
    saved(page, tmp_path)
    page.open(tmp_path / "page.html")
    assert page.dialogs == []
    page.press("j", "3")
    page.open(other)
    assert page.dialogs == ["beforeunload"]


def test_a_relabelling_without_a_class_is_asked_about_before_it_is_saved(page):
    page.click("section[data-part='0'] .finding button[data-what='relabel']")
    assert page.ask("document.activeElement.value") == ""
    page.click("#save")
    said = page.ask("document.getElementById('shown').textContent")
    assert said.endswith("which class is train/0000.png?")
    assert chosen(page) == "INPUT"


def test_what_was_decided_before_is_there_and_is_saved_along(browser, tmp_path):
    before = [("train/0001.png", "relabel", "cat"), ("gone.png", "drop", ""), (FORMULA, "keep", "")]
    browser.be()
    browser.open(write(tmp_path / "page.html", parts(), decided=before))
    pressed = "[...document.querySelectorAll('[aria-pressed=true]')].map(b => b.dataset.what)"
    assert sorted(browser.ask(pressed)) == ["keep", "relabel", "relabel"]  # in two findings
    browser.click("section[data-part='1'] .finding[data-key='train/0002.png'] [data-what='drop']")
    rows, _ = saved(browser, tmp_path)
    assert rows[1:] == [
        ["train/0001.png", "relabel", "cat"], ["gone.png", "drop", ""], ["'" + FORMULA, "keep", ""],
        ["train/0002.png", "drop", ""],
    ]  # fmt: skip


@pytest.mark.parametrize("width", [320, 390, 768])
def test_nothing_lies_beyond_the_edge_of_a_phone(page, width):
    page.be(width=width, height=844, phone=True)
    page.click("section[data-part='1'] .finding button[data-what='relabel']")
    wide = "document.documentElement.scrollWidth"
    assert page.ask(wide) <= width
    # What would be cut off at the edge makes no page wider.
    ends = "[...document.querySelectorAll('.finding *')].map(e => e.getBoundingClientRect().right)"
    assert max(page.ask(ends)) <= width
    if width < 544:
        hint = "getComputedStyle(document.querySelector('#tools small')).display"
        assert page.ask(hint) == "none"  # a phone has no such keys
    tools = page.ask("document.getElementById('tools').getBoundingClientRect().height")
    assert tools < 844 / 3


def test_in_the_dark_text_is_light_and_can_be_read(page):
    page.be(scheme="dark")

    def luminance(of):
        value = page.ask(f"getComputedStyle(document.querySelector('{of[0]}')).{of[1]}")
        rgb = np.array([float(v) for v in value[4:-1].split(",")[:3]]) / 255
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    ground = luminance(("body", "backgroundColor"))
    assert ground < 0.05
    for selector in ("h2", ".finding figcaption", "#tools small"):
        assert (luminance((selector, "color")) + 0.05) / (ground + 0.05) >= 4.5, selector


def test_on_paper_there_are_pictures_and_no_buttons_but_what_was_decided(page):
    page.be(media="print")
    visible = "[...document.querySelectorAll('{}')].filter(e => e.checkVisibility()).length"
    assert page.ask(visible.format("button, input, select")) == 0
    assert page.ask(visible.format(".decided img")) == 14
    page.press("j", "3")
    told = "[...document.querySelectorAll('button')].filter(e => e.checkVisibility())"
    # The image stands in two findings.
    assert page.ask(f"{told}.map(e => e.textContent)") == ["drop", "drop"]


def test_five_thousand_findings_are_filtered_sorted_and_decided_on(browser, tmp_path):
    many = [Finding(title=f"no {i}", cards=[card(i)], score=-i) for i in range(5000)]
    browser.be()
    browser.open(write(tmp_path / "page.html", [Part(title="Many", about="", findings=many)]))
    browser.ask(
        "(() => { const f = document.getElementById('filter');"
        " f.value = '0042.png'; f.dispatchEvent(new Event('input'));"
        " const s = document.getElementById('sort'); s.dispatchEvent(new Event('change')); })()"
    )
    assert shown(browser) == ["train/0042.png"]
    # A list item would be numbered anew for each that is hidden: half a minute.
    display = "getComputedStyle(document.querySelector('.finding:not([hidden])')).display"
    assert browser.ask(display) == "block"
    browser.press("j", "3")
    rows, _ = saved(browser, tmp_path)
    assert rows[1:] == [["train/0042.png", "drop", ""]]
