"""Tables of any numeric dtype, pandas' extension dtypes included, as NumPy arrays."""

from typing import Any

import numpy as np
import pandas as pd

__all__ = ["as_matrix", "number_dtype"]


def as_matrix(table: pd.DataFrame) -> np.ndarray:
    """Return the values of a table of numbers in the smallest dtype that holds them all.

    Parameters
    ----------
    table : DataFrame of shape (n_samples, n_features)
        Numbers of NumPy's, pandas' or Arrow's dtypes, dense or sparse, categories that are numbers,
        or objects that are numbers.

    Returns
    -------
    ndarray of shape (n_samples, n_features)
        Booleans, integers or floats; missing values are NaN. A view where the columns share one
        dtype of NumPy's.
    """
    dtypes = table.dtypes.unique()
    if all(isinstance(dtype, np.dtype) for dtype in dtypes):
        values = table.to_numpy()
        if values.dtype.kind in "fiub":
            return values
    # pandas itself would turn numbers beside booleans, and numbers beside gaps, into objects.
    common = np.result_type(*map(number_dtype, dtypes))
    if common.kind != "f" and table.isna().any(axis=None):
        common = np.result_type(common, np.float32)
    if common.kind != "f" or all(isinstance(dtype, np.dtype | pd.SparseDtype) for dtype in dtypes):
        return table.to_numpy(dtype=common)
    return table.to_numpy(dtype=common, na_value=np.nan)


def number_dtype(dtype: Any) -> np.dtype:
    """Return the dtype of NumPy's that holds the numbers of a column, but for gaps among them."""
    if isinstance(dtype, pd.SparseDtype):
        return number_dtype(dtype.subtype)
    if isinstance(dtype, pd.CategoricalDtype):
        return number_dtype(dtype.categories.dtype)
    plain = getattr(dtype, "numpy_dtype", dtype)
    # Decimals are objects to NumPy, and so are numbers in a column of objects.
    known = isinstance(plain, np.dtype) and plain.kind in "fiub"
    return plain if known else np.dtype(np.float64)
