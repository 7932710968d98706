"""Align the tables of several modalities, and split them again."""

from collections.abc import Mapping
from itertools import combinations, permutations
from typing import Any

import numpy as np
import pandas as pd

from .._extras import needs_extra
from .._text import plain_name
from .._warnings import warn
from ._columns import (
    SEPARATOR,
    check_modality_name,
    check_unique,
    flatten_columns,
    has_named_modalities,
    resolve_modalities,
)
from ._encoding import find_categorical


def concat_modalities(tables: Mapping[str, pd.DataFrame], *, join: str = "inner") -> pd.DataFrame:
    """Align the tables of several modalities on their samples and combine them into one X.

    The result is the one two-dimensional X that every estimator of this package takes: one row
    per sample, columns named ``modality__feature``, modalities in the order given.

    Parameters
    ----------
    tables : mapping of str to DataFrame of shape (n_samples_m, n_features_m)
        One table per modality, samples in rows, sample names as its index. A polars or Arrow table,
        which has no index, has them in its first column. Columns are numeric or categorical.
        Modality names must not contain a double underscore or end in an underscore; feature names
        may.
    join : {"inner", "outer"}, default="inner"
        ``"inner"`` keeps the samples that every table has, in the order of the first table.
        ``"outer"`` keeps the samples of any table, in order of first appearance; where a table
        lacks a sample, its whole block is NaN, an absent modality.

    Returns
    -------
    DataFrame of shape (n_samples, sum of n_features_m)
        The aligned tables. Columns keep their dtype, sparse ones included, except that integer and
        boolean columns become floats where a block of NaN is added: float32 where that holds
        every value of their dtype, else float64.

    Raises
    ------
    ValueError
        If a table repeats a sample or a feature, if sample names of two tables differ only in
        spelling, if no sample is common to all tables (``join="inner"``), if a column is neither
        numeric nor categorical, or if a modality has an unusable name.

    Warns
    -----
    UserWarning
        If a table has no sample of any other (``join="outer"``).

    See Also
    --------
    split_modalities : Splits such a table again.

    Examples
    --------
    >>> import pandas as pd
    >>> from xmodal_sklearn import concat_modalities
    >>> exp = pd.DataFrame({"ESR1": [2.1, -0.3], "GATA3": [1.0, 0.4]}, index=["MB-1", "MB-2"])
    >>> mut = pd.DataFrame({"TP53": [1, 0]}, index=["MB-2", "MB-3"])
    >>> concat_modalities({"exp": exp, "mut": mut})
          exp__ESR1  exp__GATA3  mut__TP53
    MB-2       -0.3         0.4          1
    >>> concat_modalities({"exp": exp, "mut": mut}, join="outer")
          exp__ESR1  exp__GATA3  mut__TP53
    MB-1        2.1         1.0        NaN
    MB-2       -0.3         0.4        1.0
    MB-3        NaN         NaN        0.0
    """
    if join not in ("inner", "outer"):
        raise ValueError(f'join must be "inner" or "outer", got {join!r}.')
    if not isinstance(tables, Mapping) or not tables:
        raise ValueError("tables must map at least one modality name to a DataFrame.")
    tables = {modality: _with_samples(modality, table) for modality, table in tables.items()}
    for modality, table in tables.items():
        check_modality_name(modality)
        _check_table(modality, table)

    _check_transposed(tables)
    _check_spelling(tables)
    samples = _join_samples(tables, join)
    aligned = [
        _reindex(table, samples).set_axis(
            [f"{modality}{SEPARATOR}{feature}" for feature in table.columns], axis=1
        )
        for modality, table in tables.items()
    ]
    return pd.concat(aligned, axis=1)


