"""The results of a comparison of estimators: tables, summary and tests."""

import csv
import json
import secrets
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .._html import html_table
from .._suggestions import did_you_mean
from ._metrics import CLASS_RECALL, COSTS, LOSSES, metric_label
from ._result_folder import locked, publishing, result_file
from ._statistics import TTest, corrected_t_test, correlated_posterior, holm

# The columns that identify a fold.
FOLD = ["repeat", "fold"]
TABLES = ("scores", "predictions", "selected", "learning")
TEXT_COLUMNS = ("estimator", "metric", "part", "modality", "feature", "run", "target", "predicted")
INTEGER_COLUMNS = (*FOLD, "sample")
# Level of the one-sided test against chance, and the gain that a single fold must show.
ALPHA = 0.05
MIN_GAIN = 0.05


def probability_column(label: Any) -> str:
    """Return the column of predictions that holds the probability of a class."""
    return f"p: {label}"


@dataclass(frozen=True, repr=False)
class Comparison:
    """Scores, predictions and selected features of estimators compared on the same folds.

    :func:`~xmodal_sklearn.benchmark.compare` returns it; :meth:`save` and :meth:`load` keep it in
    a folder.

    Parameters
    ----------
    scores : DataFrame
        One row per ``estimator``, ``repeat``, ``fold``, ``metric`` and ``part``, with its
        ``value``. The part is empty except for ``"class_recall"``, one row per class;
        ``"without_modality"``, if there are several modalities: the first metric after permuting
        the modality among the test samples; and ``"branch_weight"``, the stacking weights of a
        network. Further metrics are ``"fit_seconds"``, ``"predict_seconds"``, ``"peak_mb"``,
        ``"n_train"`` and ``"n_test"``.
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
    warnings : tuple of str, default=()
        The warnings of :func:`~xmodal_sklearn.benchmark.compare`.
    info : dict, default={}
        Numbers of samples, features and folds, seconds, date, hardware, versions of libraries;
        under ``"data"`` a hash of the data, class sizes, missing values, batches and
        names of samples; under ``"models"`` the parameters and seeds of each.
    learning : DataFrame, default=None
        Scores on the same folds after training on fewer samples, see
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
        """Summarize the folds by mean and standard deviation.

        Returns
        -------
        DataFrame
            One row per estimator, sorted by the mean of the first metric, best first, and two-level
            columns (metric, ``"mean"`` or ``"std"``), for seconds and memory too.
        """
        shown = [*self.metrics, *COSTS]
        whole = self.scores[self.scores["part"] == ""]
        by_metric = whole.groupby(["estimator", "metric"])["value"].agg(["mean", "std"])
        summary = by_metric.unstack("metric").swaplevel(axis=1)  # noqa: PD010
        summary = summary[[(metric, part) for metric in shown for part in ("mean", "std")]]
        first = self.metrics[0]
        return summary.sort_values((first, "mean"), ascending=first in LOSSES)

    def __repr__(self) -> str:
        return f"{self._caption()}\n{self._shown()}"

    def _repr_html_(self) -> str:
        means = self.summary()[self.metrics[0], "mean"]
        return html_table(self._shown().rename_axis("model"), self._caption(), means)

    def _caption(self) -> str:
        folds = self.scores[FOLD].drop_duplicates()
        n_repeats = folds["repeat"].nunique()
        return (
            f"Comparison of {self.scores['estimator'].nunique()} estimators: mean ± standard "
            f"deviation over {len(folds) // n_repeats} folds × {n_repeats}"
        )

    def _shown(self) -> pd.DataFrame:
        """Return the summary as text."""
        text = self.summary().map("{:.3f}".format)
        shown = [*self.metrics, COSTS[0]]
        columns = {metric_label(m): text[m, "mean"] + " ± " + text[m, "std"] for m in shown}
        return pd.DataFrame(columns, index=text.index)

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
            number of rows [2]_; NaN if fewer than two folds have scores of both.

        Raises
        ------
        ValueError
            If the estimator or the metric is not in the comparison, or fewer than two folds have
            a score.

        References
        ----------
        .. [1] C. Nadeau, Y. Bengio, "Inference for the Generalization Error", Machine Learning
           52, 2003, doi:10.1023/A:1024068626366.
        .. [2] S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian
           Journal of Statistics 6(2), 1979.
        """
        by_fold = self._by_fold(metric, estimator)
        others = by_fold.columns.drop(estimator)
        return self._t_tests(by_fold, [(estimator, other) for other in others]).set_axis(others)

    def pairwise(self, metric: str | None = None) -> pd.DataFrame:
        """Test every estimator against every other by the test of :meth:`test`.

        Parameters
        ----------
        metric : str, default=None
            The metric; None means the first.

        Returns
        -------
        DataFrame
            One row per ordered pair: ``estimator``, ``other``, ``difference`` (positive where
            `estimator` is better), ``t``, ``p``, and ``p_holm``, corrected for the number of
            unordered pairs; NaN if fewer than two folds have scores of both.

        Raises
        ------
        ValueError
            If the metric is not in the comparison, or fewer than two folds have a score.
        """
        by_fold = self._by_fold(metric)
        pairs = list(combinations(by_fold.columns, 2))
        names = pd.DataFrame(pairs, columns=["estimator", "other"])
        tests = pd.concat([names, self._t_tests(by_fold, pairs)], axis=1)
        swapped = tests.rename(columns={"estimator": "other", "other": "estimator"})
        swapped[["difference", "t"]] *= -1
        return pd.concat([tests, swapped], ignore_index=True)

    def bayes(
        self, a: str, b: str, metric: str | None = None, rope: float = 0.01
    ) -> tuple[float, float, float]:
        """Compare two estimators by the Bayesian correlated t-test [1]_.

        Parameters
        ----------
        a, b : str
            The estimators.
        metric : str, default=None
            The metric; None means the first.
        rope : float, default=0.01
            Region of practical equivalence: a mean difference of at most this much counts as
            none.

        Returns
        -------
        tuple of float
            Probabilities that `a` is better, that the two are practically equivalent, and that `b`
            is better. They sum to one.

        Raises
        ------
        ValueError
            If an estimator or the metric is not in the comparison, or fewer than two folds have a
            score.

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

        The files replace those of an earlier run all at once: whatever happens, and whoever writes
        at the same time, the folder holds the results of one run. Each file carries a random
        identifier of the run, which becomes ``info["run"]``.

        Parameters
        ----------
        path : str or Path
            The folder; it is created if it does not exist. A report of an earlier run in it is
            removed.

        Raises
        ------
        OSError
            If the files cannot be written; earlier ones stay as they are.
        ValueError
            If the folder has a file, such as ``scores.csv``, that would be replaced and was not
            written by this package.
        """
        self.info["run"] = secrets.token_hex(4)
        present = [name for name in TABLES if getattr(self, name) is not None]
        tables = {f"{name}.csv": getattr(self, name) for name in present}
        content = {
            "run": self.info["run"],
            "rows": {name: len(table) for name, table in tables.items()},
            "classes": self.classes.tolist(),
            "dtype": self.classes.dtype.str,
            "metrics": self.metrics,
            "warnings": self.warnings,
            "info": self.info,
        }
        with publishing(Path(path)) as folder:
            for name, table in tables.items():
                # Quoted, because names may contain line breaks.
                table.assign(run=self.info["run"]).to_csv(
                    folder / name, index=False, quoting=csv.QUOTE_NONNUMERIC
                )
            text = json.dumps(content, indent=2, ensure_ascii=False)
            # A command may name files whose names are not UTF-8; this escape is JSON's as well.
            (folder / "comparison.json").write_text(text, "utf-8", "backslashreplace")

    @classmethod
    def load(cls, path: str | Path) -> "Comparison":
        """Read the comparison that :meth:`save` wrote; this writes nothing.

        Parameters
        ----------
        path : str or Path
            The folder.

        Returns
        -------
        Comparison
            Equal to the one saved.

        Raises
        ------
        FileNotFoundError
            If the folder holds no comparison.
        OSError
            If a file is a link.
        ValueError
            If its files are of several runs, are truncated or damaged.
        """
        folder = Path(path)
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder} holds no comparison: it is not a folder.")
        try:
            with locked(folder, exclusive=False):
                return cls._read(folder)
        # Files that someone has edited.
        except (KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
            raise ValueError(
                f"{folder} holds a damaged comparison ({error!r}). Delete the damaged file, and "
                "rerun the command that made it, with the same --out."
            ) from error

    @classmethod
    def _read(cls, folder: Path) -> "Comparison":
        description = result_file(folder, "comparison.json")
        if not description.is_file():
            raise FileNotFoundError(f"{folder} holds no comparison: it has no comparison.json.")
        content = json.loads(description.read_text(encoding="utf-8"))
        classes = np.array(content["classes"], dtype=content["dtype"])
        labels = {str(label): label for label in classes}
        names = [name for name in TABLES if f"{name}.csv" in content["rows"]]
        tables = {name: _read_table(result_file(folder, f"{name}.csv")) for name in names}
        _check_runs(folder, content, tables)
        tables = {name: table.drop(columns="run") for name, table in tables.items()}
        for name in {"scores", "learning"}.intersection(tables):
            tables[name][["estimator", *FOLD, "metric", "part", "value"]]  # raises for missing ones
        predictions = tables["predictions"]
        for column in ("target", "predicted"):
            predictions[column] = as_labels(predictions[column].map(labels).tolist(), classes)
        lists = {name: tuple(content[name]) for name in ("metrics", "warnings")}
        return cls(**tables, classes=classes, **lists, info=content["info"])

    def _by_fold(self, metric: str | None, *estimators: str) -> pd.DataFrame:
        """Return a metric by fold (rows) and estimator (columns), so that higher is better."""
        metric = metric or self.metrics[0]
        whole = self.scores[self.scores["part"] == ""]
        names = list(whole["metric"].unique())
        if metric not in names:
            raise ValueError(
                f"No metric {metric!r} was computed{did_you_mean(metric, names)} Computed: {names}."
            )
        rows = whole[whole["metric"] == metric]
        by_fold = rows.pivot(index=FOLD, columns="estimator", values="value")  # noqa: PD010
        for estimator in estimators:
            if estimator not in by_fold:
                names = list(by_fold)
                raise ValueError(
                    f"No estimator {estimator!r} was compared{did_you_mean(estimator, names)} "
                    f"Compared: {names}."
                )
        return -by_fold if metric in LOSSES or metric in COSTS else by_fold

    def _t_tests(self, by_fold: pd.DataFrame, pairs: list[tuple[str, str]]) -> pd.DataFrame:
        """Return one row per pair, NaN if fewer than two folds have scores of both."""
        differences = [(by_fold[a] - by_fold[b]).dropna().to_numpy() for a, b in pairs]
        n_folds = max(map(len, differences), default=2)
        if n_folds < 2:
            raise ValueError(
                f"A test needs scores of two estimators in at least two folds, got {n_folds}."
            )
        ratio = self._test_to_train()
        tests = [
            corrected_t_test(difference, ratio) if len(difference) > 1 else TTest(*[np.nan] * 3)
            for difference in differences
        ]
        table = pd.DataFrame(tests, columns=TTest._fields, dtype=float)
        p = table["p"].dropna()
        return table.assign(p_holm=pd.Series(holm(p.to_numpy()), p.index, dtype=float))

    def _test_to_train(self) -> float:
        return float((self._by_fold("n_test") / self._by_fold("n_train")).to_numpy().mean())


def _check_runs(folder: Path, content: dict[str, Any], tables: dict[str, pd.DataFrame]) -> None:
    """Raise a ValueError for files of several runs, or fewer rows than their run wrote."""
    run = content["run"]
    runs = {"comparison.json": run}
    for name, table in tables.items():
        # A table without rows is checked by their number.
        runs[f"{name}.csv"] = (
            " and ".join(map(str, sorted(table["run"].unique()))) if len(table) else run
        )
    if len(set(map(str, runs.values()))) > 1:
        parts = ", ".join(f"{name} of {file_run}" for name, file_run in runs.items())
        raise ValueError(
            f"The files in {folder} are of several runs: {parts}. Rerun the command that made "
            "them, with the same --out, to resume from the finished folds there."
        )
    for name, expected in content["rows"].items():
        n_rows = len(tables.get(name.removesuffix(".csv"), ()))
        if n_rows != expected:
            raise ValueError(
                f"{folder / name} has {n_rows} rows, but run {run} wrote {expected}. Rerun the "
                "command that made it, with the same --out."
            )


def _read_table(path: Path) -> pd.DataFrame:
    # Read as text first: pandas would read a class "NA" as missing and round the last digit.
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    for column in table.columns.difference(TEXT_COLUMNS):
        kind = int if column in INTEGER_COLUMNS else float
        table[column] = [kind(text or "nan") for text in table[column]]
    return table.astype(dict.fromkeys(table.columns.intersection(INTEGER_COLUMNS), np.int64))


def as_labels(labels: list, classes: np.ndarray) -> pd.Series:
    """Return labels as a Series of the classes' dtype; texts have pandas' own dtype."""
    return pd.Series(labels, dtype=None if classes.dtype.kind in "OU" else classes.dtype)


def at_chance(comparison: Comparison) -> frozenset[str]:
    """Return the estimators that predict no better than chance, such as a dummy."""
    scores, ratio = comparison.scores, comparison._test_to_train()
    above = set()
    for metric in (CLASS_RECALL, "roc_auc_ovr", "roc_auc_ovo"):
        by_fold = scores[scores["metric"] == metric].groupby(["estimator", *FOLD])["value"]
        # A fold without a class has no recall of it, and chance is higher.
        chance = 1 / by_fold.count() if metric == CLASS_RECALL else 0.5
        gains = (by_fold.mean() - chance).groupby(level="estimator")
        above |= {name for name, values in gains if _is_above_zero(values, ratio)}
    names = set(scores["estimator"].unique())
    return frozenset(names - above) if above else frozenset()


def _is_above_zero(gains: pd.Series, ratio: float) -> bool:
    values = gains.dropna().to_numpy()
    if len(values) < 2:
        return bool((values > MIN_GAIN).any())
    test = corrected_t_test(values, ratio)
    # Equal scores may differ by rounding.
    return test.difference > np.sqrt(np.finfo(float).eps) and test.p < 2 * ALPHA
