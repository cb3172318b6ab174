"""The same images elsewhere: their classes and splits stay, or it is said how they would not."""

import csv
import re
import shlex
import tarfile
import zipfile

import pytest
from world import picture

from bottleneck.core import console
from bottleneck.core.errors import DataError
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.relocate import main
from bottleneck.store.store import Store

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8), rows="float32")


class World:
    """A store, and what its one source is recorded to hold."""

    def __init__(self, folder, later, capsys):
        self.folder, self.later, self.capsys = folder, later, capsys
        self.cache = folder / "store"

    def pictures(self, *names):
        for i, name in enumerate(names):
            picture(self.folder / name, i)

    def table(self, name, header, rows):
        with (self.folder / name).open("w", newline="") as file:
            csv.writer(file).writerows([header.split(","), *rows])

    def extract(self, data=None, **reading):
        self.later()
        data = data and str(self.folder / data)
        told = ExtractOptions(
            cache=self.cache, network=NETWORK, data=data, reading=reading, source=data and "s"
        )
        return extract(told)

    def relocate(self, data, *words):
        """Return the exit code and what was said, each option that a person would type as such."""
        code = console.run(main, ["--cache", str(self.cache), "s", str(self.folder / data), *words])
        out, err = self.capsys.readouterr()
        return code, out + err

    def read(self):
        """Return class and split of each image, by its bytes; labels of which it has several."""
        samples = Store.open(self.cache).snapshot("s").samples
        names = [*samples.classes, None]
        if samples.targets is not None:
            return sorted(
                (digest.tobytes(), row)
                for digest, row in zip(
                    samples.digests, samples.targets.values.tolist(), strict=True
                )
            )
        return sorted(
            (digest.tobytes(), names[label], split)
            for digest, label, split in zip(
                samples.digests, samples.labels.tolist(), samples.splits.tolist(), strict=True
            )
        )

    def refused(self, data, *words):
        """A place at which images would be read otherwise: return what keeps, and what takes it."""
        before = self.read()
        number = Store.open(self.cache).state.number
        code, said = self.relocate(data, *words)
        assert code == 3, said
        assert re.search(r"\d+ images? would change class or split", said)
        assert Store.open(self.cache).state.number == number
        kept = re.search(r"say which is meant: (--.*?) for what was recorded", said)
        taken = re.search(
            r"(?:recorded, or|now is meant:) (--.*?)(?: for what| \(|$)", said.strip()
        )
        if kept:
            code, said = self.relocate(data, *words, *shlex.split(kept[1]))
            assert code == 0, said
            assert self.read() == before  # as it says
            assert self.extract()["computed"] == 0
        code, said = self.relocate(data, *words, *shlex.split(taken[1]))
        assert code == 0, said
        assert self.read() != before
        return kept and kept[1], taken[1]


@pytest.fixture
def world(tmp_path, numpy_network, later, capsys):
    return World(tmp_path, later, capsys)


@pytest.fixture
def splits(world):
    """A folder of train and test, two classes, twelve images."""
    names = [f"p/{s}/{c}/{i}.png" for s in ("train", "test") for c in ("cat", "dog")
             for i in range(3)]  # fmt: skip
    world.pictures(*names)
    world.extract("p")
    return names


def packed(world, name, members):
    path = world.folder / name
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as file:
            for member, source in members.items():
                file.write(world.folder / source, member)
    else:
        with tarfile.open(path, "w") as file:
            for member, source in members.items():
                file.add(world.folder / source, member)


def test_a_zip_that_says_no_splits_is_refused_and_can_be_taken(world, splits):
    packed(world, "f.zip", {"{2}/{1}_{3}".format(*name.split("/")): name for name in splits})
    assert world.refused("f.zip") == (None, "--layout auto")
    code, said = world.relocate("f.zip", "--layout", "auto")
    assert code == 0
    assert "train 12" in said


def test_the_example_names_the_image_here_and_there(world, splits):
    packed(world, "f.zip", {"{2}/{1}_{3}".format(*name.split("/")): name for name in splits})
    _, said = world.relocate("f.zip")
    assert (
        "6 images would change class or split: test/cat/0.png, there cat/test_0.png was "
        "recorded as class cat, test, and is read as class cat, train now"
    ) in said


def test_a_table_whose_column_of_labels_is_not_known_is_refused(world, splits):
    world.table("n.csv", "filename,condition", [(name, name.split("/")[2]) for name in splits])
    assert world.refused("n.csv") == ("--label-column condition", "--label-column ''")


def test_a_table_of_other_labels_is_refused(world, splits):
    other = {"cat": "dog", "dog": "cat"}
    rows = [(name, other[name.split("/")[2]]) for name in splits]
    world.table("n.csv", "filename,label", rows)
    assert world.refused("n.csv") == (
        "--label-from '([^/]+)/[^/]+$'",
        "--label-column label",
    )


def test_numbers_in_the_place_of_names_are_other_classes(world, splits):
    rows = [(f"x{i}.png", int("dog" in name), name.split("/")[1]) for i, name in enumerate(splits)]
    for (file, *_), name in zip(rows, splits, strict=True):
        (world.folder / name).rename(world.folder / file)
    world.table("n.csv", "filename,label,split", rows)
    assert world.refused("n.csv") == (None, "--label-column label")
    assert world.relocate("n.csv", "--label-column", "label")[0] == 0


