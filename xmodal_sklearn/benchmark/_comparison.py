"""What a comparison of estimators found, and what several of them say together."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ._metrics import LOSSES
from ._statistics import TTest, corrected_t_test, correlated_posterior, friedman_nemenyi, holm

__all__ = ["COSTS", "FOLD", "Comparison", "DatasetRanks", "as_labels", "rank_datasets"]

COSTS = ("fit_seconds", "predict_seconds", "peak_mb")
FOLD = ["repeat", "fold"]
TABLES = ("scores", "predictions", "selected")
LEARNING = "learning.csv"
TEXT = ("estimator", "metric", "modality", "feature", "target", "predicted")
WHOLE = (*FOLD, "sample")


@dataclass(frozen=True)
class Comparison:
    """What :func:`~xmodal_sklearn.benchmark.compare` measured.

    Attributes
    ----------
    scores : DataFrame
        One row per ``estimator``, ``repeat``, ``fold`` and ``metric``, with its ``value``. Beside
        the metrics there are ``"recall: CLASS"`` for every class, ``"fit_seconds"``,
        ``"predict_seconds"``, ``"peak_mb"``, ``"n_train"`` and ``"n_test"``.
    predictions : DataFrame
        One row per ``estimator``, ``repeat``, ``fold`` and test ``sample`` (its position in X),
        with its ``target``, the ``predicted`` label and the probability ``"p: CLASS"`` of every
        class, NaN where the estimator gives no probabilities.
    selected : DataFrame
        One row per ``estimator``, ``repeat``, ``fold``, ``modality`` and ``feature`` that a
        :class:`~xmodal_sklearn.MultiOmicsSelector` in the estimator kept, best first.
    classes : ndarray of shape (n_classes,)
        The class labels, sorted.
    metrics : tuple of str
        Names of the metrics; the first decides the order of the summary.
    warnings : tuple of str
        What :func:`~xmodal_sklearn.benchmark.compare` warned of.
    info : dict
        Sizes, versions, seconds.
    learning : DataFrame or None
        Scores of the same folds after training on fewer samples, see
        :func:`~xmodal_sklearn.learning.learning_curves`.
    """

    scores: pd.DataFrame
    predictions: pd.DataFrame
    selected: pd.DataFrame
    classes: np.ndarray
    metrics: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    info: dict[str, Any] = field(default_factory=dict)
    learning: pd.DataFrame | None = None

    def summary(self) -> pd.DataFrame:
        """Summarise the folds.

        Returns
        -------
        DataFrame
            One row per estimator, the one with the best mean of the first metric first; mean and
            standard deviation over the folds in two-level columns (metric, statistic), and so for
            the seconds and the memory.
        """
        shown = [*self.metrics, *COSTS]
        by_metric = self.scores.groupby(["estimator", "metric"])["value"].agg(["mean", "std"])
        summary = by_metric.unstack("metric").swaplevel(axis=1)  # noqa: PD010
        summary = summary[[(metric, part) for metric in shown for part in ("mean", "std")]]
        first = self.metrics[0]
        return summary.sort_values((first, "mean"), ascending=first in LOSSES)

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
            `estimator` is better), ``t``, the two-sided ``p``, and ``p_holm``, corrected for the
            number of rows [2]_.

        References
        ----------
        .. [1] C. Nadeau, Y. Bengio, "Inference for the Generalization Error", Machine Learning
           52, 2003, doi:10.1023/A:1024068626366.
        .. [2] S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian
           Journal of Statistics 6(2), 1979.
        """
        by_fold = self._by_fold(metric, estimator)
        others = by_fold.columns.drop(estimator)
        tests = [self._t_test(by_fold, estimator, other) for other in others]
        result = pd.DataFrame(tests, index=others, columns=TTest._fields, dtype=float)
        return result.assign(p_holm=holm(result["p"].to_numpy()))

    def pairwise(self, metric: str | None = None) -> pd.DataFrame:
        """Test every estimator against every other, see :meth:`test`.

        Parameters
        ----------
        metric : str, default=None
            The metric; None means the first.

        Returns
        -------
        DataFrame
            One row per ordered pair: ``estimator``, ``other``, ``difference`` (positive where
            `estimator` is better), ``t``, ``p``, and ``p_holm``, corrected for the number of
            unordered pairs.
        """
        by_fold = self._by_fold(metric)
        pairs = list(combinations(by_fold.columns, 2))
        tests = [self._t_test(by_fold, *pair) for pair in pairs]
        columns = ["estimator", "other", *TTest._fields, "p_holm"]
        corrected = holm(np.array([test.p for test in tests]))
        there = [(*pair, *test, p) for pair, test, p in zip(pairs, tests, corrected, strict=True)]
        back = [(b, a, -difference, -t, *ps) for a, b, difference, t, *ps in there]
        return pd.DataFrame([*there, *back], columns=columns)

    def bayes(
        self, a: str, b: str, metric: str | None = None, rope: float = 0.01
    ) -> tuple[float, float, float]:
        """Weigh up two estimators by the Bayesian correlated t-test.

        Parameters
        ----------
        a, b : str
            The estimators.
        metric : str, default=None
            The metric; None means the first.
        rope : float, default=0.01
            Region of practical equivalence: a mean difference of at most so much is none.

        Returns
        -------
        tuple of float
            Probabilities that `a` is better, that they are practically equivalent, that `b` is
            better. They sum to one.

        References
        ----------
        .. [1] A. Benavoli, G. Corani, J. Demšar, M. Zaffalon, "Time for a Change: a Tutorial for
           Comparing Multiple Classifiers Through Bayesian Analysis", JMLR 18(77), 2017.
        """
        by_fold = self._by_fold(metric, a, b)
        differences = (by_fold[a] - by_fold[b]).to_numpy()
        return correlated_posterior(differences, self._test_to_train(), rope)

    def save(self, path: str | Path) -> None:
        """Write the comparison as CSV and JSON files into a folder.

        Parameters
        ----------
        path : str or Path
            The folder; made where there is none.
        """
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        for name in TABLES:
            getattr(self, name).to_csv(folder / f"{name}.csv", index=False)
        if self.learning is None:
            (folder / LEARNING).unlink(missing_ok=True)
        else:
            self.learning.to_csv(folder / LEARNING, index=False)
        rest = {
            "classes": self.classes.tolist(),
            "dtype": self.classes.dtype.str,
            "metrics": self.metrics,
            "warnings": self.warnings,
            "info": self.info,
        }
        text = json.dumps(rest, indent=2, ensure_ascii=False)
        (folder / "comparison.json").write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> "Comparison":
        """Read the comparison that :meth:`save` wrote.

        Parameters
        ----------
        path : str or Path
            The folder.

        Returns
        -------
        Comparison
            Equal to the one saved.
        """
        folder = Path(path)
        if not (folder / "comparison.json").is_file():
            raise FileNotFoundError(f"{folder} holds no comparison: it has no comparison.json.")
        rest = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
        classes = np.array(rest["classes"], dtype=rest["dtype"])
        labels = {str(label): label for label in classes}
        learning = folder / LEARNING
        scores, predictions, selected = (_read_table(folder / f"{name}.csv") for name in TABLES)
        for column in ("target", "predicted"):
            predictions[column] = as_labels(predictions[column].map(labels).tolist(), classes)
        return cls(
            scores,
            predictions,
            selected,
            classes,
            tuple(rest["metrics"]),
            tuple(rest["warnings"]),
            rest["info"],
            _read_table(learning) if learning.is_file() else None,
        )

    def _by_fold(self, metric: str | None, *estimators: str) -> pd.DataFrame:
        """Return one row per fold, one column per estimator, higher is better."""
        metric = metric or self.metrics[0]
        rows = self.scores[self.scores["metric"] == metric]
        if rows.empty:
            known = list(self.scores["metric"].unique())
            raise ValueError(f"No metric {metric!r} was computed, only {known}.")
        by_fold = rows.pivot(index=FOLD, columns="estimator", values="value")  # noqa: PD010
        for estimator in estimators:
            if estimator not in by_fold:
                known = list(by_fold)
                raise ValueError(f"No estimator {estimator!r} was compared, only {known}.")
        return -by_fold if metric in LOSSES or metric in COSTS else by_fold

    def _t_test(self, by_fold: pd.DataFrame, a: str, b: str) -> TTest:
        return corrected_t_test((by_fold[a] - by_fold[b]).to_numpy(), self._test_to_train())

    def _test_to_train(self) -> float:
        return float((self._by_fold("n_test") / self._by_fold("n_train")).to_numpy().mean())


