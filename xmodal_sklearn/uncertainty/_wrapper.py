"""What classifiers that wrap another have in common."""

from typing import Any

import numpy as np
from sklearn.base import MetaEstimatorMixin
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from .._base import ProbabilityClassifierMixin, ValidatedEstimator
from .._typing import Table

__all__ = ["ClassifierWrapper"]


class ClassifierWrapper(ProbabilityClassifierMixin, MetaEstimatorMixin, ValidatedEstimator):
    """A classifier whose probabilities are those of its fitted ``estimator_``."""

    estimator: Any
    estimator_: Any

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags = get_tags(self.estimator).input_tags
        return tags

    def predict_proba(self, X: Table) -> np.ndarray:
        """Give the probability of each class, as the estimator does.

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

    def _take_over(self) -> None:
        """Take over what the fitted estimator tells of its classes and columns."""
        self.classes_ = self.estimator_.classes_
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
