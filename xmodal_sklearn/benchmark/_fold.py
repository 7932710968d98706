"""One fold of a comparison: fitting one estimator, or a negative control of it, and testing it."""

import contextlib
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import parallel_config
from joblib.parallel import get_active_backend
from sklearn import config_context
from sklearn.base import clone
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from .._fitted_model import first_with, kept_features, parts_of
from .._store import Store
from .._warnings import recorded_warnings
from ..modalities._columns import Modalities, resolve_modalities
from ..modalities._encoding import column_values, is_numeric
from ..modalities._exchange import permuted_scores, present_samples, replace_columns
from ..modalities._input import as_table
from ._metrics import (
    BRANCH_WEIGHT,
    CLASS_RECALL,
    COSTS,
    WITHOUT_MODALITY,
    Predictions,
    class_recalls,
    compute_metric,
)
from ._splits import Fold


@dataclass(frozen=True)
class Run:
    """An estimator, cloned and fitted in every fold, and what a negative control changes."""

    estimator: Any
    permute_labels: bool = False
    noise_columns: np.ndarray | None = None
    seed: int = 0


# Slots, as Dask would store an object that takes weak references on one worker, and lose it there.
@dataclass(frozen=True, slots=True)
class FoldInputs:
    """What one fit in one fold needs beside X."""

    name: str
    run: Run
    fold: Fold
    y: np.ndarray
    scorers: dict[str, Any]
    error_score: Any
    config: dict[str, Any]
    store: Store | None = None
    file_name: str = ""

    @property
    def classes(self) -> np.ndarray:
        """All class labels, sorted."""
        return np.unique(self.y)

    def stored_result(self) -> "Result | None":
        """Return the result that an earlier run stored."""
        return None if self.store is None else self.store.read(self.file_name)

    def write(self, result: "Result") -> None:
        """Store a result, unless the fit failed."""
        if self.store is not None and result["predicted"] is not None:
            self.store.write(self.file_name, result)


# What JSON can hold: "metrics", their names; "scores", rows of metric, part and value;
# "predicted", positions among the classes, and "probabilities", both None if the fit failed;
# "selected", features by modality; "errors", pairs of metric, "" for all, and text; "warnings".
Result = dict[str, Any]
Scores = dict[str, float]


def run_fold(index: int, inputs: FoldInputs, X: Any) -> tuple[int, Result]:
    """Fit and test one fold, unless it is in the store; return its index among all, and results."""
    # A worker that died before it had sent its result may have left it in the store.
    if (stored := inputs.stored_result()) is not None:
        return index, stored
    with _in_this_process(), config_context(**inputs.config), recorded_warnings() as caught:
        try:
            result = _fit_and_score(inputs, X)
        except Exception as error:
            if inputs.error_score == "raise":
                repeat, fold, *_ = inputs.fold
                error.add_note(f"{inputs.name!r} failed in repeat {repeat}, fold {fold}.")
                raise
            result = _failed(inputs, error)
    result["warnings"] = sorted(set(caught))
    # Here too, in case the process that waits for the result is gone.
    inputs.write(result)
    return index, result


