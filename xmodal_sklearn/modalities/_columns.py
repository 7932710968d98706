"""Which columns belong to which modality, and what they are called."""

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from sklearn.utils import _safe_indexing

from .._suggestions import did_you_mean
from .._warnings import INTERNAL, warn

SEPARATOR = "__"
# The only modality of an X whose columns name none.
UNNAMED = "X"

# Prefixes of genomic positions, such as chr17:7571720.
CHROMOSOME = re.compile(r"(chr)?(\d+|X|Y|MT?)([pq]\d*)?", re.IGNORECASE)

Columns: TypeAlias = Sequence | slice | np.ndarray | Callable | str | int

Modalities: TypeAlias = dict[str, np.ndarray]


def resolve_modalities(X: Any, modalities: Mapping[str, Columns] | None) -> Modalities:
    """Map each modality of X to its column positions."""
    names = tuple(column_names(X) or ())
    if modalities is None:
        positions = _modalities_from_names(names, X.shape[1])
        if list(positions) == [UNNAMED]:
            _warn_if_other_separator(names) if names else _warn_if_names_lost()
        else:
            _warn_if_second_prefix(names, positions)
        return dict(positions)
    check_unique(names, "column names of X")
    if not isinstance(modalities, Mapping) or not modalities:
        raise ValueError(
            "modalities must be None or map at least one modality name to its columns, "
            f"got {modalities!r}."
        )
    resolved = {}
    for modality, columns in modalities.items():
        check_modality_name(modality)
        resolved[modality] = _column_positions(X, modality, columns)
    _check_partition(resolved, column_labels(X))
    return resolved


def as_slice(positions: np.ndarray) -> slice | np.ndarray:
    """Return consecutive positions as a slice, others as they are."""
    # A slice is a view; picking columns by position would copy a genome.
    if len(positions) and (np.diff(positions) == 1).all():
        return slice(int(positions[0]), int(positions[-1]) + 1)
    return positions


def has_named_modalities(X: Any, modalities: Mapping[str, Columns] | None) -> bool:
    """Return whether the modalities of X have names, from its columns or from `modalities`."""
    names = column_names(X)
    return modalities is not None or (names is not None and any(SEPARATOR in n for n in names))


def column_names(X: Any) -> list[str] | None:
    """Return the column names of a DataFrame whose names are all strings, else None."""
    if not isinstance(X, pd.DataFrame) or X.columns.inferred_type != "string":
        return None
    return X.columns.tolist()


def column_labels(X: Any) -> list[str]:
    """Return the column names of X, or x0, x1, … where it has none."""
    return column_names(X) or [f"x{position}" for position in range(X.shape[1])]


def sample_labels(X: Any) -> Any:
    """Return the index of a DataFrame, or the row positions of an array."""
    if isinstance(X, pd.DataFrame):
        return X.index
    # Sparse matrices have no length, lists no shape.
    return range(X.shape[0] if hasattr(X, "shape") else len(X))


def qualified_names(labels: Sequence[str], modalities: Modalities) -> np.ndarray:
    """Return the name of each column as ``modality__feature``; qualified names stay as they are."""
    names = np.array(labels, dtype=object)
    for modality, positions in modalities.items():
        prefix = modality + SEPARATOR
        names[positions] = [
            name if name.startswith(prefix) else prefix + name for name in names[positions]
        ]
    return names


def flatten_columns(X: Any) -> Any:
    """Name the columns of a two-level DataFrame ``modality__feature``; return others unchanged."""
    if isinstance(X, pd.DataFrame) and isinstance(X.columns, pd.CategoricalIndex):
        return X.set_axis(X.columns.tolist(), axis=1)
    if not isinstance(X, pd.DataFrame) or not isinstance(X.columns, pd.MultiIndex):
        return X
    if X.columns.nlevels != 2:
        raise ValueError(
            "Columns of several levels must have the two levels (modality, feature), "
            f"got {X.columns.nlevels} levels."
        )
    for modality in X.columns.unique(0):
        check_modality_name(modality)
    return X.set_axis([SEPARATOR.join(map(str, column)) for column in X.columns], axis=1)


