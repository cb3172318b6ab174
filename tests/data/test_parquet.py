"""Tables in Parquet: of paths, or of the images themselves, as Hugging Face keeps them."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from table_cases import NAMES, image, kind_of

from bottleneck.core.digest import sample_digest
from bottleneck.core.errors import DataError, MissingDependencyError
from bottleneck.data.catalog import open_source, reopen

FILES = [image(i) for i in range(24)]


@pytest.fixture
def pa():
    return pytest.importorskip("pyarrow")


@pytest.fixture
def write(pa, tmp_path):
    from pyarrow import parquet

    def make(columns, features=None, *, name="t.parquet", **options):
        table = pa.table(columns)
        if features:
            kept = json.dumps({"info": {"features": features}})
            table = table.replace_schema_metadata({"huggingface": kept})
        parquet.write_table(table, tmp_path / name, **options)
        return open_source(str(tmp_path / name))

    return make


def embedded(pa, files=FILES):
    rows = [{"bytes": f, "path": f"{n}.jpg"} for f, n in zip(files, NAMES, strict=False)]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    return pa.array(rows, kind)


CLASSES = {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}, "image": {"_type": "Image"}}
NUMBERS = [int(n > "d") for n in NAMES]


@pytest.mark.parametrize("group", [5, 7, 1000])
def test_embedded_images_are_the_bytes_of_their_files_and_classes_have_their_names(
    pa, write, group
):
    source = write({"image": embedded(pa), "label": NUMBERS}, CLASSES, row_group_size=group)
    listing = source.list()
    assert listing.classes == ("cat", "dog")
    assert listing.labels.tolist() == NUMBERS
    assert [source.read(i).content for i in range(24)] == FILES
    assert [source.read(i).content for i in reversed(range(24))] == FILES[::-1]
    assert listing.understood.columns == {"label": "label"}
    assert "its images are in column 'image'" in listing.understood.notes
    again = reopen(source.spec)
    assert again.list().keys.tolist() == listing.keys.tolist()


def test_threads_read_the_same_images_of_many_batches(pa, write):
    files = [b"%05d" % i * 50 for i in range(1000)]
    source = write({"image": pa.array(files, pa.binary())}, row_group_size=300)
    assert len(source.list()) == 1000
    at = np.random.default_rng(0).integers(0, 1000, 300).tolist()
    with ThreadPoolExecutor(4) as pool:
        assert [*pool.map(lambda i: source.read(i).content, at)] == [files[i] for i in at]


def test_a_listing_reads_no_image_and_reading_keeps_few(pa, write):
    from bottleneck.data import table_parquet

    source = write({"image": pa.array([b"x"] * 2000, pa.binary())}, row_group_size=500)
    source.list()
    images = source._arrays._load().images
    assert not images._kept
    for i in range(2000):
        images[i]
    assert sum(map(len, images._kept.values())) <= table_parquet._KEPT * table_parquet._IMAGES


def test_an_embedded_image_shares_its_digest_with_its_file(pa, write, tmp_path):
    (tmp_path / "a.jpg").write_bytes(FILES[0])
    source = write({"image": embedded(pa)})
    source.list()
    alone = open_source(str(tmp_path / "a.jpg"))
    alone.list()
    assert sample_digest(source.read(0).content) == sample_digest(alone.read(0).content)


def test_paths_splits_categories_and_numbers_are_read_as_in_any_table(pa, write, tmp_path):
    for n, content in zip(NAMES, FILES, strict=True):
        (tmp_path / f"{n}.jpg").write_bytes(content)
    kinds = pa.array([kind_of(n) for n in NAMES]).dictionary_encode()
    halves = ["training", "testing"] * 12
    source = write({"image_path": [f"{n}.jpg" for n in NAMES], "class": kinds, "split": halves})
    listing = source.list()
    assert (listing.classes, np.bincount(listing.splits).tolist()) == (("cat", "dog"), [12, 0, 12])
    assert source.read(0).content == FILES[0]
    source = write({"id": NAMES, "label": pa.array([1, 2, None] * 8)})
    listing = source.list()
    assert (listing.classes, int((listing.labels < 0).sum())) == (("1", "2"), 8)


def test_the_text_none_is_a_class_and_null_or_nan_is_no_label(pa, write):
    source = write({"image": embedded(pa), "label": ["None", None] * 12})
    listing = source.list()
    assert (listing.classes, int((listing.labels < 0).sum())) == (("None",), 12)
    source = write({"image": embedded(pa), "label": pa.array([1.0, float("nan")] * 12)})
    assert source.list().classes == ("1.0",)


def test_several_labels_a_row_in_columns_of_booleans_are_targets(pa, write):
    cats = [n < "d" for n in NAMES]
    source = write({"image": embedded(pa), "cat": cats, "soft": [True] * 24})
    targets = source.list().targets
    assert targets.names == ("cat", "soft")
    assert targets.values[:, 0].tolist() == [float(cat) for cat in cats]


def test_a_row_without_bytes_is_the_reason_of_its_sample_alone(pa, write):
    source = write({"image": embedded(pa, [FILES[0], None, FILES[2]])})
    source.list()
    assert source.read(2).content == FILES[2]
    with pytest.raises(OSError, match="row 1 holds no image"):
        source.read(1)


def test_two_columns_of_images_are_refused(pa, write):
    source = write({"image": embedded(pa), "mask": embedded(pa)})
    with pytest.raises(DataError, match="columns 'image', 'mask' hold images"):
        source.list()


def test_a_file_that_is_none_or_changed_is_said(pa, write, tmp_path):
    source = write({"image": embedded(pa)})
    source.list()
    whole = (tmp_path / "t.parquet").read_bytes()
    (tmp_path / "t.parquet").write_bytes(whole[:-9])
    with pytest.raises(OSError, match="changed after it was listed"):
        source.read(0)
    with pytest.raises(DataError, match="no whole Parquet file"):
        source.list()


def test_without_pyarrow_the_message_has_the_command_that_installs_it(tmp_path, monkeypatch):
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependencyError, match="bottleneck-cache\\[parquet\\]") as caught:
        open_source(str(tmp_path / "t.parquet")).list()
    assert caught.value.exit_code == 2