def _fit_and_score(inputs: FoldInputs, X: Any) -> Result:
    run, (repeat, fold, train, test) = inputs.run, inputs.fold
    y_train = inputs.y[train]
    if run.permute_labels:
        y_train = np.random.default_rng([run.seed, repeat, fold]).permutation(y_train)
    if run.noise_columns is not None:
        X = replace_by_noise(X, run.noise_columns, run.seed)
    X_test = _safe_indexing(X, test)
    _restart_peak()
    start = time.perf_counter()
    fitted = clone(run.estimator).fit(_safe_indexing(X, train), y_train)
    costs = {"fit_seconds": time.perf_counter() - start}
    start = time.perf_counter()
    predictions = _predict(fitted, X_test, inputs.classes)
    costs |= {"predict_seconds": time.perf_counter() - start, "peak_mb": _peak_mb()}
    scores, errors = _compute_scores(inputs, inputs.scorers, fitted, X_test, predictions)
    parts = {
        CLASS_RECALL: class_recalls(inputs.y[test], predictions.labels, inputs.classes),
        BRANCH_WEIGHT: _branch_weights(fitted),
    }
    # A model may predict the test samples, but fail for permuted ones.
    try:
        parts[WITHOUT_MODALITY] = _without_modalities(inputs, fitted, X_test)
    except Exception as error:
        errors.append([WITHOUT_MODALITY, _describe_error(inputs, error)])
    probabilities = predictions.probabilities
    return {
        "metrics": list(scores),
        "scores": _score_rows(scores, parts, costs, inputs.fold),
        "predicted": np.searchsorted(inputs.classes, predictions.labels).tolist(),
        "probabilities": None if probabilities is None else probabilities.tolist(),
        "selected": _selected_features(fitted),
        "errors": errors,
    }


def _failed(inputs: FoldInputs, error: Exception) -> Result:
    recalls = dict.fromkeys(map(str, inputs.classes), float("nan"))
    costs = dict.fromkeys(COSTS, float("nan"))
    return {
        "metrics": [],
        "scores": _score_rows({}, {CLASS_RECALL: recalls}, costs, inputs.fold),
        "predicted": None,
        "probabilities": None,
        "selected": {},
        "errors": [["", f"{type(error).__name__}: {error}"]],
    }


def _describe_error(inputs: FoldInputs, error: Exception) -> str:
    """Return an error as text, unless errors are to be raised."""
    if inputs.error_score == "raise":
        raise error
    return f"{type(error).__name__}: {error}"


def _score_rows(scores: Scores, parts: dict[str, Scores], costs: Scores, fold: Fold) -> list[list]:
    sizes = {"n_train": len(fold.train), "n_test": len(fold.test)}
    return [
        *([metric, "", value] for metric, value in scores.items()),
        *([m, part, value] for m, values in parts.items() for part, value in values.items()),
        *([metric, "", value] for metric, value in {**costs, **sizes}.items()),
    ]


def _predict(fitted: Any, X: Any, classes: np.ndarray) -> Predictions:
    probabilities = None
    if hasattr(fitted, "predict_proba"):
        # Zero for a class that the training samples lacked.
        probabilities = np.zeros((_num_samples(X), len(classes)))
        probabilities[:, np.searchsorted(classes, fitted.classes_)] = fitted.predict_proba(X)
        # Single-precision probabilities do not sum to one in double precision.
        probabilities /= probabilities.sum(axis=1, keepdims=True)
    # CatBoost's predictions are a column.
    labels = np.ravel(fitted.predict(X))
    if unknown := set(labels.tolist()) - set(classes.tolist()):
        raise ValueError(f"it predicted {min(unknown, key=str)!r}, which is not a class of y")
    return Predictions(labels, probabilities)


def _compute_scores(
    inputs: FoldInputs, scorers: dict[str, Any], fitted: Any, X: Any, predictions: Predictions
) -> tuple[Scores, list[list[str]]]:
    """Return the scores by metric, and a pair of metric and error for each undefined one."""
    target = inputs.y[inputs.fold.test]
    scores: Scores = {}
    errors = []
    for metric, scorer in scorers.items():
        try:
            if isinstance(scorer, str):
                value: Any = compute_metric(scorer, target, predictions, inputs.classes)
            else:
                value = scorer(fitted, X, target)
            # As for cross_validate, a callable may return several scores by name.
            named = value if isinstance(value, Mapping) else {metric: value}
            scores |= {str(name): float(score) for name, score in named.items()}
        except Exception as error:
            errors.append([metric, _describe_error(inputs, error)])
            scores[metric] = inputs.error_score
    return scores, errors