def check_modality_name(modality: Any) -> None:
    """Raise a ValueError for a name that could not be read back from ``modality__feature``."""
    # With an underscore at its end, "mut_" and "A" would be read back as "mut" and "_A".
    if not isinstance(modality, str) or not modality or SEPARATOR in modality + "_":
        raise ValueError(
            "A modality name must be a non-empty string without a double underscore or a trailing "
            f"underscore, got {modality!r}."
        )


def check_primary(primary: str | None, modalities: Modalities) -> None:
    if primary is not None and primary not in modalities:
        raise ValueError(
            f"primary={primary!r} is not a modality of X{did_you_mean(primary, modalities)} Its "
            f"modalities are {list(modalities)}."
        )


def check_not_transposed(X: pd.DataFrame, names: Iterable[str]) -> None:
    """Raise a ValueError if most rows of X are named like features."""
    features = {str(name).partition(SEPARATOR)[2] or str(name) for name in names}
    rows = [str(row) for row in X.index]
    n_features = sum((row.partition(SEPARATOR)[2] or row) in features for row in rows)
    if n_features > len(rows) / 2:
        raise ValueError(
            f"X is transposed: {n_features} of its {len(rows)} rows are named like features, the "
            f"first row is {rows[0]!r}. Samples go in rows."
        )


def describe_missing(names: np.ndarray, modalities: Modalities, present: np.ndarray) -> str:
    """Return how many columns of each modality are missing, and the first."""
    counts = []
    for modality, columns in modalities.items():
        missing = [column for column in columns if not present[column]]
        if missing:
            counts.append(
                f"{modality!r} {len(missing)} of {len(columns)}, the first is {names[missing[0]]!r}"
            )
    return "; ".join(counts)


def check_unique(names: Iterable, what: str) -> None:
    """Raise a ValueError if a name is repeated; `what` is what the names are of, in the plural."""
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ValueError(
            f"The {what} must be unique, but {repeated[0]!r} occurs more than once "
            f"({len(repeated)} repeated in all). Merge or rename them first."
        )


@lru_cache(maxsize=4)
def _modalities_from_names(names: tuple[str, ...], n_columns: int) -> Modalities:
    # Cached because every fit of a search asks for the modalities of the same tens of thousands
    # of names.
    check_unique(names, "column names of X")
    if not any(SEPARATOR in name for name in names):
        return {UNNAMED: np.arange(n_columns)}
    positions: dict[str, list[int]] = {}
    for position, name in enumerate(names):
        modality, separator, _ = name.partition(SEPARATOR)
        if not separator or not modality:
            raise ValueError(
                f"Column {name!r} names no modality, while other columns are named "
                f"modality{SEPARATOR}feature. Rename it, or assign all columns to modalities with "
                "`modalities=`."
            )
        positions.setdefault(modality, []).append(position)
    modalities = {modality: np.array(columns) for modality, columns in positions.items()}
    for columns in modalities.values():
        columns.setflags(write=False)
    return modalities


def _warn_if_other_separator(names: Sequence[str]) -> None:
    """Warn if names seem to name modalities, with another separator than ours."""
    for separator in (".", ":", "|", "/", "_"):
        prefixes = Counter(name.partition(separator)[0] for name in names if separator in name)
        repeated = {name: count for name, count in prefixes.items() if count > 2}
        n_named, is_chromosomes = sum(repeated.values()), all(map(CHROMOSOME.fullmatch, repeated))
        # Feature names may have separators, too, but hardly share so few prefixes.
        likely = 1 < len(repeated) < 10 and n_named >= max(0.9 * len(names), 5 * len(repeated))
        if likely and not is_chromosomes:
            warn(
                f"All columns are read as one modality, but their names begin with "
                f"{list(repeated)} and {separator!r}. If these are modalities, rename the columns "
                f"to modality{SEPARATOR}feature, or pass `modalities=`."
            )
            return


