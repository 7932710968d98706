"""How much each feature and each modality contributes to the logits."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import check_scoring

from .._alignment import check_order
from .._parallel import run_parallel
from .._typing import Scoring
from .._warnings import warn
from ..modalities._exchange import remove_columns
from ._view import ModelView, view_model, with_progress

# On the sum of the attributions, beside the difference in logits.
TOLERANCE = 1e-3
# Samples at a time, so that a bar moves.
BATCH = 128


@dataclass(frozen=True)
class Attributions:
    """Attributions of logits to features, from :func:`integrated_gradients`.

    Parameters
    ----------
    by_sample : DataFrame of shape (n_classes * n_samples, n_features)
        Attributions; the index has the levels (class, sample). Columns are the features that the
        classifier takes, named as in X where the steps before it keep the names.
    logits : DataFrame of shape (n_samples, n_classes)
        Logit of each class: its log-probability, minus the mean over the classes.
    baseline : DataFrame of shape (n_samples, n_classes)
        The same with all features at their training means. The attributions of a sample sum to the
        difference between ``logits`` and ``baseline``.
    x : DataFrame of shape (n_samples, n_features)
        The standardized values of the features; NaN in absent modalities.
    """

    by_sample: pd.DataFrame
    logits: pd.DataFrame
    baseline: pd.DataFrame
    x: pd.DataFrame

    def importance(self) -> pd.DataFrame:
        """Summarize the attributions over samples, by class.

        Returns
        -------
        DataFrame of shape (n_features, n_classes)
            The mean absolute attribution over the samples that have the feature, negative where low
            values of the feature favor the class.
        """
        x = self.x.to_numpy()
        present = ~np.isnan(x)
        n_present = np.maximum(present.sum(axis=0), 1)
        by_class = {}
        for label in self.logits.columns:
            values = self.by_sample.loc[label].to_numpy()
            slope = np.einsum("nf,nf->f", values, np.where(present, x, 0))
            size = np.abs(values).sum(axis=0) / n_present
            by_class[label] = np.where(slope < 0, -size, size)
        return pd.DataFrame(by_class, index=self.by_sample.columns)


def integrated_gradients(
    model: BaseEstimator, X: Any, *, n_jobs: int | None = None
) -> Attributions:
    r"""Attribute the logits of each class to the features, through the whole classifier.

    Integrated gradients [1]_ through all branches, their stacking and the average over members,
    computed by captum. They do not rely on attention weights.

    Parameters
    ----------
    model : CrossModalAttentionClassifier, or a pipeline, search or wrapper that ends in one
        The fitted model.
    X : DataFrame or array of shape (n_samples, n_features)
        Samples with the columns seen in fit.
    n_jobs : int, default=None
        Threads that share the samples. None means 1, -1 all processors.

    Returns
    -------
    Attributions
        The attributions, and the logits that they explain.

    Raises
    ------
    ValueError
        If X has other columns than in fit, or a step does not name the columns that it returns.

    Warns
    -----
    ConvergenceWarning
        If the attributions of a sample differ from the difference in logits by more than 0.001.

    See Also
    --------
    permutation_importance : What a score loses without a feature.
    attention_map : Interactions between features of two modalities.

    Notes
    -----
    With :math:`z_c` the logit of class :math:`c` and standardized values :math:`x`, feature
    :math:`j` gets :math:`x_j \int_0^1 \partial z_c(\alpha x) / \partial x_j \, d\alpha`. An absent
    modality is absent along the whole path, and its features get zero. The integral is a
    Gauss-Legendre sum of 16 terms, and of up to 256 where it is not yet exact.

    Attributions describe the classifier, not causes. Of two features with the same information,
    either may get the credit.

    References
    ----------
    .. [1] M. Sundararajan, A. Taly, Q. Yan, "Axiomatic Attribution for Deep Networks", ICML 2017,
       arXiv:1703.01365.

    Examples
    --------
    >>> from xmodal_sklearn import CrossModalAttentionClassifier
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.inspection import integrated_gradients
    >>> X, y = make_multiomics(100, {"exp": 40, "mut": 10}, 2, return_X_y=True, random_state=0)
    >>> model = CrossModalAttentionClassifier(n_estimators=2, max_epochs=5, random_state=0)
    >>> result = integrated_gradients(model.fit(X, y), X[:3])
    >>> result.by_sample.shape
    (6, 50)
    >>> difference = result.logits - result.baseline
    >>> bool(abs(result.by_sample.loc["class_1"].sum(axis=1) - difference["class_1"]).max() < 1e-3)
    True
    """
    return attribute_logits(view_model(model, X), n_jobs)


def attribute_logits(view: ModelView, n_jobs: int | None = None) -> Attributions:
    network, classes = view.network, view.classes
    parts = np.array_split(np.arange(len(network.x)), -(-len(network.x) // BATCH))
    tasks = [(rows, TOLERANCE) for rows in parts]
    results = run_parallel(network.integrated_gradients, tasks, n_jobs, in_threads=True)
    results = with_progress(results, "Integrated gradients", len(parts))
    values, gaps = map(np.concatenate, zip(*results, strict=True))
    if (gaps > TOLERANCE).any():
        warn(
            f"The attributions of {(gaps > TOLERANCE).any(axis=1).sum()} samples differ from the "
            f"difference in logits by up to {gaps.max():.2g}. Treat them as approximate.",
            ConvergenceWarning,
        )
    start = np.where(np.isnan(network.x), np.float32(np.nan), np.float32(0))
    features = pd.Index(view.inputs, name="feature")
    by_sample = values.transpose(1, 0, 2).reshape(-1, len(features))
    return Attributions(
        pd.DataFrame(by_sample, view.class_sample_index, features),
        pd.DataFrame(network.logits(network.x), view.samples, classes),
        pd.DataFrame(network.logits(start), view.samples, classes),
        pd.DataFrame(network.x, view.samples, features),
    )


def modality_shapley(
    model: BaseEstimator, X: Any, y: Any = None, *, scoring: Scoring = None
) -> pd.DataFrame:
    r"""Divide logits, or a score, among the modalities by their Shapley values.

    Parameters
    ----------
    model : CrossModalAttentionClassifier, or a pipeline, search or wrapper that ends in one
        The fitted model.
    X : DataFrame or array of shape (n_samples, n_features)
        Samples with the columns seen in fit.
    y : array-like of shape (n_samples,), default=None
        Class labels; needed for a score.
    scoring : str or callable, default=None
        The score to divide. None divides the logits of each sample, and needs no `y`.

    Returns
    -------
    DataFrame of shape (n_classes * n_samples, n_modalities + 1) or (1, n_modalities + 1)
        Columns are ``"without"``, the value without any modality, and the modalities, the primary
        one first. A row sums to the logit or score with all modalities. The index has the levels
        (class, sample), or with `scoring` the label ``"score"``.

    Raises
    ------
    ValueError
        If `scoring` is given without `y`, `y` does not have the samples of X in their order, or X
        has other columns than in fit.

    Notes
    -----
    The value :math:`v(S)` of a set of modalities is the logit, or the score, with all others
    absent, as the classifier treats absent modalities; without any, the class frequencies in
    training are the probabilities. With :math:`M` modalities, modality :math:`m` gets

    .. math:: \sum_{S \not\ni m} \frac{v(S \cup \{m\}) - v(S)}{M \binom{M - 1}{|S|}}

    The values are exact, over all subsets. A modality that a sample lacks has no share in its
    logits. Shares are more reliable if some training samples lacked a modality: otherwise the
    classifier predicts such samples with the stacking weights that it learned for complete ones.

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
            raise ValueError("A score needs class labels. Pass y, or omit scoring.")
        check_order(y, X, "y")
    return shapley_values(view_model(model, X), y, scoring)


