"""Negative controls: a comparison in which there is nothing to find."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from ..modalities._columns import Modalities, resolve_modalities
from ..modalities._dtypes import is_numeric
from ..modalities._encoding import column_values
from ..modalities._exchange import replace_columns
from ..modalities._validation import as_table

__all__ = [
    "Control",
    "block_values",
    "modalities_of",
    "negative_controls",
    "replace_by_noise",
]


class Control(NamedTuple):
    """What a negative control changes: the labels, the columns of a modality, or nothing.

    Parameters
    ----------
    labels : bool, default=False
        Whether the training labels are shuffled.
    columns : ndarray of int, default=None
        Columns that become noise.
    random_state : int, default=None
        What the user gave as the seed of all controls, by which a store tells them apart.
    seed : int, default=0
        The seed drawn from `random_state`.
    """

    labels: bool = False
    columns: np.ndarray | None = None
    random_state: int | None = None
    seed: int = 0


def negative_controls(
    estimators: Mapping[str, Any], X: Any, random_state: int | None
) -> dict[str, Control]:
    """List the negative controls of the first estimator.

    Parameters
    ----------
    estimators : mapping of str to estimator
        All estimators of the comparison.
    X : DataFrame or array of shape (n_samples, n_features)
        Samples.
    random_state : int or None
        Seed of the controls.

    Returns
    -------
    dict of str to Control
        One with permuted labels, and one for each modality as noise.

    Raises
    ------
    ValueError
        If an estimator has the name of a control.
    """
    name, estimator = next(iter(estimators.items()))
    seed = int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    controls = {f"{name}, labels permuted": Control(True, None, random_state, seed)} | {
        f"{name}, {modality} as noise": Control(False, columns, random_state, seed)
        for modality, columns in modalities_of(estimator, X).items()
    }
    taken = sorted(set(controls) & set(estimators))
    if taken:
        raise ValueError(f"Controls take the names {taken}. Rename the estimators called so.")
    return controls


def modalities_of(estimator: Any, X: Any) -> Modalities:
    """Find the column positions of each modality.

    Parameters
    ----------
    estimator : estimator
        Its parameter `modalities`, or that of a step, counts first.
    X : DataFrame or array of shape (n_samples, n_features)
        Samples, whose column names say it otherwise.

    Returns
    -------
    dict of str to ndarray of int
        The positions of each modality.
    """
    given = [
        value
        for name, value in estimator.get_params().items()
        # A pipeline may have a step called "modalities".
        if name.split("__")[-1] == "modalities" and isinstance(value, Mapping)
    ]
    return resolve_modalities(as_table(X), given[0] if given else None)


def replace_by_noise(X: Any, positions: np.ndarray, seed: int) -> Any:
    """Shuffle each column of a modality on its own, among the samples that have the modality.

    The result is noise with the values, and so the moments and the dtype, of the column.

    Parameters
    ----------
    X : DataFrame or array of shape (n_samples, n_features)
        Samples.
    positions : ndarray of int
        Columns of one modality.
    seed : int
        Seed of the permutations.

    Returns
    -------
    DataFrame or ndarray of shape (n_samples, n_features)
        A copy of X.
    """
    table = as_table(X)
    block = block_values(table, positions)
    noise = block.copy()
    present = ~pd.isna(block).all(axis=1)
    noise[present] = np.random.default_rng(seed).permuted(block[present], axis=0)
    if not isinstance(table, pd.DataFrame):
        return replace_columns(table, positions, noise)
    part = pd.DataFrame(noise, table.index, table.columns[positions])
    dtypes = table.dtypes.iloc[positions]
    if (part.dtypes != dtypes).any():
        part = part.astype(dtypes.to_dict())
    return replace_columns(table, positions, part)


def block_values(table: Any, positions: np.ndarray) -> np.ndarray:
    """Return the values of one modality, as objects where some are text or categories.

    Parameters
    ----------
    table : DataFrame or ndarray of shape (n_samples, n_features)
        Samples.
    positions : ndarray of int
        Columns of the modality.

    Returns
    -------
    ndarray of shape (n_samples, n_features_m)
        The values.
    """
    if isinstance(table, pd.DataFrame):
        kinds = table.dtypes.iloc[positions].unique()
        if not all(map(is_numeric, kinds)):
            return table.iloc[:, positions].to_numpy(dtype=object)
    return column_values(table, positions)
