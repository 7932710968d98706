"""Numbers and categorical columns of tables of any dtype."""

import re
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

__all__ = ["as_matrix", "as_sparse_matrix", "find_categorical", "is_numeric", "numeric_dtype"]

DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+,\d+\s*")


def as_matrix(table: pd.DataFrame, dtype: Any = None) -> np.ndarray:
    """Return the values of a table of numbers in the smallest dtype that holds them all."""
    dtypes = table.dtypes.unique()
    if all(isinstance(dtype, np.dtype) for dtype in dtypes):
        values = table.to_numpy()
        if values.dtype.kind in "fiub":
            return values if dtype is None else values.astype(dtype, copy=False)
    # pandas itself would turn numbers beside booleans, and numbers beside gaps, into objects.
    common = np.dtype(dtype or np.result_type(*map(numeric_dtype, dtypes)))
    if common.kind != "f" and table.isna().any(axis=None):
        common = np.result_type(common, np.float32)
    if any(isinstance(dtype, np.dtype) and dtype.kind == "O" for dtype in dtypes):
        table = table.mask(table.isna(), np.nan)  # pandas' NA and NaT are no floats
    if common.kind != "f" or all(isinstance(dtype, np.dtype | pd.SparseDtype) for dtype in dtypes):
        return table.to_numpy(dtype=common)
    return table.to_numpy(dtype=common, na_value=np.nan)


def as_sparse_matrix(table: pd.DataFrame) -> sparse.csc_matrix | None:
    """Return the values of a table of sparse columns that omit zeros; None for another table."""
    dtypes = table.dtypes.unique()
    is_sparse = all(isinstance(dtype, pd.SparseDtype) and dtype.fill_value == 0 for dtype in dtypes)
    return table.sparse.to_coo().tocsc() if is_sparse else None


def numeric_dtype(dtype: Any) -> np.dtype:
    """Return the dtype of NumPy's that holds the numbers of a column, but for gaps among them."""
    if isinstance(dtype, pd.SparseDtype):
        return numeric_dtype(dtype.subtype)
    if isinstance(dtype, pd.CategoricalDtype):
        return numeric_dtype(dtype.categories.dtype)
    plain = getattr(dtype, "numpy_dtype", dtype)
    # Decimals are objects to NumPy, and so are numbers in a column of objects.
    known = isinstance(plain, np.dtype) and plain.kind in "fiub"
    return plain if known else np.dtype(np.float64)


def find_categorical(table: pd.DataFrame) -> list[int]:
    """Return the positions of categorical columns."""
    if all(is_numeric(dtype) for dtype in table.dtypes.unique()):
        return []
    return [
        position
        for position, dtype in enumerate(table.dtypes)
        if not is_numeric(dtype)
        and _is_categorical(table.iloc[:, position], table.columns[position])
    ]


def is_numeric(dtype: Any) -> bool:
    """Return whether a dtype holds only numbers or booleans."""
    return pd.api.types.is_numeric_dtype(dtype) and dtype.kind != "c"


def _is_categorical(column: pd.Series, name: Any) -> bool:
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return not is_numeric(dtype.categories.dtype) and bool(column.notna().any())
    if dtype.kind in "cmM" or isinstance(dtype, pd.PeriodDtype | pd.IntervalDtype):
        what = "Complex data" if dtype.kind == "c" else "Times are"
        what = "Intervals are" if isinstance(dtype, pd.IntervalDtype) else what
        raise ValueError(f"{what} not supported: column {name!r} has dtype {dtype}.")
    try:
        unreadable = column[pd.to_numeric(column).isna() & column.notna()]
        if len(unreadable):  # pandas reads an empty dict as NaN
            raise TypeError(f"{unreadable.iloc[0]!r} is no number")
    except (ValueError, TypeError) as error:
        values = column[column.notna()].astype(object)
        strings = all(isinstance(value, str) for value in values)
        if strings and all(map(DECIMAL_COMMA.fullmatch, values)):
            raise ValueError(
                f"Column {name!r} is not numeric (dtype {dtype}), it has decimal commas, like "
                f"{values.iloc[0]!r}. Replace them by points."
            ) from error
        if strings and pd.to_numeric(values, errors="coerce").isna().all():
            return True
        remedy = "Correct it, encode it as numbers or leave it out"
        if strings:
            remedy += "; if its values are categories, give it pandas' dtype category"
        raise ValueError(
            f"Column {name!r} is not numeric (dtype {dtype}): {error}. {remedy}."
        ) from error
    return False
