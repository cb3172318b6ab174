"""Every head against its contract: what it refuses, by which error, and in which words."""

import json

import numpy as np
import pytest
from world import flip

from bottleneck.core.errors import DamagedError, DataError, UsageError
from bottleneck.core.recipe import canonical_digest
from bottleneck.heads.catalog import HEADS, load_head, load_kind


@pytest.fixture(params=sorted(HEADS))
def head(request):
    return request.param


def data(n=40, d=6, k=3):
    rng = np.random.default_rng(0)
    labels = (np.arange(n) % k).astype(np.int32)
    x = (rng.normal(size=(n, d)) + labels[:, None]).astype("f4")
    return x, labels, (np.arange(n) % 5 == 0).astype(np.uint8)


def fit(head, x, labels, split, n_classes=3):
    options = {"seed": 0, "n_classes": n_classes, "options": {}, "report": lambda _: None}
    return load_kind(head).fit(x, labels, split, **options)


@pytest.mark.parametrize("split", [0, 1])
def test_a_label_beyond_the_classes_is_the_caller_s_mistake(head, split):
    x, labels, _ = data()
    labels[7] = 3
    with pytest.raises(ValueError, match="label 3 among 3 classes"):
        fit(head, x, labels, np.where(np.arange(40) == 7, split, 0).astype(np.uint8))


def test_labels_and_splits_of_another_length_are_the_caller_s_mistake(head):
    x, labels, split = data()
    for wrong in ((x, labels[:-1], split), (x, labels, split[:-1]), (x[:-1], labels, split)):
        with pytest.raises(ValueError, match="as many"):
            fit(head, *wrong)


def test_no_labels_at_all_is_said_so(head):
    x, labels, split = data()
    with pytest.raises(DataError, match="no label"):
        fit(head, x, np.full_like(labels, -1), split)


@pytest.mark.parametrize("row", [0, 1])  # one that validates, one to train on
def test_a_row_without_a_label_is_never_taken_for_the_last_class(head, row):
    x, labels, split = data()
    labels[row] = -1
    with pytest.raises(DataError, match="1 of 40 images have no label"):
        fit(head, x, labels, split)
    split[row] = 2
    assert fit(head, x, labels, split).predict(x).shape == (40, 3)


def test_nothing_to_train_on_is_said_so(head):
    x, labels, _ = data()
    with pytest.raises(DataError, match="no images to train on"):
        fit(head, x, labels, np.full(40, 1, np.uint8))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("row", [0, 1])  # one that validates, one to train on
def test_features_that_are_no_numbers_or_too_large_are_refused_in_fit(head, value, row):
    x, labels, split = data()
    x = x.astype("f8")
    x[row, 2] = value
    with pytest.raises(DataError, match="too large"):
        fit(head, x, labels, split)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300, 3.4e38])
def test_features_that_are_no_numbers_or_too_large_are_refused_in_predict(head, value):
    x, labels, split = data()
    x = x.astype("f8") * 1e-10  # so that what just fits float32 is too large beside it
    fitted = fit(head, x, labels, split)
    x[7, 2] = value
    with pytest.raises(DataError, match="row 7"):
        fitted.predict(x)
    x[7, 2] = 0
    p = fitted.predict(x)
    assert np.isfinite(p).all()
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)


def test_rows_that_only_test_may_hold_anything(head):
    x, labels, split = data()
    x[3], split[3], labels[3] = np.nan, 2, -1
    fit(head, x, labels, split)


def test_predicting_no_rows_gives_no_rows(head):
    x, labels, split = data()
    assert fit(head, x, labels, split).predict(x[:0]).shape == (0, 3)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(6,), (2, 3)])
def test_appended_to_a_keras_model_it_says_what_predict_says(head, shape, tmp_path):
    from bottleneck.core.frameworks import import_keras

    keras = import_keras()
    x, labels, split = data()
    x[:, 1] += 1e3  # a mean far above the deviation
    x[:, 2] *= 1e-12
    x[:, 3] = 7.0  # no deviation at all
    x = x.reshape(40, *shape)
    fitted = fit(head, x, labels, split)
    rows = keras.Input(shape)
    keras.Model(rows, fitted.append(rows)).save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")  # safe mode
    np.testing.assert_allclose(model.predict(x, verbose=0), fitted.predict(x), atol=1e-5)


@pytest.fixture
def saved(head, tmp_path):
    x, labels, split = data()
    fitted = fit(head, x, labels, split)
    fitted.save(tmp_path)
    return tmp_path, fitted.predict(x)


def test_a_flipped_bit_in_a_saved_head_is_damage_or_changes_nothing(saved):
    folder, expected = saved
    rng = np.random.default_rng(0)
    n_errors = 0
    for path in sorted(folder.iterdir()):
        data_before = path.read_bytes()
        for _ in range(50):
            flip(path, int(rng.integers(len(data_before))), int(rng.integers(8)))
            try:
                found = load_head(folder).predict(data()[0])
            except (DamagedError, UsageError):  # a newer format is one bit away
                n_errors += 1
            else:
                np.testing.assert_array_equal(found, expected)
            path.write_bytes(data_before)
    assert n_errors > 90  # an e of a number may become an E


def test_a_file_of_another_head_of_the_same_kind_is_damage(head, saved, tmp_path_factory):
    folder, _ = saved
    x, labels, split = data()
    other = tmp_path_factory.mktemp("other")
    fit(head, x + 1, labels, split).save(other)
    for path in folder.iterdir():
        before = path.read_bytes()
        path.write_bytes((other / path.name).read_bytes())
        with pytest.raises(DamagedError, match="train again"):
            load_head(folder)
        path.write_bytes(before)


def test_a_missing_file_of_a_head_is_damage_and_a_folder_without_a_head_is_wrong_usage(saved):
    folder, _ = saved
    for path in folder.iterdir():
        before = path.read_bytes()
        path.unlink()
        with pytest.raises(UsageError if path.name == "head.json" else DamagedError):
            load_head(folder)
        path.write_bytes(before)
    for wrong in (folder / "nothing", folder / "head.json"):
        with pytest.raises(UsageError, match="no head"):
            load_head(wrong)


def test_a_head_of_a_newer_program_asks_for_an_upgrade(saved):
    folder, _ = saved
    path = folder / "head.json"
    whole = path.read_text()
    path.write_text(whole.replace('"format_version": 1', '"format_version": 2'))
    with pytest.raises(UsageError, match="upgrade"):
        load_head(folder)
    plain = json.loads(whole)
    del plain["checksum"]
    for kind, error in (("forest", UsageError), ([], DamagedError), (None, DamagedError)):
        plain["head"] = kind
        path.write_text(json.dumps({**plain, "checksum": canonical_digest(plain)}))
        with pytest.raises(error):
            load_head(folder)
