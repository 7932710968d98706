"""Columns of any dtype as numbers: as they are, or a column for each category."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from .._warnings import warn
from ._columns import Modalities, as_slice, check_unique, column_labels

# A column of strings with more values than this, most of which occur once, holds names or texts.
MAX_LEVELS = 20
DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+,\d+\s*")


class Categories(NamedTuple):
    """The levels of a categorical column: one encoded column for each, or their order as one."""

    levels: list[str]
    ordered: bool


class CategoryEncoder:
    """Encode the columns of a table as numbers."""

    def __init__(self, table: Any, modalities: Modalities):
        self.modalities = modalities
        self.categories: dict[int, Categories] = {}
        if not isinstance(table, pd.DataFrame) or all(map(is_numeric, table.dtypes.unique())):
            return
        for position in find_categorical(table):
            name = column_labels(table)[position]
            self.categories[position] = _read_categories(table.iloc[:, position], name)
        for position, dtype in enumerate(table.dtypes):
            # A column without any value may be of strings.
            if not is_numeric(dtype) and table.iloc[:, position].isna().all():
                self.categories[position] = Categories([], ordered=True)

    def encode(
        self,
        table: Any,
        positions: np.ndarray,
        places: np.ndarray | None = None,
        *,
        dtype: Any = None,
        keep_sparse: bool = False,
        warn_unseen: bool = True,
    ) -> Any:
        places = positions if places is None else places
        self._check_still_numeric(table, positions, places)
        categorical = self._is_categorical(positions)
        if not categorical.any():
            return column_values(table, places, dtype, keep_sparse=keep_sparse)
        widths = self._widths(positions)
        starts = np.cumsum(widths) - widths
        numbers = np.empty((len(table), 0), np.float32)
        if not categorical.all():
            numbers = column_values(table, places[~categorical], dtype)
        encoded = np.empty((len(table), widths.sum()), np.result_type(numbers, np.float32))
        encoded[:, starts[~categorical]] = numbers
        for index in np.flatnonzero(categorical):
            encoded[:, starts[index] : starts[index] + widths[index]] = _encode(
                table.iloc[:, places[index]], self.categories[positions[index]], warn_unseen
            )
        return encoded

    def blocks(self, table: Any, *, keep_sparse: bool = False) -> dict[str, Any]:
        return {
            modality: self.encode(table, positions, keep_sparse=keep_sparse)
            for modality, positions in self.modalities.items()
        }

    @property
    def origins(self) -> Modalities:
        """The column that each column of a block comes from, by modality."""
        return {name: self.repeat_encoded(positions) for name, positions in self.modalities.items()}

    def repeat_encoded(self, positions: np.ndarray, values: np.ndarray | None = None) -> np.ndarray:
        """Repeat a value of each column for all its encoded ones; None repeats the position."""
        values = positions if values is None else values
        return np.repeat(values, self._widths(positions)) if self.categories else values

    def max_encoded(self, positions: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Return the largest score of each column, given those of its encoded ones."""
        widths = self._widths(positions)
        return np.maximum.reduceat(scores, np.cumsum(widths) - widths)

    @property
    def n_encoded(self) -> int:
        """The number of encoded columns of all modalities."""
        return sum(map(len, self.columns.values()))

    def sum_encoded(self, values: np.ndarray) -> np.ndarray:
        """Return the sum of each column of the table, given the values of all encoded ones."""
        n_columns = sum(map(len, self.modalities.values()))
        origin = self.repeat_encoded(np.arange(n_columns))
        return np.bincount(origin, values, minlength=n_columns)

    def numeric_only(self, positions: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return the value of each column, given those of encoded ones; NaN for categorical."""
        widths = self._widths(positions)
        starts = np.cumsum(widths) - widths
        return np.where(self._is_categorical(positions), np.nan, values[starts])

    def names(self, positions: np.ndarray, names: Sequence[str] | np.ndarray) -> np.ndarray:
        """Return the names of encoded columns, given those of the columns."""
        encoded: list[str] = []
        for position, name in zip(positions.tolist(), names, strict=True):
            levels, ordered = self.categories.get(position, Categories([], ordered=True))
            encoded += [name] if ordered else [f"{name}={level}" for level in levels]
        return np.array(encoded, dtype=object)

    @property
    def columns(self) -> Modalities:
        """Encoded columns of each modality, if all columns are encoded in their order."""
        if not self.categories:
            return self.modalities
        return self.columns_of(np.arange(sum(map(len, self.modalities.values()))))

    def columns_of(self, positions: np.ndarray) -> Modalities:
        """Return the encoded columns of each modality, if only some columns are encoded."""
        origin = self.repeat_encoded(positions)
        return {name: np.flatnonzero(np.isin(origin, at)) for name, at in self.modalities.items()}

    def _is_categorical(self, positions: np.ndarray) -> np.ndarray:
        return np.isin(positions, list(self.categories))

    def _widths(self, positions: np.ndarray) -> np.ndarray:
        widths = np.ones(len(positions), dtype=int)
        for index in np.flatnonzero(self._is_categorical(positions)):
            levels, ordered = self.categories[positions[index]]
            widths[index] = 1 if ordered else len(levels)
        return widths

    def _check_still_numeric(self, table: Any, positions: np.ndarray, places: np.ndarray) -> None:
        if not isinstance(table, pd.DataFrame):
            return
        others = places[~self._is_categorical(positions)]
        if all(map(is_numeric, table.dtypes.iloc[others].unique())):
            return
        numbers = table.iloc[:, as_slice(others)]
        categorical = find_categorical(numbers)
        if categorical:
            name, column = numbers.columns[categorical[0]], numbers.iloc[:, categorical[0]]
            raise ValueError(
                f"Column {name!r} is not numeric (dtype {column.dtype}), but was in fit: it has "
                f"{column.dropna().iloc[0]!r}. Correct it."
            )


def column_values(
    table: Any, places: np.ndarray, dtype: Any = None, *, keep_sparse: bool = False
) -> Any:
    """Return some columns of numbers: a view where they are adjacent and of one dtype."""
    columns = as_slice(places)
    if not isinstance(table, pd.DataFrame):
        values = table[:, columns]
        values = values if dtype is None else values.astype(dtype, copy=False)
        return values.toarray() if sparse.issparse(values) and not keep_sparse else values
    chosen = table.iloc[:, columns]
    matrix = as_sparse_matrix(chosen) if keep_sparse else None
    return as_matrix(chosen, dtype) if matrix is None else matrix


def _read_categories(column: pd.Series, name: str) -> Categories:
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        used = column if dtype.ordered else column.cat.remove_unused_categories()
        levels = [str(level) for level in used.cat.categories]
        check_unique(levels, f"categories of column {name!r}")
        return Categories(levels, bool(dtype.ordered))
    counts = column.value_counts()
    if len(counts) > max(MAX_LEVELS, counts.sum() / 2):
        raise ValueError(
            f"Column {name!r} has {len(counts)} different values in {counts.sum()} samples, like "
            f"{counts.index[0]!r}, so it seems to hold names or free text rather than categories. "
            "Remove it, or convert it to pandas' dtype category."
        )
    return Categories(sorted(map(str, counts.index)), ordered=False)


def _encode(column: pd.Series, categories: Categories, warn_unseen: bool) -> np.ndarray:
    levels, ordered = categories
    missing = column.isna().to_numpy(dtype=bool)
    values = column.astype(object).map(str)
    codes = pd.Index(levels, dtype=object).get_indexer(values)
    unseen = (codes < 0) & ~missing
    if warn_unseen and unseen.any() and levels:
        encoding = "treated as missing" if ordered else "encoded as zeros"
        warn(
            f"Column {column.name!r} has categories not seen in fit; they are {encoding}: "
            f"{sorted(set(values[unseen]))[:5]}."
        )
    if ordered:
        return np.where(codes < 0, np.nan, codes)[:, None]
    encoded = (codes[:, None] == np.arange(len(levels))).astype(np.float32)
    encoded[missing] = np.nan
    return encoded


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
    """Return NumPy's dtype for the numbers of a column, apart from gaps."""
    if isinstance(dtype, pd.SparseDtype):
        return numeric_dtype(dtype.subtype)
    if isinstance(dtype, pd.CategoricalDtype):
        return numeric_dtype(dtype.categories.dtype)
    plain = getattr(dtype, "numpy_dtype", dtype)
    # Decimals are objects to NumPy, and so are numbers in a column of objects.
    is_number = isinstance(plain, np.dtype) and plain.kind in "fiub"
    return plain if is_number else np.dtype(np.float64)


def find_categorical(table: pd.DataFrame) -> list[int]:
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
            raise TypeError(f"{unreadable.iloc[0]!r} is not a number")
    except (ValueError, TypeError) as error:
        values = column[column.notna()].astype(object)
        strings = all(isinstance(value, str) for value in values)
        if strings and all(map(DECIMAL_COMMA.fullmatch, values)):
            raise ValueError(
                f"Column {name!r} is not numeric (dtype {dtype}): it has decimal commas, like "
                f"{values.iloc[0]!r}. Replace them with points."
            ) from error
        if strings and pd.to_numeric(values, errors="coerce").isna().all():
            return True
        remedy = "Correct it, encode it as numbers or drop it"
        if strings:
            remedy += "; if its values are categories, convert it to pandas' dtype category"
        raise ValueError(
            f"Column {name!r} is not numeric (dtype {dtype}): {error}. {remedy}."
        ) from error
    return False
