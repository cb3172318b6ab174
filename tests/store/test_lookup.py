"""Which digest stands where, of parts that come one after the other."""

import numpy as np
import pytest

from bottleneck.store.lookup import Lookup


def parts_of(seed, n):
    """Return digests of n parts: many begin alike, and some stand in several parts."""
    rng = np.random.default_rng(seed)
    found = []
    for i in range(n):
        digests = rng.integers(0, 256, (int(rng.integers(0, 50)), 32), np.uint8)
        digests[::3, :8] = 7
        if found and len(found[i // 2]) and len(digests):
            digests[0] = found[i // 2][0]
        found.append(digests)
    return found


def oracle(parts):
    """Return where each digest stands first."""
    places = {}
    for part, digests in enumerate(parts):
        for row, digest in enumerate(digests):
            places.setdefault(digest.tobytes(), (part, row))
    return places


@pytest.mark.parametrize("step", [1, 2, 7, 200])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_lookup_that_grew_finds_what_a_dict_does(seed, step):
    parts = parts_of(seed, 200)
    lookup = Lookup([])
    for at in range(0, len(parts), step):
        lookup = lookup.extended(parts[at : at + step])
    strangers = np.random.default_rng(9).integers(0, 256, (50, 32), np.uint8)
    asked = np.concatenate([*parts, strangers])
    handles = lookup.find(asked)
    known = oracle(parts)
    expected = [known.get(digest.tobytes()) for digest in asked]
    assert (handles >= 0).tolist() == [place is not None for place in expected]
    part, row = lookup.places(handles[handles >= 0])
    found = list(zip(part.tolist(), row.tolist(), strict=True))
    assert found == [place for place in expected if place is not None]


def test_a_lookup_that_was_extended_stays_as_it_was():
    parts = parts_of(3, 40)
    one = Lookup(parts[:20])
    one.extended(parts[20:])
    handles = one.find(np.concatenate(parts))
    known = oracle(parts[:20])
    assert (handles >= 0).tolist() == [d.tobytes() in known for d in np.concatenate(parts)]


def test_there_are_few_levels_whatever_number_of_parts_came():
    lookup = Lookup([])
    for i in range(300):
        lookup = lookup.extended([np.random.default_rng(i).integers(0, 256, (16, 32), np.uint8)])
    assert len(lookup._levels) <= 10