def test_an_archive_whose_name_says_a_split_is_refused(world):
    names = [f"q/{c}/{i}.png" for c in ("cat", "dog") for i in range(3)]
    world.pictures(*names)
    world.extract("q")
    packed(world, "q-val.tar", {name.removeprefix("q/"): name for name in names})
    assert world.refused("q-val.tar") == ("--layout '{split=train}/{class}/*'", "--layout auto")


def test_an_unpacked_archive_that_loses_its_labels_is_refused(world):
    names = [f"w/{i}.png" for i in range(6)]
    world.pictures(*names)
    for i in range(6):
        (world.folder / f"w/{i}.cls").write_text(f"c{i % 2}")
    packed(world, "w.tar", {p.name: p for p in sorted((world.folder / "w").iterdir())})
    world.extract("w.tar")
    assert world.refused("w") == (None, "--layout auto")


def test_a_table_of_the_same_files_with_other_labels_is_refused(world):
    names = [f"q/{i}.png" for i in range(6)]
    world.pictures(*names)
    world.table("a.csv", "filename,label", [(name, f"c{i % 2}") for i, name in enumerate(names)])
    world.table("b.csv", "filename,label", [(name, f"c{i // 3}") for i, name in enumerate(names)])
    world.extract("a.csv")
    assert world.refused("b.csv") == (None, "--label-column label")
    assert world.relocate("b.csv", "--label-column", "label")[0] == 0


def test_parquet_that_has_numbers_for_classes_is_refused(world, splits):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    images = [(world.folder / name).read_bytes() for name in splits]
    columns = {
        "image": [{"bytes": content, "path": None} for content in images],
        "label": [int("dog" in name) for name in splits],
        "split": [name.split("/")[1] for name in splits],
    }
    pq.write_table(pa.table(columns), world.folder / "x.parquet")
    assert world.refused("x.parquet") == (None, "--label-column label")


def test_copies_that_all_come_into_train_are_refused(world):
    world.pictures(*(f"p/{s}/{c}/0.png" for s in ("train", "test") for c in ("cat", "dog")))
    content = (world.folder / "p/train/cat/0.png").read_bytes()
    (world.folder / "p/test/cat/9.png").write_bytes(content)
    world.extract("p")
    (world.folder / "p").rename(world.folder / "q")
    (world.folder / "q/test/cat/9.png").rename(world.folder / "q/train/cat/9.png")
    assert world.refused("q") == (None, "--layout auto")


def test_labels_of_which_an_image_has_several_are_not_lost(world):
    names = [f"i/{i}.png" for i in range(6)]
    world.pictures(*names)
    rows = [(name, 1, i % 2) for i, name in enumerate(names)]
    world.table("t.csv", "filename,red,big", rows)
    world.extract("t.csv", label_column=("red", "big"))
    assert world.refused("i") == (None, "--layout auto")


def test_images_without_a_class_may_get_one(world):
    names = [f"i/{i}.png" for i in range(6)]
    world.pictures(*names)
    world.extract("i")
    world.table("t.csv", "filename,label", [(name, f"c{i % 2}") for i, name in enumerate(names)])
    code, said = world.relocate("t.csv")
    assert (code, "2 classes (c0, c1)" in said) == (0, True)


@pytest.fixture
def named(world):
    """Images whose names say their classes, recorded with --label-from."""
    names = [f"q/{c}_{i}.png" for c in ("cat", "dog") for i in range(3)]
    world.pictures(*names)
    world.extract("q", label_from="^([a-z]+)_")
    return names


@pytest.mark.parametrize("place", ["elsewhere", "q.zip"])
def test_options_that_were_recorded_are_kept_elsewhere(world, named, place):
    before = world.read()
    packed(world, "q.zip", {name.removeprefix("q/"): name for name in named})
    (world.folder / "q").rename(world.folder / "elsewhere")
    code, said = world.relocate(place)
    assert (code, "read as recorded: --label-from '^([a-z]+)_'" in said) == (0, True)
    assert world.read() == before


def test_in_its_place_what_is_told_is_all_and_what_was_recorded_is_offered(world, named):
    assert world.refused("q") == ("--label-from '^([a-z]+)_'", "--layout auto")
    code, said = world.relocate("q", "--layout", "auto")
    assert (code, "0 classes" in said) == (0, True)


def test_an_option_that_is_told_takes_the_place_of_the_recorded_one(world):
    names = [f"i/{c}/{i}.png" for c in ("cat", "dog") for i in range(3)]
    world.pictures(*names)
    world.table("t.csv", "filename,breed", [(name, f"b{i % 2}") for i, name in enumerate(names)])
    world.extract("t.csv", label_column=("breed",))
    (world.folder / "t.csv").rename(world.folder / "u.csv")
    code, said = world.relocate("u.csv", "--label-from", "([^/]+)/[^/]+$")
    assert (code, "2 classes (cat, dog)" in said, "left out" in said) == (0, True, False), said


