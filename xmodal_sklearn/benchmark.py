"""Comparing estimators on the same folds."""

import contextlib
import json
import platform
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import pandas as pd
from joblib import Parallel, delayed, parallel_config
from joblib.parallel import get_active_backend
from sklearn.base import clone
from sklearn.metrics import get_scorer, get_scorer_names
from sklearn.model_selection import RepeatedStratifiedKFold, StratifiedGroupKFold, check_cv
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils.multiclass import check_classification_targets

from ._controls import association_warnings, modalities_of, replace_by_noise
from ._metrics import LOSSES, METRICS, class_recalls, fold_metric
from ._modalities import sample_labels
from ._progress import track
from ._significance import TTest, corrected_t_test, correlated_posterior, friedman_nemenyi, holm
from ._store import FoldStore, describe
from ._version import __version__
from .selection import MultiOmicsSelector

__all__ = ["METRICS", "Comparison", "DatasetRanks", "compare", "rank_datasets"]

N_SPLITS, N_REPEATS = 5, 5
COSTS = ("fit_seconds", "predict_seconds", "peak_mb")
LIBRARIES = ("joblib", "numpy", "pandas", "scikit-learn", "scipy", "skorch", "torch")
FOLD = ["repeat", "fold"]


@dataclass(frozen=True)
class Comparison:
    """What :func:`compare` measured.

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
        What :func:`compare` warned of.
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
            predictions[column] = _labels(predictions[column].map(labels).tolist(), classes)
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


TABLES = ("scores", "predictions", "selected")
LEARNING = "learning.csv"
TEXT = ("estimator", "metric", "modality", "feature", "target", "predicted")
WHOLE = (*FOLD, "sample")


def _read_table(path: Path) -> pd.DataFrame:
    # As text first: pandas would take the class "NA" for a gap, and round in the last digit.
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    for column in table.columns.difference(TEXT):
        kind = int if column in WHOLE else float
        table[column] = [kind(text or "nan") for text in table[column]]
    return table.astype(dict.fromkeys(table.columns.intersection(WHOLE), np.int64))


Split = tuple[np.ndarray, np.ndarray]
NumberedSplit = tuple[int, int, np.ndarray, np.ndarray]


def compare(
    estimators: Mapping[str, Any],
    X: Any,
    y: Any,
    *,
    cv: Any = None,
    scoring: Sequence[str] | None = None,
    groups: Any = None,
    batch: Any = None,
    controls: bool = False,
    store: str | Path | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
    random_state: int | None = None,
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
        times, with a fixed seed, that keep `groups` together where there are any.
    scoring : sequence of str, default=None
        Metrics, out of :data:`METRICS` or the names of scikit-learn's scorers; the first decides
        the order of the summary. None is all of :data:`METRICS`.
    groups : array-like of shape (n_samples,), default=None
        Samples that must not be split between training and test, such as those of one patient.
    batch : array-like of shape (n_samples,), default=None
        The batch, site or cohort of each sample. There is a warning where it predicts the classes
        or, without `groups`, the folds.
    controls : bool, default=False
        Whether to add negative controls of the first estimator: ``"NAME, labels permuted"`` is
        fitted to shuffled labels and should score no better than chance; in ``"NAME, MODALITY as
        noise"`` every column of the modality is shuffled on its own, which shows what the
        modality is worth.
    store : str or Path, default=None
        A folder to which every finished fold is written at once. Run again, the comparison reads
        the folds that are there and computes the rest. A fold is found by everything that it
        depends on, so that none is used after a change of data, folds, metrics, parameters
        (except ``n_jobs``, ``verbose`` and ``memory``), versions of libraries, or the source of
        one's own estimators.
    n_jobs : int, default=None
        Number of fits in parallel. None means 1, -1 all processors.
    verbose : int, default=0
        A value above 0 shows a progress bar.
    random_state : int, default=None
        Seed of the controls.

    Returns
    -------
    Comparison
        Scores, predictions and selected features of every fold, with a summary and tests.

    Raises
    ------
    ValueError
        If a metric is unknown, a label is missing, or a group is both in the training and the test
        samples of a fold.

    Warns
    -----
    UserWarning
        If the batch predicts classes or folds, or a fold is tested without samples of a class.
        What the estimators warn of in their fits is told at the end, once per estimator and text.
        ``Comparison.warnings`` keeps all.

    Notes
    -----
    ``peak_mb`` is the most memory that the process holds while it fits and predicts, in megabytes,
    data and libraries included, processes that it starts excluded; outside of Linux, the most
    since the process started.

    Estimators that are tuned inside choose their inner folds themselves; those heed no `groups`.

    On a Dask cluster it runs under ``joblib.parallel_config("dask")``, see ``docs/clusters.md``.

    Examples
    --------
    >>> from xmodal_sklearn.baselines import make_baselines
    >>> from xmodal_sklearn.benchmark import compare
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> X, y = make_multiomics(n_samples=100, return_X_y=True, random_state=0)
    >>> baselines = make_baselines(k=20, models=["logistic regression"], tune=False)
    >>> result = compare(baselines, X, y, cv=3)
    >>> result.summary().index[-1]
    'dummy'
    """
    start = time.perf_counter()
    if not estimators:
        raise ValueError("estimators must name at least one estimator, got none.")
    metrics = tuple(METRICS if scoring is None else scoring)
    _check_metrics(metrics)
    # Labels as a plain NumPy array: classifiers differ in how they take pandas' string arrays.
    y = np.asarray(y)
    missing = np.flatnonzero(pd.isna(y))
    if len(missing):
        first = sample_labels(X)[missing[0]]
        raise ValueError(
            f"y has no label for {len(missing)} samples, the first is {first!r}. Leave them out."
        )
    check_classification_targets(y)
    classes = np.unique(y)
    splits = _number_folds(_outer_folds(cv, X, y, groups))
    found = _find_weaknesses(splits, y, batch, grouped=groups is not None)
    for message in found:
        warnings.warn(message, stacklevel=2)
    runs = {name: Run(estimator, Control()) for name, estimator in estimators.items()}
    if controls:
        runs |= _controls(runs, X, random_state)
    tasks = [Task(name, *split) for split in splits for name in runs]
    finished = _run_tasks(tasks, runs, X, y, metrics, store, n_jobs)
    results = dict(track(finished, len(tasks), "Fitting", disable=not verbose))
    info = {
        "n_samples": len(y),
        "n_features": {
            modality: len(columns)
            for modality, columns in modalities_of(next(iter(estimators.values())), X).items()
        },
        "n_folds": 1 + max(fold for _, fold, _, _ in splits),
        "n_repeats": 1 + max(repeat for repeat, _, _, _ in splits),
        "seconds": time.perf_counter() - start,
        "versions": _versions(),
    }
    ordered = [results[number] for number in range(len(tasks))]
    from_folds = _gather_warnings(tasks, ordered)
    for message in from_folds:
        warnings.warn(message, stacklevel=2)
    found += from_folds
    tables = _tables(tasks, ordered, y)
    return Comparison(*tables, classes, metrics, tuple(found), info)


