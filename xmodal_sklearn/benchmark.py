"""Comparing estimators on the same folds."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy import stats
from sklearn.base import clone
from sklearn.metrics import check_scoring
from sklearn.model_selection import RepeatedStratifiedKFold, check_cv
from sklearn.utils import _safe_indexing
from tqdm.auto import tqdm

__all__ = ["Comparison", "compare"]

SCORING = ("f1_macro", "f1_weighted", "accuracy", "roc_auc_ovr")


@dataclass(frozen=True)
class Comparison:
    """What :func:`compare` measured.

    Attributes
    ----------
    scores : DataFrame
        One row per estimator and fold: ``estimator``, ``fold``, ``n_train``, ``n_test``, one
        column per metric, ``fit_seconds`` and ``score_seconds``. Folds of repeated
        cross-validation count on: with 5 folds, repeat 1 begins at fold 5.
    metrics : tuple of str
        Names of the metrics.
    """

    scores: pd.DataFrame
    metrics: tuple[str, ...]

    def summary(self) -> pd.DataFrame:
        """Summarise the folds.

        Returns
        -------
        DataFrame
            One row per estimator, best mean of the first metric first; mean and standard
            deviation over the folds in two-level columns (metric, statistic).
        """
        columns = [*self.metrics, "fit_seconds"]
        summary = self.scores.groupby("estimator")[columns].agg(["mean", "std"])
        return summary.sort_values((self.metrics[0], "mean"), ascending=False)

    def test(self, estimator: str, metric: str | None = None) -> pd.DataFrame:
        """Test one estimator against each other by the corrected resampled t-test.

        Folds share training samples, so the plain paired t-test finds differences where there
        are none. Nadeau and Bengio [1]_ add the ratio of test to training samples to the
        variance of the mean difference.

        Parameters
        ----------
        estimator : str
            The estimator to test against all others.
        metric : str, default=None
            The metric; None means the first.

        Returns
        -------
        DataFrame
            One row per other estimator: ``difference`` (mean over folds, positive where
            `estimator` scores higher), ``t`` and the two-sided ``p``.

        References
        ----------
        .. [1] C. Nadeau, Y. Bengio, "Inference for the Generalization Error", Machine Learning
           52, 2003, doi:10.1023/A:1024068626366.
        """
        metric = metric or self.metrics[0]
        by_fold = self.scores.pivot_table(metric, index="fold", columns="estimator")
        if estimator not in by_fold:
            raise ValueError(f"No estimator {estimator!r} was compared, only {list(by_fold)}.")
        sizes = self.scores.drop_duplicates("fold")
        ratio = (sizes["n_test"] / sizes["n_train"]).mean()
        differences = by_fold.drop(columns=estimator).rsub(by_fold[estimator], axis=0)
        n_folds = len(differences)
        error = np.sqrt((1 / n_folds + ratio) * differences.var())
        t = differences.mean() / error
        p = 2 * stats.t.sf(t.abs(), df=n_folds - 1)
        return pd.DataFrame({"difference": differences.mean(), "t": t, "p": p})


def compare(
    estimators: Mapping[str, Any],
    X: Any,
    y: Any,
    *,
    cv: Any = None,
    scoring: Sequence[str] = SCORING,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> Comparison:
    """Cross-validate several estimators on the same folds.

    Parameters
    ----------
    estimators : mapping of str to estimator
        Named estimators, each with its own selection, scaling and tuning inside.
    X : DataFrame or array of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,)
        Class labels.
    cv : int, splitter or iterable of splits, default=None
        The outer folds, identical for all estimators. None is 5 stratified folds, repeated 5
        times, with a fixed seed.
    scoring : sequence of str, default=("f1_macro", "f1_weighted", "accuracy", "roc_auc_ovr")
        Names of scikit-learn's scorers; the first decides the order of the summary.
    n_jobs : int, default=None
        Number of fits in parallel. None means 1, -1 all processors.
    verbose : int, default=0
        A value above 0 shows a progress bar.

    Returns
    -------
    Comparison
        The scores of every fold, with a summary and a significance test.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> from xmodal_sklearn.baselines import make_baselines
    >>> from xmodal_sklearn.benchmark import compare
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> X, y = make_multiomics(n_samples=100, return_X_y=True, random_state=0)
    >>> late = make_baselines(k=20, random_state=0)["late fusion"]
    >>> result = compare({"late fusion": late, "dummy": DummyClassifier()}, X, y, cv=3)
    >>> list(result.summary().index)
    ['late fusion', 'dummy']
    """
    if cv is None:
        cv = RepeatedStratifiedKFold(n_splits=5, n_repeats=5, random_state=0)
    # Labels as a plain NumPy array: classifiers differ in how they take pandas' string arrays.
    y = np.asarray(y)
    splits = list(check_cv(cv, y, classifier=True).split(X, y))
    tasks = [(name, fold) for fold in range(len(splits)) for name in estimators]
    rows = Parallel(n_jobs=n_jobs, return_as="generator")(
        delayed(_score_fold)(estimators[name], X, y, *splits[fold], list(scoring))
        for name, fold in tasks
    )
    progress = tqdm(rows, total=len(tasks), unit="fit", disable=not verbose)
    scores = pd.DataFrame(
        {"estimator": name, "fold": fold, **row}
        for (name, fold), row in zip(tasks, progress, strict=True)
    )
    return Comparison(scores, tuple(scoring))


def _score_fold(
    estimator: Any, X: Any, y: np.ndarray, train: np.ndarray, test: np.ndarray, scoring: list[str]
) -> dict[str, float]:
    start = time.perf_counter()
    fitted = clone(estimator).fit(_safe_indexing(X, train), y[train])
    fit_seconds = time.perf_counter() - start
    scores = check_scoring(fitted, scoring=scoring)(fitted, _safe_indexing(X, test), y[test])
    return {
        "n_train": len(train),
        "n_test": len(test),
        **scores,
        "fit_seconds": fit_seconds,
        "score_seconds": time.perf_counter() - start - fit_seconds,
    }
