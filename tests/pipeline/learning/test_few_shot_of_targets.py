"""Few-shot of several labels and of numbers: which images are drawn, and what is said of them."""

import csv
import io
import json
from pathlib import Path

import noise
import numpy as np
import pytest
from sklearn.metrics import average_precision_score, r2_score

from bottleneck.core import console
from bottleneck.core.errors import UsageError
from bottleneck.heads import linear
from bottleneck.heads.task import TRAIN
from bottleneck.pipeline.learning.few_rows import few_of
from bottleneck.pipeline.learning.few_shot import FILE
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.store.store import Store
from bottleneck.train import lines

N = 60


@pytest.fixture
def made(tmp_path, numpy_network):
    """Return a store of 60 images of noise, every third of which is tested, by their colours."""
    rng = np.random.default_rng(0)
    colours = rng.random((N, 3))
    (tmp_path / "images").mkdir()
    for i, colour in enumerate(colours):
        noise.draw(tmp_path / f"images/{i:02}.png", colour, rng)

    def make(header, values):
        text = [f"filename,split,{header}"]
        for i, row in enumerate(values(colours)):
            cells = ",".join("" if np.isnan(v) else f"{v:g}" for v in row)
            text.append(f"images/{i:02}.png,{'train' if i % 3 else 'test'},{cells}")
        return noise.extracted(tmp_path, text, label_column=tuple(header.split(",")))

    return make


@pytest.fixture
def tasks(monkeypatch):
    seen, real = [], linear.fit
    monkeypatch.setattr(linear, "fit", lambda task: seen.append(task) or real(task))
    return seen


def fit(cache, **options):
    return train(TrainOptions(cache=cache, **options), console.configure(quiet=False))


def some_labels(colours):
    found = (colours > [0.5, 0.85, 0.3]).astype(float)
    found[4, 2] = np.nan
    return found


def some_numbers(colours):
    found = np.stack([10 * colours[:, 0] ** 2, colours[:, 0] * 7 + colours[:, 1] / 100], axis=1)
    found[4] = np.nan
    return found


def test_of_labels_each_is_had_and_lacked_by_so_many_and_small_draws_are_in_large(made, tasks):
    fit(made("red,green,blue", some_labels), few_shot=(1, 3), tries=3)
    whole, *few = tasks
    n_of = [1, 1, 1, 3, 3, 3]
    for task, n in zip(few, n_of, strict=True):
        used = task.split == TRAIN
        assert (task.split[~used] > 2).all()
        assert ((whole.split == TRAIN) | ~used).all()
        for is_one in (task.targets[used] == 1, task.targets[used] == 0):
            assert (is_one.sum(axis=0) >= n).all()
        assert used.sum() <= 2 * 3 * n
    for small, large in zip(few[:3], few[3:], strict=True):
        assert ((large.split == TRAIN) | (small.split != TRAIN)).all()
    assert not np.array_equal(few[0].split, few[1].split)


def test_an_image_that_is_drawn_for_the_rarest_label_counts_for_the_others(tmp_path):
    y = np.zeros((9, 2), "f4")
    y[:, 0], y[5, 1] = np.arange(9) % 2, 1  # image 5 has both
    np.testing.assert_array_equal(few_of(y, "labels", 1), [0, 5])
    # Two have the first label, one the second, and two lack each.
    np.testing.assert_array_equal(few_of(y, "labels", 2), [0, 1, 2, 5])
    np.testing.assert_array_equal(few_of(y, "labels", 99), np.arange(9))
    unknown = np.where(np.arange(9)[:, None] < 4, np.nan, y)
    np.testing.assert_array_equal(few_of(unknown, "labels", 1), [4, 5])


