"""Validate X: numbers and names."""

from collections.abc import Mapping
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_array, check_X_y
from sklearn.utils.validation import validate_data

from .._alignment import check_order, plain_labels
from ._columns import (
    UNNAMED,
    check_not_transposed,
    column_names,
    describe_missing,
    flatten_columns,
    sample_labels,
)
from ._dtypes import find_categorical

__all__ = [
    "as_pandas",
    "as_table",
    "dense_columns",
    "validate_table",
]


def validate_table(
    estimator: BaseEstimator,
    X: Any,
    y: Any = "no_validation",
    *,
    reset: bool = True,
    needed: np.ndarray | None = None,
    **checks: Any,
) -> tuple[Any, Any]:
    """Validate X, and y where given, as scikit-learn does, but allow NaN and infinity."""
    X = flatten_columns(as_pandas(X))
    if not isinstance(y, str):
        check_order(y, X, "y")
        _check_classes_known(X, y)
        y = plain_labels(y)
    checks["ensure_all_finite"] = False
    if not isinstance(X, pd.DataFrame):
        validated = validate_data(estimator, X, y, reset=reset, **checks)
        # scikit-learn returns a pair only where there is a y.
        table, y = validated if isinstance(validated, tuple) else (validated, y)
        return _without_duplicates(table), y
    # Iterating over pandas' own strings takes several times as long where Arrow holds them.
    X = X.set_axis(pd.Index(X.columns.tolist(), dtype=object), axis=1)
    if reset:
        find_categorical(X)  # refuses columns that are neither numbers nor words
    _check_names(estimator, X, reset, needed)
    stand_in = np.broadcast_to(np.float32(0), X.shape)
    if isinstance(y, str):
        check_array(stand_in, estimator=estimator, input_name="X", **checks)
        return X, y
    return X, check_X_y(stand_in, y, estimator=estimator, **checks)[1]


def dense_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with sparse columns made dense; the same table where none is sparse."""
    dtypes = table.dtypes.unique()
    if not any(isinstance(dtype, pd.SparseDtype) for dtype in dtypes):
        return table
    if len(dtypes) == 1:
        # In one array, because `astype` makes one for each of thousands of columns.
        values = table.to_numpy(dtype=dtypes[0].subtype)
        return pd.DataFrame(values, table.index, table.columns, copy=False)
    dense = {dtype: getattr(dtype, "subtype", dtype) for dtype in dtypes}
    return table.astype(table.dtypes.map(dense).to_dict())


def as_pandas(X: Any) -> Any:
    """Convert a data frame of another library to pandas; return anything else as it is."""
    if isinstance(X, Mapping) and not hasattr(X, "columns") and not sparse.issparse(X):
        raise ValueError(
            f"X must be one table, got a {type(X).__name__} of {list(X)[:5]}. Put tables side by "
            "side by concat_modalities."
        )
    if isinstance(X, str | PathLike):
        raise ValueError(f"X must be a table, got the text {str(X)!r}. Read the file first.")
    if isinstance(X, np.ma.MaskedArray):
        hidden = np.ma.getmaskarray(X)
        return np.where(hidden, np.float32(np.nan), X.data) if hidden.any() else X.data
    if isinstance(X, pd.DataFrame) or not hasattr(X, "columns"):
        return X
    if hasattr(X, "column_names"):  # an Arrow table, whose `columns` are no names
        return X.to_pandas()
    return pd.DataFrame(np.asarray(X), columns=list(X.columns))


def as_table(X: Any) -> Any:
    """Return X as a DataFrame with flat column names or as a dense array, without an estimator."""
    X = flatten_columns(as_pandas(X))
    if isinstance(X, pd.DataFrame):
        return X
    if sparse.issparse(X):
        X = X.toarray()
    return check_array(X, dtype=None, ensure_all_finite=False)


def _check_classes_known(X: Any, y: Any) -> None:
    unknown = np.asarray(pd.isna(np.asarray(y, dtype=object)))
    if unknown.ndim == 1 and unknown.any() and len(unknown) == len(sample_labels(X)):
        raise ValueError(
            f"Input y contains NaN: the class of sample {sample_labels(X)[unknown.argmax()]!r} is "
            f"unknown ({unknown.sum()} such samples). Leave such samples out."
        )


def _check_names(
    estimator: BaseEstimator, X: pd.DataFrame, reset: bool, needed: np.ndarray | None
) -> None:
    """Keep or compare the column names as scikit-learn does, in a fraction of its time."""
    names = column_names(X)
    seen: Any = getattr(estimator, "feature_names_in_", None)
    if names is None or (seen is None and not reset):
        # No names in fit or now: scikit-learn warns or raises as the case demands.
        _check_header(estimator, X, reset)
    elif reset:
        estimator.feature_names_in_ = np.array(names, dtype=object)
        estimator.n_features_in_ = len(names)
    elif names != seen.tolist():
        known = pd.Index(seen).isin(names)
        if needed is not None and known[needed].all() and names == seen[known].tolist():
            return
        try:
            _check_header(estimator, X, reset)
        except ValueError as error:
            said = str(error).rstrip()
            compared = _compare_names(estimator, X, known, needed)
            raise ValueError(f"{said}\n{compared}") from None


def _check_header(estimator: BaseEstimator, X: pd.DataFrame, reset: bool) -> None:
    header = pd.DataFrame(columns=X.columns, dtype=float)
    validate_data(estimator, header, reset=reset, skip_check_array=True)


def _compare_names(
    estimator: Any, X: pd.DataFrame, known: np.ndarray, needed: np.ndarray | None
) -> str:
    """Say how many columns are missing or surplus, for the end of an error message."""
    seen = estimator.feature_names_in_
    check_not_transposed(X, seen)
    wanted = getattr(estimator, "modalities_", {UNNAMED: np.arange(len(seen))})
    if needed is not None:
        wanted = {name: np.intersect1d(positions, needed) for name, positions in wanted.items()}
    missing = describe_missing(seen, wanted, known) or "none that is needed"
    surplus = len(set(X.columns) - set(seen))
    return (
        f"Missing by modality: {missing}. Surplus: {surplus}. align_features brings a table to the "
        "columns of a fitted model, and says what becomes of those that it lacks."
    )


def _without_duplicates(table: Any) -> Any:
    """Return a sparse matrix that stores each value once; anything else as it is."""
    if sparse.issparse(table) and not table.has_canonical_format:
        table = table.copy()
        table.sum_duplicates()
    return table
