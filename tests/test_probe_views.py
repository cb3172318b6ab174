"""The probe of views: the same images for both, and what judges is the image itself."""

import argparse

import numpy as np
import probe_views
import pytest
from world import picture

NETWORK = ["--backbone", "resnet50", "--weights", "random:0", "--size", "8", "--views", "3"]


@pytest.fixture
def folder(tmp_path):
    """Two classes: twelve pictures each to train on, four in test."""
    for split, n in (("train", 12), ("test", 4)):
        for label in ("cat", "dog"):
            for i in range(n):
                picture(
                    tmp_path / "photos" / split / label / f"{i}.png",
                    99 * n + 20 * (label == "cat") + i,
                )
    return tmp_path / "photos"


def test_it_prints_one_view_beside_several(folder, numpy_network, capsys):
    assert probe_views.main([str(folder), *NETWORK, "--seeds", "2", "--labels", "20"]) == 0
    out = capsys.readouterr().out
    assert "20 images of 2 classes to train on" in out
    assert "linear, with 1: accuracy " in out
    assert "linear, with 3: accuracy " in out
    assert "ahead by" in out


def test_both_are_fitted_to_the_same_images_and_judged_by_the_images_themselves(
    folder, tmp_path, numpy_network, monkeypatch
):
    seen = []
    real = probe_views.load_kind("linear")

    def fit(task):
        head = real.fit(task)

        def predict(x):
            seen.append((task.rows, task.split, task.views, x))
            return head.predict(x)

        return argparse.Namespace(predict=predict)

    monkeypatch.setattr(probe_views, "load_kind", lambda _: argparse.Namespace(fit=fit))
    probe_views.main([str(folder), *NETWORK, "--seeds", "1", "--labels", "20"])
    (one, split, n, x), (several, other_split, n_several, other_x) = seen
    assert (n, n_several) == (1, 3)
    np.testing.assert_array_equal(split, other_split)
    assert np.bincount(split, minlength=256)[[0, 1]].sum() == 20
    np.testing.assert_array_equal(one, several[:, 0])
    assert not (several[:, 0] == several[:, 1]).all()
    np.testing.assert_array_equal(x, one[:8])  # "test" sorts before "train"
    np.testing.assert_array_equal(x, other_x)


def test_one_view_alone_has_nothing_to_be_compared_with(folder, capsys):
    with pytest.raises(SystemExit) as end:
        probe_views.main([str(folder), "--views", "1"])
    assert end.value.code == 2
    assert "2 or more" in capsys.readouterr().err
