"""Abstention: no prediction if its probability is too low."""

from collections.abc import Sequence
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.utils import get_tags
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.validation import check_is_fitted

from .._base import ProbabilityClassifierMixin, ValidatedEstimator
from .._typing import Labels, Table


class ClassifierWrapper(ProbabilityClassifierMixin, MetaEstimatorMixin, ValidatedEstimator):
    """A classifier that predicts as its fitted ``estimator_``."""

    estimator: Any
    estimator_: Any

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags = get_tags(self.estimator).input_tags
        return tags

    def predict_proba(self, X: Table) -> np.ndarray:
        """Predict class probabilities with the fitted estimator.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Samples with the columns seen in fit.

        Returns
        -------
        ndarray of float of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        check_is_fitted(self)
        return self.estimator_.predict_proba(X)

    def predict(self, X: Table) -> np.ndarray:
        """Predict classes with the fitted estimator.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Samples with the columns seen in fit.

        Returns
        -------
        ndarray of shape (n_samples,)
            Class labels.
        """
        check_is_fitted(self)
        return self.estimator_.predict(X)

    def _copy_fitted_attributes(self) -> None:
        self.classes_ = self.estimator_.classes_
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))


class RejectingClassifier(ClassifierWrapper):
    """Abstain from predictions whose probability is too low.

    Parameters
    ----------
    estimator : classifier
        Any classifier with ``predict_proba``. A fitted one in a
        :class:`~sklearn.frozen.FrozenEstimator` is not fitted again.

    Attributes
    ----------
    estimator_ : classifier
        The fitted classifier.
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    n_features_in_ : int
        Number of columns seen in fit.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Their names, if X is a DataFrame.

    See Also
    --------
    ConformalClassifier : Predicts sets of classes with guaranteed coverage.

    Notes
    -----
    To choose `min_proba`, see accuracy against coverage in the report of a comparison.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from xmodal_sklearn.uncertainty import RejectingClassifier
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], ["low", "low", "high", "high"]
    >>> model = RejectingClassifier(LogisticRegression()).fit(X, y)
    >>> model.predict([[-2.0], [1.5]], min_proba=0.7).tolist()
    ['low', None]
    """

    _parameter_constraints: ClassVar[dict] = {
        "estimator": [HasMethods(["fit", "predict_proba"])],
    }

    def __init__(self, estimator: BaseEstimator):
        self.estimator = estimator

    def fit(self, X: Table, y: Labels) -> Self:
        """Fit the estimator.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Training samples.
        y : array-like of shape (n_samples,)
            Class labels.

        Returns
        -------
        RejectingClassifier
            The fitted classifier.
        """
        self._validate_params()
        self.estimator_ = clone(self.estimator).fit(X, y)
        self._copy_fitted_attributes()
        return self

    def predict(self, X: Table, min_proba: float = 0.0) -> np.ndarray:
        """Predict the class with the fitted estimator, or None.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Samples with the columns seen in fit.
        min_proba : float, default=0.0
            From 0 to 1; the prediction is None if the probability of its class is lower.

        Returns
        -------
        ndarray of shape (n_samples,)
            Class labels; of dtype object if `min_proba` is greater than 0.
        """
        check_is_fitted(self)
        if (
            isinstance(min_proba, bool)
            or not isinstance(min_proba, Real)
            or not 0 <= min_proba <= 1
        ):
            raise ValueError(f"min_proba must be a number from 0 to 1, got {min_proba!r}.")
        predicted = super().predict(X)
        if min_proba == 0:
            return predicted
        return reject(self.classes_, self.predict_proba(X), predicted, min_proba)


def reject(
    classes: np.ndarray, probabilities: np.ndarray, predicted: np.ndarray, min_proba: float
) -> np.ndarray:
    """Return the predicted classes, None where their probability is too low."""
    kept = predicted.astype(object)
    kept[confidence(classes, probabilities, predicted) < min_proba] = None
    return kept


def confidence(
    classes: Sequence[Any] | np.ndarray, probabilities: np.ndarray, predicted: Any
) -> np.ndarray:
    """Return the probability of the predicted class of each sample."""
    codes = pd.Index(classes).get_indexer(predicted)
    return probabilities[np.arange(len(codes)), codes]
