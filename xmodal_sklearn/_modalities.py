"""Which columns belong to which modality, names in and out: the one place that knows."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils import _safe_indexing, check_array, check_X_y
from sklearn.utils.validation import validate_data

__all__ = ["concat_modalities", "split_modalities"]

SEPARATOR = "__"
UNNAMED = "X"

Columns: TypeAlias = Sequence | slice | np.ndarray | Callable | str | int
Modalities: TypeAlias = dict[str, np.ndarray]


def concat_modalities(tables: Mapping[str, pd.DataFrame], *, join: str = "inner") -> pd.DataFrame:
    """Align the tables of several modalities on their samples and put them side by side.

    The result is the one two-dimensional X that every estimator of this package takes: one row
    per sample, columns named ``modality__feature``, modalities in the order given.

    Parameters
    ----------
    tables : mapping of str to DataFrame of shape (n_samples_m, n_features_m)
        One table per modality, samples in rows, sample names as its index. Modality names must
        not contain a double underscore or end in an underscore; feature names may.
    join : {"inner", "outer"}, default="inner"
        ``"inner"`` keeps the samples that every table has, in the order of the first table.
        ``"outer"`` keeps the samples of any table, in order of first appearance; where a table
        lacks a sample, its whole block is NaN, which the estimators read as an absent modality.

    Returns
    -------
    DataFrame of shape (n_samples, sum of n_features_m)
        The aligned tables. Columns keep their dtype, sparse ones included, except that integer and
        boolean columns become floats where a block of NaN comes in: float32 where that holds
        every value of their dtype, else float64.

    Raises
    ------
    ValueError
        If a sample or a feature stands twice in a table, if no sample is common to all tables
        (``join="inner"``), if a column is not numeric, or if a modality has an unusable name.
    TypeError
        If a table is not a DataFrame.

    See Also
    --------
    split_modalities : Takes such a table apart again.
    MultiOmicsSelector : Keeps the best features of each modality.
    CrossModalAttentionClassifier : Classifies the samples of such a table.

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
    for modality, table in tables.items():
        _check_modality_name(modality)
        _check_table(modality, table)

    samples = _join_samples(tables, join)
    blocks = [
        _reindex(table, samples).set_axis(
            [f"{modality}{SEPARATOR}{feature}" for feature in table.columns], axis=1
        )
        for modality, table in tables.items()
    ]
    return pd.concat(blocks, axis=1)


