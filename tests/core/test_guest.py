import json
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from bottleneck.core.guest import as_guest, environment_kept, module_hidden

SCRIPT = Path(__file__).with_name("guest_script.py")


def run(folder, what):
    done = subprocess.run(
        [sys.executable, SCRIPT, folder, what], check=True, capture_output=True, text=True
    )
    return done.stdout


@pytest.mark.slow
def test_every_call_leaves_the_process_of_a_program_as_it_was(tmp_path):
    run(tmp_path, "make")
    for when, names in (
        ("never", []),
        ("before", ["dense", "dense_1", "dense_2", "dense_3"]),  # the program's own counter goes on
    ):
        found = json.loads(run(tmp_path, when).splitlines()[-1])
        assert found == {"moved": {}, "problems": [], "names": names}
        for store in ("mini", "maps", "own", "seeded"):
            (tmp_path / store).rename(tmp_path / f"{store}-{when}")


def test_the_filters_of_warnings_and_the_path_are_given_back_when_a_call_fails():
    filters, path = list(warnings.filters), list(sys.path)
    with pytest.raises(KeyError), as_guest(), as_guest():
        warnings.simplefilter("ignore", BytesWarning)
        sys.path.append("/nowhere")
        raise KeyError
    assert (list(warnings.filters), sys.path) == (filters, path)


def test_the_environment_is_given_back(monkeypatch):
    monkeypatch.setenv("KEPT", "1")
    monkeypatch.setenv("GONE", "2")
    monkeypatch.delenv("NEW", raising=False)
    import os

    with environment_kept():
        os.environ["KEPT"] = "changed"
        del os.environ["GONE"]
        os.environ["NEW"] = "3"
    assert (os.environ["KEPT"], os.environ["GONE"], "NEW" in os.environ) == ("1", "2", False)


def test_a_hidden_module_cannot_be_imported_and_is_found_again_afterwards():
    sys.modules.pop("this", None)
    with module_hidden("this"), pytest.raises(ImportError):
        __import__("this")
    assert "this" not in sys.modules
    with module_hidden("json"):
        assert __import__("json") is json
