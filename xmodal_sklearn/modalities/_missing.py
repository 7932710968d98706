"""Absent modalities and scattered missing values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.stats import rankdata

from .._warnings import warn
from ._columns import UNNAMED, Modalities, column_labels, has_named_modalities, sample_labels

# The attribute of a DataFrame of selected columns, in which a sample may have no value although it
# has modalities: a selector has checked that.
CHECKED = "samples_have_modality"
# A feature with values in fewer training samples, or in fewer than a fifth of a few, is rare.
RARE = 3
# A sample that lacks more of a modality is counted in a warning.
MANY_GAPS = 0.8
# So many adjacent gaps are not scattered, where columns name no modalities: even of values half of
# which are missing at random, one row in a million has as many.
MAX_ADJACENT = 20
# Columns to check for signs of an imputer; fewer than the minimum may agree by chance.
MAX_COLUMNS = 20
MIN_COLUMNS = 10
# So many samples with equal values in a modality are not the samples of one patient.
MIN_EQUAL = 4
# Distance of adjacent floats, relative to the range of a column, above which predictions change:
# less in double precision, where fewer digits are rounding errors of whoever measured.
MAX_SPACING = {2: 1e-2, 4: 1e-4, 8: 1e-6}


@dataclass(frozen=True)
class Gaps:
    """Missing values of one modality in the samples that have it."""

    present: np.ndarray
    by_sample: np.ndarray
    by_feature: np.ndarray

    @property
    def total(self) -> int:
        return int(self.by_feature.sum())

    @property
    def is_rare(self) -> np.ndarray:
        """Whether hardly any sample has a value, by feature."""
        n_present = self.present.sum()
        return n_present - self.by_feature < np.clip(n_present / 5, 1, RARE)


@dataclass(frozen=True)
class Missing:
    """What is missing in a table, by modality."""

    gaps: dict[str, Gaps]

    @property
    def present(self) -> np.ndarray:
        """Which sample has which modality, (n_samples, n_modalities)."""
        return np.column_stack([gaps.present for gaps in self.gaps.values()])

    @property
    def n_gaps(self) -> dict[str, int]:
        """Number of missing values in samples that have the modality."""
        return {modality: gaps.total for modality, gaps in self.gaps.items()}

    def take(self, rows: np.ndarray) -> "Missing":
        taken = {}
        for name, gaps in self.gaps.items():
            taken[name] = Gaps(gaps.present[rows], gaps.by_sample[rows], gaps.by_feature)
        return Missing(taken)


def find_missing(table: Any, blocks: Mapping[str, Any], origins: Modalities) -> Missing:
    gaps = {name: find_gaps(table, name, origins[name], block) for name, block in blocks.items()}
    missing = Missing(gaps)
    check_samples_have_modality(table, missing.present)
    for modality, block in blocks.items():
        warn_if_adjacent(table, modality, block, gaps[modality])
    return missing


def find_gaps(table: Any, modality: str, origin: np.ndarray, block: Any) -> Gaps:
    # The encoded columns of a categorical one are missing together.
    features = np.flatnonzero(np.diff(origin, prepend=-1))
    n_samples, n_features = block.shape[0], len(features)
    values = block.data if sparse.issparse(block) else block
    if values.dtype.kind != "f" or _all_finite(values):
        zeros = np.zeros(n_samples, dtype=int)
        return Gaps(np.ones(n_samples, dtype=bool), zeros, np.zeros(n_features, dtype=int))
    labels = np.array(column_labels(table), dtype=object)[origin]
    check_finite(block, modality, labels, sample_labels(table))
    is_missing = _is_missing(block if n_features == len(origin) else block[:, features])
    by_sample = np.asarray(is_missing.sum(axis=1)).ravel()
    present = by_sample < n_features
    by_feature = np.asarray(is_missing.sum(axis=0)).ravel() - (~present).sum()
    return Gaps(present, np.where(present, by_sample, 0), by_feature)


def column_means(block: Any) -> np.ndarray:
    """Return the mean of each column over the samples that have a value, NaN where none has."""
    # Without a copy in double precision, and as infinity where the numbers are that large.
    with np.errstate(over="ignore", invalid="ignore"):
        if sparse.issparse(block):
            zeroed = block.astype(np.float64)
            zeroed.data[np.isnan(zeroed.data)] = 0
            total: Any = np.asarray(zeroed.sum(axis=0)).ravel()
            count = block.shape[0] - np.asarray(_is_missing(block).sum(axis=0)).ravel()
        else:
            present = ~np.isnan(block)
            count = present.sum(axis=0)
            total = np.sum(block, axis=0, dtype=np.float64, where=present)
        return np.divide(total, count, out=np.full(block.shape[1], np.nan), where=count > 0)


def fill_gaps(block: Any, present: np.ndarray, values: np.ndarray) -> Any:
    """Return a copy in which gaps are filled by a value of their column."""
    filled = block.copy()
    if sparse.issparse(block):
        columns = np.repeat(np.arange(block.shape[1]), np.diff(block.indptr))
        gaps = np.isnan(block.data) & present[block.indices]
        filled.data[gaps] = values[columns[gaps]]
        return filled
    rows, columns = np.nonzero(np.isnan(block) & present.reshape(len(block), -1))
    filled[rows, columns] = values[columns]
    return filled


def warn_missing(
    missing: Missing, *, rare: str, imputed: str = "Imputed missing values with training means"
) -> None:
    """Warn once of all that training samples lack; `rare` and `imputed` say how it is treated."""
    shares, sparse_samples, rare_features, absent = {}, {}, {}, []
    for name, gaps in missing.gaps.items():
        if not gaps.present.any():
            absent.append(repr(name))
            continue
        n_features = len(gaps.by_feature)
        share = gaps.total / (gaps.present.sum() * n_features)
        if share:
            shares[name] = "under 1%" if share < 0.005 else f"about {share:.0%}"
        sparse_samples[name] = (gaps.by_sample > MANY_GAPS * n_features).sum()
        rare_features[name] = gaps.is_rare.sum()
    sentences = []
    if shares and imputed:
        sentences.append(f"{imputed} ({_list_by_name(shares)}); see n_imputed_.")
    lack = f"training samples lack over {MANY_GAPS:.0%} of the features of a modality"
    are_rare = f"features have values in almost no training sample and {rare}"
    for counts, text in ((sparse_samples, lack), (rare_features, are_rare)):
        if total := sum(counts.values()):
            sentences.append(f"{total} {text} ({_list_by_name(counts)}).")
    if absent:
        sentences.append(f"No training sample has modality {', '.join(absent)}.")
    if sentences:
        warn(" ".join(sentences))


def _list_by_name(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name!r}: {value}" for name, value in values.items() if value)


def check_samples_have_modality(table: Any, present: np.ndarray) -> None:
    """Raise a ValueError if a row of `present`, (n_samples, n_modalities), is False throughout."""
    empty = np.flatnonzero(~present.any(axis=1))
    if len(empty) and not (isinstance(table, pd.DataFrame) and table.attrs.get(CHECKED)):
        raise ValueError(
            f"Input X contains NaN: sample {sample_labels(table)[empty[0]]!r} has no modality, "
            f"because every column is NaN ({len(empty)} such samples). Remove such samples."
        )


def check_finite(block: Any, modality: str, columns: Any, samples: Any) -> None:
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


def warn_if_adjacent(table: Any, modality: str, block: Any, gaps: Gaps) -> None:
    """Warn if a sample lacks adjacent columns, where nothing says that they are a modality."""
    if modality != UNNAMED or has_named_modalities(table, None):
        return
    for row in np.flatnonzero(gaps.by_sample >= MAX_ADJACENT):
        values = block[[row]]
        is_missing = np.isnan(values.toarray() if sparse.issparse(values) else values)[0]
        edges = np.flatnonzero(np.diff(np.concatenate([[0], is_missing, [0]])))
        length = (edges[1::2] - edges[::2]).max()
        if length >= MAX_ADJACENT:
            warn(
                f"Sample {sample_labels(table)[row]!r} lacks {length} adjacent columns, which are "
                "imputed: X has no column names of the form modality__feature, so all its columns "
                "are one modality. If the sample lacks a modality, use such column names, which "
                "arrays and many transformers and ensembles of scikit-learn drop, or assign the "
                "columns to modalities with `modalities=`."
            )
            return


def warn_if_rounded(table: Any, blocks: Mapping[str, Any], origins: Modalities) -> None:
    """Warn of columns with so large an offset that rounding blurs how their values differ."""
    for modality, block in blocks.items():
        if block.dtype.kind != "f" or sparse.issparse(block):
            continue
        low, high = np.fmin.reduce(block, axis=0), np.fmax.reduce(block, axis=0)
        with np.errstate(over="ignore", invalid="ignore"):
            spacing = np.spacing(np.maximum(np.abs(low), np.abs(high)))
            most = MAX_SPACING.get(block.dtype.itemsize, 0) * (high - low)
        rounded = np.flatnonzero((high > low) & (spacing > most))
        if len(rounded):
            first = rounded[0]
            warn(
                f"The values of {len(rounded)} columns of modality {modality!r} are almost equal "
                f"in {block.dtype}, the first is "
                f"{column_labels(table)[origins[modality][first]]!r} (from {low[first]} to "
                f"{high[first]}): rounding errors change predictions. Subtract a constant from "
                "such columns before they are rounded."
            )


def warn_if_looks_imputed(table: Any, blocks: Mapping[str, Any]) -> None:
    """Warn if a modality that samples lack seems to have been imputed."""
    if len(blocks) < 2:
        return
    probes = {modality: _probe(block) for modality, block in blocks.items()}
    rows = _row_groups(np.hstack(list(probes.values())))
    for modality, values in probes.items():
        complete = ~np.isnan(values).any(axis=1)
        floats = blocks[modality].dtype.kind == "f" and not sparse.issparse(blocks[modality])
        if not floats or not complete.any() or _is_redundant(values[complete]):
            continue
        imputed = _equal_to_others(values, complete, rows)
        imputed[complete] |= _at_center(values[complete])
        if imputed.any():
            warn(
                f"Modality {modality!r} looks imputed for {imputed.sum()} samples, the first is "
                f"{sample_labels(table)[imputed.argmax()]!r}: they have the mean or the median of "
                "its columns, or the same values as others. Models would treat the values as "
                "measurements. Leave absent modalities NaN, and impute with ModalityImputer."
            )


def _probe(block: Any) -> np.ndarray:
    columns = np.unique(np.linspace(0, block.shape[1] - 1, MAX_COLUMNS).astype(int))
    values = block[:, columns]
    values = np.asarray(values.toarray() if sparse.issparse(values) else values, dtype=np.float64)
    # In units that are powers of two, so that no square overflows.
    return np.ldexp(values, -np.frexp(np.fmax.reduce(np.abs(values), axis=0))[1])


def _at_center(rows: np.ndarray) -> np.ndarray:
    """Return which rows have the mean of every column, or the median of every continuous one."""
    at_center = np.zeros(len(rows), dtype=bool)
    deviation = rows.std(axis=0)
    varied = deviation > 0
    continuous = varied & _is_continuous(rows)
    for center, chosen in ((rows.mean(axis=0), varied), (np.median(rows, axis=0), continuous)):
        if chosen.sum() >= MIN_COLUMNS:
            # Single precision may have rounded what was filled in.
            rounding = np.minimum(1e-6 * np.abs(center), 1e-3 * deviation)
            tolerance = (1e-6 * deviation + rounding)[chosen]
            is_near = (np.abs(rows - center)[:, chosen] <= tolerance).all(axis=1)
            # In an odd number of samples, one sample has the median.
            if chosen is varied or is_near.sum() > 1:
                at_center |= is_near
    return at_center


def _equal_to_others(values: np.ndarray, complete: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return which complete rows share all values with several others that differ elsewhere."""
    continuous = _is_continuous(values)
    if continuous.sum() < MIN_COLUMNS:
        return np.zeros(len(values), dtype=bool)
    groups = _row_groups(values[:, continuous])
    # Resampling repeats rows as a whole.
    distinct = np.unique(np.column_stack([groups, rows])[complete], axis=0)[:, 0]
    return complete & (np.bincount(distinct, minlength=groups.max() + 1)[groups] >= MIN_EQUAL)