def test_a_pattern_for_names_that_lie_deeper_is_offered(world, named):
    (world.folder / "deeper").mkdir()
    (world.folder / "q").rename(world.folder / "deeper/q")
    kept, _ = world.refused("deeper")
    assert kept == "--label-from '(?:^|/)([a-z]+)_'"


def test_a_layout_that_lies_deeper_is_offered(world):
    names = [f"h/{g}/{c}/{i}.png" for g in "AB" for c in ("cat", "dog") for i in range(2)]
    world.pictures(*names)
    world.extract("h", layout="{group}/{class}/*")
    (world.folder / "deeper").mkdir()
    (world.folder / "h").rename(world.folder / "deeper/h")
    kept, taken = world.refused("deeper")
    assert (kept, taken) == (
        "--layout '{ignore}/{group}/{class}/*'",
        "--layout '{group}/{class}/*'",
    )


def test_splits_and_patterns_that_were_recorded_are_kept(world):
    world.pictures(*(f"t/{s}/{c}/{i}.png" for s in ("lernen", "pruefen")
                     for c in ("Hund", "Katze", "Rest") for i in range(2)))  # fmt: skip
    world.extract("t", split_map="lernen=train,pruefen=test", exclude=("Rest",))
    before = world.read()
    (world.folder / "t").rename(world.folder / "u")
    code, said = world.relocate("u")
    assert (code, world.read()) == (0, before), said
    assert "read as recorded: --exclude Rest --split-map lernen=train,pruefen=test" in said
    assert world.extract()["computed"] == 0


def test_what_was_recorded_and_cannot_hold_there_is_said(world):
    names = [f"q/{c}/{i}.png" for c in ("cat", "dog") for i in range(3)]
    world.pictures(*names)
    world.extract("q", layout="{class}/*", include=("cat/*", "dog/*"))
    world.table("t.csv", "filename,label", [(name, name.split("/")[1]) for name in names])
    code, said = world.relocate("t.csv")
    assert code == 0
    left = "left out as it cannot hold there: --include 'cat/*' --include 'dog/*' --layout"
    assert left in said


def test_files_of_a_table_that_were_moved_are_pointed_to_relocate(world):
    world.pictures(*(f"i/{i}.png" for i in range(6)))
    rows = [(f"{i}.png", f"x{i % 3}", f"c{i % 2}") for i in range(6)]
    world.table("t.csv", "filename,label,breed", rows)
    world.extract("t.csv", root=(str(world.folder / "i"),), label_column=("breed",))
    before = world.read()
    (world.folder / "i").rename(world.folder / "j")
    with pytest.raises(DataError, match="the files of the source 's' are not there any more") as it:
        world.extract()
    command = re.search(r"bottleneck relocate (.* --root) NEWPLACE", it.value.do)[1]
    assert console.run(main, [*shlex.split(command), str(world.folder / "j")]) == 0
    assert world.read() == before
    (world.folder / "t.csv").rename(world.folder / "u.csv")
    (world.folder / "j").rename(world.folder / "k")
    code, said = world.relocate("u.csv")  # the folder that was recorded is gone, which is said
    assert (code, "--root" in said) == (3, True), said
    assert world.relocate("u.csv", "--root", str(world.folder / "k"))[0] == 0
    assert world.read() == before


def test_what_is_there_is_offered_as_this_command_is_written(world):
    names = [f"p/{c}/{i}.png" for c in ("cat", "dog") for i in range(3)]
    world.pictures(*names)
    world.extract("p")
    (world.folder / "z").mkdir()
    packed(world, "z/p.zip", {name.removeprefix("p/"): name for name in names})
    code, said = world.relocate("z")
    assert (code, "--data" in said) == (3, False)
    command = re.search(r"give what is there: bottleneck relocate (.*)", said)[1]
    assert console.run(main, shlex.split(command)) == 0


def test_a_table_beside_is_offered_as_this_command_is_written(world):
    world.pictures(*(f"p/{i}.png" for i in range(6)))
    world.extract("p")
    (world.folder / "p").rename(world.folder / "q")
    world.table("q/labels.csv", "filename,label", [(f"{i}.png", f"c{i % 2}") for i in range(6)])
    code, said = world.relocate("q")
    assert (code, "--data" in said) == (0, False)
    command = re.search(r"may say their classes: bottleneck relocate (.*)", said)[1]
    assert console.run(main, shlex.split(command)) == 0
    assert {label for _, label, _ in world.read()} == {"c0", "c1"}


def test_a_dry_run_of_a_compressed_archive_unpacks_nothing_that_stays(world):
    world.pictures("p/cat/0.png", "p/dog/0.png")
    world.extract("p")
    with tarfile.open(world.folder / "p.tar.gz", "w:gz") as file:
        file.add(world.folder / "p", "p")
    up = world.folder / "up"
    code, said = world.relocate("p.tar.gz", "--unpack", str(up), "--dry-run")
    assert code == 0, said
    assert not up.exists()
    assert world.relocate("p.tar.gz", "--unpack", str(up))[0] == 0
    assert [*up.iterdir()]
