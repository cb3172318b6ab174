"""One image, one row, whatever it comes in; and what training on each source says."""

import csv
import json
import shutil
import tarfile

import numpy as np
import pytest
from PIL import Image
from world import picture

from bottleneck._extract_lines import lines
from bottleneck.core.errors import DataError
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.pipeline.upkeep.status import StatusOptions, status
from bottleneck.store.store import Store

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8), rows="float32")


@pytest.fixture
def run(tmp_path, numpy_network, later):
    def again(data, **options):
        later()
        return extract(
            ExtractOptions(data=str(data), cache=tmp_path / "store", network=NETWORK, **options)
        )

    return again


def pack_table(photos, path):
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["filename", "label"])
        for image in sorted(photos.rglob("*.png")):
            rows.writerow([image.relative_to(path.parent), image.parent.name])
    return path


def pack_tar(photos, path):
    with tarfile.open(path, "w") as archive:
        archive.add(photos, arcname=".")
    return path


def pack_npz(photos, path):
    images = sorted(photos.rglob("*.png"))
    x = np.stack([np.asarray(Image.open(image)) for image in images])
    np.savez(path, x=x, y=np.array([image.parent.name for image in images]))
    return path


def test_one_image_has_one_row_through_folder_table_and_tar_and_equal_features_through_npz(
    run, photos, tmp_path
):
    packed = {
        "photos.csv": pack_table(photos, tmp_path / "photos.csv"),
        "photos.tar": pack_tar(photos, tmp_path / "photos.tar"),
        "photos.npz": pack_npz(photos, tmp_path / "photos.npz"),
    }
    assert run(photos)["computed"] == 12
    assert run(packed["photos.csv"])["computed"] == 0
    assert run(packed["photos.tar"])["computed"] == 0
    assert run(packed["photos.npz"])["computed"] == 12  # an array's digest is another one
    store = Store.open(tmp_path / "store")
    assert sorted(store.source_names) == sorted(["photos", *packed])
    snapshots = {name: store.snapshot(name).samples for name in store.source_names}
    for name, samples in snapshots.items():
        assert samples.classes == ("cat", "dog"), name
        assert np.array_equal(samples.labels, snapshots["photos"].labels), name
        rows = np.asarray(store.features(name, None))
        assert np.array_equal(rows, np.asarray(store.features("photos", None))), name
    for name in ("photos.csv", "photos.tar"):
        assert np.array_equal(snapshots[name].digests, snapshots["photos"].digests), name
    assert snapshots["photos.tar"].keys.tolist() == snapshots["photos"].keys.tolist()


@pytest.mark.parametrize("pack", [pack_table, pack_tar, pack_npz])
def test_after_an_edit_exactly_that_image_is_computed_and_after_packing_anew_none(
    run, photos, tmp_path, pack
):
    path = pack(photos, tmp_path / f"p.{pack.__name__[5:].replace('table', 'csv')}")
    assert run(path)["computed"] == 12
    pack(photos, path)
    assert run(path)["computed"] == 0
    picture(photos / "cat/01.png", 99)
    picture(photos / "dog/98.png", 98)
    pack(photos, path)
    report = run(path)
    assert (report["computed"], report["cached"], report["pending"]) == (2, 11, 0)
    assert run(path)["computed"] == 0


def test_a_container_that_is_as_it_was_is_not_read_again(run, photos, tmp_path, monkeypatch):
    path = pack_tar(photos, tmp_path / "p.tar")
    run(path)
    run(path)
    from bottleneck.data.members import MemberSource

    monkeypatch.setattr(MemberSource, "read", None)
    assert run(path)["computed"] == 0


def test_several_sources_in_one_store_each_have_their_name(run, photos, tmp_path):
    tar = pack_tar(photos, tmp_path / "p.tar")
    run(photos)
    run(tar, source="second")
    picture(photos / "cat/99.png", 99)
    assert run(photos)["samples"] == 13
    assert run(tar)["source"] == "second"
    with pytest.raises(DataError, match="shrank"):
        shutil.rmtree(photos / "cat")
        run(photos)
    names = [
        source["name"] for source in status(StatusOptions(cache=tmp_path / "store"))["sources"]
    ]
    assert names == ["photos", "second"]
    assert train(TrainOptions(cache=tmp_path / "store", source="second"))["classes"] == 2


def unlabelled(tmp_path):
    folder = tmp_path / "flat"
    paths = [picture(folder / f"{i}.png", i) for i in range(4)]
    np.save(tmp_path / "a.npy", np.stack([np.asarray(Image.open(path)) for path in paths]))
    rows = "".join(f"flat/{path.name},\n" for path in paths)
    (tmp_path / "t.csv").write_text(f"filename,label\n{rows}")
    return (
        folder,
        paths[0],
        tmp_path / "a.npy",
        tmp_path / "t.csv",
        pack_tar(folder, tmp_path / "a.tar"),
    )


@pytest.mark.parametrize("which", range(5))
def test_what_has_no_labels_is_extracted_and_not_trained_on(run, tmp_path, which):
    data = unlabelled(tmp_path)[which]
    assert run(data)["computed"] == (1 if which == 1 else 4)
    with pytest.raises(DataError, match="no sample has a label, so there is nothing to learn") as e:
        train(TrainOptions(cache=tmp_path / "store"))
    assert e.value.exit_code == 3


def test_a_file_of_a_table_that_is_missing_is_quarantined_with_the_reason(run, photos, tmp_path):
    path = pack_table(photos, tmp_path / "p.csv")
    saved = (photos / "cat/01.png").read_bytes()
    (photos / "cat/01.png").unlink()
    assert run(path)["quarantined"] == 1
    (source,) = status(StatusOptions(cache=tmp_path / "store"))["sources"]
    (entry,) = source["quarantined"]
    assert entry["key"] == "photos/cat/01.png"
    assert "No such file" in entry["reason"]
    (photos / "cat/01.png").write_bytes(saved)
    report = run(path)
    assert (report["computed"], report["quarantined"]) == (1, 0)


def test_a_label_column_that_is_named_later_is_another_reading_with_nothing_computed(
    run, photos, tmp_path
):
    path = pack_table(photos, tmp_path / "t.csv")
    path.write_text(path.read_text().replace("filename,label", "filename,sort"))
    first = run(path)
    assert first["unlabelled"] == first["samples"]
    assert "--label-column" in first["understood"]["notes"][0]
    told = {"label_column": ("sort",)}
    again = run(path, reading=told)
    assert (again["computed"], again["unlabelled"]) == (0, 0)
    assert again["understood"]["columns"] == {"filename": "filename", "label": "sort"}


def test_a_dry_run_counts_and_names_the_files_of_a_table_that_are_not_there(run, photos, tmp_path):
    path = pack_table(photos, tmp_path / "t.csv")
    assert "missing" not in run(path, dry_run=True)["understood"]
    for i in (1, 3):
        (photos / f"cat/0{i}.png").unlink()
    report = run(path, dry_run=True)
    gone = {"files": 2, "first": ["photos/cat/01.png", "photos/cat/03.png"]}
    assert json.loads(json.dumps(report))["understood"]["missing"] == gone
    said = [line for line in lines(report) if "not there" in line]
    assert report["would"]["computed"] == report["samples"] - 2
    assert said == ["t.csv: 2 files are not there: photos/cat/01.png, photos/cat/03.png"]
    assert not (tmp_path / "store").exists()
