"""What a model was fitted to and how well it did, in numbers that are no single patient's."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import issparse

from .._typing import Labels, Table
from ..benchmark import Comparison
from ..benchmark._metrics import CLASS_RECALL
from ..modalities._columns import resolve_modalities

__all__ = ["describe_training"]

# Not the smallest and largest value, which are a patient's.
QUANTILES = (0.01, 0.5, 0.99)
DIGITS = 4


def describe_training(
    X: Table,
    y: Labels,
    *,
    source: str | None = None,
    comparison: Comparison | None = None,
    estimator: str | None = None,
) -> dict[str, Any]:
    """Describe what a model is fitted to, and how well it does, for its file and its card.

    Parameters
    ----------
    X : DataFrame or array of shape (n_samples, n_features)
        The samples that the model is fitted to.
    y : array-like of shape (n_samples,)
        Their classes.
    source : str, default=None
        What to call the cohort.
    comparison : Comparison, default=None
        Cross-validated scores of the same model on these samples, from
        :func:`~xmodal_sklearn.benchmark.compare`.
    estimator : str, default=None
        Which model of the comparison it is; None takes the only one.

    Returns
    -------
    dict
        What JSON can hold: ``source``, ``n_samples``, ``classes`` (label and number of samples of
        each), ``modalities`` (by name: number of features, of samples that have it, of columns of
        words, and the 1%, 50% and 99% quantiles of its values), ``cross_validation`` (mean and
        standard deviation by metric, recall by class).

    Raises
    ------
    ValueError
        If the comparison holds several models and `estimator` names none of them.

    See Also
    --------
    save_model : Keeps it in the file of a model.

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


def _describe_block(X: Any, columns: np.ndarray) -> dict[str, Any]:
    found: dict[str, Any] = {"features": len(columns)}
    if issparse(X):
        return found
    block = X.iloc[:, columns] if isinstance(X, pd.DataFrame) else pd.DataFrame(X).iloc[:, columns]
    numbers = block.select_dtypes(["number", "bool"])
    found["words"] = block.shape[1] - numbers.shape[1]
    found["samples"] = int(block.notna().any(axis=1).sum())
    values = numbers.to_numpy(dtype=float)
    if np.isfinite(values).any():
        found["quantiles"] = [
            float(f"{value:.{DIGITS}g}") for value in np.nanquantile(values, QUANTILES)
        ]
    return found


def _scores(comparison: Comparison, estimator: str | None) -> dict[str, Any]:
    names = comparison.scores["estimator"].unique().tolist()
    if estimator is None and len(names) == 1:
        estimator = names[0]
    if estimator not in names:
        raise ValueError(f"estimator must be one of {names}, got {estimator!r}.")
    of_model = comparison.scores[comparison.scores["estimator"] == estimator]
    values = of_model.groupby(["metric", "part"])["value"].agg(["mean", "std"])
    metrics = [
        metric for metric in comparison.metrics if np.isfinite(values.loc[(metric, ""), "mean"])
    ]
    recalls = [(label, (CLASS_RECALL, str(label))) for label in comparison.classes.tolist()]
    return {
        "folds": len(of_model[["repeat", "fold"]].drop_duplicates()),
        "scores": [[metric, *_plain(values.loc[metric, ""])] for metric in metrics],
        "recalls": [[label, *_plain(values.loc[name])] for label, name in recalls],
    }


def _plain(row: pd.Series) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in row]