class Control(NamedTuple):
    """What a negative control changes: the labels, the columns of a modality, or nothing."""

    labels: bool = False
    modality: str | None = None
    columns: np.ndarray | None = None
    random_state: int | None = None
    seed: int = 0


class Run(NamedTuple):
    """An estimator, as it is or as a control."""

    estimator: Any
    control: Control


class Task(NamedTuple):
    """One fit of one estimator, and its test."""

    estimator: str
    repeat: int
    fold: int
    train: np.ndarray
    test: np.ndarray


Result = dict[str, Any]


def _controls(runs: dict[str, Run], X: Any, random_state: int | None) -> dict[str, Run]:
    """Return the negative controls of the first run."""
    name, (estimator, _) = next(iter(runs.items()))
    seed = int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    controls = {f"{name}, labels permuted": Control(labels=True)} | {
        f"{name}, {modality} as noise": Control(modality=modality, columns=columns)
        for modality, columns in modalities_of(estimator, X).items()
    }
    taken = sorted(set(controls) & set(runs))
    if taken:
        raise ValueError(f"The controls need the names {taken}; call the estimators otherwise.")
    return {
        key: Run(estimator, control._replace(random_state=random_state, seed=seed))
        for key, control in controls.items()
    }


def _find_weaknesses(
    splits: list[NumberedSplit], y: np.ndarray, batch: Any, grouped: bool
) -> list[str]:
    """Tell what makes the folds less than they seem."""
    found = []
    for label in np.unique(y):
        without = sum(label not in y[test] for *_, test in splits)
        if without:
            found.append(
                f"No sample of class {label!s} is tested in {without} of {len(splits)} folds; "
                "there it has no recall, and averages over the classes leave it out."
            )
    if batch is not None:
        batch = np.asarray(batch)
        if batch.shape != y.shape:
            raise ValueError(f"batch has {len(batch)} labels for {len(y)} samples.")
        folds = np.full((1 + splits[-1][0], len(y)), -1)
        for repeat, fold, _, test in splits:
            folds[repeat, test] = fold
        found += association_warnings(batch, y, None if grouped else list(folds))
    return found


