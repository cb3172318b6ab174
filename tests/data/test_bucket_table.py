"""Tables in a bucket, beside the same table and images in a folder."""

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

from bottleneck.core.digest import sample_digest
from bottleneck.core.errors import DataError, UsageError
from bottleneck.data.catalog import open_source, reopen

ROWS = [("a/1.png", "cat", "train"), ("a/2.png", "dog", "val"), ("b/3.png", "cat", "test")]


def png(seed):
    """Return the bytes of a small PNG."""
    file = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 5, 3), np.uint8)
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()


@pytest.fixture
def home(tmp_path):
    """Three images, and a folder for a table beside."""
    for i, (name, *_) in enumerate(ROWS):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(png(i))
    return tmp_path


def write_csv(path, rows=ROWS, header=("filename", "label", "split")):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def told(source):
    """Return what a source says of its images, but for their stats."""
    listing = source.list()
    contents = [sample_digest(source.read(i).content) for i in range(len(listing))]
    targets = None if listing.targets is None else listing.targets.values.tolist()
    columns = (listing.keys.tolist(), listing.labels.tolist(), listing.splits.tolist())
    understood = listing.understood.to_json()
    return *columns, listing.classes, contents, targets, listing.skipped, understood


def both(home, image_bucket, name, **options):
    """Return what the table says in a bucket and in a folder."""
    where = image_bucket.put_folder(home, "set")
    return [told(open_source(f"{place}/{name}", options)) for place in (where, str(home))]


@pytest.mark.parametrize("options", [{}, {"include": ["a/*"]}, {"exclude": ["*1*"]}], ids=str)
def test_a_table_reads_as_on_a_disk(options, home, image_bucket):
    write_csv(home / "t.csv")
    there, here = both(home, image_bucket, "t.csv", **options)
    assert there == here


def test_lines_of_json_read_as_on_a_disk(home, image_bucket):
    lines = [json.dumps({"file_name": name, "label": label}) for name, label, _ in ROWS]
    (home / "t.jsonl").write_text("\n".join(lines))
    there, here = both(home, image_bucket, "t.jsonl")
    assert there == here


def test_columns_are_told_as_on_a_disk_and_numbers_are_learned(home, image_bucket):
    rows = [(name, i + 0.5) for i, (name, *_) in enumerate(ROWS)]
    write_csv(home / "t.csv", rows, ("photo", "age"))
    there, here = both(home, image_bucket, "t.csv", file_column="photo", label_column=("age",))
    assert there == here
    assert there[5] == [[0.5], [1.5], [2.5]]


def test_images_may_be_below_a_usual_prefix_beside_the_table(home, image_bucket):
    (home / "images").mkdir()
    for name in ("a", "b"):
        (home / name).rename(home / "images" / name)
    write_csv(home / "t.csv")
    there, here = both(home, image_bucket, "t.csv")
    assert there == here


def test_an_image_that_is_not_there_stays_a_sample_and_fails_by_itself(home, image_bucket):
    write_csv(home / "t.csv", [*ROWS, ("a/9.png", "dog", "train")])
    source = open_source(f"{image_bucket.put_folder(home, 'set')}/t.csv")
    listing = source.list()
    assert listing.understood.missing == {"files": 1, "first": ["a/9.png"]}
    at = listing.keys.tolist().index(b"a/9.png")
    assert listing.stats[at].tolist() == [0, 0, 0, 0]
    with pytest.raises(FileNotFoundError, match="no such object"):
        source.read(at)


def test_a_table_most_of_whose_images_are_missing_is_refused(home, image_bucket):
    write_csv(home / "t.csv", [(f"x/{name}", label, split) for name, label, split in ROWS])
    source = open_source(f"{image_bucket.put_folder(home, 'set')}/t.csv")
    with pytest.raises(DataError, match="3 of 3 images that it names are not there"):
        source.list()


@pytest.mark.parametrize("odd", ["set/bad/a//b.png", "set/zz//b.png"])
def test_a_key_that_is_no_path_is_named_only_where_a_table_needs_what_is_beside(
    odd, home, image_bucket
):
    write_csv(home / "t.csv")
    where = f"{image_bucket.put_folder(home, 'set')}/t.csv"
    before = told(open_source(where))
    image_bucket.put_as_is(odd, b"x")
    assert told(open_source(where)) == before
    image_bucket.put_as_is("set/b/x//y.png", b"x")
    with pytest.raises(DataError, match=r"the key set/b/x//y.png is no path"):
        open_source(where).list()


def test_one_object_under_two_names_is_refused(home, image_bucket):
    write_csv(home / "t.csv", [*ROWS, ("./a/1.png", "dog", "train")])
    source = open_source(f"{image_bucket.put_folder(home, 'set')}/t.csv")
    with pytest.raises(DataError, match="are one object"):
        source.list()


def test_a_table_asks_for_itself_and_for_names_alone(home, image_bucket):
    write_csv(home / "t.csv")
    source = open_source(f"{image_bucket.put_folder(home, 'set')}/t.csv")
    image_bucket.reads()
    source.list()
    assert image_bucket.n_listings() == 1
    assert image_bucket.reads() == ["/bucket/set/t.csv"]


def test_a_table_is_opened_again_by_its_record(home, image_bucket):
    write_csv(home / "t.csv")
    source = open_source(f"{image_bucket.put_folder(home, 'set')}/t.csv", {"split_column": ""})
    assert source.spec == {
        "kind": "bucket_table", "where": "s3://bucket/set/t.csv", "include": [], "exclude": [],
        "split_column": "",
    }  # fmt: skip
    assert source.name == "t.csv"
    assert told(reopen(source.spec)) == told(source)
    assert source.exists()
    assert not open_source("s3://bucket/set/other.csv").exists()


@pytest.mark.parametrize(
    ("name", "match"), [("none.csv", "no such file"), ("t.parquet", "are not read in buckets")]
)
def test_what_is_no_table_of_names_is_refused(name, match, image_bucket):
    image_bucket.put("a.png", png(0))
    with pytest.raises(DataError, match=match):
        open_source(f"s3://bucket/{name}").list()


def test_a_table_of_pixels_is_refused(home, image_bucket):
    rows = [[0, *range(16)], [1, *range(16)], [0, *range(16)]]
    write_csv(home / "t.csv", rows, ["label", *(f"pixel{i}" for i in range(16))])
    with pytest.raises(DataError, match="holds its images"):
        open_source(f"{image_bucket.put_folder(home, 'set')}/t.csv").list()


def test_options_that_mean_nothing_there_are_refused(image_bucket):
    with pytest.raises(UsageError, match="no such option"):
        open_source("s3://bucket/t.csv", {"root": "x"})
    with pytest.raises(UsageError, match="both say the classes"):
        open_source("s3://bucket/t.csv", {"label_from": "(a)", "label_column": ("b",)})
