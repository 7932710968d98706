"""Base classes of estimators."""

from numbers import Integral, Real

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import estimator_html_repr
from sklearn.utils._param_validation import Interval, InvalidParameterError
from sklearn.utils.validation import check_is_fitted

from ._alignment import check_order, plain_labels
from ._typing import Labels, Table

INTEGER_REMEDY = (
    "In a search space, use a distribution of integers, such as scipy.stats.randint or Optuna's "
    "IntDistribution."
)


class ValidatedEstimator(BaseEstimator):
    """An estimator whose error for a whole number of type float names the int to pass."""

    def _html_repr(self) -> str:
        """Return the diagram of scikit-learn and, if fitted, a summary, for a notebook."""
        return f"{estimator_html_repr(self)}{self._html_summary()}"

    def _html_summary(self) -> str:
        return ""

    def _validate_params(self) -> None:
        for name, allowed in self._parameter_constraints.items():
            value = getattr(self, name)
            is_count = any(isinstance(kind, Interval) and kind.type is Integral for kind in allowed)
            is_float = isinstance(value, Real) and not isinstance(value, Integral)
            if is_count and is_float and float(value).is_integer():
                raise InvalidParameterError(
                    f"The {name!r} parameter of {type(self).__name__} must be an int, got "
                    f"{value!r}. Pass {int(value)}. {INTEGER_REMEDY}"
                )
        super()._validate_params()


class ProbabilityClassifierMixin(ClassifierMixin):
    """A classifier whose prediction is the class of the highest probability."""

    def predict(self, X: Table) -> np.ndarray:
        """Predict the most probable class.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Samples with the columns seen in fit.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels of the type seen in fit.
        """
        check_is_fitted(self)
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def predict_log_proba(self, X: Table) -> np.ndarray:
        """Return the logarithm of the probability of each class.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Samples with the columns seen in fit.

        Returns
        -------
        ndarray of float of shape (n_samples, n_classes)
            Columns in the order of ``classes_``; minus infinity where a probability is zero.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def score(self, X: Table, y: Labels, sample_weight: npt.ArrayLike | None = None) -> float:
        """Return the accuracy of the predictions.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Samples with the columns seen in fit.
        y : array-like of shape (n_samples,)
            True classes.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples. None weights all equally.

        Returns
        -------
        float
            The share of samples whose class is predicted.

        Raises
        ------
        ValueError
            If `y` or `sample_weight` does not have the samples of X in their order.
        """
        check_order(y, X, "y")
        check_order(sample_weight, X, "sample_weight")
        return super().score(X, plain_labels(y), sample_weight)