def _gather_warnings(tasks: list[Task], results: list[Result]) -> list[str]:
    """Tell each warning of an estimator's fits once, and in how many folds it came."""
    counts = Counter(
        (task.estimator, text)
        for task, result in zip(tasks, results, strict=True)
        for text in result["warnings"]
    )
    n_folds = Counter(task.estimator for task in tasks)
    return [
        f"{estimator}, in {count} of {n_folds[estimator]} folds: {text}"
        for (estimator, text), count in counts.items()
    ]


def _run_tasks(
    tasks: list[Task],
    runs: Mapping[str, Run],
    X: Any,
    y: np.ndarray,
    metrics: tuple[str, ...],
    store: str | Path | None,
    n_jobs: int | None,
) -> Iterator[tuple[int, Result]]:
    """Yield number and result of each task, those in the store first, then as they finish."""
    waiting = dict(enumerate(tasks))
    folds = None if store is None else FoldStore(store)
    names = dict.fromkeys(waiting, "")
    if folds is not None:
        names = _names_in_store(tasks, runs, X, y, metrics)
        for number, name in names.items():
            result = folds.read(name)
            if result is not None:
                del waiting[number]
                yield number, result
    with _data_on_every_worker(X):
        # One fold at a time, so that what is finished arrives at once, if the backend can do that.
        at_once = get_active_backend()[0].supports_return_generator
        return_as = "generator_unordered" if at_once else "list"
        # All tasks are at hand for workers that join a cluster later. Elsewhere a long queue is of
        # no use, and on Ctrl-C loky's thread trips over what is left of it.
        ahead = "2 * n_jobs" if _dask_client() is None else "all"
        parallel = Parallel(n_jobs, return_as=return_as, batch_size=1, pre_dispatch=ahead)
        for number, result in parallel(
            delayed(_run_fold)(
                number, runs[task.estimator], X, (y, task, folds, names[number]), metrics
            )
            for number, task in waiting.items()
        ):
            if folds is not None:
                folds.write(names[number], result)
            yield number, result


@contextlib.contextmanager
def _data_on_every_worker(X: Any) -> Iterator[None]:
    """Under Dask, send X to each worker once, so that none is lost with the worker that has it."""
    client = _dask_client()
    if client is None:
        yield
        return
    # The memory manager would drop copies that no worker needs at the moment.
    managed = client.amm.running()
    client.amm.stop()
    try:
        with parallel_config("dask", client=client, scatter=[X]):
            yield
    finally:
        if managed:
            client.amm.start()


def _in_this_process() -> contextlib.AbstractContextManager:
    """Under Dask, keep the inner fits of a fold from being sent over the cluster, data and all."""
    return contextlib.nullcontext() if _dask_client() is None else parallel_config("sequential")


def _dask_client() -> Any:
    # Of joblib's backends, only Dask's has a client.
    return getattr(get_active_backend()[0], "client", None)