def split_modalities(X: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Take a table of several modalities apart into one table per modality.

    Undoes :func:`concat_modalities`, for example to look at the selected features of one modality
    by their gene symbols.

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
        If a column names no modality, or stands there twice.
    TypeError
        If X is not a DataFrame.

    See Also
    --------
    concat_modalities : Puts the tables side by side.

    Notes
    -----
    Values, dtypes and names are those of the tables that went into :func:`concat_modalities`, for
    the samples that the join kept. Where ``join="outer"`` made floats of integers or booleans,
    they stay floats, and rows are in the order of X.

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
    flat = _flatten_columns(X)
    if not has_named_modalities(flat, None):
        raise ValueError(
            f"No column of X names a modality, the first is {next(iter(flat), None)!r}. Name the "
            f"columns modality{SEPARATOR}feature."
        )
    tables = {}
    for modality, positions in resolve_modalities(flat, None).items():
        features = (
            X.columns.get_level_values(1)[positions]
            if isinstance(X.columns, pd.MultiIndex)
            else [flat.columns[position].partition(SEPARATOR)[2] for position in positions]
        )
        block = X.iloc[:, positions].set_axis(features, axis=1)
        absent = _all_missing(block)
        tables[modality] = block[~absent] if absent.any() else block
    return tables


def validate_table(
    estimator: BaseEstimator, X: Any, y: Any = "no_validation", *, reset: bool = True, **checks: Any
) -> tuple[Any, Any]:
    """Validate X, and y where given, as scikit-learn does, but leave NaN and infinity to us.

    A DataFrame is not made one matrix, whose dtype would have to hold the values of all columns.

    Returns
    -------
    table : DataFrame or ndarray of shape (n_samples, n_features)
        X; a DataFrame with flat column names.
    y : ndarray of shape (n_samples,) or str
        The validated y, or "no_validation".
    """
    X = _flatten_columns(_as_pandas(X))
    if not isinstance(y, str):
        _refuse_unknown_classes(X, y)
    checks["ensure_all_finite"] = False
    if not isinstance(X, pd.DataFrame):
        validated = validate_data(estimator, X, y, reset=reset, **checks)
        # scikit-learn returns a pair only where there is a y.
        return validated if isinstance(validated, tuple) else (validated, y)
    # Going through pandas' own strings takes several times as long, once they are Arrow's.
    X = X.set_axis(pd.Index(X.columns.tolist(), dtype=object), axis=1)
    _check_numeric(X)
    _check_names(estimator, X, reset)
    stand_in = np.broadcast_to(np.float32(0), X.shape)
    if isinstance(y, str):
        check_array(stand_in, estimator=estimator, input_name="X", **checks)
        return X, y
    return X, check_X_y(stand_in, y, estimator=estimator, **checks)[1]


def resolve_modalities(X: Any, modalities: Mapping[str, Columns] | None) -> Modalities:
    """Map each modality of X to its column positions.

    Parameters
    ----------
    X : DataFrame or ndarray of shape (n_samples, n_features)
        With flat column names, as :func:`validate_table` returns it.
    modalities : mapping of str to columns, or None
        Columns as :class:`~sklearn.compose.ColumnTransformer` takes them. None reads the
        modalities from names of the form ``modality__feature``; without such names, all columns
        are one modality named ``"X"``.

    Returns
    -------
    dict of str to ndarray of int
        In order of first appearance; positions ascending; every column in exactly one modality.
    """
    names = column_names(X)
    if modalities is None:
        positions = _modalities_from_names(None if names is None else tuple(names), X.shape[1])
        return dict(positions)
    if names is not None:
        _check_unique(names, "column names of X")
    if not isinstance(modalities, Mapping) or not modalities:
        raise ValueError(
            "modalities must be None or map at least one modality name to its columns, "
            f"got {modalities!r}."
        )
    for modality in modalities:
        _check_modality_name(modality)
    resolved = {
        modality: _column_positions(X, modality, columns)
        for modality, columns in modalities.items()
    }
    _check_partition(resolved, labels=column_labels(X))
    return resolved


def has_named_modalities(X: Any, modalities: Mapping[str, Columns] | None) -> bool:
    """Tell whether the modalities of X are known by name, from columns or from `modalities`."""
    names = column_names(X)
    return modalities is not None or (names is not None and any(SEPARATOR in n for n in names))


def column_names(X: Any) -> list[str] | None:
    """Return the column names of a DataFrame whose names are all strings, else None."""
    if not isinstance(X, pd.DataFrame) or X.columns.inferred_type != "string":
        return None
    return X.columns.tolist()


def column_labels(X: Any) -> list[str]:
    """Return what to call the columns of X: their names, or x0, x1, … by position."""
    return column_names(X) or [f"x{position}" for position in range(X.shape[1])]


def dense_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with its sparse columns made dense, or itself where it has none."""
    dtypes = table.dtypes.unique()
    if not any(isinstance(dtype, pd.SparseDtype) for dtype in dtypes):
        return table
    if len(dtypes) == 1:
        # As one array, where `astype` makes one of each of thousands of columns.
        values = table.to_numpy(dtype=dtypes[0].subtype)
        return pd.DataFrame(values, table.index, table.columns, copy=False)
    dense = {dtype: getattr(dtype, "subtype", dtype) for dtype in dtypes}
    return table.astype(table.dtypes.map(dense).to_dict())


def qualified_names(labels: Sequence[str], modalities: Modalities) -> np.ndarray:
    """Return the ``modality__feature`` name of each column, leaving qualified names as they are."""
    names = np.array(labels, dtype=object)
    for modality, positions in modalities.items():
        prefix = modality + SEPARATOR
        for position in positions:
            if not names[position].startswith(prefix):
                names[position] = prefix + names[position]
    return names


def modality_blocks(table: Any, modalities: Modalities) -> dict[str, np.ndarray]:
    """Return the values of each modality, views where they lie side by side in one dtype.

    Parameters
    ----------
    table : DataFrame or ndarray of shape (n_samples, n_features)
        As :func:`validate_table` returns it.
    modalities : dict of str to ndarray of int
    """
    return {modality: _values(table, positions) for modality, positions in modalities.items()}


def modality_presence(
    table: Any, blocks: Mapping[str, np.ndarray], modalities: Modalities
) -> np.ndarray:
    """Tell which sample has which modality, and refuse values that are neither there nor absent.

    Parameters
    ----------
    table : DataFrame or ndarray of shape (n_samples, n_features)
        Gives columns and samples their names in an error.
    blocks : mapping of str to ndarray
        The values of each modality, see :func:`modality_blocks`.
    modalities : dict of str to ndarray of int

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
    _refuse(
        missing & ~absent[:, None],
        "NaN",
        *where,
        "Other columns of the modality have values there. Impute it, drop the column, or set "
        "the whole modality of that sample to NaN to mark it as absent.",
    )
    return ~absent


def refuse_samples_without_modality(table: Any, present: np.ndarray) -> None:
    """Raise a ValueError if a sample has no modality, ``(n_samples, n_modalities)``, at all."""
    empty = np.flatnonzero(~present.any(axis=1))
    if len(empty):
        raise ValueError(
            f"Input X contains NaN: sample {sample_labels(table)[empty[0]]!r} has no modality at "
            f"all, every column is NaN ({len(empty)} such samples). Leave such samples out."
        )


def sample_labels(X: Any) -> Any:
    """Return what to call the rows of X: the index of a DataFrame, or positions."""
    return X.index if isinstance(X, pd.DataFrame) else range(len(X))


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


def _flatten_columns(X: Any) -> Any:
    """Name the columns of a two-level DataFrame ``modality__feature``; return others unchanged."""
    if not isinstance(X, pd.DataFrame) or not isinstance(X.columns, pd.MultiIndex):
        return X
    if X.columns.nlevels != 2:
        raise ValueError(
            "A DataFrame with levelled columns must have the two levels (modality, feature), "
            f"got {X.columns.nlevels} levels."
        )
    for modality in X.columns.unique(0):
        _check_modality_name(modality)
    return X.set_axis([SEPARATOR.join(map(str, column)) for column in X.columns], axis=1)


def _as_pandas(X: Any) -> Any:
    """Return the data frames of other libraries as pandas'; anything else as it is."""
    if isinstance(X, pd.DataFrame) or not hasattr(X, "columns"):
        return X
    return pd.DataFrame(np.asarray(X), columns=list(X.columns))


def _check_numeric(X: pd.DataFrame) -> None:
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


def _refuse_unknown_classes(X: Any, y: Any) -> None:
    unknown = np.asarray(pd.isna(np.asarray(y, dtype=object)))
    if unknown.ndim == 1 and unknown.any() and len(unknown) == len(X):
        raise ValueError(
            f"Input y contains NaN: the class of sample {sample_labels(X)[unknown.argmax()]!r} is "
            f"unknown ({unknown.sum()} such samples). Leave such samples out."
        )


def _check_names(estimator: BaseEstimator, X: pd.DataFrame, reset: bool) -> None:
    """Keep or compare the column names as scikit-learn does, which takes several times as long."""
    names = column_names(X)
    seen = None if reset else getattr(estimator, "feature_names_in_", None)
    if names is not None and reset:
        estimator.feature_names_in_ = np.array(names, dtype=object)
        estimator.n_features_in_ = len(names)
    elif names is None or seen is None or names != seen.tolist():
        # No names, or others than in fit: scikit-learn knows what to say.
        header = pd.DataFrame(columns=X.columns, dtype=float)
        validate_data(estimator, header, reset=reset, skip_check_array=True)


def _values(table: Any, positions: np.ndarray) -> np.ndarray:
    first, last = positions[0], positions[-1]
    adjacent = last - first + 1 == len(positions)
    # A slice is a view; picking columns by position would copy a genome.
    columns = slice(first, last + 1) if adjacent else positions
    if not isinstance(table, pd.DataFrame):
        return table[:, columns]
    block = table.iloc[:, columns]
    values = block.to_numpy()
    if values.dtype.kind in "fiub":
        return values
    return check_array(dense_columns(block), ensure_all_finite=False)


def _all_finite(values: np.ndarray) -> bool:
    # A finite sum proves that all values are finite, in one pass and without a mask as large as X;
    # BLAS is the fastest to sum, but needs adjacent values and overflows earlier.
    with np.errstate(over="ignore", invalid="ignore"):
        if values.flags.c_contiguous or values.flags.f_contiguous:
            flat = values.ravel(order="K")
            if np.isfinite(flat @ flat):
                return True
        return bool(np.isfinite(values.sum(dtype=np.float64))) or bool(np.isfinite(values).all())


def _check_modality_name(modality: Any) -> None:
    # With an underscore at its end, "mut_" and "A" would be read back as "mut" and "_A".
    if not isinstance(modality, str) or not modality or SEPARATOR in modality + "_":
        raise ValueError(
            "A modality's name must be a non-empty string without a double underscore and without "
            f"an underscore at its end, got {modality!r}."
        )


def _check_unique(names: Iterable, what: str) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ValueError(
            f"The {what} must be unique, but {repeated[0]!r} stands there more than once "
            f"({len(repeated)} repeated in all). Merge or rename them first."
        )


def _check_table(modality: str, table: Any) -> None:
    if not isinstance(table, pd.DataFrame):
        raise TypeError(
            f"The table of modality {modality!r} must be a pandas DataFrame with the samples as "
            f"its index, got {type(table).__name__}."
        )
    if table.shape[1] == 0:
        raise ValueError(f"The table of modality {modality!r} has no feature columns.")
    _check_unique(table.index, f"samples of modality {modality!r}")
    _check_unique(map(str, table.columns), f"features of modality {modality!r}")
    try:
        _check_numeric(table)
    except ValueError as error:
        raise ValueError(f"Modality {modality!r}: {error}") from error


def _join_samples(tables: Mapping[str, pd.DataFrame], join: str) -> pd.Index:
    indexes = [table.index for table in tables.values()]
    samples = indexes[0]
    for index in indexes[1:]:
        if join == "inner":
            samples = samples[samples.isin(index)]
        else:
            samples = samples.append(index.difference(samples, sort=False))
    if len(samples) == 0:
        examples = {modality: list(table.index[:2]) for modality, table in tables.items()}
        raise ValueError(
            f"No sample is common to the modalities {list(tables)}; their samples begin with "
            f'{examples}. Give all tables the same sample names as index, or use join="outer".'
        )
    return samples


def _reindex(table: pd.DataFrame, samples: pd.Index) -> pd.DataFrame:
    if table.index.equals(samples):
        return table.set_axis(samples)  # shares its values, where .loc would copy them
    if samples.isin(table.index).all():
        return table.loc[samples]
    dtypes = {dtype: _dtype_with_gaps(dtype) for dtype in table.dtypes.unique()}
    if len(dtypes) == 1:
        (dtype,) = dtypes.values()
        if not isinstance(dtype, np.dtype):
            return table.astype(dtype).reindex(samples)
        # Filled in, where `astype` and `reindex` would make a copy each.
        values = np.full((len(samples), table.shape[1]), np.nan, dtype)
        values[samples.get_indexer(table.index)] = table.to_numpy()
        return pd.DataFrame(values, samples, table.columns, copy=False)
    return table.astype(table.dtypes.map(dtypes).to_dict()).reindex(samples)


def _dtype_with_gaps(dtype: Any) -> Any:
    """Return the smallest dtype that holds NaN beside every value of the given one."""
    if isinstance(dtype, pd.SparseDtype) and dtype.subtype.kind in "biu":
        return pd.SparseDtype(np.result_type(dtype.subtype, np.float32), float(dtype.fill_value))
    if isinstance(dtype, np.dtype) and dtype.kind in "biu":
        return np.result_type(dtype, np.float32)
    return dtype


def _all_missing(block: pd.DataFrame) -> np.ndarray:
    """Tell which rows are NaN throughout."""
    # Few rows lack their first value, so that few have to be looked at.
    missing = block.iloc[:, 0].isna().to_numpy(dtype=bool, copy=True)
    missing[missing] = block[missing].isna().all(axis=1)
    return missing


@lru_cache(maxsize=4)
def _modalities_from_names(names: tuple[str, ...] | None, n_columns: int) -> Modalities:
    # Cached because a search asks for the modalities of the same tens of thousands of names in
    # every one of its fits.
    _check_unique(names or (), "column names of X")
    if names is None or not any(SEPARATOR in name for name in names):
        return {UNNAMED: np.arange(n_columns)}
    positions: dict[str, list[int]] = {}
    for position, name in enumerate(names):
        modality, separator, _ = name.partition(SEPARATOR)
        if not separator or not modality:
            raise ValueError(
                f"Column {name!r} names no modality, while other columns are named "
                f"modality{SEPARATOR}feature. Name it the same way, or say by `modalities=` "
                "which columns belong to which modality."
            )
        positions.setdefault(modality, []).append(position)
    modalities = {modality: np.array(columns) for modality, columns in positions.items()}
    for columns in modalities.values():
        columns.setflags(write=False)
    return modalities


def _column_positions(X: Any, modality: str, columns: Columns) -> np.ndarray:
    if callable(columns):
        columns = columns(X)
    header = pd.DataFrame([range(X.shape[1])], columns=getattr(X, "columns", None))
    try:
        chosen = _safe_indexing(header, columns, axis=1)
    except (ValueError, IndexError, KeyError, TypeError) as error:
        raise ValueError(
            f"Modality {modality!r} asks for columns {columns!r}, which X does not have: {error}"
        ) from error
    positions = np.sort(np.ravel(np.asarray(chosen, dtype=int)))
    if len(positions) == 0:
        raise ValueError(f"Modality {modality!r} has no column of X.")
    _check_unique(positions, f"columns of modality {modality!r}")
    return positions


def _check_partition(modalities: Modalities, labels: Sequence[str]) -> None:
    owner: dict[int, str] = {}
    for modality, positions in modalities.items():
        for position in positions.tolist():
            if position in owner:
                raise ValueError(
                    f"Column {labels[position]!r} is in two modalities, {owner[position]!r} and "
                    f"{modality!r}. Give each column to one modality."
                )
            owner[position] = modality
    left_over = [label for position, label in enumerate(labels) if position not in owner]
    if left_over:
        raise ValueError(
            f"{len(left_over)} columns of X belong to no modality, the first is "
            f"{left_over[0]!r}. Name their modality in `modalities=`, or drop them from X."
        )
