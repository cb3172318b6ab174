"""What people write. It is never run: mypy reads it, so that the types are what people need."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import bottleneck
from bottleneck import FeatureStore, Predictions, errors
from bottleneck.errors import RecipeError
from bottleneck.sklearn import CachedFeatures, DenseClassifier, LinearClassifier


def extraction(folder: Path, pixels: NDArray[np.uint8], pictures: list[Image.Image]) -> int:
    """Extract from what people have at hand."""
    report = bottleneck.extract_features(folder, cache="cache/a", backbone="mini", progress=True)
    bottleneck.extract_features("digits", cache=folder / "b", backbone="resnet50", size=(64, 96))
    bottleneck.extract_features(cache=folder, limit=100, size="64x96", pooling="max")
    bottleneck.extract_features(pixels, cache=folder, labels=["cat", "dog"], source="pets")
    bottleneck.extract_features(pixels, cache=folder, labels=np.array([0, 1]), rows="float32")
    bottleneck.extract_features(pictures, cache=folder, labels=[0, 1])
    bottleneck.extract_features([folder / "1.png", folder / "2.png"], cache=folder, exclude=["*1*"])
    bottleneck.extract_features(["1.png"], cache=folder, views=4, augment=["flip", "crop"])
    bottleneck.extract_features(cache=[folder / "a", "cache/b"], budget_s=60.0)
    computed: int = report["computed"]
    return computed


def training(cache: Path) -> tuple[str, NDArray[np.float32]]:
    """Train, load again, and use the arrays with other libraries."""
    report = bottleneck.train_head(
        cache, head="dense", units=[256, 64], dropout=[0.3], optimizer="sgd", momentum=0.9
    )
    store: FeatureStore = bottleneck.open_store(str(cache), at=3)
    x, y, keys = store.arrays("train")
    rows: NDArray[np.float16] = np.asarray(x)
    names: list[str] = [store.classes()[label] for label in y] + keys
    assert len(names) == 2 * len(rows)
    which, cosines = store.neighbours(5)
    leaks: int | None = store.inspect(only=["same", "labels"], top=3)["same"]["leaks"]
    assert leaks is None or which.shape == cosines.shape
    return str(report["run"]), bottleneck.load_head(cache / "runs" / "first").predict(x)


def prediction(run: str, pixels: NDArray[np.uint8], picture: Image.Image) -> NDArray[np.float32]:
    """Classify what people have at hand."""
    found: Predictions = bottleneck.predict_images("new/", run=run)
    bottleneck.predict_images([Path("1.png"), "2.png"], run=Path(run), threads=2)
    bottleneck.predict_images(pixels, run=run)
    bottleneck.predict_images([picture], backbone="resnet50", classes="imagenet")
    bottleneck.predict_images(picture, run=run)
    return found.probabilities[[error is None for error in found.errors]]


def comparison(run: str, folder: Path) -> str:
    """Compare and export."""
    best: dict[str, object] = bottleneck.compare_runs([run, folder])["runs"][0]
    bottleneck.compare_backbones(["mini", "resnet50"], folder, caches=folder, limit=100)
    bottleneck.export_model(run, folder / "model.keras")
    bottleneck.export_features(folder, "features.npz", split="train")
    return str(best["backbone"])


def tables(folder: Path) -> int:
    """Go on in other libraries."""
    store = bottleneck.open_store(folder)
    frame = store.to_pandas("train")
    store.to_arrow(source="photos").to_pandas()
    store.to_xarray().mean("sample")
    data = store.torch_dataset("train")
    row: NDArray[np.float32] = data[0][0]
    bottleneck.export_features(folder, "features.parquet")
    return len(frame) + len(data) + len(row)


def estimators(folder: Path, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Use stores and heads with scikit-learn."""
    features = CachedFeatures("mini", cache=folder, size=(64, 96), on_error="nan")
    rows = features.fit(pixels).transform([folder / "1.png", "2.png"])
    DenseClassifier(units=[64], dropout=(0.3,), optimizer="sgd").fit(rows, ["a", "b"])
    return LinearClassifier(random_state=None).fit(rows, [0, 1]).predict_proba(rows)


def failure(folder: Path) -> int:
    """Catch the family, or one of it."""
    try:
        bottleneck.extract_features(folder, cache=folder, replace=True)
    except RecipeError as error:
        return error.exit_code
    except errors.BottleneckError as error:
        return len(error.what) + len(error.do)
    return 0