def _names_in_store(
    tasks: list[Task],
    runs: Mapping[str, Run],
    X: Any,
    y: np.ndarray,
    metrics: tuple[str, ...],
) -> dict[int, str]:
    """Name each task by what its result depends on."""
    described = {
        # Not the seed: where the user gave none, an earlier draw is as good as another.
        name: joblib.hash([describe(run.estimator), describe(run.control._replace(seed=0))])
        for name, run in runs.items()
    }
    shared = joblib.hash([joblib.hash(X), y.tolist(), list(metrics), _versions()])
    names = {}
    for number, task in enumerate(tasks):
        split = task.train.tolist(), task.test.tolist()
        digest = joblib.hash([shared, described[task.estimator], split])
        names[number] = f"{task.estimator}-{task.repeat}-{task.fold}-{digest}"
    return names


def _check_metrics(metrics: tuple[str, ...]) -> None:
    unknown = [name for name in metrics if name not in METRICS and name not in get_scorer_names()]
    if unknown or not metrics:
        raise ValueError(
            f"scoring must name at least one metric, out of {list(METRICS)} or scikit-learn's "
            f"scorers; it names unknown ones {unknown}."
        )


def _outer_folds(cv: Any, X: Any, y: np.ndarray, groups: Any) -> list[Split]:
    if cv is None and groups is not None:
        splitters: list[Any] = [
            StratifiedGroupKFold(N_SPLITS, shuffle=True, random_state=seed)
            for seed in range(N_REPEATS)
        ]
    elif cv is None:
        splitters = [
            RepeatedStratifiedKFold(n_splits=N_SPLITS, n_repeats=N_REPEATS, random_state=0)
        ]
    else:
        splitters = [check_cv(cv, y, classifier=True)]
    splits = [split for splitter in splitters for split in splitter.split(X, y, groups)]
    if groups is not None:
        groups = np.asarray(groups)
        for train, test in splits:
            shared = np.intersect1d(groups[train], groups[test])
            if len(shared):
                raise ValueError(
                    f"The folds split {len(shared)} groups, the first is {shared[0]!r}: it is both "
                    "in training and in test samples. Give a cv that heeds groups, such as "
                    "StratifiedGroupKFold, or None."
                )
    return splits


def _number_folds(splits: list[Split]) -> list[NumberedSplit]:
    """Put repeat and fold before each split; samples tested again begin a new repeat."""
    numbered = []
    repeat, fold, tested = 0, 0, np.array([], dtype=int)
    for train, test in splits:
        if np.isin(test, tested).any():
            repeat, fold, tested = repeat + 1, 0, test[:0]
        numbered.append((repeat, fold, train, test))
        fold, tested = fold + 1, np.concatenate([tested, test])
    return numbered


def _run_fold(
    number: int,
    run: Run,
    X: Any,
    rest: tuple[np.ndarray, Task, FoldStore | None, str],
    metrics: tuple[str, ...],
) -> tuple[int, Result]:
    """Fit and score one fold; the result consists of plain numbers, strings and lists."""
    # One tuple, because Dask would store each array on its own, on one worker, and lose it there.
    y, task, folds, name = rest
    stored = None if folds is None else folds.read(name)
    if stored is not None:
        # Finished by a worker that died before it had sent the result.
        return number, stored
    control = run.control
    target = y[task.train]
    if control.labels:
        target = np.random.default_rng([control.seed, task.repeat, task.fold]).permutation(target)
    if control.columns is not None:
        X = replace_by_noise(X, control.columns, control.seed)
    try:
        with _in_this_process(), warnings.catch_warnings(record=True) as caught:
            result = _fit_and_score(run.estimator, X, y, target, task, metrics)
    except Exception as error:
        error.add_note(f"{task.estimator!r} failed in repeat {task.repeat}, fold {task.fold}.")
        raise
    texts = {f"{one.category.__name__}: {one.message}" for one in caught}
    result |= {"warnings": sorted(texts)}
    if folds is not None:
        # Here too, in case the process that waits for the result is gone.
        folds.write(name, result)
    return number, result


