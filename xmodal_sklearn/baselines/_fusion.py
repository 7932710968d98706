"""Joining one classifier per modality, by averaging or by stacking."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, _fit_context, clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.utils import Tags
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from .._base import ProbabilityClassifierMixin
from .._typing import Labels, Table, typed
from ..modalities._filled_blocks import warn_if_looks_imputed
from ..modalities._input import ModalityInput
from ..modalities._missing import (
    MAX_MISSING,
    check_modalities_present,
    fill_gaps,
    find_missing,
    warn_imputed,
)
from ..modalities._validation import validate_table

__all__ = ["INNER_FOLDS", "LateFusionClassifier", "StackedFusionClassifier"]

# Folds that tune, calibrate and stack: few, as every model of a comparison is fitted in each.
INNER_FOLDS = 3
# Regularises more than scikit-learn's default of 1; how it was chosen is not recorded.
STACKING_C = 0.1
# Probabilities are raised to this before their logarithm, which limits the evidence of one model.
MIN_PROBABILITY = 1e-3


class LateFusionClassifier(ProbabilityClassifierMixin, BaseEstimator):
    """Fit one classifier per modality and average their probabilities.

    A sample that lacks a modality takes no part in fitting that modality's classifier, and its
    probabilities are averaged over the modalities that it has. A sample with none of the modalities
    in `use` gets the class frequencies of the training samples.

    Parameters
    ----------
    estimator : classifier with predict_proba
        Cloned and fitted to the columns of one modality at a time.
    modalities : dict of str to columns, default=None
        The columns of each modality; None reads them from the column names. See
        :class:`~xmodal_sklearn.MultiOmicsSelector`.
    use : sequence of str, default=None
        The modalities to fit; None means all. A single one gives a model of that modality alone.
    max_missing : float, default=0.8
        The largest share of missing values of a feature or a sample, see
        :class:`~xmodal_sklearn.MultiOmicsSelector`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    class_prior_ : ndarray of float of shape (n_classes,)
        The frequency of each class among the training samples.
    estimators_ : dict of str to estimator
        The fitted classifier of each modality in use.
    modalities_ : dict of str to ndarray of int
        Column positions of each modality.
    n_imputed_ : dict of str to int
        By modality, how many values were missing in training samples that have the modality.
    n_features_in_ : int
        Number of columns seen during fit.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Column names seen during fit, if X had names.

    Raises
    ------
    ValueError
        If `use` names a modality that X does not have, or one that no training sample has; if a
        value is infinite, or more than `max_missing` of a feature or a sample is missing.

    Warns
    -----
    UserWarning
        If training samples lack values of modalities that they have, or samples have categories
        that training samples had not; if an imputer seems to have filled absent modalities.

    See Also
    --------
    StackedFusionClassifier : Learns how to weight the modalities.
    make_baselines : Late and early fusion, ready to fit.

    Notes
    -----
    Missing values of modalities that a sample has, and columns of words, are taken as
    :class:`~xmodal_sklearn.MultiOmicsSelector` takes them.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from xmodal_sklearn.baselines import LateFusionClassifier
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> X, y = make_multiomics(n_samples=100, return_X_y=True, random_state=0)
    >>> late = LateFusionClassifier(LogisticRegression(max_iter=1000)).fit(X, y)
    >>> list(late.estimators_)
    ['exp', 'cna', 'mut']
    """

    _parameter_constraints: dict = {  # noqa: RUF012
        "estimator": [HasMethods(["fit", "predict_proba"])],
        "modalities": [dict, None],
        "use": [list, tuple, None],
        "max_missing": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        modalities: dict | None = None,
        use: Sequence[str] | None = None,
        max_missing: float = MAX_MISSING,
    ):
        self.estimator = estimator
        self.modalities = modalities
        self.use = use
        self.max_missing = max_missing

    @typed(_fit_context(prefer_skip_nested_validation=False))
    def fit(self, X: Table, y: Labels) -> "LateFusionClassifier":
        """Fit the classifier of every modality.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Training samples; a block of NaN marks an absent modality.
        y : array-like of shape (n_samples,)
            Class labels.

        Returns
        -------
        LateFusionClassifier
            The fitted classifier.
        """
        self._fit_modalities(X, y)
        return self

    def predict_proba(self, X: Table) -> np.ndarray:
        """Average the probabilities over the modalities that each sample has.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Samples with the columns seen in fit.

        Returns
        -------
        ndarray of float of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        by_modality = self._probabilities_by_modality(X)
        absent = np.isnan(by_modality[:, :, :1])
        n_present = (~absent).sum(axis=1)
        mean = np.nansum(by_modality, axis=1) / np.maximum(n_present, 1)
        mean = np.where(n_present, mean, self.class_prior_)
        return mean / mean.sum(axis=1, keepdims=True)

    def _fit_modalities(
        self, X: Any, y: Any
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], np.ndarray]:
        """Fit the classifiers; return the values of the modalities in use, who has them, and y."""
        table, y = validate_table(self, X, y, ensure_min_samples=2)
        check_classification_targets(y)
        self.classes_, counts = np.unique(y, return_counts=True)
        self.class_prior_ = counts / counts.sum()
        self.input_ = ModalityInput(table, self.modalities)
        self.modalities_ = self.input_.modalities
        self._used = list(self.modalities_ if self.use is None else self.use)
        unknown = [modality for modality in self._used if modality not in self.modalities_]
        if unknown or not self._used:
            raise ValueError(
                f"use must name at least one of the modalities {list(self.modalities_)}, "
                f"got {self.use!r}."
            )
        values, present = self._values(table, training=True)
        self.estimators_ = {}
        for modality, block in values.items():
            there = present[modality]
            check_modalities_present([modality], there[:, None])
            with _naming(modality, y[there]):
                self.estimators_[modality] = clone(self.estimator).fit(block[there], y[there])
        return values, present, y

    def _values(
        self, table: Any, *, training: bool = False
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Return the numbers of the modalities in use, without gaps, and who has them."""
        blocks = self.input_.encoder.blocks(table)
        missing = find_missing(
            table,
            blocks,
            self.input_.encoder.origins,
            max_missing=self.max_missing,
            training=training,
        )
        if training:
            self.input_.learn_means(blocks)
            self.n_imputed_ = missing.n_gaps
            warn_imputed(missing, self.modalities_)
            warn_if_looks_imputed(table, blocks)
        present = dict(zip(blocks, missing.present.T, strict=True))
        for modality, n_gaps in missing.n_gaps.items():
            if n_gaps:
                means = self.input_.means[self.input_.encoder.columns[modality]]
                blocks[modality] = fill_gaps(blocks[modality], present[modality], means)
        return {modality: blocks[modality] for modality in self._used}, present

    def _probabilities_by_modality(self, X: Any) -> np.ndarray:
        """Return probabilities (samples, modalities, classes), NaN for an absent modality."""
        check_is_fitted(self)
        table, _ = validate_table(self, X, reset=False)
        values, present = self._values(table)
        probabilities = np.full((len(table), len(values), len(self.classes_)), np.nan)
        for index, (modality, block) in enumerate(values.items()):
            there = present[modality]
            if there.any():
                estimator = self.estimators_[modality]
                probabilities[there, index] = self._in_all_classes(
                    estimator.predict_proba(block[there]), estimator.classes_
                )
        return probabilities

    def __sklearn_tags__(self) -> Tags:
        """Return the estimator's capabilities."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _in_all_classes(self, probabilities: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Add zeros for the classes that a modality's training samples lacked."""
        full = np.zeros((len(probabilities), len(self.classes_)))
        full[:, np.searchsorted(self.classes_, classes)] = probabilities
        return full


class StackedFusionClassifier(LateFusionClassifier):
    r"""Fit one classifier per modality and combine them by a logistic regression.

    The logistic regression learns from out-of-fold probabilities: those of a training sample come
    from classifiers that have not seen that sample.

    Parameters
    ----------
    estimator : classifier with predict_proba
        Cloned and fitted to the columns of one modality at a time; its own tuning, if any, is
        repeated inside every fold.
    modalities : dict of str to columns, default=None
        The columns of each modality; None reads them from the column names. See
        :class:`~xmodal_sklearn.MultiOmicsSelector`.
    use : sequence of str, default=None
        The modalities to fit; None means all.
    max_missing : float, default=0.8
        As in :class:`LateFusionClassifier`.
    cv : int, default=3
        Number of stratified folds for the out-of-fold probabilities.
    random_state : int, default=None
        Seed of these folds.

    Attributes
    ----------
    final_estimator_ : LogisticRegression
        Fitted to the evidence of each modality for each class, see Notes.
    classes_, class_prior_, estimators_, modalities_, n_imputed_, n_features_in_, feature_names_in_
        As in :class:`LateFusionClassifier`.

    See Also
    --------
    LateFusionClassifier : Averages the probabilities.

    Notes
    -----
    The evidence of modality :math:`m` for class :math:`c` is :math:`\log p_m(c \mid x) - \log
    \pi_c`, with :math:`\pi_c` the frequency of the class. An absent modality gives none: zero for
    every class. Learning from out-of-fold predictions is Wolpert's stacked generalization [1]_.

    References
    ----------
    .. [1] D. Wolpert, "Stacked generalization", Neural Networks 5(2), 1992,
       doi:10.1016/S0893-6080(05)80023-1.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from xmodal_sklearn.baselines import StackedFusionClassifier
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> X, y = make_multiomics(n_samples=100, return_X_y=True, random_state=0)
    >>> stacked = StackedFusionClassifier(LogisticRegression(max_iter=1000), random_state=0)
    >>> stacked.fit(X, y).final_estimator_.coef_.shape
    (5, 15)
    """

    _parameter_constraints: dict = {  # noqa: RUF012
        **LateFusionClassifier._parameter_constraints,
        "cv": [Interval(Integral, 2, None, closed="left")],
        "random_state": [Integral, None],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        modalities: dict | None = None,
        use: Sequence[str] | None = None,
        max_missing: float = MAX_MISSING,
        cv: int = INNER_FOLDS,
        random_state: int | None = None,
    ):
        super().__init__(estimator, modalities=modalities, use=use, max_missing=max_missing)
        self.cv = cv
        self.random_state = random_state

    @typed(_fit_context(prefer_skip_nested_validation=False))
    def fit(self, X: Table, y: Labels) -> "StackedFusionClassifier":
        """Fit the classifier of every modality, and the one that combines them.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Training samples; a block of NaN marks an absent modality.
        y : array-like of shape (n_samples,)
            Class labels.

        Returns
        -------
        StackedFusionClassifier
            The fitted classifier.
        """
        values, present, y = self._fit_modalities(X, y)
        folds = StratifiedKFold(self.cv, shuffle=True, random_state=self.random_state)
        out_of_fold = np.full((len(y), len(values), len(self.classes_)), np.nan)
        for index, (modality, block) in enumerate(values.items()):
            there = present[modality]
            with _naming(modality, y[there]):
                probabilities = cross_val_predict(
                    clone(self.estimator),
                    block[there],
                    y[there],
                    cv=folds,
                    method="predict_proba",
                )
            out_of_fold[there, index] = self._in_all_classes(probabilities, np.unique(y[there]))
        # The classes are not weighted again: the models underneath may have done so already.
        self.final_estimator_ = LogisticRegression(C=STACKING_C, max_iter=1000)
        self.final_estimator_.fit(self._evidence(out_of_fold), y)
        return self

    def predict_proba(self, X: Table) -> np.ndarray:
        """Combine the probabilities of the modalities that each sample has.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
            Samples with the columns seen in fit.

        Returns
        -------
        ndarray of float of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        evidence = self._evidence(self._probabilities_by_modality(X))
        return self.final_estimator_.predict_proba(evidence)

    def _evidence(self, probabilities: np.ndarray) -> np.ndarray:
        evidence = np.log(np.clip(probabilities, MIN_PROBABILITY, None)) - np.log(self.class_prior_)
        return np.nan_to_num(evidence).reshape(len(probabilities), -1)


@contextmanager
def _naming(modality: str, y: np.ndarray) -> Iterator[None]:
    """Add to an error which modality was being fitted, and to how many samples of each class."""
    try:
        yield
    except ValueError as error:
        counts = dict(
            zip(*(found.tolist() for found in np.unique(y, return_counts=True)), strict=True)
        )
        raise ValueError(
            f"The model of modality {modality!r} could not be fitted to the training samples that "
            f"have it, by class {counts}: {error}"
        ) from error
