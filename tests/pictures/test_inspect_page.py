"""The page of an inspection: whole in one file, and strangers' names are text."""

import base64
import hashlib
import html.parser
import re

from bottleneck.pictures.inspect_page import Card, Finding, InspectPage, Part, render
from bottleneck.pictures.inspect_script import SCRIPT

EVIL = "<script>alert(1)</script>\"'&\x1b[2J"
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20


def page(*findings, **more):
    facts = {
        "title": f"photos{EVIL}", "subtitle": EVIL, "notes": [EVIL], "classes": ["cat", EVIL],
        "parts": [Part(title="Same", about=EVIL, findings=findings)], "version": "1",
        "time": "now",
    }  # fmt: skip
    return render(InspectPage(**{**facts, **more})).decode()


def finding(key, **more):
    card = Card(key=key, split="test", label="cat", note=EVIL, picture=PNG)
    other = Card(key=EVIL, split="train", label=EVIL)
    facts = {"title": EVIL, "cards": [card], "beside": [(EVIL, [other])], "proposed": EVIL}
    return Finding(**{**facts, **more})


class Tags(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found, self.data = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.data.append(data)


def test_names_of_strangers_are_text_and_never_markup():
    text = page(finding(EVIL))
    tags = Tags(text)
    assert [tag for tag, _ in tags.found].count("script") == 1
    assert "alert(1)" not in SCRIPT
    assert any("<script>alert(1)</script>" in data for data in tags.data)
    assert "\x1b" not in text
    keys = [a["data-key"] for tag, a in tags.found if a.get("class") == "finding"]
    assert keys == ["<script>alert(1)</script>\"'&\\x1b[2J"]


def test_nothing_is_fetched_and_only_the_pages_own_script_may_run():
    text = page(finding("a.png"))
    tags = Tags(text)
    sources = [a[name] for _, a in tags.found for name in ("src", "href") if name in a]
    assert sources
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    policy = next(a["content"] for _, a in tags.found if "http-equiv" in a)
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}'" in policy
    script = re.search(r"<script>(.*)</script>", text[text.rindex("<script>") :], re.DOTALL)
    assert script[1] == SCRIPT  # else the digest is that of another one
    assert not re.search(r"on\w+=|style=", text.split("<body>")[1].split("<script>")[0])


def test_without_its_script_everything_is_there():
    text = page(*(finding(f"{i}.png") for i in range(7)))
    assert text.count('class="finding"') == 7
    assert text.count('class="decided"') == 7
    assert '<form id="tools" hidden' in text  # what does nothing then is not shown
    assert "no picture" in text
    assert "<b>cat</b>" in text


def test_a_part_without_findings_says_so():
    assert "Nothing was found." in page()
