"""How stores, predictions and reports look: what they are in a line, and as escaped tables."""

from html.parser import HTMLParser

import numpy as np
import pytest
from world import picture

import bottleneck

NETWORK = {"backbone": "resnet50", "weights": "random:0", "size": 8, "layer": "<conv>"}


def cells(html):
    """Return the texts of a table's cells, as a browser shows them, after checking its tags."""
    found, open_tags = [], []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            open_tags.append(tag)
            if tag in {"td", "th"}:
                found.append("")

        def handle_endtag(self, tag):
            assert open_tags.pop() == tag

        def handle_data(self, data):
            if open_tags and open_tags[-1] in {"td", "th"}:
                found[-1] += data

    Reader().feed(html)
    assert not open_tags
    return found


@pytest.fixture
def world(tmp_path, numpy_network, monkeypatch):
    monkeypatch.setattr("bottleneck.pictures.plots.can_draw", lambda: False)  # for speed
    for i in range(24):
        split, label = ("train", "test")[i % 4 == 3], ("<b>", "dog")[i % 2]
        picture(tmp_path / "images" / split / label / f"{i}.png", i)
    report = bottleneck.extract_features(
        tmp_path / "images", cache=tmp_path / "c", source="<i>pets", **NETWORK
    )
    return tmp_path, report


def test_a_store_says_its_network_commit_rows_and_sources(world):
    tmp_path, report = world
    store = bottleneck.open_store(tmp_path / "c")
    shown = repr(store)
    for text in (str(tmp_path / "c"), f"commit {store.commit}", "numpy", "8 x 8", "float16"):
        assert text in shown
    assert "24 rows" in shown
    assert "<i>pets (24 images, 2 classes, train 18, test 6)" in shown
    html = store._repr_html_()
    found = cells(html)
    assert found[-4:] == ["<i>pets", "24", "2", "train 18, test 6"]
    assert str(tmp_path / "c") in found
    assert "<i>" not in html


def test_reports_are_dicts_and_their_tables_escape_names(world):
    tmp_path, report = world
    trained = bottleneck.train_head(tmp_path / "c")
    compared = bottleneck.compare_runs(trained["run"])
    assert type(report).__mro__[1] is dict
    assert repr(report) == repr(dict(report))
    for told in (report, trained, compared):
        html = told._repr_html_()
        assert "<i>" not in html
        assert "<i>pets" in cells(html)
    found = cells(trained._repr_html_())
    assert found[found.index("samples") + 1] == "train {train}, val {val}, test {test}".format(
        **trained["samples"]
    )
    assert str(trained["commit"]) in found
    assert found[found.index("accuracy") + 1] == f"{trained['accuracy']:.4g}"
    assert "numpy" in cells(compared._repr_html_()) or compared["runs"][0]["backbone"] is None


def test_predictions_say_how_many_and_what_the_first_are(world):
    tmp_path, _ = world
    run = bottleneck.train_head(tmp_path / "c")["run"]
    found = bottleneck.predict_images([tmp_path / "images", "none<u>.png"], run=run)
    assert repr(found) == (
        "Predictions(25 images, 2 classes, 0 computed, 24 cached, 1 without an answer)"
    )
    assert len(found) == 25
    html = found._repr_html_()
    shown = cells(html)
    assert "and 5 more" in html
    best = int(np.argmax(found.probabilities[0]))
    assert shown[3:6] == [
        found.paths[0],
        found.classes[best],
        f"{found.probabilities[0, best]:.4g}",
    ]
    assert "<b>" not in html
    failed = bottleneck.predict_images(
        ["none<u>.png", *(tmp_path / "images").rglob("3.png")], run=run
    )
    assert "no such file" in cells(failed._repr_html_())
    assert "<u>" not in failed._repr_html_()


def test_the_parts_are_handed_out_for_other_libraries(world):
    tmp_path, _ = world
    (part,) = bottleneck.open_store(tmp_path / "c").handles()
    assert part.mode == "r"
    with part:
        assert part["rows"].shape == (24, 6)
