"""How much a classifier depends on each feature and each modality."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils._param_validation import StrOptions

from .._alignment import check_order, values_by_sample
from .._typing import Folds, Scoring, Seed, at_least, check_arguments
from ..modalities._columns import resolve_modalities, sample_labels
from ..modalities._exchange import permuted_scores, present_samples, remove_columns
from ..modalities._input import as_table
from ._attributions import attribute_logits, shapley_values
from ._selection import stability_index
from ._view import ModelView, run_all, view_model, with_progress

N_TOP_FEATURES = 50
# The row of the branches that see several modalities.
TOGETHER = "together"


@dataclass(frozen=True)
class ModalityImportance:
    """Measures of the importance of modalities, from :func:`modality_importance`.

    Parameters
    ----------
    folds : DataFrame of shape (n_folds, n_measures * n_modalities)
        One row per fold; columns have the levels (measure, modality).
    branches : DataFrame of shape (n_folds, n_branches)
        The stacking weight of each branch, the mean over the held-out samples.
    scores : Series of shape (n_folds,)
        The score on the held-out samples.
    features : DataFrame of shape (n_folds * n_features, n_classes)
        The :meth:`Attributions.importance` of the features selected in each fold; the index has the
        levels (fold, feature).
    """

    folds: pd.DataFrame
    branches: pd.DataFrame
    scores: pd.Series
    features: pd.DataFrame

    def summary(self) -> pd.DataFrame:
        """Return mean and standard deviation over the folds.

        Returns
        -------
        DataFrame of shape (n_modalities + 1, 2 * n_measures)
            A row per modality, and ``"together"`` for the branches that see several; column levels
            are (measure, "mean" or "std").
        """
        measures, rows = map(self.folds.columns.unique, (0, 1))
        by_measure = {
            (measure, statistic): getattr(self.folds[measure], statistic)()
            for measure in measures
            for statistic in ("mean", "std")
        }
        return pd.DataFrame(by_measure).reindex(rows)

    def stability(self) -> tuple[float, float, float]:
        """Measure how well the folds agree on the most important features.

        Near zero, the ranking depends on the fit, not on the classes.

        Returns
        -------
        stability : float
            The :func:`stability_index` of the top tenth of the features of each fold, at most 50:
            1 if all folds have the same ones, 0 if they agree no more than by chance.
        lower, upper : float
            Its 95 % confidence interval.

        Raises
        ------
        ValueError
            If there is only one fold.
        """
        sizes = self.features.abs().mean(axis=1).unstack("feature", fill_value=0)  # noqa: PD010
        if len(sizes) < 2:
            raise ValueError(f"Stability needs at least two folds to compare, got {len(sizes)}.")
        n_top = min(N_TOP_FEATURES, -(-sizes.shape[1] // 10))
        ranks = sizes.rank(axis=1, ascending=False, method="first")
        return stability_index((ranks <= n_top).to_numpy())


@check_arguments(n_repeats=[at_least(1)], random_state=["random_state"])
def modality_importance(
    model: BaseEstimator,
    X: Any,
    y: Any,
    *,
    cv: Folds = 5,
    scoring: Scoring = "f1_macro",
    n_repeats: int = 5,
    random_state: Seed = None,
    n_jobs: int | None = None,
) -> ModalityImportance:
    """Measure the importance of each modality in several ways, with their spread over folds.

    The model is cloned and fitted in each fold, and inspected on the held-out samples.

    Parameters
    ----------
    model : CrossModalAttentionClassifier, or a pipeline, search or wrapper that ends in one
        Fitted or not.
    X : DataFrame or array of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,)
        Class labels.
    cv : int, cross-validation generator or iterable, default=5
        The folds, stratified if a number.
    scoring : str or callable, default="f1_macro"
        The score.
    n_repeats : int, default=5
        Permutations of each modality.
    random_state : int, RandomState instance or None, default=None
        Determines the permutations.
    n_jobs : int, default=None
        Number of folds fitted in parallel. None means 1, -1 all processors.

    Returns
    -------
    ModalityImportance
        With the measures ``"permutation"``, what the score loses when the modality is permuted over
        the samples; ``"shapley"``, its share of the score; ``"gradients"``, its share of the
        absolute integrated gradients; and ``"stacking"``, the weights of the branches that see only
        this modality, with those of the others in the row ``"together"``. A fold that cannot be
        fitted or measured is NaN.

    Warns
    -----
    FitFailedWarning
        If some folds cannot be fitted or measured. If none can, the error is raised.

    See Also
    --------
    permutation_importance : For a fitted model, and for single features.
    modality_shapley : For a fitted model, and for single samples.

    Notes
    -----
    If two modalities share information, permuting one of them costs little, but both have a Shapley
    share; gradients measure what the classifier uses, whether or not it helps; stacking weights
    measure which branches best predicted the samples held out in training.

    A model that learned nothing has importances, too. Check that ``scores`` exceed chance, and that
    :meth:`ModalityImportance.stability` is not near zero.

    Examples
    --------
    >>> from xmodal_sklearn import CrossModalAttentionClassifier
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.inspection import modality_importance
    >>> X, y = make_multiomics(120, {"exp": 40, "mut": 10}, 2, return_X_y=True, random_state=0)
    >>> model = CrossModalAttentionClassifier(n_estimators=2, max_epochs=5, random_state=0)
    >>> importance = modality_importance(model, X, y, cv=2, random_state=0)
    >>> importance.summary().index.to_list()
    ['exp', 'mut', 'together']
    >>> importance.features.loc[0].shape
    (50, 2)
    """
    X = as_table(X)
    y = values_by_sample(y, X, "y")
    folds = list(check_cv(cv, y, classifier=True).split(X, y))
    seeds = check_random_state(random_state).randint(np.iinfo(np.int32).max, size=len(folds))
    tasks = [
        (model, X, y, fold, scoring, n_repeats, int(seed))
        for fold, seed in zip(folds, seeds, strict=True)
    ]
    index = pd.RangeIndex(len(folds), name="fold")
    finished = run_all(_measure_fold, tasks, "Fold", n_jobs)
    measures, branches, scores, features = zip(*finished.values(), strict=True)
    table = pd.DataFrame(measures, finished).reindex(index)
    return ModalityImportance(
        table.rename_axis(columns=["measure", "modality"]),
        pd.DataFrame(branches, finished).reindex(index),
        pd.Series(scores, finished, name="score").reindex(index),
        pd.concat(features, keys=finished, names=["fold", "feature"]),
    )


def _measure_fold(
    model: Any, X: Any, y: np.ndarray, fold: Any, scoring: Any, n_repeats: int, seed: int
) -> tuple[pd.Series, pd.Series, float, pd.DataFrame]:
    """Return the measures, the weights of the branches, the score and the features of a fold."""
    train, test = fold
    fitted = clone(model).fit(_safe_indexing(X, train), y[train])
    X, y = _safe_indexing(X, test), y[test]
    view = view_model(fitted, X)
    losses = _permutation_losses(view, y, "modality", scoring, n_repeats, seed)
    branches = branch_weights(view)
    attributions = attribute_logits(view)
    sizes = attributions.by_sample.abs().sum().to_numpy()
    gradients = {name: sizes[view.input_columns(name)].sum() for name in view.modalities}
    measures = {
        "permutation": losses["mean"].loc[view.modalities],
        "shapley": shapley_values(view, y, scoring).loc["score", view.modalities],
        "gradients": pd.Series(gradients) / (sizes.sum() or 1),
        "stacking": weights_by_modality(branches, view.modalities),
    }
    score = check_scoring(fitted, scoring=scoring)(fitted, X, y)
    return pd.concat(measures), branches, score, attributions.importance()


def branch_weights(view: ModelView) -> pd.Series:
    """Return the stacking weight of each branch, the mean over samples."""
    names = view.classifier.stacking_weights_.columns
    return pd.Series(view.network.stacking_weights().mean(axis=0), names)


def weights_by_modality(branches: pd.Series, modalities: list[str]) -> pd.Series:
    """Add up the weights of the branches that see one modality, and of those that see several."""
    owner = branches.index.str.partition(": ").get_level_values(2)
    owner = owner.where(owner.isin(modalities), TOGETHER)
    return branches.groupby(owner).sum().reindex([*modalities, TOGETHER], fill_value=0.0)


@check_arguments(
    by=[StrOptions({"feature", "modality"}), Mapping],
    n_repeats=[at_least(1)],
    random_state=["random_state"],
)
def permutation_importance(
    model: BaseEstimator,
    X: Any,
    y: Any,
    *,
    by: str | Mapping = "modality",
    scoring: Scoring = None,
    n_repeats: int = 5,
    random_state: Seed = None,
) -> pd.DataFrame:
    """Measure what a score loses when features, groups or modalities are permuted over the samples.

    Unlike in :func:`sklearn.inspection.permutation_importance`, groups of columns are permuted
    together, and only samples that have a modality exchange its values.

    Parameters
    ----------
    model : CrossModalAttentionClassifier, or a pipeline, search or wrapper that ends in one
        The fitted model.
    X : DataFrame or array of shape (n_samples, n_features)
        Samples that the model was not fitted to.
    y : array-like of shape (n_samples,)
        Class labels.
    by : "feature", "modality" or dict of str to list of str, default="modality"
        The groups; a dict lists the features of each group.
    scoring : str or callable, default=None
        The score; None is the accuracy.
    n_repeats : int, default=5
        Number of permutations.
    random_state : int, RandomState instance or None, default=None
        Determines the permutations.

    Returns
    -------
    DataFrame with the columns "mean" and "std"
        A row per group, the loss over the repeats. Features that were not selected are not listed:
        permuting them changes nothing.

    Raises
    ------
    ValueError
        If a group has a feature that the classifier does not take, or none; if `y` does not have
        the samples of X in their order; if X has other columns than in fit.

    Examples
    --------
    >>> from xmodal_sklearn import CrossModalAttentionClassifier
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.inspection import permutation_importance
    >>> X, y = make_multiomics(200, {"exp": 40, "mut": 10}, 2, return_X_y=True, random_state=0)
    >>> model = CrossModalAttentionClassifier(n_estimators=2, max_epochs=5, random_state=0)
    >>> model = model.fit(X[:100], y[:100])
    >>> loss = permutation_importance(model, X[100:], y[100:], random_state=0)
    >>> loss.index.to_list()
    ['exp', 'mut']
    """
    check_order(y, X, "y")
    view = view_model(model, X)
    return _permutation_losses(view, np.asarray(y), by, scoring, n_repeats, random_state)


def _permutation_losses(
    view: ModelView, y: np.ndarray, by: Any, scoring: Any, n_repeats: int, random_state: Any
) -> pd.DataFrame:
    groups = _permuted_groups(view, by)
    presence = dict(zip(view.modalities, view.network.present.T, strict=True))
    scorer = check_scoring(view.classifier, scoring=scoring)
    random_state = check_random_state(random_state)

    def score(table: Any) -> float:
        return scorer(view.classifier, table, y)

    full_score = score(view.table)
    losses = {}
    for group, columns in with_progress(groups.items(), "Permuting", len(groups)):
        blocks = [(columns[modality], presence[modality]) for modality in columns]
        scores = permuted_scores(score, view.table, blocks, random_state, n_repeats)
        losses[group] = [full_score - permuted for permuted in scores]
    table = pd.DataFrame.from_dict(losses, orient="index")
    table = table.rename_axis(by if isinstance(by, str) else "group")
    return pd.DataFrame({"mean": table.mean(axis=1), "std": table.std(axis=1, ddof=0)})


def _permuted_groups(view: ModelView, by: Any) -> dict[str, dict[str, np.ndarray]]:
    """Return for each group the positions of its columns in each modality."""
    modalities = view.classifier.modalities_
    if by == "modality":
        return {name: {name: columns} for name, columns in modalities.items()}
    if by == "feature":
        by = {feature: [feature] for feature in view.features}
    groups = {}
    for group, features in by.items():
        chosen = pd.Index(view.features).get_indexer(list(features))
        if not len(chosen):
            raise ValueError(f"Group {group!r} names no feature.")
        if chosen.min() < 0:
            unknown = list(features)[chosen.argmin()]
            raise ValueError(
                f"Group {group!r} names {unknown!r}, which is not a feature of the classifier."
            )
        blocks = {name: np.intersect1d(chosen, columns) for name, columns in modalities.items()}
        groups[group] = {name: columns for name, columns in blocks.items() if len(columns)}
    return groups


def ablation_scores(
    estimator: Any, X: Any, y: Any, modalities: Any, scoring: Any, n_repeats: int, random_state: Any
) -> tuple[float, pd.DataFrame]:
    """Score any fitted estimator with all modalities, and without each, absent if no repeats."""
    check_order(y, X, "y")
    table = as_table(X)
    columns = resolve_modalities(table, modalities)
    presence = pd.DataFrame({name: present_samples(table, at) for name, at in columns.items()})
    scorer = check_scoring(estimator, scoring=scoring)
    random_state = check_random_state(random_state)

    def score(changed: Any) -> float:
        return scorer(estimator, changed, y)

    scores: dict[str, list[float]] = {}
    for name, positions in columns.items():
        if n_repeats:
            blocks = [(positions, presence[name].to_numpy())]
            scores[name] = permuted_scores(score, table, blocks, random_state, n_repeats)
            continue
        alone = np.flatnonzero(~presence.drop(columns=name).any(axis=1))
        if len(alone):
            raise ValueError(
                f"Without {name!r}, {len(alone)} samples have no modality, the first is "
                f"{sample_labels(table)[alone[0]]!r}. Drop such samples, or use "
                'method="permute".'
            )
        try:
            scores[name] = [score(remove_columns(table, positions))]
        except ValueError as error:
            raise ValueError(
                f"The estimator could not predict with {name!r} absent: {error}\nUse "
                'method="permute" for an estimator that does not accept NaN.'
            ) from error
    return score(table), pd.DataFrame(scores)
