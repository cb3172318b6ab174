"""Every family of backbones against its contract."""

from importlib import import_module

import pytest

from bottleneck.backbones import catalog
from bottleneck.core.errors import UsageError

# A name of each form that is not in a list, and nobody's names.
NOBODY = ("resnet5", "", "hub:nobody", "s3://bucket/network.keras")


@pytest.fixture(params=catalog.FAMILIES)
def family(request):
    return import_module(request.param)


def test_a_listed_name_is_claimed_by_its_family_alone(family):
    for name in family.names():
        claiming = [one for one in catalog._families() if one.claims(name)]
        assert claiming == [family], name
        assert catalog.spec(name).name == name


def test_the_catalog_lists_every_name_once(family):
    listed = catalog.names()
    assert len(set(listed)) == len(listed)
    assert set(family.names()) <= set(listed)


def test_a_listed_name_is_found_in_any_case(family):
    for name in family.names():
        assert catalog.spec(name.upper()) == catalog.spec(name.title()) == catalog.spec(name)


def test_nobody_s_names_are_claimed_by_nobody(family):
    for name in NOBODY:
        assert not family.claims(name), name
        with pytest.raises(UsageError, match="no backbone"):
            catalog.spec(name)
