"""The share of each table in a prediction or a score: Shapley values, exact over all subsets."""

from collections.abc import Iterable
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import check_scoring

from .._alignment import check_order
from ._fitted import Fitted, open_model, watched

__all__ = ["modality_shapley"]


def modality_shapley(model: Any, X: Any, y: Any = None, *, scoring: Any = None) -> pd.DataFrame:
    r"""Share out logits, or a score, among the modalities by their Shapley values.

    Parameters
    ----------
    model : CrossModalAttentionClassifier, or Pipeline or search that ends in one
        Fitted.
    X : DataFrame or array of shape (n_samples, n_features)
        Samples with the columns seen in fit.
    y : array-like of shape (n_samples,), default=None
        Their classes, for a score.
    scoring : str or callable, default=None
        The score to share out. None shares out the logits of each sample, and needs no `y`.

    Returns
    -------
    DataFrame of shape (n_classes * n_samples, n_modalities + 1) or (1, n_modalities + 1)
        Columns are ``"without"``, the value without any modality, and the modalities, the primary
        one first. A row sums to the logit, or to the score, with all. Without `scoring` the index
        has the levels (class, sample); else its one label is ``"score"``.

    Raises
    ------
    ValueError
        If `scoring` comes without `y`, or `y` has not the samples of X in their order; if X has
        other columns than those seen in fit.

    See Also
    --------
    permutation_importance : What a score loses where a modality is another sample's.

    Notes
    -----
    The value :math:`v(S)` of a set of modalities is the logit, or the score, with all others
    absent, as the classifier takes absent modalities; without any, the shares of the classes in
    training are the probabilities. With :math:`M` modalities, modality :math:`m` gets

    .. math:: \sum_{S \not\ni m} \frac{|S|! \, (M - |S| - 1)!}{M!} \,
        \big( v(S \cup \{m\}) - v(S) \big)

    A modality that a sample lacks gets nothing of its logits. A classifier that never met a sample
    without some modality answers such samples by weights that were learned with all, so shares are
    the better founded the more patients that lack a table it was trained on.

    Examples
    --------
    >>> from xmodal_sklearn import CrossModalAttentionClassifier
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.inspection import modality_shapley
    >>> X, y = make_multiomics(200, {"exp": 40, "mut": 10}, 2, return_X_y=True, random_state=0)
    >>> model = CrossModalAttentionClassifier(n_estimators=2, max_epochs=5, random_state=0)
    >>> shares = modality_shapley(model.fit(X, y), X, y, scoring="neg_log_loss")
    >>> list(shares)
    ['without', 'exp', 'mut']
    """
    if scoring is not None:
        if y is None:
            raise ValueError("A score needs the classes: give y, or leave out scoring.")
        check_order(y, X, "y")
    fitted = open_model(model, X)
    modalities = fitted.opened.modalities
    subsets = [
        kept for size in range(len(modalities) + 1) for kept in combinations(modalities, size)
    ]
    values = {
        frozenset(kept): _value(fitted, kept, y, scoring)
        for kept in watched(subsets, "Shapley values")
    }
    shares = {"without": values[frozenset()]}
    shares |= {one: _shapley(values, one, modalities) for one in modalities}
    if scoring is not None:
        return pd.DataFrame(shares, index=["score"])
    labels = pd.Index(fitted.classifier.classes_, name="class")
    names = ["class", fitted.samples.name or "sample"]
    index = pd.MultiIndex.from_product([labels, fitted.samples], names=names)
    return pd.DataFrame({one: value.T.ravel() for one, value in shares.items()}, index=index)


class _WithModalities(ClassifierMixin, BaseEstimator):
    """A fitted classifier that sees some modalities only."""

    def __init__(self, fitted: Fitted, kept: Iterable[str]):
        self.fitted = fitted
        self.kept = kept
        self.classes_ = fitted.classifier.classes_

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable classes."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities; those of a sample that has none are the classes' shares."""
        classifier = self.fitted.classifier
        shares = classifier._class_counts / classifier._class_counts.sum()
        proba = np.tile(shares, (len(X), 1))
        numbers = [self.fitted.opened.modalities.index(one) for one in self.kept]
        there = self.fitted.opened.present[:, numbers].any(axis=1)
        if there.any():
            table = self._without_others(X)
            proba[there] = classifier.predict_proba(table[there])
        return proba

    def _without_others(self, X: Any) -> Any:
        others = [one for one in self.fitted.opened.modalities if one not in self.kept]
        columns = np.concatenate(
            [self.fitted.columns(one) for one in others] or [np.array([], int)]
        )
        if isinstance(X, pd.DataFrame):
            changed = X.copy()
            nothing = np.full((len(X), len(columns)), np.nan)
            changed.isetitem(columns, pd.DataFrame(nothing, index=X.index))
        else:
            changed = X.astype(np.result_type(X.dtype, np.float32))
            changed[:, columns] = np.nan
        return changed


def _value(fitted: Fitted, kept: Iterable[str], y: Any, scoring: Any) -> Any:
    """Return the logits, or the score, with some modalities only."""
    model = _WithModalities(fitted, kept)
    if scoring is not None:
        scorer = check_scoring(fitted.classifier, scoring=scoring)
        return scorer(model, fitted.table, np.asarray(y))
    logs = np.log(np.maximum(model.predict_proba(fitted.table), np.finfo(np.float64).tiny))
    return logs - logs.mean(axis=1, keepdims=True)


def _shapley(values: dict[frozenset, Any], one: str, modalities: list[str]) -> Any:
    n = len(modalities)
    return sum(
        factorial(len(kept))
        * factorial(n - len(kept) - 1)
        / factorial(n)
        * (values[kept | {one}] - values[kept])
        for kept in values
        if one not in kept
    )
