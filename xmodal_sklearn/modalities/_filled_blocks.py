"""Signs that an imputer filled the modalities that samples lack."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import sparse
from scipy.stats import rankdata

from .._warnings import warn
from ._columns import sample_labels

__all__ = ["warn_if_looks_imputed"]

# Columns to look at; with fewer than the least, what several have in common may be chance.
MAX_COLUMNS = 20
MIN_COLUMNS = 10
# So many samples with the very same values in a modality are not the samples of one patient.
MIN_ALIKE = 4


def warn_if_looks_imputed(table: Any, blocks: Mapping[str, Any]) -> None:
    """Warn where samples seem to have been given a modality that they lack.

    Two signs are looked for in some columns of each modality of floats: a sample that has the mean
    of every column, or the median, and several samples that have the very same values there, but
    not in the other modalities.

    Parameters
    ----------
    table : DataFrame or ndarray of shape (n_samples, n_features)
        Names the samples.
    blocks : mapping of str to ndarray or sparse matrix
        The numbers of each modality.
    """
    if len(blocks) < 2:
        return
    probes = {modality: _probe(block) for modality, block in blocks.items()}
    rows = _numbers_of_rows(np.hstack(list(probes.values())))
    for modality, values in probes.items():
        floats = blocks[modality].dtype.kind == "f" and not sparse.issparse(blocks[modality])
        if not floats or _say_the_same(values):
            continue
        filled = np.flatnonzero(_at_centre(values) | _alike(values, rows))
        if len(filled):
            warn(
                f"{len(filled)} samples, the first is {sample_labels(table)[filled[0]]!r}, seem to "
                f"have been given modality {modality!r} by an imputer: they have the mean or the "
                "median of its columns, or the very same values as others. A model takes them for "
                "measured. Leave absent modalities NaN, and impute with ModalityImputer."
            )


def _probe(block: Any) -> np.ndarray:
    """Return some columns, evenly spread."""
    columns = np.unique(np.linspace(0, block.shape[1] - 1, MAX_COLUMNS).astype(int))
    values = block[:, columns]
    return np.asarray(values.toarray() if sparse.issparse(values) else values, dtype=np.float64)


def _at_centre(values: np.ndarray) -> np.ndarray:
    """Tell which rows have the mean of every column, or the median of every continuous one."""
    there = ~np.isnan(values).any(axis=1)
    told = np.zeros(len(values), dtype=bool)
    if not there.any():
        return told
    known = values[there]
    spread = known.std(axis=0)
    varied = spread > 0
    continuous = varied & _continuous(known)
    for centre, chosen in ((known.mean(axis=0), varied), (np.median(known, axis=0), continuous)):
        if chosen.sum() >= MIN_COLUMNS:
            # Single precision may have rounded what was filled in.
            near = 1e-6 * (spread + np.abs(centre))[chosen]
            at_centre = (np.abs(known - centre)[:, chosen] <= near).all(axis=1)
            # Of an odd number of samples, one has the median.
            if chosen is varied or at_centre.sum() > 1:
                told[there] |= at_centre
    return told


def _alike(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Tell which rows share all values with several others that differ elsewhere."""
    continuous = _continuous(values)
    if continuous.sum() < MIN_COLUMNS:
        return np.zeros(len(values), dtype=bool)
    there = ~np.isnan(values).any(axis=1)
    groups = _numbers_of_rows(values[:, continuous])
    # Resampling repeats rows as a whole.
    distinct = np.unique(np.column_stack([groups, rows])[there], axis=0)[:, 0]
    return there & (np.bincount(distinct, minlength=groups.max() + 1)[groups] >= MIN_ALIKE)


def _say_the_same(values: np.ndarray) -> bool:
    """Tell whether columns are so alike, as of one amplicon, that they tell no more than one."""
    known = values[~np.isnan(values).any(axis=1)]
    known = known[:, known.std(axis=0) > 0] if len(known) else known[:, :0]
    if known.shape[1] < MIN_COLUMNS:
        return True
    # Rows that were filled alike count once, and by their rank, however far they are from others.
    ranks = rankdata(np.unique(known, axis=0), axis=0)
    with np.errstate(invalid="ignore"):
        return not np.median(np.abs(np.corrcoef(ranks, rowvar=False))) <= 0.9


def _continuous(values: np.ndarray) -> np.ndarray:
    return np.array([len(np.unique(column)) > len(values) / 2 for column in values.T])


def _numbers_of_rows(values: np.ndarray) -> np.ndarray:
    """Give equal rows the same number."""
    return np.unique(np.nan_to_num(values), axis=0, return_inverse=True)[1].ravel()
