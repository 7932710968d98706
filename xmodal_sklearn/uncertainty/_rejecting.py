"""No prediction where the model is not sure."""

from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import clone
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.validation import check_is_fitted

from .._typing import Labels, Table
from ._wrapper import ClassifierWrapper

__all__ = ["RejectingClassifier", "reject"]


class RejectingClassifier(ClassifierWrapper):
    """Gives no class to samples whose highest probability is too low.

    Parameters
    ----------
    estimator : classifier
        Any classifier with ``predict_proba``; one in a :class:`~sklearn.frozen.FrozenEstimator` is
        not fitted again.

    Attributes
    ----------
    estimator_ : classifier
        Fitted.
    classes_ : ndarray of shape (n_classes,)
        The classes.
    n_features_in_ : int
        Number of columns seen in fit.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Their names, where X is a DataFrame.

    See Also
    --------
    ConformalClassifier : Gives sets of classes with a guaranteed coverage.

    Notes
    -----
    The report of a comparison shows, for each model, the accuracy among the samples answered
    against their share, from which to choose a probability.

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

    def __init__(self, estimator: Any):
        self.estimator = estimator

    def fit(self, X: Table, y: Labels) -> Self:
        """Fit the estimator.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,)
            Their classes.

        Returns
        -------
        RejectingClassifier
            Itself.
        """
        self._validate_params()
        self.estimator_ = clone(self.estimator).fit(X, y)
        self._take_over()
        return self

    def predict(self, X: Table, min_proba: float = 0.0) -> np.ndarray:
        """Predict the most probable class, or none.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Samples with the columns seen in fit.
        min_proba : float, default=0.0
            Samples whose highest probability is less get None; from 0, which gives a class to all,
            to 1.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels; if `min_proba` is above 0, of dtype object.

        Raises
        ------
        ValueError
            If `min_proba` is no number from 0 to 1.
        """
        check_is_fitted(self)
        return reject(self.classes_, self.predict_proba(X), min_proba)


def reject(classes: np.ndarray, probabilities: np.ndarray, min_proba: float) -> np.ndarray:
    """Return the most probable class of each sample, None where it is not probable enough.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The classes.
    probabilities : ndarray of float of shape (n_samples, n_classes)
        Of each sample.
    min_proba : float
        The smallest probability that is enough.

    Returns
    -------
    ndarray of shape (n_samples,)
        Of dtype object if `min_proba` is above 0.

    Raises
    ------
    ValueError
        If `min_proba` is no number from 0 to 1.
    """
    if isinstance(min_proba, bool) or not isinstance(min_proba, Real) or not 0 <= min_proba <= 1:
        raise ValueError(f"min_proba must be a number from 0 to 1, got {min_proba!r}.")
    predicted = classes[probabilities.argmax(axis=1)]
    if min_proba == 0:
        return predicted
    answers = predicted.astype(object)
    answers[probabilities.max(axis=1) < min_proba] = None
    return answers
