"""What a head can be told: how each option is spelled, what it means, which values it takes.

An option that several heads have is declared here once; heads may differ in its default alone. One
that a single head has may stand in that head's line of the catalog. Only the standard library is
imported, so that the command line can be made, and a wrong word refused, before anything is loaded.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from bottleneck.core import words
from bottleneck.core.errors import UsageError
from bottleneck.core.option import Option, is_fraction, is_number, several, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def complete(
    head: str,
    options: Sequence[Option],
    given: Mapping[str, Any],
    owners: Callable[[str], Sequence[str]],
) -> dict[str, Any]:
    """Return the value of every option of a head: what was given, else its default.

    None counts as not given.

    Parameters
    ----------
    owners : returns the heads that have an option of this name

    Raises
    ------
    UsageError
        For an option that the head does not have, or a value that it cannot take.
    """
    said = {name: value for name, value in given.items() if value is not None}
    known = {option.name: option for option in options}
    for name, value in said.items():
        if name not in known:
            raise _no_such_option(head, name, options, owners(name))
        if not known[name].check(value):
            raise UsageError(
                f"{value!r} cannot be used", known[name].flag, f"give {known[name].example}"
            )
    found = {option.name: option.default for option in options} | said
    if "optimizer" in found:
        _complete_optimizer(found, said)
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in found.items()
    }


def _no_such_option(
    head: str, name: str, options: Sequence[Option], owners: Sequence[str]
) -> UsageError:
    has = ", ".join(option.flag for option in options) or "no options"
    advice = f"omit it: {head} has {has}"
    if owners:
        other = ", ".join(owners[:-1]) + (" or " if owners[1:] else "") + owners[-1]
        advice = f"omit it, or use --head {other}, which {'have' if owners[1:] else 'has'} it"
    flag = f"--{name.replace('_', '-')}"
    return UsageError(f"the head {head} has no such option", flag, advice)


def _complete_optimizer(found: dict[str, Any], said: Mapping[str, Any]) -> None:
    """Fill in what the optimiser has by itself; what it does not have must not have been given."""
    own = _OPTIMIZERS[found["optimizer"]]
    for name in _OF_SGD:
        if name not in own:
            if name in said:
                raise UsageError(
                    f"the optimizer {found['optimizer']} does not have it",
                    f"--{name}",
                    "omit it, or say --optimizer sgd",
                )
            found.pop(name)
    for name, value in own.items():
        if found[name] is None:
            found[name] = value
    if found.get("nesterov") and not found["momentum"]:
        raise UsageError("needs a momentum", "--nesterov", "give one, such as --momentum 0.9")


def spread(values: tuple[float, ...], n_layers: int, flag: str = "--dropout") -> tuple[float, ...]:
    """Return one value a layer: one for all of them, or as many as there are layers.

    Raises
    ------
    UsageError
        When there are as many as neither.
    """
    if len(values) == 1:
        return values * n_layers
    if len(values) != n_layers:
        raise UsageError(
            f"{len(values)} values for {n_layers} layers", flag, "give one, or one for each layer"
        )
    return values


_OF_SGD = ("momentum", "nesterov")
_OPTIMIZERS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "adam": {"learning_rate": 1e-3},
        "sgd": {"learning_rate": 1e-2, "momentum": 0.9, "nesterov": False},
    }
)
UNITS = Option(
    name="units",
    help="the number of units of each layer, or none for a softmax alone",
    check=several(whole(1)),
    example="numbers such as 1000,500,100, or none",
    parse=words.whole_numbers,
    metavar="N,…",
)
DROPOUT = Option(
    name="dropout",
    help="the share of units that each dropout switches off: one for each, or one for all",
    check=several(is_fraction),
    example="numbers below 1, such as 0.3 or 0.3,0.4,0.2",
    parse=words.fractions,
    metavar="F,…",
)
FILTERS = Option(
    name="filters",
    help="how many channels the convolution makes",
    check=whole(1),
    example="a number such as 100",
    parse=words.positive,
    metavar="N",
)
KERNEL = Option(
    name="kernel",
    help="the height and width of the convolution's kernel",
    check=whole(1),
    example="a number such as 2",
    parse=words.positive,
    metavar="N",
)
OPTIMIZER = Option(
    name="optimizer",
    help="which optimizer takes the steps",
    check=lambda value: value in _OPTIMIZERS,
    example="adam or sgd",
    default="adam",
    choices=tuple(_OPTIMIZERS),
)
LEARNING_RATE = Option(
    name="learning_rate",
    help="how large the steps are",
    check=lambda value: is_number(value) and value > 0,
    example="a number above 0, such as 0.001",
    default_text="0.001 with adam, 0.01 with sgd",
    parse=float,
    metavar="F",
)
MOMENTUM = Option(
    name="momentum",
    help="of sgd alone: how much of the last step each step keeps",
    check=is_fraction,
    example="a number from 0 to below 1, such as 0.9",
    default_text="0.9",
    parse=float,
    metavar="F",
)
NESTEROV = Option(
    name="nesterov",
    help="of sgd alone: Nesterov's momentum",
    check=lambda value: isinstance(value, bool),
    example="yes or no",
    default_text="--no-nesterov",
    is_switch=True,
)
CLASS_WEIGHTS = Option(
    name="class_weights",
    help="balanced makes rare classes count as much as common ones",
    check=lambda value: value in ("balanced", "none"),
    example="balanced or none",
    default="none",
    choices=("balanced", "none"),
)
STRENGTH = Option(
    name="strength",
    help="how strongly weights are held small: the loss is the mean cross-entropy of the training "
    "images plus STRENGTH/2 times the sum of squared weights",
    check=lambda value: is_number(value) and value > 0,
    example="a number above 0, such as 0.01",
    default_text="the best by folds of the training images",
    parse=float,
    metavar="STRENGTH",
)
REFIT = Option(
    name="refit",
    help="once the best number of epochs is known by the validation images, fit anew to these and "
    "the training images together, for as many",
    check=lambda value: isinstance(value, bool),
    example="yes or no",
    default=False,
    default_text="--no-refit",
    is_switch=True,
)
LOSS = Option(
    name="loss",
    help="of numbers alone: what a mistake costs; huber counts large ones less than squared does",
    check=lambda value: value in ("squared", "huber"),
    example="squared or huber",
    default="squared",
    choices=("squared", "huber"),
)
# How a head that is a Keras network is trained.
TRAINING: tuple[Option, ...] = (
    OPTIMIZER,
    LEARNING_RATE,
    MOMENTUM,
    NESTEROV,
    Option(
        name="weight_decay",
        help="how much every step shrinks the weights",
        check=lambda value: is_number(value) and value >= 0,
        example="a number from 0 on, such as 0.0001",
        default=0.0,
        parse=float,
        metavar="F",
    ),
    Option(
        name="epochs",
        help="how often, at most, all training images are gone through",
        check=whole(1),
        example="a number such as 50",
        default_text="50, and of few images as many as take 6,000 steps, 500 at most",
        parse=words.positive,
        metavar="N",
    ),
    Option(
        name="batch_size",
        help="how many images each step looks at",
        check=whole(1),
        example="a number such as 32",
        default=32,
        parse=words.positive,
        metavar="N",
    ),
    Option(
        name="patience",
        help="stop after so many epochs without a lower validation loss and keep the best "
        "weights; 0 runs all epochs and keeps the last weights",
        check=whole(0),
        example="a number such as 10, or 0 to run all epochs",
        default_text="10, and of few images as many as take 500 steps, 40 at most",
        parse=int,
        metavar="N",
    ),
    CLASS_WEIGHTS,
)
# The same in small steps, for weights that are good already; each takes long, of few images too.
_OF_TAIL = MappingProxyType({"epochs": 50, "patience": 10})
FINE_TUNING: tuple[Option, ...] = (
    OPTIMIZER.by_default("sgd"),
    LEARNING_RATE.by_default(1e-3),
    MOMENTUM.by_default(0.9),
    NESTEROV.by_default(default=True),
    *(
        option.by_default(_OF_TAIL[option.name]) if option.name in _OF_TAIL else option
        for option in TRAINING[4:]
    ),
)
