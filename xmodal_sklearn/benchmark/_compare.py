"""Comparing estimators on the same folds."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn import get_config
from sklearn.exceptions import FitFailedWarning
from sklearn.utils import check_random_state, indexable
from sklearn.utils.multiclass import check_classification_targets

from .._alignment import values_by_sample
from .._progress import progress_bar
from .._suggestions import did_you_mean
from .._typing import Folds, Labels, Scoring, Seed, Table
from .._version import installed_versions
from .._warnings import warn
from ._comparison import FOLD, Comparison, as_labels, probability_column
from ._execution import LIBRARIES, run_folds
from ._fold import FoldInputs, Result, Run, modalities_of
from ._metrics import resolve_scoring
from ._record import describe_data, describe_folds, describe_machine, describe_model
from ._splits import check_design, number_folds, outer_folds


def compare(
    estimators: Mapping[str, Any],
    X: Table,
    y: Labels,
    *,
    cv: Folds = None,
    scoring: "Scoring | Sequence[str] | Mapping[str, Scoring]" = None,
    groups: "Labels | None" = None,
    batch: "Labels | None" = None,
    controls: str | None = None,
    error_score: float | str = np.nan,
    store: str | Path | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
    random_state: Seed = 0,
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
        times and shuffled by `random_state`, that keep any `groups` together.
    scoring : str, callable, list, tuple or dict, default=None
        Metrics, as :func:`sklearn.model_selection.cross_validate` takes them: a name, a list of
        names, a dict of names to names or callables ``scorer(estimator, X, y)``, or one such
        callable, which may return a dict. Names are those of :data:`METRICS` and of scikit-learn's
        scorers. The first metric orders the summary. None is all of :data:`METRICS`.
    groups : array-like of shape (n_samples,), default=None
        Samples that must not be split between training and test, such as those of one patient.
    batch : array-like of shape (n_samples,), default=None
        The batch, site or cohort of each sample. A warning says if it predicts the classes or,
        without `groups`, the folds.
    controls : str, default=None
        Name of an estimator of which to add negative controls: ``"NAME, labels permuted"`` is
        fitted to shuffled labels and should score no better than chance; in ``"NAME, MODALITY as
        noise"`` every column of the modality is shuffled on its own, which shows what the
        modality contributes. None adds no controls.
    error_score : "raise" or float, default=nan
        The value of metrics that fail to be computed, also of all metrics in folds where fitting
        or predicting fails. With ``"raise"``, the error is raised.
    store : str or Path, default=None
        A folder to which every fold is written as soon as it is finished. Run again, the
        comparison reads these folds and computes the others. A fold is identified by everything
        it depends on, so none is used after a change of data, folds, metrics, parameters (except
        ``n_jobs``, ``verbose`` and ``memory``), versions of libraries, or the source of your own
        estimators.
    n_jobs : int, default=None
        Number of fits in parallel. None means 1, -1 all processors.
    verbose : int, default=0
        A value above 0 shows a progress bar, or occasional lines if the error stream is not a
        terminal.
    random_state : int, RandomState instance or None, default=0
        Seed of the default folds and of the controls. None draws new ones in every call.

    Returns
    -------
    Comparison
        Scores, predictions and selected features of every fold, with a summary and tests.

    Raises
    ------
    ValueError
        If `y`, `groups` or `batch` does not have one value for each sample of X, or names the
        samples in another order; if `scoring` or `controls` has an unknown name, a label or a
        group is missing, a group is in both the training and the test samples of a fold, an
        estimator has the name of a control, all fits fail, or, with `store`, a parameter cannot be
        compared with that of an earlier run.

    Warns
    -----
    UserWarning
        If the batch predicts classes or folds, a fold tests no sample of some class, or a metric
        cannot be computed. The warnings of the fits follow at the end, each text once.
        ``Comparison.warnings`` keeps all of them.
    FitFailedWarning
        If an estimator cannot be fitted or predict in some fold.

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
        batch = values_by_sample(batch, X, "batch", allow_missing=True)
    _check_arguments(estimators, controls, error_score)
    scorers = resolve_scoring(scoring)
    seed = as_seed(random_state)
    folds = number_folds(outer_folds(cv, X, y, groups, seed))
    messages = check_design(folds, y, batch, grouped=groups is not None)
    for message in messages:
        warn(message)
    runs = _runs(estimators, controls, X, seed)
    inputs = [
        FoldInputs(name, run, fold, y, scorers, error_score, get_config())
        for fold in folds
        for name, run in runs.items()
    ]
    finished = run_folds(inputs, X, store, n_jobs)
    finished = progress_bar(finished, "Fitting", len(inputs), disable=not verbose)
    results = [result for _, result in sorted(finished, key=itemgetter(0))]
    later = _describe_failures(inputs, results)
    later |= dict.fromkeys(_gather_warnings(inputs, results), UserWarning)
    for message, category in later.items():
        warn(message, category)
    modalities = modalities_of(next(iter(estimators.values())), X)
    info = {
        "n_samples": len(y),
        "n_features": {modality: len(columns) for modality, columns in modalities.items()},
        "n_folds": 1 + max(fold.fold for fold in folds),
        "n_repeats": 1 + max(fold.repeat for fold in folds),
        "folds": describe_folds(cv, seed, grouped=groups is not None),
        "seconds": time.perf_counter() - start,
        "versions": installed_versions(LIBRARIES),
        **describe_machine(),
        "data": describe_data(X, y, batch, modalities),
        "models": {name: describe_model(estimator) for name, estimator in estimators.items()},
    }
    metrics = _metric_names(results)
    tables = _tabulate(inputs, results, metrics)
    return Comparison(*tables, np.unique(y), metrics, (*messages, *later), info)


def _check_arguments(estimators: Any, controls: Any, error_score: Any) -> None:
    if not estimators or not isinstance(estimators, Mapping):
        raise ValueError(
            f"estimators must map names to at least one estimator, got {estimators!r}."
        )
    if controls is not None and (not isinstance(controls, str) or controls not in estimators):
        names = list(estimators)
        raise ValueError(
            f"controls must name one of the estimators {names}, got {controls!r}"
            f"{did_you_mean(str(controls), names)}"
        )
    if error_score != "raise" and not isinstance(error_score, Real):
        raise ValueError(f'error_score must be "raise" or a number, got {error_score!r}.')


def _runs(estimators: Mapping[str, Any], controls: str | None, X: Any, seed: int) -> dict[str, Run]:
    """Return what to fit: estimators, and controls with labels permuted or a modality as noise."""
    runs = {name: Run(estimator) for name, estimator in estimators.items()}
    if controls is None:
        return runs
    estimator = estimators[controls]
    drawn = int(np.random.RandomState(seed).randint(np.iinfo(np.int32).max))
    added = {f"{controls}, labels permuted": Run(estimator, permute_labels=True, seed=drawn)} | {
        f"{controls}, {modality} as noise": Run(estimator, noise_columns=columns, seed=drawn)
        for modality, columns in modalities_of(estimator, X).items()
    }
    if taken := sorted(set(added) & set(runs)):
        raise ValueError(f"The names {taken} are those of controls. Rename these estimators.")
    return runs | added


def as_seed(random_state: Any) -> int:
    """Return an int as it is, else a seed drawn from a RandomState or from fresh entropy."""
    if isinstance(random_state, Integral):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31))


def _describe_failures(inputs: list[FoldInputs], results: list[Result]) -> dict[str, type[Warning]]:
    """Return a warning for each error, with its category; raise an error if all fits failed."""
    folds: dict[tuple[str, str, str], list[str]] = {}
    for fold, result in zip(inputs, results, strict=True):
        for metric, error in result["errors"]:
            place = f"repeat {fold.fold.repeat}, fold {fold.fold.fold}"
            folds.setdefault((fold.name, metric, error), []).append(place)
    if all(result["predicted"] is None for result in results):
        (name, _, error), places = next(iter(folds.items()))
        raise ValueError(
            f"All {len(results)} fits failed. The first error, of {name!r} in {places[0]}: {error}"
        )
    value = inputs[0].error_score
    messages: dict[str, type[Warning]] = {}
    for (name, metric, error), places in folds.items():
        more = f" and {len(places) - 1} more folds" if len(places) > 1 else ""
        where = f"in {places[0]}{more}"
        if metric:
            text = f"{metric!r} of {name!r} could not be computed {where}, and is {value} there"
            messages[f"{text}: {error}"] = UserWarning
        else:
            text = f"{name!r} could not be fitted or could not predict {where}"
            messages[f"{text}; its scores are {value} there: {error}"] = FitFailedWarning
    return messages


def _gather_warnings(inputs: list[FoldInputs], results: list[Result]) -> list[str]:
    """Return each warning of the fits once, with the estimators and the number of folds."""
    counts: dict[str, Counter] = {}
    for fold, result in zip(inputs, results, strict=True):
        for text in result["warnings"]:
            counts.setdefault(text, Counter())[fold.name] += 1
    n_folds = len({(fold.fold.repeat, fold.fold.fold) for fold in inputs})
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


def _metric_names(results: list[Result]) -> tuple[str, ...]:
    # Where a callable fails, the names of its scores are unknown.
    fitted = [result for result in results if result["metrics"]]
    return tuple(min(fitted, key=lambda result: len(result["errors"]))["metrics"])


def _tabulate(
    inputs: list[FoldInputs], results: list[Result], metrics: tuple[str, ...]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return scores, predictions and selected features of all folds."""
    y = inputs[0].y
    classes = np.unique(y)
    keys = ["estimator", *FOLD]
    scores, predictions, selected = [], [], []
    for fold, result in zip(inputs, results, strict=True):
        repeat, index, _, test = fold.fold
        key = [fold.name, repeat, index]
        failed = {metric for metric, _ in result["errors"]}
        absent = set(metrics) - set(result["metrics"]) if failed else set()
        rows = [[metric, "", fold.error_score] for metric in metrics if metric in absent]
        rows += [row for row in result["scores"] if row[0] not in failed - set(metrics)]
        scores += [[*key, *row] for row in rows]
        selected += [
            [*key, modality, feature]
            for modality, features in result["selected"].items()
            for feature in features
        ]
        if result["predicted"] is None:
            continue
        probabilities = result["probabilities"]
        if probabilities is None:
            probabilities = np.full((len(test), len(classes)), np.nan)
        predicted = {
            **dict(zip(keys, key, strict=True)),
            "sample": test,
            "target": as_labels(y[test].tolist(), classes),
            "predicted": as_labels(classes[result["predicted"]].tolist(), classes),
        }
        by_class = zip(map(probability_column, classes), np.transpose(probabilities), strict=True)
        predictions.append(pd.DataFrame(predicted | dict(by_class)))
    return (
        pd.DataFrame(scores, columns=[*keys, "metric", "part", "value"]).astype({"value": float}),
        pd.concat(predictions, ignore_index=True),
        pd.DataFrame(selected, columns=[*keys, "modality", "feature"]),
    )
