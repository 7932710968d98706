"""Whether labels, groups, batches and weights belong to the samples of X, one each, in order."""

from numbers import Number
from typing import Any

import numpy as np
import pandas as pd


def check_order(values: Any, X: Any, what: str) -> None:
    """Check that there is one value for each sample of X, in the order of X."""
    n_values, n_samples = _n_rows(values), _n_rows(X)
    if n_values is None or n_samples is None:
        return
    index: Any = getattr(values, "index", None)
    is_named = isinstance(index, pd.Index) and isinstance(X, pd.DataFrame)
    if n_values != n_samples:
        remedy = "Pass one value for each sample."
        if getattr(X, "shape", ())[1:] == (n_values,) or (
            is_named and index.isin(X.columns).any() and not index.isin(X.index).any()
        ):
            remedy = "X seems to be transposed: samples go in rows."
        raise ValueError(f"{what} has {n_values} values for {n_samples} samples of X. {remedy}")
    if not is_named:
        return
    in_X = index.isin(X.index)
    by_position = _counts_rows(index) or _counts_rows(X.index)
    if index.equals(X.index) or not in_X.any() or (by_position and not in_X.all()):
        return
    first = next((row for row in range(n_samples) if index[row] != X.index[row]), 0)
    problem = "has the samples of X in a different order"
    if not in_X.all():
        n_absent = n_samples - X.index.isin(index).sum()
        problem = f"lacks samples of X ({n_absent} of {n_samples})"
    raise ValueError(
        f"The index of {what} {problem}: in row {first} it has {index[first]!r}, X has "
        f"{X.index[first]!r}. Pass {what}.loc[X.index], or {what}.to_numpy() if it is already in "
        "the order of X."
    )


def check_weights(weights: Any, X: Any) -> None:
    """Check that there is one weight for each sample of X, in its order, and none is missing."""
    check_order(weights, X, "sample_weight")
    values = np.asarray(weights, dtype=object)
    if weights is None or values.ndim != 1:
        return
    numbers = pd.to_numeric(pd.Series(values), errors="coerce").astype(float).to_numpy()
    wrong = np.flatnonzero(np.isnan(numbers))
    if len(wrong):
        raise ValueError(
            f"Input sample_weight contains NaN: the weight of sample {_sample(X, wrong[0])!r} is "
            f"{values[wrong[0]]!r} ({len(wrong)} such samples). Give each sample a number; 0 "
            "excludes it."
        )


def plain_labels(y: Any) -> Any:
    """Return an array of objects that are numbers, which scikit-learn rejects, as numbers."""
    if getattr(getattr(y, "dtype", None), "kind", "") != "O" or getattr(y, "ndim", 0) != 1:
        return y
    values = list(y)
    numbers = all(isinstance(value, Number | np.bool_) for value in values)
    return np.array(values) if numbers else y


def values_by_sample(values: Any, X: Any, what: str, *, allow_missing: bool = False) -> np.ndarray:
    """Return one plain value for each sample of X."""
    check_order(values, X, what)
    # A plain NumPy array: classifiers differ in how they take pandas' string arrays.
    array = np.asarray(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(f"{what} must have one value for each sample, got shape {array.shape}.")
    if allow_missing:
        return array
    missing = np.flatnonzero(pd.isna(array))
    if len(missing):
        raise ValueError(
            f"{what} has no label for {len(missing)} samples, the first is "
            f"{_sample(X, missing[0])!r}. Drop them."
        )
    try:
        np.unique(array)
    except TypeError as error:
        types = sorted({type(value).__name__ for value in array.tolist()})
        raise ValueError(
            f"{what} has values of types {types}, which can't be compared. Convert them all to "
            "strings."
        ) from error
    return plain_labels(array)


def _sample(X: Any, row: Any) -> Any:
    return X.index[row] if isinstance(X, pd.DataFrame) else int(row)


def _n_rows(values: Any) -> int | None:
    shape = getattr(values, "shape", None)
    if isinstance(shape, tuple) and shape:
        return int(shape[0]) if isinstance(shape[0], int | np.integer) else None
    return len(values) if isinstance(values, list | tuple) else None


def _counts_rows(index: pd.Index) -> bool:
    return isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1
