"""The heads that learn numbers, as scikit-learn's regressors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from bottleneck.api.estimators import _HeadEstimator
from bottleneck.core.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from bottleneck.api.estimators import RandomState


class LinearRegressor(MultiOutputMixin, RegressorMixin, _HeadEstimator):  # type: ignore[misc] # no types in scikit-learn
    """Ridge or Huber regression of one or several numbers, whose strength is chosen by itself.

    The head `linear` of numbers (see docs/heads.md). It standardises rows by itself.

    Parameters
    ----------
    loss : squared, or huber, which large mistakes move less
    strength : of the regularisation; None: it is chosen
    validation_fraction : part of the rows that the strength is chosen by; they join the fit once
        it is
    random_state : which rows those are; None draws anew each time
    """

    head = "linear"

    def __init__(
        self,
        *,
        loss: Literal["squared", "huber"] = "squared",
        strength: float | None = None,
        validation_fraction: float = 0.2,
        random_state: RandomState = 0,
    ) -> None:
        self.loss = loss
        self.strength = strength
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:  # noqa: N803 - as scikit-learn has it
        """Fit on rows (n, d) and numbers (n,) or (n, k).

        Raises
        ------
        ValueError
            Rows or numbers that cannot be used.
        UsageError
            A parameter that cannot be meant.
        """
        rows, numbers = validate_data(
            self, X, y, dtype=np.float32, multi_output=True, y_numeric=True, ensure_min_samples=2
        )
        self.n_outputs_ = 1 if numbers.ndim == 1 else numbers.shape[1]
        self.is_single_ = numbers.ndim == 1
        targets = np.asarray(numbers, np.float32).reshape(len(rows), -1)
        strata = np.zeros(len(rows), np.int64)
        try:
            self.head_ = self._fitted(
                rows, targets, strata, n_outputs=self.n_outputs_, kind="numbers"
            )
        except DataError as error:
            raise ValueError(str(error)) from error
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:  # noqa: N803 - as scikit-learn has it
        """Return the numbers of rows (n, d), as (n,) or (n, k) float64 with float32's digits."""
        check_is_fitted(self)
        rows = validate_data(self, X, reset=False, dtype=np.float32)
        found = np.asarray(self.head_.predict(rows), np.float64)
        return found[:, 0] if self.is_single_ else found
