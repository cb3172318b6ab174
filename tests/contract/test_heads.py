"""Every head against its contract: what it refuses, by which error, and in which words."""

import json
import os
import random

import numpy as np
import pytest
from head_world import SHAPES, SMALL, behind, is_network
from world import flip

from bottleneck.core.canonical import canonical_digest
from bottleneck.core.errors import DamagedError, DataError, UsageError
from bottleneck.core.frameworks import import_keras
from bottleneck.heads.catalog import HEADS, complete, load_head, load_kind
from bottleneck.heads.task import Task

# Those that are networks take their time.
NAMES = [pytest.param(n, marks=pytest.mark.slow if is_network(n) else ()) for n in HEADS]


@pytest.fixture(params=NAMES, scope="module")
def head(request):
    return request.param


@pytest.fixture(scope="module")
def data(head):
    def made(n=40, k=3):
        rng = np.random.default_rng(0)
        labels = (np.arange(n) % k).astype(np.int32)
        x = (rng.normal(size=(n, 6)) + labels[:, None]).astype("f4")
        return x.reshape(n, *SHAPES.get(head, (6,))), labels, (np.arange(n) % 5 == 0).astype("u1")

    return made


def fit(head, x, labels, split, n_classes=3, views=1):
    told = {name: value for name, value in SMALL.items() if name in HEADS[head].defaults}
    return load_kind(head).fit(
        Task(
            rows=x,
            targets=labels,
            split=split,
            n_outputs=n_classes,
            options=complete(head, told),
            network=lambda: behind(x.shape[2 if views > 1 else 1 :]),
            views=views,
        )
    )


@pytest.fixture(scope="module")
def fitted(head, data):
    return fit(head, *data())


@pytest.fixture(scope="module")
def fitted_on_tiny(head, data):
    """Fitted on features so small that what just fits float32 is too large beside them."""
    x, labels, split = data()
    return fit(head, x * 1e-10, labels, split)


@pytest.mark.parametrize("split", [0, 1])
def test_a_label_beyond_the_classes_is_the_caller_s_mistake(head, data, split):
    x, labels, _ = data()
    labels[7] = 3
    with pytest.raises(ValueError, match="label 3 among 3 classes"):
        fit(head, x, labels, np.where(np.arange(40) == 7, split, 0).astype(np.uint8))


def test_labels_and_splits_of_another_length_are_the_caller_s_mistake(head, data):
    x, labels, split = data()
    for wrong in ((x, labels[:-1], split), (x, labels, split[:-1]), (x[:-1], labels, split)):
        with pytest.raises(ValueError, match="as many"):
            fit(head, *wrong)


def test_no_labels_at_all_is_said_so(head, data):
    x, labels, split = data()
    with pytest.raises(DataError, match="no label"):
        fit(head, x, np.full_like(labels, -1), split)


@pytest.mark.parametrize("row", [0, 1])  # one that validates, one to train on
def test_a_row_without_a_label_is_never_taken_for_the_last_class(head, data, row):
    x, labels, split = data()
    labels[row] = -1
    with pytest.raises(DataError, match="1 of 40 images have no label"):
        fit(head, x, labels, split)
    split[row] = 2
    assert fit(head, x, labels, split).predict(x).shape == (40, 3)


def test_nothing_to_train_on_is_said_so(head, data):
    x, labels, _ = data()
    with pytest.raises(DataError, match="no images to train on"):
        fit(head, x, labels, np.full(40, 1, np.uint8))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("row", [0, 1])  # one that validates, one to train on
def test_features_that_are_no_numbers_or_too_large_are_refused_in_fit(head, data, value, row):
    x, labels, split = data()
    x = x.astype("f8")
    x[row, 2] = value
    with pytest.raises(DataError, match="too large"):
        fit(head, x, labels, split)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300, 3.4e38])
def test_features_that_are_no_numbers_or_too_large_are_refused_in_predict(
    data, fitted_on_tiny, value
):
    x = data()[0].astype("f8") * 1e-10
    x[7, 2] = value
    with pytest.raises(DataError, match="row 7"):
        fitted_on_tiny.predict(x)
    x[7, 2] = 0
    p = fitted_on_tiny.predict(x)
    assert np.isfinite(p).all()
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)


def test_rows_that_only_test_may_hold_anything(head, data):
    x, labels, split = data()
    x[3], split[3], labels[3] = np.nan, 2, -1
    fit(head, x, labels, split)


