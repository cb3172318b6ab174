import csv
import io

import pytest

from bottleneck.core.text import cell, count, printable


def test_one_is_one_and_all_others_are_several():
    assert [count(n, "row") for n in (0, 1, 2, 1200)] == ["0 rows", "1 row", "2 rows", "1,200 rows"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, ü, 猫", "plain, ü, 猫"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x9b31m\x7f", "\\x9b31m\\x7f"),
        ("evil\u202egnp.exe", "evil\\u202egnp.exe"),
        ("half \udcff", "half \\udcff"),
        ("\0", "\\x00"),
    ],
)
def test_what_a_terminal_would_obey_is_shown_with_backslashes(text, shown):
    assert printable(text) == shown
    assert printable(text).isprintable()


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1+1",
        "-1+cmd|' /C calc'!A0",
        "@SUM(1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "\uff1d1",
        "'=1",
        "''@x",
        "-a.png",
    ],
)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe_that_can_be_taken_away_again(text):
    assert cell(text) == "'" + text
    assert cell(text)[1:] == text
    written = io.StringIO()
    csv.writer(written).writerow([cell(text)])
    (found,) = csv.reader(io.StringIO(written.getvalue(), newline=""))
    assert found == ["'" + text]


@pytest.mark.parametrize(
    "text", ["", "cat", "a=b", "'", "'cat", "photos/-1.png", "-1", "+2.5e-3", "-.5", "0", "ü=1"]
)
def test_other_text_and_numbers_stay_as_they_are(text):
    assert cell(text) == text
