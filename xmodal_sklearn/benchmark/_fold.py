"""One fold of a comparison: fitting one estimator and testing it."""

import contextlib
import platform
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from joblib import parallel_config
from joblib.parallel import get_active_backend
from sklearn.base import clone
from sklearn.metrics import get_scorer
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from .._fitted_model import first_with, parts_of
from .._store import Store
from ..modalities._exchange import permuted_scores, present_samples
from ..modalities._validation import as_table
from ._metrics import (
    BRANCH_WEIGHT,
    CLASS_RECALL,
    METRICS,
    WITHOUT_MODALITY,
    class_recalls,
    fold_metric,
)
from ._negative_controls import Control, modalities_of, replace_by_noise

__all__ = ["Result", "Run", "Task", "dask_client", "run_fold"]


class Run(NamedTuple):
    """An estimator, as it is or as a negative control.

    Parameters
    ----------
    estimator : estimator
        Cloned and fitted in every fold.
    control : Control
        What the negative control changes; by default nothing.
    """

    estimator: Any
    control: Control


class Task(NamedTuple):
    """One fold of one run.

    Parameters
    ----------
    name : str
        Name of the run.
    repeat, fold : int
        Numbers of the repeat, and of the fold in it.
    train, test : ndarray of int
        Positions of the training and test samples.
    """

    name: str
    repeat: int
    fold: int
    train: np.ndarray
    test: np.ndarray


Result = dict[str, Any]


def run_fold(
    number: int,
    run: Run,
    X: Any,
    rest: tuple[np.ndarray, Task, Store | None, str],
    metrics: tuple[str, ...],
) -> tuple[int, Result]:
    """Fit and score one fold.

    Parameters
    ----------
    number : int
        Position of the task in the list of all.
    run : Run
        What to fit.
    X : DataFrame or array of shape (n_samples, n_features)
        Samples.
    rest : tuple of (ndarray, Task, Store or None, str)
        Class labels, the task, the cache of finished folds and the task's key in it.
    metrics : tuple of str
        Names of the metrics.

    Returns
    -------
    number : int
        As given.
    result : dict
        Scores, predictions, selected features and warnings, as plain numbers, strings and lists.
    """
    # One tuple, because Dask would store each array on its own, on one worker, and lose it there.
    y, task, cache, key = rest
    stored = None if cache is None else cache.read(key)
    if stored is not None:
        # A worker that died before it had sent its result may have left it here.
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
        error.add_note(f"{task.name!r} failed in repeat {task.repeat}, fold {task.fold}.")
        raise
    texts = {f"{one.category.__name__}: {one.message}" for one in caught}
    result |= {"warnings": sorted(texts)}
    if cache is not None:
        # Here too, in case the process that waits for the result is gone.
        cache.write(key, result)
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
    probabilities, predicted = _predict(fitted, X_test, classes)
    predict_seconds = time.perf_counter() - start
    peak_mb = _peak_mb()
    answer = predicted, probabilities
    costs = {
        "fit_seconds": fit_seconds,
        "predict_seconds": predict_seconds,
        "peak_mb": peak_mb,
        "n_train": len(task.train),
        "n_test": len(task.test),
    }
    whole = {m: _score(m, fitted, X_test, target, answer, classes) for m in metrics}
    parts = {
        CLASS_RECALL: class_recalls(target, predicted, classes),
        WITHOUT_MODALITY: _without_modalities(metrics[0], fitted, X_test, target, task, classes),
        BRANCH_WEIGHT: _branch_weights(fitted),
    }
    return {
        "scores": [
            *([metric, "", value] for metric, value in whole.items()),
            *([m, part, value] for m, values in parts.items() for part, value in values.items()),
            *([metric, "", value] for metric, value in costs.items()),
        ],
        "predicted": np.searchsorted(classes, predicted).tolist(),
        "probabilities": None if probabilities is None else probabilities.tolist(),
        "selected": _selected(fitted),
    }


def _predict(fitted: Any, X: Any, classes: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
    # CatBoost's predictions are a column.
    return _probabilities(fitted, X, classes), np.ravel(fitted.predict(X))


def _score(
    metric: str,
    fitted: Any,
    X: Any,
    target: np.ndarray,
    answer: tuple[np.ndarray, np.ndarray | None],
    classes: np.ndarray,
) -> float:
    if metric in METRICS:
        return fold_metric(metric, target, *answer, classes)
    return float(get_scorer(metric)(fitted, X, target))


def _without_modalities(
    metric: str, fitted: Any, X: Any, target: np.ndarray, task: Task, classes: np.ndarray
) -> dict[str, float]:
    """Score again with each modality exchanged among the test samples that have it."""
    modalities = modalities_of(fitted, X)
    if len(modalities) < 2:
        return {}
    table = as_table(X)

    def score(permuted: Any) -> float:
        if isinstance(X, pd.DataFrame):
            permuted = permuted.set_axis(X.columns, axis=1)
        probabilities, predicted = _predict(fitted, permuted, classes)
        return _score(metric, fitted, permuted, target, (predicted, probabilities), classes)

    scores = {}
    for index, (modality, columns) in enumerate(modalities.items()):
        random = np.random.default_rng([task.repeat, task.fold, index])
        block = columns, present_samples(table, columns)
        (scores[modality],) = permuted_scores(score, table, [block], random)
    return scores


def _probabilities(fitted: Any, X: Any, classes: np.ndarray) -> np.ndarray | None:
    """Return one column per class, zero for a class that the training samples lacked."""
    if not hasattr(fitted, "predict_proba"):
        return None
    probabilities = np.zeros((_num_samples(X), len(classes)))
    probabilities[:, np.searchsorted(classes, fitted.classes_)] = fitted.predict_proba(X)
    # Single-precision probabilities do not sum to one in double precision.
    return probabilities / probabilities.sum(axis=1, keepdims=True)


def _restart_peak() -> None:
    # Only Linux can; elsewhere the peak is that of the process so far.
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
    """Return the selected features by modality, best first; of an ensemble those of any member."""
    selected: dict[str, list[str]] = {}
    for selector in parts_of(fitted):
        if not hasattr(selector, "rankings_"):
            continue
        named = hasattr(selector, "feature_names_in_")
        support = selector.get_support()
        for modality, ranking in selector.rankings_.items():
            n_kept = support[selector.modalities_[modality]].sum()
            names = [str(f) if named else f"x{f}" for f in ranking[:n_kept]]
            selected[modality] = list(dict.fromkeys(selected.get(modality, []) + names))
    return selected


def _branch_weights(fitted: Any) -> dict[str, float]:
    """Return the stacking weights of a network's branches for samples with all modalities."""
    network = first_with(fitted, "stacking_weights_")
    if network is None:
        return {}
    weights = network.stacking_weights_
    pattern = max(weights.index[:-1], key=lambda name: name.count("+"), default="other")
    return {str(branch): float(w) for branch, w in weights.loc[pattern].items()}


def _in_this_process() -> contextlib.AbstractContextManager:
    """Under Dask, keep the inner fits of a fold, and their data, from going over the cluster."""
    return contextlib.nullcontext() if dask_client() is None else parallel_config("sequential")


def dask_client() -> Any:
    """Look up the client of the Dask cluster that joblib runs on.

    Returns
    -------
    distributed.Client or None
        None where joblib runs elsewhere.
    """
    # Of joblib's backends, only Dask's has a client.
    return getattr(get_active_backend()[0], "client", None)
