"""One classifier per modality, combined by averaging or by stacking."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral
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
from .._warnings import warn
from ..modalities._input import ModalityInput, validate_table
from ..modalities._missing import warn_if_looks_imputed, warn_missing

# Folds that tune, calibrate and stack: few, as every model of a comparison is fitted in each.
INNER_FOLDS = 3
# Regularizes more than scikit-learn's default of 1; how it was chosen is not recorded.
STACKING_C = 0.1
# Lower bound of probabilities before their logarithm, which limits the evidence of one model.
MIN_PROBABILITY = 1e-3


class ModalityClassifier(ProbabilityClassifierMixin, BaseEstimator):
    """A classifier that treats each modality of its table separately."""

    def _read_training(self, X: Any, y: Any) -> tuple[Any, np.ndarray]:
        """Validate training samples; learn their classes and modalities."""
        table, y = validate_table(self, X, y, ensure_min_samples=2, accept_sparse="csc")
        self.classes_, counts = count_classes(y)
        self.class_prior_ = counts / counts.sum()
        self.input_ = ModalityInput(table, self.modalities)
        self.modalities_ = self.input_.modalities
        return table, y

    def __sklearn_tags__(self) -> Tags:
        """Return the estimator's capabilities."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.sparse = True
        return tags


class LateFusionClassifier(ModalityClassifier):
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
        If `use` names a modality that X does not have, or a value is infinite.

    Warns
    -----
    UserWarning
        If training samples lack values of modalities that they have, or samples have categories
        that training samples did not have; if an imputer seems to have filled absent modalities; if
        a modality is ignored because all training samples that have it belong to a single class.

    See Also
    --------
    StackedFusionClassifier : Learns how to weight the modalities.
    make_baselines : Late and early fusion, ready to fit.

    Notes
    -----
    Missing values of modalities that a sample has are filled with the mean of the feature in the
    training samples. A feature that fewer than three training samples have (or a fifth of them, if
    there are fewer than 15) is constant, at its mean or zero, so it has no influence. Categorical
    columns are encoded as :class:`~xmodal_sklearn.ModalityEncoder` does.

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
    }

    def __init__(
        self,
        estimator: BaseEstimator,
        *,
        modalities: dict | None = None,
        use: Sequence[str] | None = None,
    ):
        self.estimator = estimator
        self.modalities = modalities
        self.use = use

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

    def _fit_modalities(self, X: Any, y: Any) -> tuple[dict, dict[str, np.ndarray], np.ndarray]:
        """Fit the classifiers; return the values of each modality, which samples have it, and y."""
        table, y = self._read_training(X, y)
        self._used = used = list(self.modalities_ if self.use is None else self.use)
        if not used or not set(used) <= set(self.modalities_):
            raise ValueError(
                f"use must name at least one of the modalities {list(self.modalities_)}, "
                f"got {self.use!r}."
            )
        blocks, missing = self.input_.read(table)
        self.input_.learn_means(blocks, missing)
        self.n_imputed_ = missing.n_gaps
        warn_missing(missing, rare="are kept constant")
        warn_if_looks_imputed(table, blocks)
        values = self.input_.fill(blocks, missing)
        present = {modality: gaps.present for modality, gaps in missing.gaps.items()}
        self.estimators_ = {}
        for modality in used:
            rows = present[modality]
            if not has_classes(modality, rows, y):
                continue
            with _add_modality_to_errors(modality, y[rows]):
                estimator = clone(self.estimator)
                self.estimators_[modality] = estimator.fit(values[modality][rows], y[rows])
        return values, present, y

    def _probabilities_by_modality(self, X: Any) -> np.ndarray:
        """Return probabilities (samples, modalities, classes), NaN for an absent modality."""
        check_is_fitted(self)
        table, _ = validate_table(self, X, reset=False, accept_sparse="csc")
        blocks, missing = self.input_.read(table)
        values = self.input_.fill(blocks, missing)
        probabilities = np.full((table.shape[0], len(self._used), len(self.classes_)), np.nan)
        for index, modality in enumerate(self._used):
            rows = missing.gaps[modality].present
            if rows.any() and modality in self.estimators_:
                estimator = self.estimators_[modality]
                probabilities[rows, index] = self._in_all_classes(
                    estimator.predict_proba(values[modality][rows]), estimator.classes_
                )
        return probabilities

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
        estimator: BaseEstimator,
        *,
        modalities: dict | None = None,
        use: Sequence[str] | None = None,
        cv: int = INNER_FOLDS,
        random_state: int | None = None,
    ):
        super().__init__(estimator, modalities=modalities, use=use)
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
        out_of_fold = np.full((len(y), len(self._used), len(self.classes_)), np.nan)
        for index, modality in enumerate(self._used):
            rows = present[modality]
            counts = np.unique(y[rows], return_counts=True)[1]
            # So few samples can't be split, or a fold would train on one class.
            if (counts >= 2).sum() < 2 or counts.max() < self.cv:
                continue
            with _add_modality_to_errors(modality, y[rows]):
                probabilities = cross_val_predict(
                    clone(self.estimator),
                    values[modality][rows],
                    y[rows],
                    cv=folds,
                    method="predict_proba",
                )
            out_of_fold[rows, index] = self._in_all_classes(probabilities, np.unique(y[rows]))
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


def count_classes(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes and their sizes; raise a ValueError if there is only one class."""
    check_classification_targets(y)
    classes, counts = np.unique(y, return_counts=True)
    if len(classes) < 2:
        raise ValueError(
            f"y has only one class, {classes.tolist()[0]!r}; a classifier needs samples of at "
            "least two classes."
        )
    return classes, counts


def has_classes(modality: str, present: np.ndarray, y: np.ndarray) -> bool:
    """Return whether samples that have a modality are of several classes; warn if they are not."""
    if len(np.unique(y[present])) > 1:
        return True
    if present.any():
        warn(
            f"Modality {modality!r} is ignored: the {present.sum()} training samples that have it "
            "belong to a single class."
        )
    return False


@contextmanager
def _add_modality_to_errors(modality: str, y: np.ndarray) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        classes, counts = np.unique(y, return_counts=True)
        sizes = dict(zip(classes.tolist(), counts.tolist(), strict=True))
        raise ValueError(
            f"The model of modality {modality!r} could not be fitted to the training samples that "
            f"have it, by class {sizes}: {error}"
        ) from error