def _fit_and_score(
    estimator: Any,
    X: Any,
    y: np.ndarray,
    y_train: np.ndarray,
    task: Task,
    metrics: tuple[str, ...],
) -> Result:
    classes = np.unique(y)
    X_test, target = _safe_indexing(X, task.test), y[task.test]
    _restart_peak()
    start = time.perf_counter()
    fitted = clone(estimator).fit(_safe_indexing(X, task.train), y_train)
    fit_seconds = time.perf_counter() - start
    start = time.perf_counter()
    probabilities = _probabilities(fitted, X_test, classes)
    predicted = np.ravel(fitted.predict(X_test))  # CatBoost's is a column
    predict_seconds = time.perf_counter() - start
    scores = {
        name: fold_metric(name, target, predicted, probabilities, classes)
        if name in METRICS
        else float(get_scorer(name)(fitted, X_test, target))
        for name in metrics
    }
    return {
        "scores": {
            **scores,
            **class_recalls(target, predicted, classes),
            "fit_seconds": fit_seconds,
            "predict_seconds": predict_seconds,
            "peak_mb": _peak_mb(),
            "n_train": len(task.train),
            "n_test": len(task.test),
        },
        "predicted": np.searchsorted(classes, predicted).tolist(),
        "probabilities": None if probabilities is None else probabilities.tolist(),
        "selected": _selected(fitted),
    }


def _probabilities(fitted: Any, X: Any, classes: np.ndarray) -> np.ndarray | None:
    """Return one column per class, zero for those that the training samples lacked."""
    if not hasattr(fitted, "predict_proba"):
        return None
    probabilities = np.zeros((len(X), len(classes)))
    probabilities[:, np.searchsorted(classes, fitted.classes_)] = fitted.predict_proba(X)
    # Single-precision probabilities do not sum to one in double precision.
    return probabilities / probabilities.sum(axis=1, keepdims=True)


def _restart_peak() -> None:
    # Linux only; elsewhere the peak is that of the process so far.
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak_mb() -> float:
    """Return the most memory that this process has held since the restart, in megabytes."""
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    unit = 1 if platform.system() == "Darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def _selected(fitted: Any) -> dict[str, list[str]]:
    selector = next(_selectors(fitted), None)
    if selector is None:
        return {}
    named = hasattr(selector, "feature_names_in_")
    support = selector.get_support()
    selected = {}
    for modality, ranking in selector.rankings_.items():
        n_kept = support[selector.modalities_[modality]].sum()
        selected[modality] = [str(f) if named else f"x{f}" for f in ranking[:n_kept]]
    return selected


def _selectors(fitted: Any) -> Iterator[MultiOmicsSelector]:
    if isinstance(fitted, MultiOmicsSelector):
        yield fitted
    elif hasattr(fitted, "best_estimator_"):
        yield from _selectors(fitted.best_estimator_)
    elif hasattr(fitted, "steps"):
        for _, step in fitted.steps:
            yield from _selectors(step)


def _tables(
    tasks: list[Task], results: list[Result], y: np.ndarray
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return scores, predictions and selected features of all folds."""
    classes = np.unique(y)
    scores, predictions, selected = [], [], []
    for (name, repeat, fold, _, test), result in zip(tasks, results, strict=True):
        key = {"estimator": name, "repeat": repeat, "fold": fold}
        scores += [
            {**key, "metric": metric, "value": float(value)}
            for metric, value in result["scores"].items()
        ]
        probabilities = result["probabilities"]
        if probabilities is None:
            probabilities = np.full((len(test), len(classes)), np.nan)
        predictions.append(
            pd.DataFrame(
                {
                    **key,
                    "sample": test,
                    "target": _labels(y[test].tolist(), classes),
                    "predicted": _labels(classes[result["predicted"]].tolist(), classes),
                }
                | {f"p: {c}": p for c, p in zip(classes, np.transpose(probabilities), strict=True)}
            )
        )
        selected += [
            {**key, "modality": modality, "feature": feature}
            for modality, features in result["selected"].items()
            for feature in features
        ]
    return (
        pd.DataFrame(scores),
        pd.concat(predictions, ignore_index=True),
        pd.DataFrame(selected, columns=["estimator", *FOLD, "modality", "feature"]),
    )


def _labels(labels: list, classes: np.ndarray) -> pd.Series:
    return pd.Series(labels, dtype=None if classes.dtype.kind in "OU" else classes.dtype)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "xmodal-sklearn": __version__}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found
