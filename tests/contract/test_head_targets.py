"""Every head that learns labels or numbers, against what all of them promise."""

import numpy as np
import pytest
from head_world import SHAPES, SMALL, behind, is_network

from bottleneck.core.canonical import canonical_digest
from bottleneck.core.errors import DataError
from bottleneck.core.frameworks import import_keras
from bottleneck.heads.catalog import HEADS, complete, load_head, load_kind
from bottleneck.heads.task import Task

CASES = [
    pytest.param(name, kind, marks=pytest.mark.slow if is_network(name) else ())
    for name in HEADS
    for kind in ("labels", "numbers")
    if kind in HEADS[name].kinds
]
N, K = 40, 2


def data(head, kind):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, 6)).astype("f4")
    y = np.stack([x[:, 0] + x[:, 1], x[:, 2] * 3 + 100], axis=1)
    if kind == "labels":
        y = (y > [0, 100]).astype("f4")
    return (
        x.reshape(N, *SHAPES.get(head, (6,))),
        y.astype("f4"),
        (np.arange(N) % 5 == 0).astype("u1"),
    )


def fit(head, kind, x, y, split, views=1, **more):
    told = {name: value for name, value in SMALL.items() if name in HEADS[head].defaults}
    return load_kind(head).fit(
        Task(
            rows=x,
            targets=y,
            split=split,
            n_outputs=K,
            kind=kind,
            options=complete(head, {**told, **more}),
            network=lambda: behind(x.shape[2 if views > 1 else 1 :]),
            views=views,
        )
    )


@pytest.mark.parametrize(("head", "kind"), CASES)
def test_a_head_predicts_a_column_each_and_comes_back_from_its_files(head, kind, tmp_path):
    x, y, split = data(head, kind)
    found = fit(head, kind, x, y, split)
    said = found.predict(x)
    assert (said.shape, said.dtype) == ((N, K), np.float32)
    if kind == "labels":
        assert said.min() >= 0
        assert said.max() <= 1
    else:
        assert 50 < said[:, 1].mean() < 150  # in the unit of the targets
    assert found.validation.shape == (8, K)
    assert {"epoch", "loss", "validation_loss"} <= found.history[-1].keys()
    canonical_digest({"options": dict(found.options)})
    found.save(tmp_path)
    np.testing.assert_array_equal(load_head(tmp_path).predict(x), said)
    np.testing.assert_array_equal(fit(head, kind, x, y, split).predict(x), said)


@pytest.mark.slow
@pytest.mark.parametrize(("head", "kind"), CASES)
def test_appended_to_a_keras_model_it_says_what_predict_says(head, kind, tmp_path):
    keras = import_keras()
    x, y, split = data(head, kind)
    flat = x.reshape(N, -1)
    flat[:, 4] += 1e3  # a mean far above the deviation
    flat[:, 5] = 7.0  # no deviation at all
    found = fit(head, kind, x, y, split)
    rows = keras.Input(x.shape[1:])
    keras.Model(rows, found.append(rows)).save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")  # safe mode
    np.testing.assert_allclose(model.predict(x, verbose=0), found.predict(x), rtol=2e-5, atol=1e-5)


@pytest.mark.parametrize(("head", "kind"), CASES)
def test_what_is_not_known_changes_nothing_whatever_stands_for_it(head, kind):
    x, y, split = data(head, kind)
    y[3, 0] = y[7, 1] = y[10, 1] = np.nan  # of two rows to train on, of one that validates
    said = fit(head, kind, x, y, split).predict(x)
    assert np.isfinite(said).all()
    y[3, 1] = np.nan
    with pytest.raises(DataError, match="1 of 40 images have nothing known"):
        fit(head, kind, x, y, split)
    split[3] = 2
    assert np.isfinite(fit(head, kind, x, y, split).predict(x)).all()


@pytest.mark.parametrize(("head", "kind"), CASES)
def test_training_rows_that_are_all_alike_are_refused(head, kind):
    x, y, split = data(head, kind)
    y[split == 0] = 1
    with pytest.raises(DataError, match="training images have"):
        fit(head, kind, x, y, split)


@pytest.mark.parametrize(("head", "kind"), CASES)
def test_of_several_views_it_is_fitted_without_an_image_to_validate(head, kind):
    x, y, _ = data(head, kind)
    found = fit(head, kind, np.stack([x, x + 0.1], axis=1), y, np.zeros(N, "u1"), views=2)
    assert found.predict(x).shape == (N, K)
    assert found.validation.shape[0] == 0


@pytest.mark.parametrize(("head", "kind"), CASES)
def test_a_column_is_learned(head, kind):
    x, y, split = data(head, kind)
    more = {"epochs": 60, "learning_rate": 0.05} if is_network(head) and head != "tail" else {}
    found = fit(head, kind, x, y, split, **more)
    if head in ("conv", "tail"):
        return  # on maps of random networks, there is nothing to learn in so few rows
    assert np.corrcoef(found.predict(x)[:, 0], y[:, 0])[0, 1] > 0.7
