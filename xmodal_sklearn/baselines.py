"""The classical models to believe the attention classifier beside."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from . import _modalities as blocks
from .selection import MultiOmicsSelector

__all__ = ["LateFusionClassifier", "make_baselines"]


class LateFusionClassifier(ClassifierMixin, BaseEstimator):
    """Fit one classifier per modality and average their probabilities.

    A sample that lacks a modality takes no part in fitting that modality's classifier, and its
    probabilities are averaged over the modalities that it has.

    Parameters
    ----------
    estimator : classifier with predict_proba
        Cloned and fitted to the columns of one modality at a time.
    modalities : dict of str to columns, default=None
        The columns of each modality; None reads them from the column names. See
        :class:`~xmodal_sklearn.MultiOmicsSelector`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    estimators_ : dict of str to estimator
        The fitted classifier of each modality.
    modalities_ : dict of str to ndarray of int
        Column positions of each modality.
    n_features_in_ : int
        Number of columns seen during fit.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Column names seen during fit, if X had names.

    See Also
    --------
    make_baselines : Late and early fusion, ready to fit.

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
    }

    def __init__(self, estimator: Any, *, modalities: dict | None = None):
        self.estimator = estimator
        self.modalities = modalities

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any) -> "LateFusionClassifier":
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
        table, y = blocks.validate_table(self, X, y, ensure_min_samples=2)
        check_classification_targets(y)
        self.classes_ = np.unique(y)
        self.modalities_ = blocks.resolve_modalities(table, self.modalities)
        values = blocks.modality_blocks(table, self.modalities_)
        present = blocks.modality_presence(table, values, self.modalities_)
        self.estimators_ = {
            modality: clone(self.estimator).fit(block[has_it], y[has_it])
            for (modality, block), has_it in zip(values.items(), present.T, strict=True)
        }
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
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
        check_is_fitted(self)
        table, _ = blocks.validate_table(self, X, reset=False)
        values = blocks.modality_blocks(table, self.modalities_)
        present = blocks.modality_presence(table, values, self.modalities_)
        total = np.zeros((len(table), len(self.classes_)))
        for (modality, estimator), has_it in zip(self.estimators_.items(), present.T, strict=True):
            if has_it.any():
                seen = np.searchsorted(self.classes_, estimator.classes_)
                probabilities = estimator.predict_proba(values[modality][has_it])
                total[np.ix_(has_it, seen)] += probabilities
        return total / total.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> np.ndarray:
        """Give the most probable class.

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


def make_baselines(
    *,
    k: int | str | dict = 300,
    modalities: dict | None = None,
    random_state: int | None = None,
    memory: Any = None,
) -> dict[str, Pipeline]:
    """Make the classical pipelines, each with the same selection in front.

    The logistic regressions are tuned over C in {0.001, 0.01, 0.1, 1} for macro-F1 by three inner
    folds. Early fusion glues the selected columns of all modalities together; values of an absent
    modality are filled with the training means, as these models take no gaps.

    Parameters
    ----------
    k : int, "all" or dict, default=300
        Features to keep per modality.
    modalities : dict of str to columns, default=None
        The columns of each modality; None reads them from the column names.
    random_state : int, default=None
        Seed of the forest and of the inner folds.
    memory : str or object with the joblib.Memory interface, default=None
        Where to cache the rankings.

    Returns
    -------
    dict of str to Pipeline
        ``"logistic regression"`` and ``"random forest"`` (early fusion), and ``"late fusion"`` (a
        logistic regression per modality, probabilities averaged).

    Examples
    --------
    >>> from xmodal_sklearn.baselines import make_baselines
    >>> list(make_baselines(k=50))
    ['logistic regression', 'late fusion', 'random forest']
    """
    inner_folds = StratifiedKFold(3, shuffle=True, random_state=random_state)
    logistic = GridSearchCV(
        make_pipeline(
            SimpleImputer(),
            StandardScaler(),
            LogisticRegression(class_weight="balanced", max_iter=1000),
        ),
        {"logisticregression__C": [0.001, 0.01, 0.1, 1]},
        scoring="f1_macro",
        cv=inner_folds,
    )
    forest = RandomForestClassifier(
        500, min_samples_leaf=2, class_weight="balanced", random_state=random_state
    )
    models = {
        "logistic regression": logistic,
        "late fusion": LateFusionClassifier(logistic),
        "random forest": make_pipeline(SimpleImputer(), forest),
    }
    return {
        name: make_pipeline(MultiOmicsSelector(k, modalities=modalities, memory=memory), model)
        for name, model in models.items()
    }