def shapley_values(view: ModelView, y: Any = None, scoring: Scoring = None) -> pd.DataFrame:
    n_modalities = range(len(view.modalities) + 1)
    subsets = [kept for size in n_modalities for kept in combinations(view.modalities, size)]
    progress = with_progress(subsets, "Shapley values")
    values = {frozenset(kept): _subset_value(view, kept, y, scoring) for kept in progress}
    shares = {"without": values[frozenset()]}
    shares |= {modality: _shapley_value(values, modality) for modality in view.modalities}
    if scoring is not None:
        return pd.DataFrame(shares, index=["score"])
    columns = {name: share.T.ravel() for name, share in shares.items()}
    return pd.DataFrame(columns, index=view.class_sample_index)


class _SubsetClassifier(ClassifierMixin, BaseEstimator):
    """A fitted classifier that sees only some modalities."""

    def __init__(self, view: ModelView, kept: Iterable[str]):
        self.view = view
        self.kept = kept
        self.classes_ = view.classifier.classes_

    def predict(self, X: Any) -> np.ndarray:
        weighted = self.predict_proba(X) * self.view.classifier.class_weights_
        return self.classes_[weighted.argmax(axis=1)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return probabilities; class frequencies for samples without any of the modalities."""
        view = self.view
        proba = np.tile(view.network.class_frequencies, (len(X), 1))
        is_kept = [modality in self.kept for modality in view.modalities]
        present = view.network.present[:, is_kept].any(axis=1)
        if present.any():
            for modality in set(view.modalities) - set(self.kept):
                X = remove_columns(X, view.classifier.modalities_[modality])
            proba[present] = view.classifier.predict_proba(X[present])
        return proba


def _subset_value(view: ModelView, kept: Iterable[str], y: Any, scoring: Any) -> Any:
    model = _SubsetClassifier(view, kept)
    if scoring is not None:
        scorer = check_scoring(view.classifier, scoring=scoring)
        return scorer(model, view.table, np.asarray(y))
    logs = np.log(np.maximum(model.predict_proba(view.table), np.finfo(np.float64).tiny))
    return logs - logs.mean(axis=1, keepdims=True)


def _shapley_value(values: dict[frozenset, Any], modality: str) -> Any:
    n = max(map(len, values))
    return sum(
        1 / (n * comb(n - 1, len(kept))) * (values[kept | {modality}] - values[kept])
        for kept in values
        if modality not in kept
    )
