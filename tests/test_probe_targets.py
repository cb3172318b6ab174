"""The probes of several labels and of numbers: what they count, and what they put side by side."""

import noise
import numpy as np
import probe_average
import probe_numbers
import pytest
from probe_targets import strokes_met
from sklearn.linear_model import RidgeCV

from bottleneck.heads import training
from bottleneck.heads.ridge import STRENGTHS
from bottleneck.store.store import Store


@pytest.mark.parametrize(
    ("image", "met"),
    [
        (np.zeros((4, 4)), None),
        ([[0, 9, 0, 9], [0, 9, 0, 9]], (2 + 2 + 0 + 1 + 0 + 1) / 6),
        ([[9, 9, 9], [9, 9, 9]], 1),  # what touches the edge begins there
        ([[9, 0, 0], [0, 9, 0], [0, 0, 9]], 1),
        ([[9, 0, 9, 4]], (2 + 1 + 0 + 1 + 0) / 5),  # under half the darkest: no ink
    ],
)
def test_strokes_are_where_ink_begins_along_rows_and_columns(image, met):
    found = strokes_met(np.asarray(image, "u1"))
    assert found == pytest.approx(0 if met is None else met)


@pytest.fixture
def cache(tmp_path, numpy_network):
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    lines = ["filename,split,light"]
    for i, colour in enumerate(rng.random((60, 3))):
        noise.draw(tmp_path / f"images/{i:02}.png", colour, rng)
        lines.append(f"images/{i:02}.png,{'test' if i % 3 == 0 else 'train'},{colour.sum():.4f}")
    return noise.extracted(tmp_path, lines, label_column=("light",))


def test_the_probe_of_numbers_puts_scikit_learn_beside_linear(cache, capsys):
    assert probe_numbers.main([str(cache), "--rows", "12", "--draws", "2"]) == 0
    some, of_all = [line.split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    assert (some[0], of_all[0]) == ("| 12", "| 40")
    assert len(some) == len(of_all) == 5
    x, y, _ = Store.open(cache).arrays(split="train")
    seen, truth, _ = Store.open(cache).arrays(split="test")
    model = RidgeCV(np.array(STRENGTHS) * 40).fit(np.asarray(x, float), y)
    expected = model.score(np.asarray(seen, float), truth)
    assert of_all[3] == f"{expected:.3f} ({expected:.3f})"


@pytest.mark.slow
def test_the_probe_of_the_average_fits_without_it_and_with_it(cache, capsys, monkeypatch):
    monkeypatch.setattr(training, "EPOCHS", 2)
    monkeypatch.setattr(training, "STEPS", 1)
    monkeypatch.setattr(training, "AVERAGED", 3.0)
    assert probe_average.main([str(cache), "--seeds", "2"]) == 0
    without, with_it = capsys.readouterr().out.splitlines()[-2:]
    assert without.startswith("averaged over 0 of an epoch: R² ")
    assert with_it.startswith("averaged over 3 of an epoch: R² ")
    assert without.split("R²")[1] != with_it.split("R²")[1]
    assert len(list((cache / "runs").iterdir())) == 4
