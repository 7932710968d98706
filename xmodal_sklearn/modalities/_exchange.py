"""Columns of a table in place of others: those of other samples, or new values."""

from typing import Any

import numpy as np
import pandas as pd

__all__ = ["permuted", "replace_columns"]


def permuted(table: Any, columns: np.ndarray, present: np.ndarray, random_state: Any) -> Any:
    """Return a copy in which samples that have a modality exchange some of its columns.

    Parameters
    ----------
    table : DataFrame or ndarray of shape (n_samples, n_features)
        Samples.
    columns : ndarray of int
        Positions of the columns, which stay together.
    present : ndarray of bool of shape (n_samples,)
        Which samples take part.
    random_state : RandomState or Generator
        Draws the permutation.

    Returns
    -------
    DataFrame or ndarray of shape (n_samples, n_features)
        The copy; its columns have the dtypes of those of `table`.
    """
    order = np.arange(len(table))
    order[present] = random_state.permutation(order[present])
    if isinstance(table, pd.DataFrame):
        return replace_columns(table, columns, table.iloc[order, columns].set_axis(table.index))
    return replace_columns(table, columns, table[np.ix_(order, columns)])


def replace_columns(table: Any, columns: np.ndarray, values: Any) -> Any:
    """Return a copy in which some columns hold other values.

    Parameters
    ----------
    table : DataFrame or ndarray of shape (n_samples, n_features)
        Samples.
    columns : ndarray of int
        Positions of the columns.
    values : DataFrame or ndarray of shape (n_samples, n_columns)
        What they hold then: a DataFrame, of the same names, for a DataFrame.

    Returns
    -------
    DataFrame or ndarray of shape (n_samples, n_features)
        The copy.
    """
    if not isinstance(table, pd.DataFrame):
        changed = table.copy()
        changed[:, columns] = values
        return changed
    # Assigning thousands of columns of a DataFrame takes seconds.
    others = np.setdiff1d(np.arange(table.shape[1]), columns)
    joined = pd.concat([table.iloc[:, others], values], axis=1)
    return joined.iloc[:, np.argsort(np.concatenate([others, columns]))]