@dataclass(frozen=True)
class DatasetRanks:
    """What :func:`rank_datasets` found.

    Attributes
    ----------
    ranks : DataFrame of shape (n_datasets, n_estimators)
        Rank of each estimator on each data set; 1 is best, ties share the mean of their ranks.
    mean_rank : Series of shape (n_estimators,)
        Mean over the data sets, best first.
    p : float
        Of Friedman's test that all estimators are equally good, in Iman and Davenport's form.
    critical_difference : float
        Mean ranks farther apart than this differ significantly, by Nemenyi's test.
    p_nemenyi : DataFrame of shape (n_estimators, n_estimators)
        Of Nemenyi's test of each pair.
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
        By name of the data set; at least two, of the same estimators, at least two.
    metric : str, default=None
        The metric whose mean over the folds is ranked; None means the first of each comparison.
    alpha : float, default=0.05
        Level of significance of the critical difference.

    Returns
    -------
    DatasetRanks
        Ranks, Friedman's test and the critical difference, as in Demšar [1]_.

    Raises
    ------
    ValueError
        If there are fewer than two data sets or estimators, or a data set lacks an estimator.

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
    means = {name: one._by_fold(metric).mean() for name, one in comparisons.items()}
    scores = pd.DataFrame(means).T
    if scores.isna().any(axis=None):
        dataset, estimator = scores.isna().stack().idxmax()  # noqa: PD013
        raise ValueError(
            f"Data set {dataset!r} has no score of estimator {estimator!r}, which others have. "
            "Compare the same estimators on all."
        )
    if min(scores.shape) < 2:
        raise ValueError(
            f"There must be at least two data sets and two estimators, got {scores.shape[0]} and "
            f"{scores.shape[1]}."
        )
    ranking = friedman_nemenyi(scores.to_numpy(), alpha)
    ranks = pd.DataFrame(ranking.ranks, scores.index, scores.columns)
    return DatasetRanks(
        ranks,
        ranks.mean().sort_values(),
        ranking.p,
        ranking.critical_difference,
        pd.DataFrame(ranking.p_nemenyi, scores.columns, scores.columns),
    )


def _read_table(path: Path) -> pd.DataFrame:
    # As text first: pandas would take the class "NA" for a gap, and round in the last digit.
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    for column in table.columns.difference(TEXT):
        kind = int if column in WHOLE else float
        table[column] = [kind(text or "nan") for text in table[column]]
    return table.astype(dict.fromkeys(table.columns.intersection(WHOLE), np.int64))


def as_labels(labels: list, classes: np.ndarray) -> pd.Series:
    """Return labels in the type of the classes."""
    return pd.Series(labels, dtype=None if classes.dtype.kind in "OU" else classes.dtype)
