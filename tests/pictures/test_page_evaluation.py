"""What a page says of folds, few labels and calibration is what metrics.json holds."""

import io

from PIL import Image

from bottleneck.pictures.page_evaluation import sections

FOLDS = {
    "k": 3,
    "repeats": 2,
    "samples": 1234,
    "accuracy": 0.87654,
    "interval": [0.85, 0.9],
    "each": [0.86, 0.88, 0.89],
}
FEW = [
    {"labels": 5, "images": 50, "tries": 4, "accuracy": 0.5, "interval": [0.45, 0.55]},
    {"labels": None, "images": 4000, "tries": 1, "accuracy": 0.75, "interval": None},
]
CALIBRATION = {
    "temperature": 1.5,
    "samples": 200,
    "before": {"ece": 0.1234},
    "after": {"ece": 0.0123},
}


def png():
    file = io.BytesIO()
    Image.new("RGB", (200, 100)).save(file, format="png")
    return file.getvalue()


def said(metrics, pictures=None):
    return dict(sections(metrics, pictures or {}))


def test_what_was_not_asked_for_has_no_section():
    assert set(said({"accuracy": 0.5}).values()) == {""}


def test_folds_are_said_with_their_interval_and_each_of_them():
    found = said({"folds": FOLDS})["Cross-validation"]
    for words in ("3, 2 times, of 1,234 images", "0.8765", "0.8500 to 0.9000", "0.8600, 0.8800"):
        assert words in found


def test_few_labels_are_a_table_whose_last_line_is_all_of_them():
    found = said({"few_shot": FEW})["Few labels"]
    assert '<th scope="row">5</th><td>50</td><td>4</td><td>0.5000</td>' in found
    assert "0.4500 to 0.5500" in found
    assert found.index('<th scope="row">all</th><td>4,000</td>') > found.index("0.4500 to 0.5500")
    assert found.endswith("<td>-</td></tr></tbody></table></div>")
    assert '<table class="numbers">' in found  # the last column is right-aligned as the others are


def test_calibration_shows_both_errors_and_its_picture_where_one_was_drawn():
    assert "0.1234 before, 0.0123 after" in said({"calibration": CALIBRATION})["Calibration"]
    assert "<img" not in said({"calibration": CALIBRATION})["Calibration"]
    with_picture = said({"calibration": CALIBRATION}, {"reliability.png": png()})["Calibration"]
    assert "<img" in with_picture
