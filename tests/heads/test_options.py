"""What a head can be told, and what it says of the rest."""

import pytest

from bottleneck.core.errors import UsageError
from bottleneck.heads.catalog import HEADS, complete, options_of_all
from bottleneck.heads.options import spread


@pytest.mark.parametrize("name", HEADS)
def test_what_is_not_said_or_none_is_the_default(name):
    found = complete(name, dict.fromkeys(HEADS[name].defaults))
    assert found == complete(name, {})
    for key, default in HEADS[name].defaults.items():
        if default is not None:
            assert found[key] == default


def test_an_optimiser_brings_what_it_has_and_nothing_else():
    adam, sgd = complete("dense", {}), complete("dense", {"optimizer": "sgd"})
    assert adam["learning_rate"] == 1e-3
    assert not {"momentum", "nesterov"} & adam.keys()
    assert (sgd["learning_rate"], sgd["momentum"], sgd["nesterov"]) == (1e-2, 0.9, False)
    assert complete("dense", {"learning_rate": 0.5})["learning_rate"] == 0.5


@pytest.mark.parametrize("told", [{"momentum": 0.5}, {"nesterov": True}, {"nesterov": False}])
def test_what_adam_does_not_have_is_refused(told):
    with pytest.raises(UsageError, match="omit it, or say --optimizer sgd"):
        complete("dense", told)


def test_nesterov_needs_a_momentum():
    with pytest.raises(UsageError, match="needs a momentum"):
        complete("dense", {"optimizer": "sgd", "momentum": 0.0, "nesterov": True})


@pytest.mark.parametrize(
    "told",
    [
        {"units": (0,)}, {"units": 5}, {"units": (2.0,)}, {"units": ("5",)}, {"units": (2**40,)},
        {"dropout": (1.0,)}, {"dropout": (-0.1,)}, {"dropout": 0.3},
        {"learning_rate": 0}, {"learning_rate": float("nan")}, {"learning_rate": "fast"},
        {"optimizer": "lbfgs"}, {"optimizer": "sgd", "momentum": 1}, {"weight_decay": -1},
        {"epochs": 0}, {"epochs": True}, {"batch_size": 0}, {"patience": -1},
        {"class_weights": "some"}, {"optimizer": "sgd", "nesterov": 1},
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_used_is_refused_by_its_word_on_the_command_line(told):
    with pytest.raises(UsageError, match=f"cannot be used: --{[*told][-1].replace('_', '-')}: "):
        complete("dense", told)


def test_an_option_of_another_head_is_refused_and_the_heads_that_have_it_are_named():
    with pytest.raises(UsageError, match=r"no such option: --units: .* --head dense, which has it"):
        complete("conv", {"units": (5,)})
    with pytest.raises(UsageError, match="omit it, or use --head dense, conv or tail, which have"):
        complete("linear", {"epochs": 5})


def test_of_an_option_that_no_head_has_the_ones_there_are_are_named():
    with pytest.raises(UsageError, match="--depth: omit it: conv has --filters, --kernel, "):
        complete("conv", {"depth": 5})
    with pytest.raises(UsageError, match="--depth: omit it: prototypes has no options"):
        complete("prototypes", {"depth": 5})


def test_an_option_of_several_heads_differs_in_its_default_alone():
    """So the command line can declare it once."""
    for name, heads in options_of_all().items():
        first, *others = (option.by_default(None) for option in heads.values())
        assert all(other == first for other in others), name


def test_one_value_is_for_every_layer_and_more_must_be_as_many_as_there_are():
    assert spread((0.3,), 3) == (0.3, 0.3, 0.3)
    assert spread((0.3,), 0) == ()
    assert spread((0.3, 0.4), 2) == (0.3, 0.4)
    for values in ((0.3, 0.4), ()):
        with pytest.raises(UsageError, match="values for 3 layers"):
            spread(values, 3)