def split_modalities(X: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Split a table of several modalities into one table per modality.

    Undoes :func:`concat_modalities`, for example to see selected features by their gene symbols.

    Parameters
    ----------
    X : DataFrame of shape (n_samples, n_features)
        Columns named ``modality__feature``, or of two levels (modality, feature).

    Returns
    -------
    dict of str to DataFrame of shape (n_samples_m, n_features_m)
        One table per modality, in order of first appearance, with the features' own names and
        the samples that have the modality: those whose block is not NaN throughout.

    Raises
    ------
    ValueError
        If a column names no modality, or is repeated.

    Notes
    -----
    Values, dtypes and names are those of the tables that went into :func:`concat_modalities`, for
    the samples that the join kept. Integers or booleans that ``join="outer"`` turned into floats
    stay floats, and rows are in the order of X.

    Examples
    --------
    >>> import pandas as pd
    >>> from xmodal_sklearn import concat_modalities, split_modalities
    >>> exp = pd.DataFrame({"ESR1": [2.1, -0.3], "HLA-A": [1.0, 0.4]}, index=["MB-1", "MB-2"])
    >>> mut = pd.DataFrame({"TP53": [1, 0]}, index=["MB-2", "MB-3"])
    >>> tables = split_modalities(concat_modalities({"exp": exp, "mut": mut}, join="outer"))
    >>> tables["exp"]
          ESR1  HLA-A
    MB-1   2.1    1.0
    MB-2  -0.3    0.4
    >>> tables["mut"]
          TP53
    MB-2   1.0
    MB-3   0.0
    """
    if not isinstance(X, pd.DataFrame):
        raise TypeError(
            f"X must be a DataFrame with columns named modality{SEPARATOR}feature, "
            f"got {type(X).__name__}."
        )
    flat = flatten_columns(X)
    if not has_named_modalities(flat, None):
        in_rows = any(SEPARATOR in str(name) for name in X.index)
        raise ValueError(
            f"No column of X names a modality, the first is {next(iter(flat), None)!r}. "
            + (
                "Rows do: X seems to be transposed. Samples go in rows."
                if in_rows
                else f"Name the columns modality{SEPARATOR}feature."
            )
        )
    tables = {}
    for modality, positions in resolve_modalities(flat, None).items():
        features = (
            X.columns.get_level_values(1)[positions]
            if isinstance(X.columns, pd.MultiIndex)
            else [flat.columns[position].partition(SEPARATOR)[2] for position in positions]
        )
        tables[modality] = X.iloc[:, positions].set_axis(features, axis=1).dropna(how="all")
    return tables


def _with_samples(modality: str, table: Any) -> Any:
    """Convert a polars or Arrow table to pandas, with the names of the samples as its index."""
    if isinstance(table, pd.DataFrame) or not hasattr(table, "to_pandas"):
        return table
    with needs_extra("parquet", f"The {type(table).__module__.partition('.')[0]} table"):
        frame = table.to_pandas()
    if not isinstance(frame.index, pd.RangeIndex):  # Arrow remembers the index of pandas
        return frame
    if frame.shape[1] == 0 or pd.api.types.is_numeric_dtype(frame.dtypes.iloc[0]):
        raise ValueError(
            f"The table of modality {modality!r} must have the names of its samples, as text, in "
            f"its first column, got the columns {list(frame.columns[:3])} …"
        )
    return frame.set_index(frame.columns[0])


def _check_table(modality: str, table: Any) -> None:
    if not isinstance(table, pd.DataFrame):
        raise TypeError(
            f"The table of modality {modality!r} must be a pandas DataFrame with the samples as "
            f"its index, got {type(table).__name__}."
        )
    if table.shape[1] == 0:
        raise ValueError(f"The table of modality {modality!r} has no feature columns.")
    for what, names in (("sample", table.index), ("feature", table.columns)):
        if (unnamed := np.asarray(names.isna()) if names.nlevels == 1 else np.array([])).any():
            raise ValueError(
                f"The {what} in position {int(unnamed.argmax())} of modality {modality!r} has no "
                f"name ({unnamed.sum()} in all). Name it, or remove it."
            )
    check_unique(table.index, f"samples of modality {modality!r}")
    check_unique(map(str, table.columns), f"features of modality {modality!r}")
    try:
        find_categorical(table)
    except ValueError as error:
        raise ValueError(f"Modality {modality!r}: {error}") from error


def _check_transposed(tables: Mapping[str, pd.DataFrame]) -> None:
    for (first, rows), (second, columns) in permutations(tables.items(), 2):
        shared = columns.columns[columns.columns.isin(rows.index)]
        if len(shared) and not columns.index.isin(rows.index).any():
            raise ValueError(
                f"The columns of modality {second!r} are named like the rows of {first!r}, the "
                f"first is {shared[0]!r}: one table is transposed. Samples go in rows."
            )


def _check_spelling(tables: Mapping[str, pd.DataFrame]) -> None:
    for (first, left), (second, right) in combinations(tables.items(), 2):
        left_names, right_names = (
            {plain_name(name): name for name in index[~index.isin(others)]}
            for index, others in ((left.index, right.index), (right.index, left.index))
        )
        shared = [name for name in left_names if name in right_names]
        if shared:
            raise ValueError(
                f"{len(shared)} sample names differ only in spelling between modality {first!r} "
                f"and {second!r}, the first is {left_names[shared[0]]!a} and "
                f"{right_names[shared[0]]!a}. Make them equal."
            )


def _join_samples(tables: Mapping[str, pd.DataFrame], join: str) -> pd.Index:
    samples, *others = (table.index for table in tables.values())
    for index in others:
        if join == "inner":
            samples = samples[samples.isin(index)]
        else:
            samples = samples.append(index.difference(samples, sort=False))
    if join == "outer":
        _warn_if_no_shared_samples(tables)
    if len(samples) == 0:
        examples = {modality: list(table.index[:2]) for modality, table in tables.items()}
        raise ValueError(
            f"No sample is common to the modalities {list(tables)}; their samples begin with "
            f'{examples}. Use the same sample names as index of all tables, or join="outer".'
        )
    return samples


def _warn_if_no_shared_samples(tables: Mapping[str, pd.DataFrame]) -> None:
    indexes = {modality: table.index for modality, table in tables.items() if len(table)}
    for modality, index in indexes.items():
        others = [other for name, other in indexes.items() if name != modality]
        if others and not any(index.isin(other).any() for other in others):
            warn(
                f"No sample of modality {modality!r} ({list(index[:2])} …) is in another table "
                f"({list(others[0][:2])} …), so no sample has both it and another modality. Use "
                "the same sample names in all tables."
            )
            return


def _reindex(table: pd.DataFrame, samples: pd.Index) -> pd.DataFrame:
    if table.index.equals(samples):
        return table.set_axis(samples)  # shares its values, where .loc would copy them
    if samples.isin(table.index).all():
        return table.loc[samples]
    dtypes = table.dtypes.map(_dtype_with_gaps)
    if len(table.dtypes.unique()) == 1 and isinstance(dtypes.iloc[0], np.dtype):
        # Filled in, because `astype` and `reindex` would make a copy each.
        values = np.full((len(samples), table.shape[1]), np.nan, dtypes.iloc[0])
        values[samples.get_indexer(table.index)] = table.to_numpy()
        return pd.DataFrame(values, samples, table.columns, copy=False)
    return table.astype(dtypes.to_dict()).reindex(samples)


def _dtype_with_gaps(dtype: Any) -> Any:
    """Return the smallest dtype that holds NaN beside every value of the given one."""
    if isinstance(dtype, pd.SparseDtype) and dtype.subtype.kind in "biu":
        return pd.SparseDtype(np.result_type(dtype.subtype, np.float32), float(dtype.fill_value))
    if isinstance(dtype, np.dtype) and dtype.kind in "biu":
        return np.result_type(dtype, np.float32)
    return dtype
