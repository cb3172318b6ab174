"""From a competition's folder to a submission: three commands, and nothing else."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from bottleneck.__main__ import main

ROOT = Path(__file__).parents[1]
EXTRACT = "extract --data pets/train.csv --backbone mini --cache cache/pets"
TRAIN = "train --cache cache/pets --folds 5"


def rows(path):
    with Path(path).open(newline="") as file:
        return [*csv.reader(file)]


@pytest.fixture
def pets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    script = ROOT / "scripts/demo_kaggle.py"
    subprocess.run([sys.executable, script, "pets"], check=True)
    return tmp_path / "pets"


@pytest.mark.slow
def test_three_commands_lead_from_a_competition_s_folder_to_a_submission(pets):
    assert len(rows(pets / "train.csv")) == 201
    assert not any("." in name for name, _ in rows(pets / "train.csv"))
    assert not any(path.is_dir() for path in (pets / "test").iterdir())
    for command in (
        EXTRACT,
        TRAIN,
        "predict --run last pets/test --like pets/sample_submission.csv --csv submission.csv",
    ):
        assert main(command.split()) == 0
    submission, sample = rows("submission.csv"), rows(pets / "sample_submission.csv")
    assert [row[0] for row in submission] == [row[0] for row in sample]
    assert submission[0] == sample[0]
    right = [a == b for a, b in zip(submission, rows(pets / "solution.csv"), strict=True)]
    assert sum(right[1:]) / len(right[1:]) > 0.8


@pytest.mark.slow
def test_a_competition_may_want_probabilities_and_a_second_file_in_the_place_of_the_first(
    pets, capsys
):
    assert main(EXTRACT.split()) == 0
    assert main(TRAIN.split()) == 0
    first = "predict --run last pets/test --csv submission.csv --columns"
    assert main([*first.split(), "id,*"]) == 0
    header, *found = rows("submission.csv")
    assert header == ["id", "beetle", "ladybird", "spider"]
    assert all(abs(sum(map(float, row[1:])) - 1) < 1e-5 for row in found)
    assert main([*first.split(), "id,label"]) == 2
    assert "exists" in capsys.readouterr().err
    assert main([*first.split(), "id,label", "--force"]) == 0
    assert rows("submission.csv")[0] == ["id", "label"]