def _warn_if_names_lost() -> None:
    """Warn if X has no column names, but a table that scikit-learn received names modalities."""
    names = tuple(_received_names())
    modalities = list(dict.fromkeys(name.partition(SEPARATOR)[0] for name in names))
    if len(modalities) > 1 and all(SEPARATOR in name for name in names):
        warn(
            f"All columns are read as one modality: the table had the modalities {modalities}, but "
            "an earlier step dropped its column names. Keep them by calling "
            '`set_output(transform="pandas")` on the pipeline, or pass `modalities=`; '
            "`modalities={'X': slice(None)}` means a single modality."
        )


def _received_names() -> Sequence[str]:
    """Return the column names in the nearest call of a pipeline or search, if it got a table."""
    frame: Any = sys._getframe()
    while frame and (library := frame.f_globals.get("__name__", "").partition(".")[0]) in INTERNAL:
        X, is_ours = frame.f_locals.get("X"), library == "xmodal_sklearn"
        if isinstance(X, pd.DataFrame):
            # Fusion passes modalities as arrays, and loses none.
            return () if is_ours else column_names(flatten_columns(X)) or ()
        names = getattr(frame.f_locals.get("self"), "feature_names_in_", None)
        if names is not None and not is_ours:
            return names
        frame = frame.f_back
    return ()


def _warn_if_second_prefix(names: Sequence[str], modalities: Modalities) -> None:
    """Warn if what is read as a modality may be a transformer's name in front of modalities."""
    suspects = []
    for modality, positions in modalities.items():
        parts = [names[position].split(SEPARATOR, 2) for position in positions]
        second = {part[1] if len(part) == 3 else "" for part in parts}
        # Prefixes that are all different are features, not modalities.
        if "" not in second and len(second) < len(positions) and second != {modality}:
            suspects.append(modality)
    if suspects:
        first = names[modalities[suspects[0]][0]]
        warn(
            f"{suspects} were read as modality names, but their columns have a second prefix, the "
            f"first is {first!r}. If a ColumnTransformer or FeatureUnion added {suspects[0]!r}, "
            "build it with verbose_feature_names_out=False; otherwise assign the columns to "
            "modalities with `modalities=`."
        )


def _column_positions(X: Any, modality: str, columns: Columns) -> np.ndarray:
    if callable(columns):
        columns = columns(X)
    header = pd.DataFrame([range(X.shape[1])], columns=getattr(X, "columns", None))
    try:
        chosen = _safe_indexing(header, columns, axis=1)
    except (ValueError, IndexError, KeyError, TypeError) as error:
        raise ValueError(
            f"Modality {modality!r} refers to columns {columns!r}, not found in X: {error}"
        ) from error
    positions = np.sort(np.ravel(np.asarray(chosen, dtype=int)))
    if len(positions) == 0:
        raise ValueError(
            f"Modality {modality!r} has no column of X. Assign it at least one, or omit it."
        )
    check_unique(positions, f"columns of modality {modality!r}")
    return positions


def _check_partition(modalities: Modalities, labels: Sequence[str]) -> None:
    owner: dict[int, str] = {}
    for modality, positions in modalities.items():
        for position in positions.tolist():
            if position in owner:
                raise ValueError(
                    f"Column {labels[position]!r} is in two modalities, {owner[position]!r} and "
                    f"{modality!r}. Assign each column to one modality."
                )
            owner[position] = modality
    left_over = [label for position, label in enumerate(labels) if position not in owner]
    if left_over:
        raise ValueError(
            f"{len(left_over)} columns of X belong to no modality, the first is "
            f"{left_over[0]!r}. Add them to a modality in `modalities=`, or drop them from X."
        )
