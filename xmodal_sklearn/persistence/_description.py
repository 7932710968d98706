"""What the file of a model says of it: its training in summary figures, its inputs and outputs."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.sparse import issparse

from .._fitted_model import first_with, kept_features
from .._text import visible
from .._typing import Labels, Table
from .._warnings import recorded_warnings, warn
from ..benchmark._metrics import CLASS_RECALL
from ..modalities._columns import resolve_modalities

if TYPE_CHECKING:
    from ..benchmark import Comparison

# Not the smallest and largest value, which belong to single patients.
QUANTILES = (0.01, 0.5, 0.99)
DIGITS = 4
N_REFERENCE_SAMPLES = 8
# Far above what another order of adding up floats changes.
TOLERANCE = 1e-4


def describe_training(
    X: Table,
    y: Labels,
    *,
    source: str | None = None,
    comparison: "Comparison | None" = None,
    estimator: str | None = None,
) -> dict[str, Any]:
    """Describe the training samples and the scores of a model, for its file and its card.

    Parameters
    ----------
    X : DataFrame or array of shape (n_samples, n_features)
        Training samples.
    y : array-like of shape (n_samples,)
        Their classes.
    source : str, default=None
        Name of the cohort.
    comparison : Comparison, default=None
        Cross-validated scores of the same model on these samples, from
        :func:`~xmodal_sklearn.benchmark.compare`.
    estimator : str, default=None
        Name of the model in the comparison; None takes the only one.

    Returns
    -------
    dict
        Values that JSON can hold: ``source``, ``n_samples``, ``classes`` (label and number of
        samples of each), ``modalities`` (by name: number of features, of samples that have it, of
        categorical columns, and the 1%, 50% and 99% quantiles of its values),
        ``cross_validation`` (mean and standard deviation by metric, recall by class).

    Raises
    ------
    ValueError
        If `estimator` is no model of the comparison, or None where it has several.

    See Also
    --------
    save_model : Saves the description with a model.

    Examples
    --------
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.persistence import describe_training
    >>> X, y = make_multiomics(100, {"exp": 40, "mut": 10}, return_X_y=True, random_state=0)
    >>> describe_training(X, y)["modalities"]["mut"]["features"]
    10
    """
    labels, counts = np.unique(np.asarray(y), return_counts=True)
    return {
        "source": source,
        "n_samples": int(counts.sum()),
        "classes": [list(pair) for pair in zip(labels.tolist(), counts.tolist(), strict=True)],
        "modalities": {
            name: _describe_block(X, columns)
            for name, columns in resolve_modalities(X, None).items()
        },
        "cross_validation": comparison and _scores(comparison, estimator),
    }


def describe_model(model: Any) -> dict[str, Any]:
    """Return what a fitted model of any kind needs and predicts, see `read_manifest`."""
    names = getattr(model, "feature_names_in_", None)
    classes = getattr(model, "classes_", None)
    modalities = getattr(first_with(model, "modalities_"), "modalities_", {})
    held_out = getattr(model, "calibration_probabilities_", None)
    return {
        "model": repr(model),
        "n_columns": getattr(model, "n_features_in_", None),
        "columns": None if names is None else np.asarray(names).tolist(),
        "classes": None if classes is None else np.asarray(classes).tolist(),
        "modalities": {name: len(columns) for name, columns in modalities.items()},
        "features": _selected_features(model),
        "takes_absent": takes_absent(model, modalities),
        "held_out": held_out and [len(probabilities) for probabilities in held_out],
        "reference_predictions": predict_noise(model),
    }


def takes_absent(model: Any, modalities: Mapping[str, np.ndarray]) -> dict[str, bool]:
    """Return by modality whether a model predicts noise that lacks it; empty if not known."""
    if len(modalities) < 2 or predict_noise(model) is None:
        return {}
    return {name: predict_noise(model, columns) is not None for name, columns in modalities.items()}


def warn_if_versions_matter(
    model: Any, manifest: Mapping[str, Any], versions: Mapping[str, str], path: Path
) -> None:
    """Warn if a model was saved with other versions of libraries and predicts differently here."""
    saved = manifest["versions"]
    other = [
        f"{visible(name)} {visible(saved[name])} (here {versions.get(name, 'none')})"
        for name in saved
        if saved[name] != versions.get(name)
    ]
    if not other:
        return
    effect = "its predictions can't be compared with those made there"
    expected, predicted = manifest["reference_predictions"], predict_noise(model)
    if expected and predicted and list(map(len, expected)) == list(map(len, predicted)):
        difference = np.abs(np.subtract(expected, predicted)).max()
        if difference <= TOLERANCE:
            return
        effect = f"it predicts differently here: a probability differs by {difference:.2g}"
    warn(
        f"{path} was saved with {', '.join(other)}, and {effect}. Install those versions, or fit "
        "the model again."
    )


def _selected_features(model: Any) -> dict[str, list[str]] | None:
    selector = first_with(model, "rankings_")
    kept = None if selector is None else kept_features(selector)
    return kept and {name: list(map(str, features)) for name, features in kept.items()}


def predict_noise(model: Any, absent: Any = slice(0)) -> list[list[float]] | None:
    """Return the probabilities for noise that lacks some columns, None if there are none."""
    if not hasattr(model, "predict_proba") or not hasattr(model, "n_features_in_"):
        return None
    # Of RandomState, whose numbers no version of NumPy changes.
    values = np.random.RandomState(0).standard_normal((N_REFERENCE_SAMPLES, model.n_features_in_))
    values[:, absent] = np.nan
    names = getattr(model, "feature_names_in_", None)
    X = values if names is None else pd.DataFrame(values, columns=names)
    try:
        with recorded_warnings():
            probabilities = np.asarray(model.predict_proba(X), dtype=float)
    # A model may raise anything for values that it was not made for.
    except Exception:
        return None
    return probabilities.tolist() if np.isfinite(probabilities).all() else None


def _describe_block(X: Any, columns: np.ndarray) -> dict[str, Any]:
    description: dict[str, Any] = {"features": len(columns)}
    if issparse(X):
        return description
    block = pd.DataFrame(X).iloc[:, columns]
    numeric = block.select_dtypes(["number", "bool"])
    description["categorical"] = block.shape[1] - numeric.shape[1]
    description["samples"] = int(block.notna().any(axis=1).sum())
    values = numeric.to_numpy(dtype=float)
    if np.isfinite(values).any():
        description["quantiles"] = [
            float(f"{value:.{DIGITS}g}") for value in np.nanquantile(values, QUANTILES)
        ]
    return description


def _scores(comparison: "Comparison", estimator: str | None) -> dict[str, Any]:
    names = comparison.scores["estimator"].unique().tolist()
    estimator = names[0] if estimator is None and len(names) == 1 else estimator
    if estimator not in names:
        raise ValueError(f"estimator must be one of {names}, got {estimator!r}.")
    scores = comparison.scores[comparison.scores["estimator"] == estimator]
    values = scores.groupby(["metric", "part"])["value"].agg(["mean", "std"])
    plain = values.astype(object).where(np.isfinite(values), None)
    metrics = [name for name in comparison.metrics if plain.loc[(name, ""), "mean"] is not None]
    return {
        "folds": len(scores[["repeat", "fold"]].drop_duplicates()),
        "scores": [[name, *plain.loc[name, ""]] for name in metrics],
        "recalls": [
            [label, *plain.loc[CLASS_RECALL, str(label)]] for label in comparison.classes.tolist()
        ],
    }
