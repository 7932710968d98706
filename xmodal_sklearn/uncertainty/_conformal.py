"""Prediction sets with guaranteed coverage for each class."""

from math import ceil
from numbers import Real
from typing import ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import _safe_indexing, indexable
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from .._alignment import check_order
from .._typing import Labels, Seed, Table
from .._warnings import warn
from ._rejecting import ClassifierWrapper

# Rounding error of a product such as 0.9 * 10.
ROUNDING = 1e-9


class ConformalClassifier(ClassifierWrapper):
    r"""Predict sets of classes that contain the true class with a chosen probability.

    Part of the samples is held out of fitting. The probabilities that the fitted estimator predicts
    for their true classes determine how improbable a class may be and still belong to the set.

    Parameters
    ----------
    estimator : classifier
        Any classifier with ``predict_proba``, including any feature selection: no part of it may
        see the held-out samples. With a :class:`~sklearn.frozen.FrozenEstimator`, which must have
        been fitted to other samples, all samples of `fit` are held out.
    calibration_share : float, default=1/3
        Share of the samples of each class that is held out, in (0, 1).
    random_state : int, RandomState instance or None, default=None
        Determines which samples are held out.

    Attributes
    ----------
    estimator_ : classifier
        The classifier fitted to the samples that were not held out.
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    calibration_probabilities_ : list of ndarray, one per class
        For the held-out samples of each class, their predicted probability of this class, in
        descending order.
    n_features_in_ : int
        Number of columns seen in fit.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Their names, if X is a DataFrame.

    See Also
    --------
    RejectingClassifier : Predicts no class if its probability is low.

    Notes
    -----
    Split conformal prediction by class (Mondrian). Of the :math:`n_c` probabilities of class
    :math:`c` held out, in descending order, the one at rank :math:`\lceil (n_c + 1) t \rceil` is
    the threshold of the class for the coverage :math:`t`; a sample's set contains the classes whose
    probability reaches their threshold. For each class, new samples from the same population get a
    set that contains their class with a probability of at least :math:`t`, and without ties at most
    :math:`t + 1 / (n_c + 1)`. This holds for any estimator; a poor one has large sets. It does not
    hold for cohorts that differ from the held-out samples.

    A set is empty if a sample resembles none of the classes. If fewer than
    :math:`t / (1 - t)` samples of a class are held out (9 for a coverage of 0.9), the guarantee
    needs every set to contain the class. Samples of the same patient should be on the same side of
    the split: split them by hand, and wrap the fitted estimator in a FrozenEstimator.

    References
    ----------
    Vovk, V. "Conditional validity of inductive conformal predictors." Machine Learning 92 (2013).

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from xmodal_sklearn import MultiOmicsSelector
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.uncertainty import ConformalClassifier
    >>> X, y = make_multiomics(
    ...     400, {"exp": 40, "mut": 10}, n_classes=3, return_X_y=True, random_state=0
    ... )
    >>> model = make_pipeline(MultiOmicsSelector(10), LogisticRegression(max_iter=1000))
    >>> conformal = ConformalClassifier(model, random_state=0).fit(X[:300], y[:300])
    >>> conformal.predict_set(X[300:], coverage=0.9).shape
    (100, 3)
    """

    _parameter_constraints: ClassVar[dict] = {
        "estimator": [HasMethods(["fit", "predict_proba"])],
        "calibration_share": [Interval(Real, 0, 1, closed="neither")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: BaseEstimator,
        *,
        calibration_share: float = 1 / 3,
        random_state: Seed = None,
    ):
        self.estimator = estimator
        self.calibration_share = calibration_share
        self.random_state = random_state

    def fit(self, X: Table, y: Labels) -> Self:
        """Fit the estimator to part of the samples, and calibrate it on the others.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Training samples.
        y : array-like of shape (n_samples,)
            Class labels.

        Returns
        -------
        ConformalClassifier
            The fitted classifier.

        Raises
        ------
        ValueError
            If a class has fewer than two samples, fewer samples than classes would be held out, or
            a frozen estimator was fitted without one of the classes.
        """
        self._validate_params()
        (X,) = indexable(X)
        check_order(y, X, "y")
        labels = column_or_1d(y, warn=True)
        check_classification_targets(labels)
        if isinstance(self.estimator, FrozenEstimator):
            self.estimator_ = self.estimator
            held_out = np.arange(len(labels))
        else:
            kept, held_out = self._split(labels)
            self.estimator_ = clone(self.estimator)
            self.estimator_.fit(_safe_indexing(X, kept), labels[kept])
        self._copy_fitted_attributes()
        true = labels[held_out]
        unknown = sorted(set(true.tolist()) - set(self.classes_.tolist()), key=str)
        if unknown:
            raise ValueError(
                f"y contains class {unknown[0]!r}, but the frozen estimator was fitted to the "
                f"classes {self.classes_.tolist()}."
            )
        probabilities = self.estimator_.predict_proba(_safe_indexing(X, held_out))
        self.calibration_probabilities_ = [
            np.sort(probabilities[true == label, code])[::-1]
            for code, label in enumerate(self.classes_)
        ]
        return self

    def predict_set(self, X: Table, coverage: float = 0.9) -> np.ndarray:
        """Predict a set of classes for each sample.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Samples with the columns seen in fit.
        coverage : float, default=0.9
            The share of samples of each class whose sets contain the class, in (0, 1).

        Returns
        -------
        ndarray of bool of shape (n_samples, n_classes)
            Whether each class, in the order of ``classes_``, is in the set.

        Raises
        ------
        ValueError
            If `coverage` is not a number between 0 and 1.

        Warns
        -----
        UserWarning
            If so few samples of a class were held out that every set must contain it.
        """
        return self.sets_from_proba(self.predict_proba(X), coverage)

    def sets_from_proba(self, probabilities: np.ndarray, coverage: float = 0.9) -> np.ndarray:
        """Return a set of classes for each sample, given its predicted probabilities.

        Parameters
        ----------
        probabilities : ndarray of float of shape (n_samples, n_classes)
            The result of :meth:`predict_proba`.
        coverage : float, default=0.9
            See :meth:`predict_set`.

        Returns
        -------
        ndarray of bool of shape (n_samples, n_classes)
            See :meth:`predict_set`, which has the same errors and warnings.
        """
        check_is_fitted(self)
        if isinstance(coverage, bool) or not isinstance(coverage, Real) or not 0 < coverage < 1:
            raise ValueError(
                f"coverage must be a number greater than 0 and less than 1, got {coverage!r}."
            )
        n_held_out = map(len, self.calibration_probabilities_)
        counts_by_class = dict(zip(self.classes_.tolist(), n_held_out, strict=True))
        few = {label: n for label, n in counts_by_class.items() if _rank(n, coverage) > n}
        if few:
            needed = ceil(coverage / (1 - coverage) - ROUNDING)
            counts = ", ".join(f"{label!r} has {count}" for label, count in few.items())
            warn(
                f"A coverage of {coverage:g} needs {needed} held-out samples of each class; "
                f"{counts}. Every set contains such a class. Increase calibration_share, or choose "
                "a lower coverage."
            )
        thresholds = [
            _threshold(held_out, coverage) for held_out in self.calibration_probabilities_
        ]
        return np.asarray(probabilities) >= np.array(thresholds)

    def _split(self, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        classes, counts = np.unique(labels, return_counts=True)
        if counts.min() < 2:
            raise ValueError(
                f"Class {classes.tolist()[counts.argmin()]!r} has one sample, but needs one for "
                "fitting and one for calibration. Remove it, or merge it with another class."
            )
        held_out = ceil(self.calibration_share * len(labels))
        if min(held_out, len(labels) - held_out) < len(classes):
            raise ValueError(
                f"calibration_share={self.calibration_share:g} of {len(labels)} samples holds out "
                f"{held_out}; fitting and calibration each need a sample of all {len(classes)} "
                "classes."
            )
        return train_test_split(
            np.arange(len(labels)),
            test_size=held_out,
            stratify=labels,
            random_state=self.random_state,
        )


def _rank(n_held_out: int, coverage: float) -> int:
    return ceil((n_held_out + 1) * coverage - ROUNDING)


def _threshold(held_out: np.ndarray, coverage: float) -> float:
    """Return the lowest probability with which a class is in the set."""
    rank = _rank(len(held_out), coverage)
    return held_out[rank - 1] if rank <= len(held_out) else -np.inf
