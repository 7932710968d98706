"""Negative controls: a comparison in which there is nothing to find."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_array

from ..modalities._columns import Modalities, flatten_columns, resolve_modalities
from ..modalities._validation import as_pandas, modality_blocks

__all__ = ["modalities_of", "replace_by_noise"]


def modalities_of(estimator: Any, X: Any) -> Modalities:
    """Return the column positions of each modality, as the estimator is told or X says."""
    told = [
        value
        for name, value in estimator.get_params().items()
        # A pipeline may have a step of this name.
        if name.split("__")[-1] == "modalities" and isinstance(value, Mapping)
    ]
    return resolve_modalities(as_table(X), told[0] if told else None)


def replace_by_noise(X: Any, positions: np.ndarray, seed: int) -> Any:
    """Shuffle each of the given columns on its own, among the samples that have the modality.

    What is left is noise with the moments of the column, and with its dtype.

    Parameters
    ----------
    X : DataFrame or array of shape (n_samples, n_features)
    positions : ndarray of int
        Columns of one modality.
    seed : int

    Returns
    -------
    DataFrame or ndarray of shape (n_samples, n_features)
        A copy of X.
    """
    table = as_table(X)
    (block,) = modality_blocks(table, {"": positions}).values()
    noise = block.copy()
    present = ~pd.isna(block).all(axis=1)
    noise[present] = np.random.default_rng(seed).permuted(block[present], axis=0)
    if not isinstance(table, pd.DataFrame):
        table = table.copy()
        table[:, positions] = noise
        return table
    columns = np.arange(table.shape[1])
    others = np.setdiff1d(columns, positions)
    joined = pd.concat(
        [table.iloc[:, others], pd.DataFrame(noise, table.index, table.columns[positions])], axis=1
    )
    return joined.iloc[:, np.argsort(np.concatenate([others, positions]))]


def as_table(X: Any) -> Any:
    X = flatten_columns(as_pandas(X))
    if isinstance(X, pd.DataFrame):
        return X
    return check_array(X, dtype=None, ensure_all_finite=False)
