"""Tables as people have them: each is read as a person would, or refused with the way to say it."""

import re
from collections import Counter

import numpy as np
import pytest
from table_cases import CASES, plant

from bottleneck.core.errors import DataError
from bottleneck.core.sample import SPLITS
from bottleneck.data.catalog import open_source, reopen


def here(value, root):
    """Return what is told, below the folder of a test."""
    if isinstance(value, list):
        return [here(each, root) for each in value]
    return value.replace("ROOT", str(root)) if isinstance(value, str) else value


def opened(case, root):
    path = plant(case, root)
    if isinstance(case.text, str) and "ROOT" in case.text:
        path.write_text(case.text.replace("ROOT", str(root)))
    return open_source(str(path), {name: here(value, root) for name, value in case.told.items()})


def seen(source):
    listing = source.list()
    counts = Counter(listing.classes[i] for i in listing.labels if i >= 0)
    return listing, dict(counts)


@pytest.mark.parametrize("name", CASES)
def test_a_table_as_people_have_it_is_read_as_a_person_would(name, tmp_path):
    case = CASES[name]
    source = opened(case, tmp_path)
    if case.refused:
        with pytest.raises(DataError, match=case.refused) as caught:
            source.list()
        assert "\n" not in str(caught.value)
        assert caught.value.do
        return
    listing, counts = seen(source)
    assert counts == case.classes
    assert tuple(np.bincount(listing.splits, minlength=3).tolist()) == case.splits
    assert int((listing.labels < 0).sum()) == case.unlabelled
    if case.columns is not None:
        assert listing.understood.columns == case.columns
    assert re.search(case.says, "; ".join(listing.understood.notes))
    assert (listing.targets.names if listing.targets else ()) == case.targets
    for i in range(len(listing)):
        source.read(i)
    again = reopen(source.spec)
    assert again.spec == source.spec
    assert np.array_equal(again.list().labels, listing.labels)
    assert set(listing.understood.splits.values()) <= set(SPLITS)
