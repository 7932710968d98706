"""What all classifiers of this package have in common."""

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from ._alignment import check_order

__all__ = ["ProbabilityClassifierMixin"]


class ProbabilityClassifierMixin(ClassifierMixin):
    """A classifier whose prediction is the class of the highest probability."""

    def predict(self, X: Any) -> np.ndarray:
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

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy of the predictions.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Samples with the columns seen in fit.
        y : array-like of shape (n_samples,)
            True classes.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples. None weighs all equally.

        Returns
        -------
        float
            The share of samples whose class is predicted.

        Raises
        ------
        ValueError
            If `y` or `sample_weight` has not the samples of X in their order.
        """
        check_order(y, X, "y")
        check_order(sample_weight, X, "sample_weight")
        return super().score(X, y, sample_weight)
