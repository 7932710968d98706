"""Ranks of estimators over several data sets."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from ._comparison import Comparison


@dataclass(frozen=True)
class DatasetRanks:
    """Ranks of estimators over several data sets, from :func:`rank_datasets`.

    Parameters
    ----------
    ranks : DataFrame of shape (n_datasets, n_estimators)
        Rank of each estimator on each data set; 1 is best, ties share the mean of their ranks.
    mean_rank : Series of shape (n_estimators,)
        Mean rank over the data sets, best first.
    p : float
        P value of Friedman's test, in Iman and Davenport's form, that all estimators are equally
        good.
    critical_difference : float
        Mean ranks farther apart than this differ significantly, by Nemenyi's test.
    p_nemenyi : DataFrame of shape (n_estimators, n_estimators)
        P values of Nemenyi's test of each pair.
    """

    ranks: pd.DataFrame
    mean_rank: pd.Series
    p: float
    critical_difference: float
    p_nemenyi: pd.DataFrame


def rank_datasets(
    comparisons: Mapping[str, Comparison], *, metric: str | None = None, alpha: float = 0.05
) -> DatasetRanks:
    """Rank the same estimators over several data sets.

    Parameters
    ----------
    comparisons : mapping of str to Comparison
        The comparison of each data set: at least two data sets, and the same estimators, at
        least two, in all.
    metric : str, default=None
        The metric whose mean over the folds is ranked; None means the first of each comparison.
    alpha : float, default=0.05
        Level of significance of the critical difference.

    Returns
    -------
    DatasetRanks
        Ranks, Friedman's test and the critical difference, as Demšar [1]_ recommends.

    Raises
    ------
    ValueError
        If there are fewer than two data sets or estimators, or an estimator has no score on one of
        the data sets.

    References
    ----------
    .. [1] J. Demšar, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7,
       2006.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> from xmodal_sklearn.benchmark import compare, rank_datasets
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> models = {name: DummyClassifier(strategy=name) for name in ("prior", "uniform")}
    >>> comparisons = {
    ...     f"cohort {seed}": compare(
    ...         models, *make_multiomics(60, return_X_y=True, random_state=seed), cv=2
    ...     )
    ...     for seed in range(3)
    ... }
    >>> rank_datasets(comparisons, metric="log_loss").mean_rank.to_dict()
    {'prior': 1.0, 'uniform': 2.0}
    """
    means = {name: result._by_fold(metric).mean() for name, result in comparisons.items()}
    scores = pd.DataFrame(means).T
    if scores.isna().any(axis=None):
        dataset, estimator = scores.isna().stack().idxmax()  # noqa: PD013
        raise ValueError(
            f"Data set {dataset!r} has no score of estimator {estimator!r}, but other data sets "
            "have. Compare the same estimators on all data sets."
        )
    if min(scores.shape) < 2:
        raise ValueError(
            "Ranking needs at least two data sets and two estimators, got "
            f"{scores.shape[0]} and {scores.shape[1]}."
        )
    return friedman_nemenyi(scores, alpha)


def friedman_nemenyi(scores: pd.DataFrame, alpha: float) -> DatasetRanks:
    """Rank estimators by scores, (n_datasets, n_estimators), higher is better, and test them."""
    n, k = scores.shape
    ranks = scores.rank(axis=1, ascending=False)
    mean = ranks.mean().to_numpy()
    chi2 = 12 * n / (k * (k + 1)) * ((mean**2).sum() - k * (k + 1) ** 2 / 4)
    with np.errstate(divide="ignore"):
        f = (n - 1) * chi2 / (n * (k - 1) - chi2)
    # The studentized range refers to the error of one mean, not of a difference: hence √2.
    error = np.sqrt(k * (k + 1) / (6 * n)) / np.sqrt(2)
    studentized = stats.studentized_range(k, np.inf)
    p_nemenyi = studentized.sf(np.abs(mean[:, None] - mean) / error)
    return DatasetRanks(
        ranks,
        ranks.mean().sort_values(),
        float(stats.f.sf(f, k - 1, (k - 1) * (n - 1))),
        float(studentized.ppf(1 - alpha) * error),
        pd.DataFrame(p_nemenyi, scores.columns, scores.columns),
    )
