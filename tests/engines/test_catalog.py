"""Which engines are tried for a network."""

import pytest

from bottleneck.core.errors import MissingDependencyError, UsageError
from bottleneck.engines import catalog


@pytest.fixture
def here(monkeypatch):
    """Say which packages are installed."""

    def say(*packages):
        monkeypatch.setattr(catalog, "is_here", lambda name: name in packages)

    say("openvino", "keras", "tensorflow")
    return say


@pytest.mark.parametrize("devices", [None, "cpu", "gpu:0"])
def test_of_the_engines_that_can_take_a_network_alone_is_one_tried(here, devices):
    assert set(catalog.candidates("auto", devices=devices)) == {"openvino", "keras"}
    assert catalog.candidates("auto", devices=devices, only=("openvino",)) == ["openvino"]
    assert catalog.candidates("auto", made_by="keras", only=("openvino",)) == ["openvino"]


def test_an_engine_that_cannot_take_a_network_is_refused(here):
    with pytest.raises(UsageError, match=r"keras cannot take this network: .*--engine openvino"):
        catalog.candidates("keras", only=("openvino",))
    with pytest.raises(UsageError, match="no engine 'fast'"):
        catalog.candidates("fast", only=("openvino",))


def test_what_is_missing_is_named_with_what_installs_it(here):
    here("keras", "tensorflow")
    with pytest.raises(MissingDependencyError, match=r"openvino is not .*bottleneck-cache\[openv"):
        catalog.candidates("auto", only=("openvino",))
    here()
    with pytest.raises(MissingDependencyError, match="no engine is installed"):
        catalog.candidates("auto")