def _without_modalities(inputs: FoldInputs, fitted: Any, X: Any) -> Scores:
    """Return the first metric after permuting each modality among the test samples that have it."""
    modalities = modalities_of(fitted, X)
    if len(modalities) < 2:
        return {}
    table = as_table(X)
    scorers = dict([next(iter(inputs.scorers.items()))])

    def score(permuted: Any) -> float:
        if isinstance(X, pd.DataFrame):
            permuted = permuted.set_axis(X.columns, axis=1)
        predictions = _predict(fitted, permuted, inputs.classes)
        by_metric, _ = _compute_scores(inputs, scorers, fitted, permuted, predictions)
        return next(iter(by_metric.values()))

    scores = {}
    for index, (modality, columns) in enumerate(modalities.items()):
        rng = np.random.default_rng([inputs.fold.repeat, inputs.fold.fold, index])
        block = columns, present_samples(table, columns)
        (scores[modality],) = permuted_scores(score, table, [block], rng)
    return scores


def _branch_weights(fitted: Any) -> Scores:
    """Return the stacking weights of a network's branches for samples with all modalities."""
    network = first_with(fitted, "stacking_weights_")
    if network is None:
        return {}
    weights = network.stacking_weights_
    pattern = max(weights.index[:-1], key=lambda name: name.count("+"), default="other")
    return {str(branch): float(weight) for branch, weight in weights.loc[pattern].items()}


def _selected_features(fitted: Any) -> dict[str, list[str]]:
    """Return the selected features by modality, best first; of an ensemble those of any member."""
    selected: dict[str, list[str]] = {}
    for selector in parts_of(fitted):
        if not hasattr(selector, "rankings_"):
            continue
        prefix = "" if hasattr(selector, "feature_names_in_") else "x"
        for modality, features in kept_features(selector).items():
            names = [f"{prefix}{feature}" for feature in features]
            selected[modality] = list(dict.fromkeys(selected.get(modality, []) + names))
    return selected


def modalities_of(estimator: Any, X: Any) -> Modalities:
    """Return the columns of each modality, by the estimator's parameter or by column names."""
    given = (getattr(part, "modalities", None) for part in parts(estimator))
    return resolve_modalities(as_table(X), next((m for m in given if isinstance(m, Mapping)), None))


def parts(estimator: Any) -> list[Any]:
    """Return an unfitted estimator and all estimators among its parameters, outer ones first."""
    parameters = estimator.get_params().values()
    return [estimator, *(value for value in parameters if hasattr(value, "get_params"))]


def replace_by_noise(X: Any, columns: np.ndarray, seed: int) -> Any:
    """Return a copy of X in which samples that have a modality exchange each of its columns."""
    table = as_table(X)
    block = block_values(table, columns)
    noise = block.copy()
    present = present_samples(table, columns)
    noise[present] = np.random.default_rng(seed).permuted(block[present], axis=0)
    if not isinstance(table, pd.DataFrame):
        return replace_columns(table, columns, noise)
    part = pd.DataFrame(noise, table.index, table.columns[columns])
    dtypes = table.dtypes.iloc[columns]
    if (part.dtypes != dtypes).any():
        part = part.astype(dtypes.to_dict())
    return replace_columns(table, columns, part)


def block_values(table: Any, columns: np.ndarray) -> np.ndarray:
    """Return the values of some columns, as objects if any column is categorical."""
    if isinstance(table, pd.DataFrame):
        kinds = table.dtypes.iloc[columns].unique()
        if not all(map(is_numeric, kinds)):
            return table.iloc[:, columns].to_numpy(dtype=object)
    return column_values(table, columns)


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


def _in_this_process() -> contextlib.AbstractContextManager:
    """Under Dask, keep the inner fits of a fold, and their data, from going over the cluster."""
    return contextlib.nullcontext() if dask_client() is None else parallel_config("sequential")


def dask_client() -> Any:
    """Return the client of the Dask cluster that joblib runs on, None if it runs elsewhere."""
    # Of joblib's backends, only Dask's has a client.
    return getattr(get_active_backend()[0], "client", None)
