"""A folder and the same folder in a zip or a tar are read, or refused, alike."""

import tarfile
import zipfile

import pytest
from layout_cases import READ, REFUSED, lay_in, table, ways_in

from bottleneck.core.errors import DataError
from bottleneck.data.catalog import open_source


def pack(root, path, around):
    """Pack a folder, by its contents or in a folder of its own name."""
    files = [file for file in sorted(root.rglob("*")) if file.is_file()]
    names = [f"{around}{file.relative_to(root).as_posix()}" for file in files]
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file, name in zip(files, names, strict=True):
                archive.write(file, name)
    else:
        with tarfile.open(path, "w") as archive:
            for file, name in zip(files, names, strict=True):
                archive.add(file, name)
    return path


def outcome(source):
    """Return the table of what is read, or that it is refused, and with how many ways."""
    try:
        return table(source.list())
    except DataError as error:
        return "refused", len(ways_in(error.do))


@pytest.mark.parametrize("folders", [*READ, *REFUSED])
def test_what_is_packed_is_read_as_the_folder_is(plant, tmp_path, folders):
    root = lay_in(plant, folders)
    expected = outcome(open_source(str(root)))
    for name, around in (("root.zip", ""), ("root.tar", "root/")):
        assert outcome(open_source(str(pack(root, tmp_path / name, around)))) == expected, name


@pytest.mark.parametrize("folders", REFUSED)
def test_each_way_that_is_offered_for_a_zip_works_there(plant, tmp_path, folders):
    path = str(pack(lay_in(plant, folders), tmp_path / "root.zip", "root/"))
    with pytest.raises(DataError) as caught:
        open_source(path).list()
    for told in ways_in(caught.value.do):
        assert len(open_source(path, told).list())


def test_masks_by_their_names_are_refused_in_an_archive_also_beside_other_files(tmp_path, draw):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("cat/1", "dog/1"):
            archive.writestr(f"{name}.png", draw(seed=1))
            archive.writestr(f"{name}_mask.png", draw(seed=2))
            archive.writestr(f"{name}.json", "{}")
    with pytest.raises(DataError, match=r"2 of 4 images are no photos.*--exclude '\*_mask\.png'"):
        open_source(str(tmp_path / "a.zip")).list()
