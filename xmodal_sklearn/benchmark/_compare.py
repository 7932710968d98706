"""Comparing estimators on the same folds."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import get_scorer_names
from sklearn.utils import indexable
from sklearn.utils.multiclass import check_classification_targets

from .._alignment import values_by_sample
from .._progress import progress_bar
from .._suggestions import did_you_mean
from .._typing import Labels, Table
from .._warnings import warn
from ._batch_effects import association_warnings
from ._comparison import FOLD, Comparison, as_labels, probability_column
from ._execution import run_tasks, versions
from ._fold import Result, Run, Task
from ._metrics import METRICS
from ._negative_controls import Control, modalities_of, negative_controls
from ._record import describe_data, describe_folds, describe_machine, describe_models
from ._splits import NumberedSplit, number_folds, outer_folds

__all__ = ["compare"]


def compare(
    estimators: Mapping[str, Any],
    X: Table,
    y: Labels,
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
        Metrics, from :data:`METRICS` or the names of scikit-learn's scorers; the first decides the
        order of the summary. None is all of :data:`METRICS`.
    groups : array-like of shape (n_samples,), default=None
        Samples that must not be split between training and test, such as those of one patient.
    batch : array-like of shape (n_samples,), default=None
        The batch, site or cohort of each sample. A warning says where it predicts the classes or,
        without `groups`, the folds.
    controls : bool, default=False
        Whether to add negative controls of the first estimator: ``"NAME, labels permuted"`` is
        fitted to shuffled labels and should score no better than chance; in ``"NAME, MODALITY as
        noise"`` every column of the modality is shuffled on its own, which shows what the
        modality contributes.
    store : str or Path, default=None
        A folder to which every fold is written as soon as it is finished. Run again, the
        comparison reads the folds found there and computes the rest. A fold is found by everything
        it depends on, so none is used after a change of data, folds, metrics, parameters (except
        ``n_jobs``, ``verbose`` and ``memory``), versions of libraries, or the source of your own
        estimators.
    n_jobs : int, default=None
        Number of fits in parallel. None means 1, -1 all processors.
    verbose : int, default=0
        A value above 0 shows a progress bar, or a line now and then where the error stream is no
        terminal.
    random_state : int, default=None
        Seed of the controls. With None, a later run takes the controls that it finds in `store`.

    Returns
    -------
    Comparison
        Scores, predictions and selected features of every fold, with a summary and tests.

    Raises
    ------
    ValueError
        If `y`, `groups` or `batch` has not one value for each sample of X, or names them in another
        order; if a metric is unknown, a label or a group is missing, a group is in both the
        training and the test samples of a fold, an estimator has the name of a control, or, with
        `store`, it cannot be told whether a parameter is the same as in an earlier run.

    Warns
    -----
    UserWarning
        If the batch predicts classes or folds, or a fold tests no sample of some class. The
        warnings that estimators give in their fits follow at the end, each text once.
        ``Comparison.warnings`` keeps all of them.

    Notes
    -----
    ``peak_mb`` is the most memory, in megabytes, that the process holds while it fits and
    predicts: data and libraries are included, processes that it starts are not. Outside Linux it is
    the most since the process started.

    Estimators that tune themselves choose their own inner folds, which ignore `groups`.

    To run on a Dask cluster, call it under ``joblib.parallel_config("dask")``; see
    ``docs/clusters.md``.

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
    y = check_labels(X, y)
    (X,) = indexable(X)
    if groups is not None:
        groups = values_by_sample(groups, X, "groups")
    if batch is not None:
        batch = values_by_sample(batch, X, "batch", known=False)
    if not estimators or not isinstance(estimators, Mapping):
        raise ValueError(
            f"estimators must map names to at least one estimator, got {estimators!r}."
        )
    metrics = tuple(METRICS if scoring is None else scoring)
    _check_metrics(metrics)
    splits = number_folds(outer_folds(cv, X, y, groups))
    found = check_design(splits, y, batch, grouped=groups is not None)
    for message in found:
        warn(message)
    runs = {name: Run(estimator, Control()) for name, estimator in estimators.items()}
    first = next(iter(estimators.values()))
    if controls:
        added = negative_controls(estimators, X, random_state)
        runs |= {name: Run(first, control) for name, control in added.items()}
    tasks = [Task(name, *split) for split in splits for name in runs]
    finished = run_tasks(tasks, runs, X, y, metrics, store, n_jobs)
    results = dict(progress_bar(finished, "Fitting", len(tasks), disable=not verbose))
    modalities = modalities_of(first, X)
    info = {
        "n_samples": len(y),
        "n_features": {modality: len(columns) for modality, columns in modalities.items()},
        "n_folds": 1 + max(fold for _, fold, _, _ in splits),
        "n_repeats": 1 + max(repeat for repeat, _, _, _ in splits),
        "folds": describe_folds(cv, grouped=groups is not None),
        "seconds": time.perf_counter() - start,
        "versions": versions(),
        **describe_machine(),
        "data": describe_data(X, y, batch, modalities),
        "models": describe_models(estimators),
    }
    ordered = [results[number] for number in range(len(tasks))]
    from_folds = _gather_warnings(tasks, ordered)
    for message in from_folds:
        warn(message)
    tables = _tabulate(tasks, ordered, y)
    return Comparison(*tables, np.unique(y), metrics, (*found, *from_folds), info)


def check_design(
    splits: list[NumberedSplit], y: np.ndarray, batch: Any, *, grouped: bool
) -> list[str]:
    """Say what may make scores on these folds misleading, one warning each."""
    found = []
    for label in np.unique(y):
        without = sum(label not in y[test] for *_, test in splits)
        if without:
            found.append(
                f"No sample of class {label!s} is tested in {without} of {len(splits)} folds; "
                "there it has no recall, and averages over the classes leave it out."
            )
    if batch is not None:
        folds = np.full((1 + splits[-1][0], len(y)), -1)
        for repeat, fold, _, test in splits:
            folds[repeat, test] = fold
        found += association_warnings(batch, y, None if grouped else list(folds))
    return found


def _gather_warnings(tasks: list[Task], results: list[Result]) -> list[str]:
    """Give each warning of the fits once, with who gave it in how many folds."""
    counts: dict[str, Counter] = {}
    for task, result in zip(tasks, results, strict=True):
        for text in result["warnings"]:
            counts.setdefault(text, Counter())[task.name] += 1
    n_folds = len({(task.repeat, task.fold) for task in tasks})
    gathered = []
    for text, by_name in counts.items():
        first, *others = by_name
        who = f"{first} and {len(others)} more" if others else first
        most = "up to " if len(set(by_name.values())) > 1 else ""
        gathered.append(f"{who}, in {most}{max(by_name.values())} of {n_folds} folds: {text}")
    return gathered


def check_labels(X: Any, y: Any) -> np.ndarray:
    """Return y as an array of class labels, one for each sample, none of which may be missing."""
    y = values_by_sample(y, X, "y")
    check_classification_targets(y)
    return y


def _check_metrics(metrics: tuple[str, ...]) -> None:
    unknown = [name for name in metrics if name not in METRICS and name not in get_scorer_names()]
    if unknown or not metrics:
        known = [*METRICS, *get_scorer_names()]
        raise ValueError(
            f"scoring must name at least one metric, out of {list(METRICS)} or scikit-learn's "
            f"scorers, got unknown ones {unknown}{did_you_mean(''.join(unknown[:1]), known)}"
        )


def _tabulate(
    tasks: list[Task], results: list[Result], y: np.ndarray
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return scores, predictions and selected features of all folds."""
    classes = np.unique(y)
    scores, predictions, selected = [], [], []
    for (name, repeat, fold, _, test), result in zip(tasks, results, strict=True):
        key = {"estimator": name, "repeat": repeat, "fold": fold}
        scores += [
            {**key, "metric": metric, "part": part, "value": float(value)}
            for metric, part, value in result["scores"]
        ]
        probabilities = result["probabilities"]
        if probabilities is None:
            probabilities = np.full((len(test), len(classes)), np.nan)
        predictions.append(
            pd.DataFrame(
                {
                    **key,
                    "sample": test,
                    "target": as_labels(y[test].tolist(), classes),
                    "predicted": as_labels(classes[result["predicted"]].tolist(), classes),
                }
                | {
                    probability_column(label): of_class
                    for label, of_class in zip(classes, np.transpose(probabilities), strict=True)
                }
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