def _is_redundant(rows: np.ndarray) -> bool:
    """Return whether columns are as alike as those of one amplicon."""
    rows = rows[:, rows.std(axis=0) > 0]
    if rows.shape[1] < MIN_COLUMNS:
        return True
    # Rows that were filled alike count once, and by their rank, however far they are from others.
    ranks = rankdata(np.unique(rows, axis=0), axis=0)
    with np.errstate(invalid="ignore"):
        return not np.median(np.abs(np.corrcoef(ranks, rowvar=False))) <= 0.9


def _is_continuous(values: np.ndarray) -> np.ndarray:
    return np.array([len(np.unique(column)) > len(values) / 2 for column in values.T])


def _row_groups(values: np.ndarray) -> np.ndarray:
    """Return the index of a group for each row; equal rows are of one group."""
    return np.unique(np.nan_to_num(values), axis=0, return_inverse=True)[1].ravel()


def _is_missing(block: Any) -> Any:
    if not sparse.issparse(block):
        return np.isnan(block)
    return type(block)(
        (np.isnan(block.data), block.indices, block.indptr), shape=block.shape, dtype=bool
    )


def _all_finite(values: np.ndarray) -> bool:
    # A finite sum proves that all values are finite, in one pass and without a mask as large as X.
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(values.sum(dtype=np.float64)) or np.isfinite(values).all())
