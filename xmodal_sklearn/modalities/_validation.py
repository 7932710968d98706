"""Validate X: numbers, names, and which sample has which modality."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils import check_array, check_X_y
from sklearn.utils.validation import validate_data

from .._alignment import check_order
from ._align_features import describe_missing
from ._columns import (
    UNNAMED,
    Modalities,
    as_slice,
    column_labels,
    column_names,
    flatten_columns,
    has_named_modalities,
    refuse_transposed,
    sample_labels,
)
from ._dtypes import as_matrix

__all__ = [
    "as_pandas",
    "as_table",
    "block_presence",
    "check_numeric",
    "column_means",
    "dense_columns",
    "modality_blocks",
    "modality_presence",
    "refuse_absent_modalities",
    "refuse_samples_without_modality",
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
    """Validate X, and y where given, as scikit-learn does, but allow NaN and infinity.

    These are for :func:`modality_presence` to judge. A DataFrame is not turned into one matrix,
    whose dtype would have to hold the values of all columns.

    Parameters
    ----------
    estimator : estimator
        Keeps the number of columns and their names, or is compared with them.
    X : DataFrame or array-like of shape (n_samples, n_features)
        Samples; the columns of a DataFrame may have two levels.
    y : array-like of shape (n_samples,), default="no_validation"
        Classes; the default means that there are none.
    reset : bool, default=True
        Keep the columns as those seen in fit, else compare them with those.
    needed : ndarray of int, default=None
        Positions of the columns seen in fit that a DataFrame with names can't lack; None means all.
    **checks : dict
        Further arguments of :func:`sklearn.utils.check_array`.

    Returns
    -------
    table : DataFrame or ndarray of shape (n_samples, n_features)
        X; a DataFrame with flat column names.
    y : ndarray of shape (n_samples,) or str
        The validated y, or "no_validation".

    Raises
    ------
    ValueError
        If X is not a table of numbers, its columns are not those seen in fit, a class is
        unknown, or `y` has not the samples of X in their order.
    """
    X = flatten_columns(as_pandas(X))
    if not isinstance(y, str):
        check_order(y, X, "y")
        _refuse_unknown_classes(X, y)
    checks["ensure_all_finite"] = False
    if not isinstance(X, pd.DataFrame):
        validated = validate_data(estimator, X, y, reset=reset, **checks)
        # scikit-learn returns a pair only where there is a y.
        return validated if isinstance(validated, tuple) else (validated, y)
    # Iterating over pandas' own strings takes several times as long where Arrow holds them.
    X = X.set_axis(pd.Index(X.columns.tolist(), dtype=object), axis=1)
    check_numeric(X)
    _check_names(estimator, X, reset, needed)
    stand_in = np.broadcast_to(np.float32(0), X.shape)
    if isinstance(y, str):
        check_array(stand_in, estimator=estimator, input_name="X", **checks)
        return X, y
    return X, check_X_y(stand_in, y, estimator=estimator, **checks)[1]


def modality_blocks(table: Any, modalities: Modalities) -> dict[str, np.ndarray]:
    """Return the values of each modality.

    Parameters
    ----------
    table : DataFrame or ndarray of shape (n_samples, n_features)
        As :func:`validate_table` returns it.
    modalities : dict of str to ndarray of int
        Column positions of each modality.

    Returns
    -------
    dict of str to ndarray of shape (n_samples, n_features_m)
        Views of `table` where the columns of a modality are adjacent and of one dtype.
    """
    return {modality: _values(table, positions) for modality, positions in modalities.items()}


def modality_presence(
    table: Any, blocks: Mapping[str, np.ndarray], modalities: Modalities
) -> np.ndarray:
    """Tell which sample has which modality, and refuse values that are not finite.

    Only a whole modality of a sample may be NaN.

    Parameters
    ----------
    table : DataFrame or ndarray of shape (n_samples, n_features)
        Names the columns and samples in an error.
    blocks : mapping of str to ndarray
        The values of each modality, see :func:`modality_blocks`.
    modalities : dict of str to ndarray of int
        Column positions of each modality.

    Returns
    -------
    ndarray of bool of shape (n_samples, n_modalities)
        False where all columns of the modality are NaN.

    Raises
    ------
    ValueError
        For an infinite value, for a NaN beside values of the same modality, and for a sample
        without any modality; the message names modality, column and sample.
    """
    present = np.column_stack(
        [
            block_presence(table, modality, modalities[modality], block)
            for modality, block in blocks.items()
        ]
    )
    refuse_samples_without_modality(table, present)
    return present


def block_presence(
    table: Any, modality: str, positions: np.ndarray, block: np.ndarray
) -> np.ndarray:
    """Tell which samples have one modality, see :func:`modality_presence`."""
    if block.dtype.kind != "f" or _all_finite(block):
        return np.ones(len(block), dtype=bool)
    missing = np.isnan(block)
    absent = missing.all(axis=1)
    where = modality, np.array(column_labels(table), dtype=object)[positions], sample_labels(table)
    _refuse(np.isinf(block), "infinity", *where, "Correct it.")
    remedy = (
        "Other columns of the modality have values there. Impute it, drop the column, or set "
        "the whole modality of that sample to NaN to mark it as absent."
    )
    if modality == UNNAMED and not has_named_modalities(table, None):
        remedy = (
            "X has no column names of the form modality__feature, so all its columns are one "
            "modality. If a modality of that sample is absent, say which columns belong to which: "
            "by these names, which arrays and many transformers and ensembles of scikit-learn "
            "drop, or by `modalities=`. Otherwise impute the value or drop the column."
        )
    _refuse(missing & ~absent[:, None], "NaN", *where, remedy)
    return ~absent


def refuse_samples_without_modality(table: Any, present: np.ndarray) -> None:
    """Raise a ValueError if a sample has no modality at all.

    Parameters
    ----------
    table : DataFrame or ndarray of shape (n_samples, n_features)
        Names the samples in the error.
    present : ndarray of bool of shape (n_samples, n_modalities)
        Which sample has which modality.

    Raises
    ------
    ValueError
        If a row of `present` is False throughout; the message names the first such sample.
    """
    empty = np.flatnonzero(~present.any(axis=1))
    if len(empty):
        raise ValueError(
            f"Input X contains NaN: sample {sample_labels(table)[empty[0]]!r} has no modality at "
            f"all, every column is NaN ({len(empty)} such samples). Leave such samples out."
        )


def refuse_absent_modalities(modalities: Iterable[str], present: np.ndarray) -> None:
    """Raise a ValueError if no training sample has one of the modalities.

    Parameters
    ----------
    modalities : iterable of str
        Names, in the order of the columns of `present`.
    present : ndarray of bool of shape (n_samples, n_modalities)
        Which training sample has which modality.

    Raises
    ------
    ValueError
        If a column of `present` is False throughout; the message names its modality.
    """
    for modality, is_present in zip(modalities, present.T, strict=True):
        if not is_present.any():
            raise ValueError(
                f"Modality {modality!r} is absent from every training sample, so nothing can be "
                "learned from it. Drop its columns."
            )


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
    if isinstance(X, pd.DataFrame) or not hasattr(X, "columns"):
        return X
    if hasattr(X, "column_names"):  # an Arrow table, whose `columns` are no names
        return X.to_pandas()
    return pd.DataFrame(np.asarray(X), columns=list(X.columns))


def as_table(X: Any) -> Any:
    """Return X as a DataFrame with flat column names or as an array, without an estimator."""
    X = flatten_columns(as_pandas(X))
    if isinstance(X, pd.DataFrame):
        return X
    return check_array(X, dtype=None, ensure_all_finite=False)


def check_numeric(X: pd.DataFrame) -> None:
    """Raise a ValueError that names the first column that holds no numbers."""
    if all(pd.api.types.is_numeric_dtype(kind) and kind.kind != "c" for kind in X.dtypes.unique()):
        return
    for position, kind in enumerate(X.dtypes):
        if kind.kind in "cmM":
            what = "Complex data" if kind.kind == "c" else "Times are"
            raise ValueError(
                f"{what} not supported: column {X.columns[position]!r} has dtype {kind}."
            )
        column = X.iloc[:, position]
        try:
            pd.to_numeric(column)
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"Column {X.columns[position]!r} is not numeric (dtype {column.dtype}): {error}. "
                "Encode it as numbers or leave it out."
            ) from error


def _refuse(
    bad: np.ndarray, kind: str, modality: str, columns: np.ndarray, samples: Any, remedy: str
) -> None:
    if not bad.any():
        return
    row, column = np.argwhere(bad)[0]
    raise ValueError(
        f"Input X contains {kind}: modality {modality!r}, column {columns[column]!r}, sample "
        f"{samples[row]!r} ({bad.sum()} such values in this modality). {remedy}"
    )


def _refuse_unknown_classes(X: Any, y: Any) -> None:
    unknown = np.asarray(pd.isna(np.asarray(y, dtype=object)))
    if unknown.ndim == 1 and unknown.any() and len(unknown) == len(X):
        raise ValueError(
            f"Input y contains NaN: the class of sample {sample_labels(X)[unknown.argmax()]!r} is "
            f"unknown ({unknown.sum()} such samples). Leave such samples out."
        )


def column_means(block: np.ndarray) -> np.ndarray:
    """Return the mean of each column over the samples that have a value, NaN where none has."""
    there = ~np.isnan(block)
    count = there.sum(axis=0)
    # Without a copy in double precision, and as infinity where the numbers are that large.
    with np.errstate(over="ignore", invalid="ignore"):
        total = np.sum(block, axis=0, dtype=np.float64, where=there)
        return np.divide(total, count, out=np.full(block.shape[1], np.nan), where=count > 0)


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
            raise ValueError(f"{error}{_compare_names(estimator, X, known, needed)}") from None


def _check_header(estimator: BaseEstimator, X: pd.DataFrame, reset: bool) -> None:
    header = pd.DataFrame(columns=X.columns, dtype=float)
    validate_data(estimator, header, reset=reset, skip_check_array=True)


def _compare_names(
    estimator: Any, X: pd.DataFrame, known: np.ndarray, needed: np.ndarray | None
) -> str:
    """Say how many columns are missing or surplus, for the end of an error message."""
    seen = estimator.feature_names_in_
    refuse_transposed(X, seen)
    wanted = getattr(estimator, "modalities_", {UNNAMED: np.arange(len(seen))})
    if needed is not None:
        wanted = {name: np.intersect1d(positions, needed) for name, positions in wanted.items()}
    missing = describe_missing(seen, wanted, known) or "none that is needed"
    surplus = len(set(X.columns) - set(seen))
    return (
        f"Missing by modality: {missing}. Surplus: {surplus}. align_features brings a table to the "
        "columns of a fitted model, and says what becomes of those that it lacks."
    )


def _values(table: Any, positions: np.ndarray) -> np.ndarray:
    columns = as_slice(positions)
    if not isinstance(table, pd.DataFrame):
        return table[:, columns]
    return as_matrix(table.iloc[:, columns])


def _all_finite(values: np.ndarray) -> bool:
    # A finite sum proves that all values are finite, in one pass and without a mask as large as X.
    # BLAS sums fastest, but needs adjacent values and overflows earlier.
    with np.errstate(over="ignore", invalid="ignore"):
        if values.flags.c_contiguous or values.flags.f_contiguous:
            flat = values.ravel(order="K")
            if np.isfinite(flat @ flat):
                return True
        return bool(np.isfinite(values.sum(dtype=np.float64))) or bool(np.isfinite(values).all())
