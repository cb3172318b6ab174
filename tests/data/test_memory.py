"""Images handed over from Python: what an array file or a folder would give, and refusals."""

import io
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image
from world import picture

from bottleneck.core.digest import bytes_digest, sample_digest
from bottleneck.core.errors import DataError, UsageError
from bottleneck.core.given import Given
from bottleneck.core.recipe import ImageSpec
from bottleneck.data.catalog import open_source, reopen
from bottleneck.data.decode import decode

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 6, 5, 3), np.uint8)
LABELS = tuple("ab" * 6)


def given(images, labels=None, name="memory"):
    return open_source(Given(images=images, labels=labels, name=name))


def contents(source):
    return [sample_digest(source.read(i).content) for i in range(len(source.list()))]


@pytest.mark.parametrize("shape", [(12, 6, 5), (12, 6, 5, 1), (12, 6, 5, 3)])
def test_an_array_has_the_keys_and_digests_of_an_npy_file(tmp_path, shape):
    images = np.resize(PIXELS, shape)
    np.save(tmp_path / "x.npy", images)
    file, memory = open_source(str(tmp_path / "x.npy")), given(images)
    assert contents(memory) == contents(file)
    assert memory.list().keys.tolist() == file.list().keys.tolist()
    assert contents(given([*images])) == contents(file)
    assert memory.list().labels.tolist() == [-1] * 12
    assert memory.list().classes == ()


def test_labels_are_aligned_and_those_of_an_npz(tmp_path):
    labels = [i % 11 for i in range(12)]
    np.savez(tmp_path / "x.npz", x=PIXELS, y=labels)
    file, memory = open_source(str(tmp_path / "x.npz")), given(PIXELS, tuple(map(str, labels)))
    assert memory.list().classes == file.list().classes
    assert memory.list().labels.tolist() == file.list().labels.tolist()
    some = given(PIXELS, ("b", "", *("a" * 10))).list()
    assert (some.classes, some.labels.tolist()[:3]) == (("a", "b"), [1, -1, 0])


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "I;16"])
def test_a_picture_is_the_pixels_that_the_decoder_makes_of_its_file(mode):
    wide = np.random.default_rng(1).integers(0, 65536, (6, 5), np.uint16)
    image = Image.fromarray(wide if mode == "I;16" else PIXELS[0])
    image = image if mode == "I;16" else image.convert(mode)
    file = io.BytesIO()
    image.save(file, "PNG")
    expected = decode(file.getvalue(), ImageSpec(size=(6, 5)))
    for one in (image, Image.open(file)):  # Pillow reads the second when it must
        source = given([one])
        source.list()
        content = source.read(0).content
        np.testing.assert_array_equal(content, expected)
        assert sample_digest(content) == sample_digest(expected)


def test_a_picture_is_turned_upright_as_its_file_is():
    image, exif = Image.fromarray(PIXELS[0]), Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    image.save(file, "PNG", exif=exif)
    source = given([Image.open(file)])
    source.list()
    content = source.read(0).content
    assert content.shape == (5, 6, 3)
    np.testing.assert_array_equal(content, decode(file.getvalue(), ImageSpec(size=(5, 6))))


def test_a_list_of_files_is_their_bytes_in_the_order_of_their_paths(tmp_path):
    paths = [picture(tmp_path / name / "x.png", i) for i, name in enumerate("cab")]
    source = given([str(paths[0]), *paths[1:]], ("c", "a", "b"))
    listing = source.list()
    assert listing.keys.tolist() == sorted(str(path).encode() for path in paths)
    assert [listing.classes[i] for i in listing.labels] == ["a", "b", "c"]
    for i, path in enumerate(sorted(paths)):
        read = source.read(i)
        assert bytes_digest(read.content) == bytes_digest(path.read_bytes())
        assert list(read.stat) == listing.stats[i].tolist()


def test_a_file_that_is_gone_is_a_sample_that_cannot_be_read(tmp_path):
    source = given([picture(tmp_path / "a.png", 0), tmp_path / "b.png"])
    assert len(source.list()) == 2
    source.read(0)
    with pytest.raises(FileNotFoundError):
        source.read(1)


def test_a_stat_is_that_of_the_pixels_alone():
    changed = PIXELS.copy()
    changed[3, 0, 0, 0] ^= 1
    same, other = given(PIXELS.copy()).list().stats, given(changed).list().stats
    stats = given(PIXELS).list().stats
    assert stats.tolist() == same.tolist()
    assert np.flatnonzero((stats != other).any(axis=1)).tolist() == [3]
    source = given(PIXELS)
    source.list()
    assert list(source.read(3).stat) == stats[3].tolist()


def test_any_thread_may_read_pictures_that_are_not_loaded_yet():
    files = []
    for pixels in PIXELS:
        files.append(io.BytesIO())
        Image.fromarray(pixels).save(files[-1], "PNG")
    source = given([Image.open(file) for file in files])
    source.list()
    with ThreadPoolExecutor(4) as pool:
        found = [*pool.map(lambda i: source.read(i % 12).content, range(60))]
    for i, content in enumerate(found):
        np.testing.assert_array_equal(content, PIXELS[i % 12])


def test_patterns_leave_images_out_and_shift_no_label():
    source = open_source(Given(images=PIXELS, labels=LABELS), {"exclude": ["*1"]})
    listing = source.list()
    assert len(listing) == 10
    assert listing.skipped["excluded"] == 2
    assert [listing.classes[i] for i in listing.labels] == [*"aababababa"]
    np.testing.assert_array_equal(source.read(1).content, PIXELS[2])


def test_the_record_says_that_it_cannot_be_opened_again():
    source = given(PIXELS, name="pets")
    spec = json.loads(json.dumps(source.spec, allow_nan=False))
    assert (source.name, spec["kind"], source.exists()) == ("pets", "memory", True)
    assert spec != given(PIXELS, name="others").spec
    with pytest.raises(UsageError, match=r"passed from Python.*'pets'.*extract_features") as caught:
        reopen(spec)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (PIXELS.astype(np.float32), None, "float32.*uint8"),
        (PIXELS[0, 0], None, r"\[5, 3\].*\[n, height, width\]"),
        (np.zeros((2, 4, 4, 5), np.uint8), None, r"\[2, 4, 4, 5\]"),
        (np.zeros((2, 0, 4), np.uint8), None, "must have pixels"),
        (np.zeros((0, 4, 4), np.uint8), None, "no images"),
        ([], None, "no images"),
        (PIXELS, ("a",), "1 labels for 12 images"),
        (PIXELS, ("1.5",) * 12, "regression"),
        (["a.png", PIXELS[0]], None, "mixed"),
        (["a.png", "./a.png"], None, "twice"),
        ([PIXELS[0], ["text"]], None, "uint8"),
    ],
)
def test_what_is_no_image_is_refused(images, labels, message):
    with pytest.raises(DataError, match=message):
        given(images, labels).list()
