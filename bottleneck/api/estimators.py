"""The heads as scikit-learn's classifiers: from rows (n, d) to classes of any kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from bottleneck.api.keywords import plain_number
from bottleneck.core.errors import UsageError
from bottleneck.heads import catalog
from bottleneck.heads.groups import drawn
from bottleneck.heads.task import TRAIN, VALIDATION, Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from bottleneck.heads.task import Fitted

    RandomState = int | np.random.RandomState | None

OF_SKLEARN = ("validation_fraction", "random_state")  # every other parameter is the head's


class _HeadEstimator(BaseEstimator):  # type: ignore[misc] # no types in scikit-learn
    """What heads of any kind share: parameters, a split, and the head of the catalog fitted.

    Attributes
    ----------
    head_ : the fitted head; see `bottleneck.heads.task.Fitted`
    n_features_in_ : d
    """

    head: ClassVar[str]
    validation_fraction: float
    random_state: RandomState

    def _fitted(
        self, rows: NDArray[np.float32], targets: NDArray[Any], strata: NDArray[Any], **more: Any
    ) -> Fitted:
        """Return the head, fitted; `strata` (n,) are numbers, each of which gives its share."""
        fraction: Any = self.validation_fraction
        if not isinstance(fraction, int | float) or not 0 <= fraction < 1:
            raise UsageError(
                f"{fraction!r} is no part of the rows", "validation_fraction", "give 0 to below 1"
            )
        seed = self.random_state
        if not isinstance(seed, int | np.integer):
            seed = check_random_state(seed).randint(np.iinfo(np.int32).max)
        given = {
            name: plain_number(value)
            for name, value in self.get_params(deep=False).items()
            if name not in OF_SKLEARN
        }
        task = Task(
            rows=rows,
            targets=targets,
            split=_split(rows, strata, int(seed), fraction),
            seed=int(seed),
            options=catalog.for_kind(
                self.head, catalog.complete(self.head, given), more.get("kind", "class"), given
            ),
            **more,
        )
        return catalog.load_kind(self.head).fit(task)


class _HeadClassifier(ClassifierMixin, _HeadEstimator):  # type: ignore[misc] # the same
    """What the heads that are classifiers share.

    Attributes
    ----------
    classes_ : (k,) the labels, sorted
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:  # noqa: N803 - as scikit-learn has it
        """Fit on rows (n, d) and their classes (n,), numbers or texts.

        Raises
        ------
        ValueError
            Rows or labels that cannot be used, or fewer than two classes.
        UsageError
            A parameter that cannot be meant.
        """
        rows, labels = validate_data(self, X, y, dtype=np.float32)
        labels = column_or_1d(labels, warn=True)
        check_classification_targets(labels)
        self.classes_, targets = np.unique(labels, return_inverse=True)
        n_classes = len(self.classes_)
        if n_classes < 2:
            raise ValueError(f"1 class in the data ({self.classes_[0]!r}); a classifier needs two")
        self.head_ = self._fitted(rows, targets.astype(np.int32), targets, n_outputs=n_classes)
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float32]:  # noqa: N803
        """Return the probabilities (n, k) float32 of rows (n, d), in the order of `classes_`."""
        check_is_fitted(self)
        rows = validate_data(self, X, reset=False, dtype=np.float32)
        return np.asarray(self.head_.predict(rows), np.float32)

    def predict(self, X: ArrayLike) -> NDArray[Any]:  # noqa: N803
        """Return the most probable class of each of rows (n, d), as (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])


def _split(
    rows: NDArray[np.float32], strata: NDArray[np.int64], seed: int, fraction: float
) -> NDArray[np.uint8]:
    """Return which rows train and which validate: of each stratum its share, by hash(seed, row).

    So the order of rows plays no part, and equal rows of one class are on one side. At least one
    row of each class is trained on.
    """
    split = np.full(len(rows), TRAIN, np.uint8)
    order = drawn(rows, "validation", seed)
    for stratum in np.unique(strata):
        mine = np.flatnonzero(strata == stratum)
        unique = np.unique(order[mine])
        chosen = unique[: min(round(fraction * len(unique)), len(unique) - 1)]
        split[mine[np.isin(order[mine], chosen)]] = VALIDATION
    return split


class LinearClassifier(_HeadClassifier):
    """Softmax regression that chooses how strongly it is regularised.

    The head `linear` (see docs/heads.md). It standardises rows by itself.

    Parameters
    ----------
    strength : of the regularisation; None: the best by folds of the rows
    class_weights : balanced makes rare classes count as much as common ones; None: none
    validation_fraction : part of the rows, of each class, that judges the fit before they join it,
        and by which the strength of very many rows is chosen
    random_state : which rows those are; None draws anew each time
    """

    head = "linear"

    def __init__(
        self,
        *,
        strength: float | None = None,
        class_weights: Literal["balanced", "none"] | None = None,
        validation_fraction: float = 0.2,
        random_state: RandomState = 0,
    ) -> None:
        self.strength = strength
        self.class_weights = class_weights
        self.validation_fraction = validation_fraction
        self.random_state = random_state


class KNNClassifier(_HeadClassifier):
    """A vote of the nearest rows by cosine; how many vote, and how sharply, is chosen.

    The head `knn` (see docs/heads.md).

    Parameters
    ----------
    validation_fraction : part of the rows, of each class, that the choice is made by; with 0, all
        rows, each judged by the others
    random_state : which rows those are; None draws anew each time
    """

    head = "knn"

    def __init__(self, *, validation_fraction: float = 0.2, random_state: RandomState = 0) -> None:
        self.validation_fraction = validation_fraction
        self.random_state = random_state


class PrototypesClassifier(_HeadClassifier):
    """The nearest class mean, shrunk towards the mean of all, for few labels.

    The head `prototypes` (see docs/heads.md).

    Parameters
    ----------
    validation_fraction : part of the rows, of each class, that shrinkage and sharpness are chosen
        by; with 0, all rows, each judged by the means of the others
    random_state : which rows those are; None draws anew each time
    """

    head = "prototypes"

    def __init__(self, *, validation_fraction: float = 0.2, random_state: RandomState = 0) -> None:
        self.validation_fraction = validation_fraction
        self.random_state = random_state


class DenseClassifier(_HeadClassifier):
    """Fully connected layers with dropout, trained by Keras; for rows that are not linear enough.

    The head `dense` (see docs/heads.md); needs Keras with a backend that trains.

    Parameters
    ----------
    units, dropout : of each layer; one dropout serves for all layers
    optimizer, learning_rate, momentum, nesterov, weight_decay, epochs, batch_size, patience,
    class_weights, refit : how it is trained, as of `train_head`; None: the head's own default
    validation_fraction : part of the rows, of each class, whose loss says when to stop
    random_state : which rows those are, first weights and the order of batches; None draws anew
        each time
    """

    head = "dense"

    def __init__(
        self, *, units: Sequence[int] | None = None, dropout: Sequence[float] | None = None,
        optimizer: Literal["adam", "sgd"] | None = None, learning_rate: float | None = None,
        momentum: float | None = None, nesterov: bool | None = None,
        weight_decay: float | None = None, epochs: int | None = None,
        batch_size: int | None = None, patience: int | None = None,
        class_weights: Literal["balanced", "none"] | None = None, refit: bool | None = None,
        validation_fraction: float = 0.2, random_state: RandomState = 0,
    ) -> None:  # fmt: skip
        self.units = units
        self.dropout = dropout
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.nesterov = nesterov
        self.weight_decay = weight_decay
        self.epochs = epochs
        self.batch_size = batch_size
        self.patience = patience
        self.class_weights = class_weights
        self.refit = refit
        self.validation_fraction = validation_fraction
        self.random_state = random_state
