"""Which samples have which modality, and which values are missing in those that they have."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from .._warnings import warn
from ._columns import UNNAMED, Modalities, column_labels, has_named_modalities, sample_labels

__all__ = [
    "MAX_MISSING",
    "Missing",
    "check_finite",
    "check_modalities_present",
    "check_samples_have_modality",
    "column_means",
    "fill_gaps",
    "find_gaps",
    "find_missing",
    "warn_imputed",
]

# Of the values of a feature, or of a sample in a modality: a fifth must be known. Of three clinical
# columns, two may be missing.
MAX_MISSING = 0.8
# So many gaps side by side are no scattered ones, where it is not known which columns belong
# together: even of values half of which are missing at random, one row in a million has as many.
MAX_ADJACENT = 20


class Missing(NamedTuple):
    """What is missing in a table.

    Attributes
    ----------
    present : ndarray of bool of shape (n_samples, n_modalities)
        False where all columns of the modality are NaN.
    n_gaps : dict of str to int
        By modality, the other values that are NaN.
    """

    present: np.ndarray
    n_gaps: dict[str, int]

    def by_column(self, modalities: Modalities, columns: np.ndarray) -> np.ndarray:
        """Tell which sample has the modality of each column."""
        owner = np.empty(sum(map(len, modalities.values())), dtype=int)
        for index, positions in enumerate(modalities.values()):
            owner[positions] = index
        return self.present[:, owner[columns]]


def find_missing(
    table: Any,
    blocks: Mapping[str, Any],
    origins: Modalities,
    *,
    max_missing: float = MAX_MISSING,
    training: bool = True,
) -> Missing:
    """Tell which sample has which modality, and count the gaps in those that it has.

    Parameters
    ----------
    table : DataFrame, ndarray or sparse matrix of shape (n_samples, n_features)
        Names the columns and samples in an error.
    blocks : mapping of str to ndarray or sparse matrix
        The numbers of each modality.
    origins : dict of str to ndarray of int
        The column of `table` that each column of a block comes from.
    max_missing : float, default=0.8
        The largest share of missing values of a sample in a modality that it has, and of a feature
        in the samples that have its modality.
    training : bool, default=True
        Whether features are judged, not samples only.

    Returns
    -------
    Missing
        What is missing.

    Raises
    ------
    ValueError
        For an infinite value, for a feature or a sample of which too much is missing, and for a
        sample without any modality; the message names modality, column and sample.
    """
    found = {
        modality: find_gaps(
            table, modality, origins[modality], block, max_missing=max_missing, training=training
        )
        for modality, block in blocks.items()
    }
    present = np.column_stack([present for present, _ in found.values()])
    check_samples_have_modality(table, present)
    return Missing(present, {modality: n_gaps for modality, (_, n_gaps) in found.items()})


def find_gaps(
    table: Any,
    modality: str,
    origin: np.ndarray,
    block: Any,
    *,
    max_missing: float,
    training: bool = True,
) -> tuple[np.ndarray, int]:
    """Tell which samples have one modality, and count its gaps, see :func:`find_missing`."""
    values = block.data if sparse.issparse(block) else block
    if values.dtype.kind != "f" or _all_finite(values):
        return np.ones(block.shape[0], dtype=bool), 0
    where = modality, np.array(column_labels(table), dtype=object)[origin], sample_labels(table)
    check_finite(block, *where)
    # A column of words is one feature, whose encoded columns are missing together.
    features = np.flatnonzero(np.diff(origin, prepend=-1))
    missing = _is_missing(block if len(features) == len(origin) else block[:, features])
    of_samples = np.asarray(missing.sum(axis=1)).ravel()
    present = of_samples < len(features)
    of_features = np.asarray(missing.sum(axis=0)).ravel() - (~present).sum()
    n_gaps = int(of_features.sum())
    if n_gaps == 0:
        return present, 0
    of_samples = np.where(present, of_samples, 0)
    _, labels, samples = where
    if modality == UNNAMED and not has_named_modalities(table, None):
        _check_unnamed_block(missing, of_samples, samples)
    if training:
        _check_too_many(
            of_features / present.sum(), max_missing, modality, "Column", labels[features],
            "of the samples that have the modality", "Drop the column",
        )  # fmt: skip
    _check_too_many(
        of_samples / len(features), max_missing, modality, "Sample", samples,
        "of its columns", "Leave the sample out, set the whole modality of it to NaN",
    )  # fmt: skip
    return present, n_gaps


def column_means(block: Any) -> np.ndarray:
    """Return the mean of each column over the samples that have a value, NaN where none has."""
    # Without a copy in double precision, and as infinity where the numbers are that large.
    with np.errstate(over="ignore", invalid="ignore"):
        if sparse.issparse(block):
            known = block.astype(np.float64)
            known.data[np.isnan(known.data)] = 0
            total: Any = np.asarray(known.sum(axis=0)).ravel()
            count = block.shape[0] - np.asarray(_is_missing(block).sum(axis=0)).ravel()
        else:
            there = ~np.isnan(block)
            count = there.sum(axis=0)
            total = np.sum(block, axis=0, dtype=np.float64, where=there)
        return np.divide(total, count, out=np.full(block.shape[1], np.nan), where=count > 0)


def fill_gaps(block: Any, present: np.ndarray, values: np.ndarray) -> Any:
    """Return a copy in which gaps are filled by a value of their column.

    Parameters
    ----------
    block : ndarray of floats or csc_matrix of shape (n_samples, n_columns)
        Numbers.
    present : ndarray of bool of shape (n_samples,) or (n_samples, n_columns)
        Where NaN is a gap, not an absent modality.
    values : ndarray of shape (n_columns,)
        What to fill each column with.
    """
    filled = block.copy()
    if sparse.issparse(block):
        columns = np.repeat(np.arange(block.shape[1]), np.diff(block.indptr))
        gaps = np.isnan(block.data) & present[block.indices]
        filled.data[gaps] = values[columns[gaps]]
        return filled
    rows, columns = np.nonzero(np.isnan(block) & present.reshape(len(block), -1))
    filled[rows, columns] = values[columns]
    return filled


def warn_imputed(missing: Missing, modalities: Modalities) -> None:
    """Warn of the modalities whose gaps are filled.

    Shares are rounded, so that all folds of a comparison warn alike.
    """
    shares = {
        modality: n_gaps / (missing.present[:, index].sum() * len(modalities[modality]))
        for index, (modality, n_gaps) in enumerate(missing.n_gaps.items())
        if n_gaps
    }
    if shares:
        said = ", ".join(
            f"{modality!r} {'under 1%' if share < 0.005 else f'about {share:.0%}'}"
            for modality, share in shares.items()
        )
        warn(
            f"Missing values are filled with the mean of their feature in the training samples: "
            f"{said} of the values of samples that have the modality. n_imputed_ counts them."
        )


def check_samples_have_modality(table: Any, present: np.ndarray) -> None:
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


def check_modalities_present(modalities: Iterable[str], present: np.ndarray) -> None:
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


def check_finite(block: Any, modality: str, columns: np.ndarray, samples: Any) -> None:
    """Raise a ValueError for an infinite value; the message names modality, column and sample."""
    stored = block.data if sparse.issparse(block) else block
    infinite = np.isinf(stored)
    if not infinite.any():
        return
    if sparse.issparse(block):
        entry = infinite.argmax()
        row = block.indices[entry]
        column = np.searchsorted(block.indptr, entry, side="right") - 1
    else:
        row, column = np.argwhere(infinite)[0]
    raise ValueError(
        f"Input X contains infinity: modality {modality!r}, column {columns[column]!r}, sample "
        f"{samples[row]!r} ({infinite.sum()} such values in this modality). Correct it."
    )


def _is_missing(block: Any) -> Any:
    if not sparse.issparse(block):
        return np.isnan(block)
    return type(block)(
        (np.isnan(block.data), block.indices, block.indptr), shape=block.shape, dtype=bool
    )


def _check_too_many(
    shares: np.ndarray,
    most: float,
    modality: str,
    kind: str,
    names: Any,
    of_what: str,
    remedy: str,
) -> None:
    # What nobody has a value of can't be filled.
    too_many = (shares > most) | (shares == 1)
    if too_many.any():
        worst = int(shares.argmax())
        raise ValueError(
            f"{kind} {names[worst]!r} of modality {modality!r} lacks a value in "
            f"{shares[worst]:.0%} {of_what}; max_missing={most:g} ({too_many.sum()} such "
            f"{kind.lower()}s). {remedy}, or raise max_missing."
        )


def _check_unnamed_block(missing: Any, of_samples: np.ndarray, samples: Any) -> None:
    """Refuse a row that lacks columns side by side, where nothing says that they are a modality."""
    for row in np.flatnonzero(of_samples >= MAX_ADJACENT):
        gaps = missing[[row]]
        gaps = gaps.toarray()[0] if sparse.issparse(gaps) else gaps[0]
        edges = np.flatnonzero(np.diff(np.concatenate([[0], gaps, [0]])))
        longest = (edges[1::2] - edges[::2]).max()
        if longest >= MAX_ADJACENT:
            raise ValueError(
                f"Input X contains NaN: sample {samples[row]!r} lacks {longest} columns side by "
                "side. X has no column names of the form modality__feature, so all its columns are "
                "one modality. If a modality of that sample is absent, say which columns belong to "
                "which: by these names, which arrays and many transformers and ensembles of "
                "scikit-learn drop, or by `modalities=`. Otherwise impute the values or drop the "
                "columns."
            )


def _all_finite(values: np.ndarray) -> bool:
    # A finite sum proves that all values are finite, in one pass and without a mask as large as X.
    # BLAS sums fastest, but needs adjacent values and overflows earlier.
    with np.errstate(over="ignore", invalid="ignore"):
        if values.flags.c_contiguous or values.flags.f_contiguous:
            flat = values.ravel(order="K")
            if np.isfinite(flat @ flat):
                return True
        return bool(np.isfinite(values.sum(dtype=np.float64))) or bool(np.isfinite(values).all())