def test_numbers_are_drawn_of_all_sizes_and_those_not_known_are_not(made, tasks):
    fit(made("light,red", some_numbers), few_shot=(10, 20), tries=4)
    whole, *few = tasks
    values = whole.targets[:, 0]
    training = np.flatnonzero((whole.split == TRAIN) & ~np.isnan(values))
    order = training[np.argsort(values[training])]
    for task, n in zip(few, [10] * 4 + [20] * 4, strict=True):
        used = task.split == TRAIN
        assert used.sum() == n
        place = np.flatnonzero(np.isin(order, np.flatnonzero(used)))
        np.testing.assert_array_equal(
            np.bincount(place * 10 // len(order), minlength=10), np.full(10, n // 10)
        )
    for small, large in zip(few[:4], few[4:], strict=True):
        assert ((large.split == TRAIN) | (small.split != TRAIN)).all()
    assert len({task.split.tobytes() for task in few}) == 8
    # Fewer than ranges are of different ones.
    y = np.arange(40.0, dtype="f4")[:, None]
    assert len(set((few_of(y, "numbers", 7) // 4).tolist())) == 7


@pytest.mark.parametrize(
    ("header", "values", "main", "figure", "words"),
    [
        (
            "red,green,blue", some_labels, "macro_average_precision", average_precision_score,
            "of each label",
        ),
        ("light,red", some_numbers, "r2", r2_score, "images drawn"),
    ],
)  # fmt: skip
def test_the_figure_is_scikit_learn_s_and_every_report_has_it(
    made, tasks, tmp_path, header, values, main, figure, words
):
    cache = made(header, values)
    report = fit(cache, few_shot=(10,), tries=3, tensorboard=tmp_path / "board")
    run = Path(report["run"])
    x, y, _ = Store.open(cache).arrays(split="test")
    said = [linear.fit(task).predict(x) for task in tasks[1:]]
    known = [~np.isnan(column) for column in y.T]
    expected = [np.mean([figure(y[at, c], of[at, c]) for c, at in enumerate(known)]) for of in said]
    first, whole = report["few_shot"]
    np.testing.assert_allclose(first["each"], expected, rtol=1e-5)
    assert first[main] == pytest.approx(np.mean(expected), rel=1e-5)
    assert whole[main] == report[main]
    assert json.loads((run / "metrics.json").read_text())["few_shot"] == report["few_shot"]
    table = list(csv.DictReader(io.StringIO((run / FILE).read_text())))
    assert [float(line[main]) for line in table[:3]] == first["each"]
    assert [int(line["images"]) for line in table[:3]] == first["images_each"]
    line = next(line for line in lines(report) if line.startswith("10 "))
    assert line.split()[1:4] == [str(first["images"]), "3", f"{first[main]:.4f}"]
    mean, low = f"{first[main]:.4f}", f"{first['interval'][0]:.4f}"
    page, card = (run / "report.html").read_text(), (run / "README.md").read_text()
    for text in (page, card, "\n".join(lines(report))):
        assert words in text
        assert mean in text
        assert low in text
    (events,) = (tmp_path / "board").rglob("events*")
    assert f"few_shot_10_{main}".encode() in events.read_bytes()


def test_more_than_there_are_is_said(made, capsys):
    fit(made("red,green,blue", some_labels), few_shot=(30,), tries=1)
    said = "3 of 3 labels have fewer than 30 training images with them, or without"
    assert said in capsys.readouterr().err


def test_one_number_is_not_learned_from(made, capsys):
    cache = made("light,red", some_numbers)
    with pytest.raises(UsageError, match="of one image no number can be learned: --few-shot"):
        fit(cache, few_shot=(1, 10))
    fit(cache, few_shot=(500,), tries=1)
    assert "500 are more than the 31 training images: all are taken" in capsys.readouterr().err


@pytest.mark.parametrize("head", ["knn", "linear"])
@pytest.mark.parametrize(
    ("header", "values", "n"),
    [("red,green,blue", some_labels, 1), ("red", lambda c: some_labels(c)[:, :1], 1),
     ("light,red", some_numbers, 2)],
)  # fmt: skip
def test_the_least_that_can_be_asked_for_can_be_learned(made, head, header, values, n):
    report = fit(made(header, values), head=head, few_shot=(n,), tries=2)
    assert len(report["few_shot"][0]["each"]) == 2
