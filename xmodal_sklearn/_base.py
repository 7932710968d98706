"""What all classifiers of this package have in common."""

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

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
