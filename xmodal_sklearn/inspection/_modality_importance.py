"""How much each table matters to a classifier, by several measures side by side."""

from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils._param_validation import Interval, validate_params
from sklearn.utils.parallel import Parallel, delayed

from .._alignment import values_by_sample
from ..modalities._validation import as_table
from ._attributions import Attributions, integrated_gradients
from ._fitted import open_model, watched
from ._permutation import permutation_importance
from ._shapley import modality_shapley
from ._stability import stability_index

__all__ = ["TOGETHER", "ModalityImportance", "modality_importance"]

FIRST = 50
# The row of the heads that see all modalities.
TOGETHER = "together"


@dataclass(frozen=True)
class ModalityImportance:
    """Measures of the importance of modalities, from :func:`modality_importance`.

    Parameters
    ----------
    folds : DataFrame of shape (n_folds, n_measures * n_modalities)
        One row per fold; columns have the levels (measure, modality).
    heads : DataFrame of shape (n_folds, n_heads)
        The stacking weight of each head, the mean over the samples held out.
    scores : Series of shape (n_folds,)
        The score on the samples held out.
    features : DataFrame of shape (n_folds * n_features, n_classes)
        The importance of each feature by integrated gradients, signed as that of
        :meth:`Attributions.importance`; the index has the levels (fold, feature). Features that a
        selector left out in a fold have no row of it.
    """

    folds: pd.DataFrame
    heads: pd.DataFrame
    scores: pd.Series
    features: pd.DataFrame

    def summary(self) -> pd.DataFrame:
        """Return mean and standard deviation over the folds.

        Returns
        -------
        DataFrame of shape (n_modalities + 1, 2 * n_measures)
            A row per modality, and ``"together"`` for the heads that see all. Columns have the
            levels (measure, "mean" or "std").
        """
        by_measure = {
            (measure, statistic): getattr(self.folds[measure], statistic)()
            for measure in self.folds.columns.unique(0)
            for statistic in ("mean", "std")
        }
        order = self.folds.columns.unique(1)
        return pd.DataFrame(by_measure).reindex(order)

    def stability(self) -> tuple[float, float, float]:
        """Measure how far the folds agree on the most important features.

        A model that learned nothing ranks features too, but in every fold others: near zero, the
        ranking tells of the fits, not of the classes.

        Returns
        -------
        stability : float
            The index of :func:`stability_index` of the first tenth of the features in each fold, of
            50 at most: 1 where all folds have the same ones, 0 where they agree by chance.
        lower, upper : float
            Its confidence interval, of 95%.

        Raises
        ------
        ValueError
            If there is one fold only.
        """
        sizes = self.features.abs().mean(axis=1).unstack("feature", fill_value=0)  # noqa: PD010
        if len(sizes) < 2:
            raise ValueError(f"Stability needs at least two folds to compare, got {len(sizes)}.")
        n_first = min(FIRST, -(-sizes.shape[1] // 10))
        ranks = sizes.rank(axis=1, ascending=False, method="first")
        return stability_index((ranks <= n_first).to_numpy())


@validate_params(
    {
        "n_repeats": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def modality_importance(
    model: Any,
    X: Any,
    y: Any,
    *,
    cv: Any = 5,
    scoring: Any = "f1_macro",
    n_repeats: int = 5,
    random_state: Any = None,
    n_jobs: int | None = None,
) -> ModalityImportance:
    """Measure how much each modality matters, in several ways, with their spread over folds.

    The model is cloned and fitted in each fold, and looked at on the samples held out.

    Parameters
    ----------
    model : CrossModalAttentionClassifier, or Pipeline that ends in one
        Fitted or not.
    X : DataFrame or array of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,)
        Their classes.
    cv : int, cross-validation generator or iterable, default=5
        The folds, stratified if a number.
    scoring : str or callable, default="f1_macro"
        The score.
    n_repeats : int, default=5
        Permutations of each modality.
    random_state : int, RandomState instance or None, default=None
        Determines the permutations.
    n_jobs : int, default=None
        Folds at a time. None means 1, -1 all processors.

    Returns
    -------
    ModalityImportance
        With the measures ``"permutation"``, what the score loses where a modality is another
        sample's; ``"shapley"``, the modality's share of the score, exact over all subsets;
        ``"gradients"``, its share of the sizes of all integrated gradients; and ``"stacking"``,
        the weights of the heads that see it alone, those of the others in the row ``"together"``.

    Raises
    ------
    TypeError
        If the model is another.

    See Also
    --------
    permutation_importance : For a fitted model, and for single features.
    modality_shapley : For a fitted model, and for single samples.

    Notes
    -----
    The measures answer different questions. A modality that tells what another tells too loses
    little by permutation and still shares in Shapley values; gradients count what is used, whether
    or not it is right; stacking weights count what held-out patients in training said for a head.

    A model that learned nothing has importances too. It is told by ``scores``, near what guessing
    gives, and by :meth:`ModalityImportance.stability`, near zero.

    Examples
    --------
    >>> from xmodal_sklearn import CrossModalAttentionClassifier
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.inspection import modality_importance
    >>> X, y = make_multiomics(120, {"exp": 40, "mut": 10}, 2, return_X_y=True, random_state=0)
    >>> model = CrossModalAttentionClassifier(n_estimators=2, max_epochs=5, random_state=0)
    >>> found = modality_importance(model, X, y, cv=2, random_state=0)
    >>> found.summary().index.to_list()
    ['exp', 'mut', 'together']
    >>> found.features.loc[0].shape
    (50, 2)
    """
    X = as_table(X)
    y = values_by_sample(y, X, "y")
    folds = list(check_cv(cv, y, classifier=True).split(X, y))
    seeds = check_random_state(random_state).randint(np.iinfo(np.int32).max, size=len(folds))
    done = Parallel(n_jobs=n_jobs, return_as="generator")(
        delayed(_measure)(model, X, y, fold, scoring, n_repeats, int(seed))
        for fold, seed in zip(folds, seeds, strict=True)
    )
    measured = list(watched(done, "Folds", len(folds)))
    index = pd.RangeIndex(len(folds), name="fold")
    measures, heads, scores, features = zip(*measured, strict=True)
    table = pd.DataFrame(measures).set_axis(index)
    table.columns.names = ["measure", "modality"]
    return ModalityImportance(
        table,
        pd.DataFrame(heads).set_axis(index),
        pd.Series(scores, index, name="score"),
        pd.concat(features, keys=index, names=["fold", "feature"]),
    )


def _measure(
    model: Any,
    X: Any,
    y: np.ndarray,
    fold: tuple[np.ndarray, np.ndarray],
    scoring: Any,
    n_repeats: int,
    seed: int,
) -> tuple[pd.Series, pd.Series, float, pd.DataFrame]:
    """Return the measures, the heads' weights, the score and the features of one fold."""
    train, test = fold
    fitted = clone(model).fit(_safe_indexing(X, train), y[train])
    X, y = _safe_indexing(X, test), y[test]
    modalities = open_model(fitted, X).opened.modalities
    lost = permutation_importance(
        fitted, X, y, scoring=scoring, n_repeats=n_repeats, random_state=seed
    )
    heads = head_weights(fitted, X)
    found = integrated_gradients(fitted, X)
    measures = {
        "permutation": lost["mean"].loc[modalities],
        "shapley": modality_shapley(fitted, X, y, scoring=scoring).loc["score", modalities],
        "gradients": _gradient_shares(fitted, X, found),
        "stacking": weights_by_modality(heads, modalities),
    }
    score = check_scoring(fitted, scoring=scoring)(fitted, X, y)
    return pd.concat(measures), heads, score, found.importance()


def head_weights(model: Any, X: Any) -> pd.Series:
    """Return the stacking weight of each head, the mean over samples."""
    fitted = open_model(model, X)
    names = fitted.classifier.stacking_weights_.columns
    return pd.Series(fitted.opened.stacking_weights().mean(axis=0), names)


def weights_by_modality(heads: pd.Series, modalities: list[str]) -> pd.Series:
    """Add up the weights of the heads that see one modality, and of those that see all."""
    owner = heads.index.str.partition(": ").get_level_values(2)
    owner = owner.where(owner.isin(modalities), TOGETHER)
    return heads.groupby(owner).sum().reindex([*modalities, TOGETHER], fill_value=0.0)


def _gradient_shares(model: Any, X: Any, found: Attributions) -> pd.Series:
    fitted = open_model(model, X)
    sizes = found.by_sample.abs().sum().to_numpy()
    shares = {one: sizes[fitted.input_columns(one)].sum() for one in fitted.opened.modalities}
    return pd.Series(shares) / (sizes.sum() or 1)