def test_predicting_no_rows_gives_no_rows(data, fitted):
    assert fitted.predict(data()[0][:0]).shape == (0, 3)


@pytest.mark.slow
def test_appended_to_a_keras_model_it_says_what_predict_says(head, data, tmp_path):
    keras = import_keras()
    x, labels, split = data()
    flat = x.reshape(len(x), -1)
    flat[:, 1] += 1e3  # a mean far above the deviation
    flat[:, 2] *= 1e-12
    flat[:, 3] = 7.0  # no deviation at all
    fitted = fit(head, x, labels, split)
    rows = keras.Input(x.shape[1:])
    keras.Model(rows, fitted.append(rows)).save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")  # safe mode
    np.testing.assert_allclose(model.predict(x, verbose=0), fitted.predict(x), atol=1e-5)


@pytest.fixture
def saved(data, fitted, tmp_path):
    fitted.save(tmp_path)
    return tmp_path, fitted.predict(data()[0])


def test_a_saved_head_loads_again_and_predicts_the_same(data, fitted, saved):
    folder, expected = saved
    found = load_head(folder)
    assert load_head(str(folder)).parameters == found.parameters
    np.testing.assert_array_equal(found.predict(data()[0]), expected)
    assert (found.parameters, found.frozen) == (fitted.parameters, fitted.frozen)
    assert {**found.options} == json.loads(json.dumps({**fitted.options}))


@pytest.mark.skipif(os.name == "nt", reason="no modes")
def test_files_of_a_head_may_be_read_by_whom_the_umask_lets(fitted, tmp_path):
    before = os.umask(0o022)
    try:
        fitted.save(tmp_path)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o644}


def test_a_flipped_bit_in_a_saved_head_is_damage_or_changes_nothing(saved, data):
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


def test_a_file_of_another_head_of_the_same_kind_is_damage(head, data, saved, tmp_path_factory):
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


def test_the_same_seed_gives_the_same_head_and_moves_no_generator_of_the_caller(head, data, fitted):
    x, labels, split = data()
    np.random.seed(7)
    random.seed(7)
    expected = np.random.random(), random.random()
    np.random.seed(7)
    random.seed(7)
    other = fit(head, x, labels, split)
    assert (np.random.random(), random.random()) == expected
    np.testing.assert_array_equal(other.predict(x), fitted.predict(x))


def test_validation_figures_are_of_the_validation_rows_in_their_order(data, fitted):
    x, labels, split = data()
    assert fitted.validation.shape == (8, 3)
    entry = fitted.history[-1]
    assert {"epoch", "loss", "validation_loss", "validation_accuracy"} <= entry.keys()
    if len(fitted.history) == SMALL["epochs"]:  # not fitted once more to all rows, as linear is
        np.testing.assert_allclose(fitted.predict(x[split == 1]), fitted.validation, rtol=1e-5)


def test_counts_options_and_versions_are_those_that_a_receipt_can_hold(fitted):
    assert fitted.parameters > 0
    assert fitted.frozen >= 0
    canonical_digest({"options": dict(fitted.options), "versions": dict(fitted.versions)})


def test_an_option_that_the_head_does_not_have_is_wrong_usage(head):
    with pytest.raises(UsageError, match="no such option: --depth"):
        complete(head, {"depth": 3})


def test_of_several_views_it_is_fitted_and_judged_by_the_images_themselves(head, data):
    x, labels, split = data()
    split[::7] = 2
    several = np.stack([x, x + 0.1, x - 0.1], axis=1)
    several[split == 2] = np.nan  # whoever looks at them fails
    found = fit(head, several, labels, split, views=3)
    again = fit(head, several, labels, split, views=3)
    assert found.validation.shape == (int((split == 1).sum()), 3)
    np.testing.assert_array_equal(found.predict(x), again.predict(x))
    assert found.parameters == fit(head, x, labels, split).parameters
    if HEADS[head].options and len(found.history) == SMALL["epochs"]:
        np.testing.assert_allclose(found.predict(x[split == 1]), found.validation, rtol=1e-5)


def test_of_several_views_it_can_be_fitted_without_an_image_to_validate(head, data):
    x, labels, _ = data()
    found = fit(head, np.stack([x, x + 0.1], axis=1), labels, np.zeros(40, np.uint8), views=2)
    assert found.predict(x).shape == (40, 3)
