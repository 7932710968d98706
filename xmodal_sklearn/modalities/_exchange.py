"""Columns of a table permuted, removed or replaced."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd


def permuted_scores(
    score: Callable[[Any], float],
    table: Any,
    blocks: Iterable[tuple[np.ndarray, np.ndarray]],
    random_state: Any,
    n_repeats: int = 1,
) -> list[float]:
    """Score copies of a table in which some blocks of columns are permuted over the samples."""
    scores = []
    for _ in range(n_repeats):
        changed = table
        for columns, present in blocks:
            changed = permute_columns(changed, columns, present, random_state)
        scores.append(score(changed))
    return scores


def permute_columns(table: Any, columns: np.ndarray, present: np.ndarray, random_state: Any) -> Any:
    """Return a copy in which the samples that are present exchange some columns, all together."""
    order = np.arange(len(table))
    order[present] = random_state.permutation(order[present])
    if isinstance(table, pd.DataFrame):
        return replace_columns(table, columns, table.iloc[order, columns].set_axis(table.index))
    return replace_columns(table, columns, table[np.ix_(order, columns)])


def present_samples(table: Any, columns: np.ndarray) -> np.ndarray:
    """Return which samples have a value in any of some columns, those of a modality."""
    block = table.iloc[:, columns] if isinstance(table, pd.DataFrame) else table[:, columns]
    measured: Any = np.asarray(pd.notna(block))
    return measured.any(axis=1)


def remove_columns(table: Any, columns: np.ndarray) -> Any:
    """Return a copy in which some columns are NaN."""
    nothing: Any = np.full((len(table), len(columns)), np.nan)
    if isinstance(table, pd.DataFrame):
        nothing = pd.DataFrame(nothing, table.index, table.columns[columns])
    else:
        table = table.astype(np.result_type(table.dtype, np.float32))
    return replace_columns(table, columns, nothing)


def replace_columns(table: Any, columns: np.ndarray, values: Any) -> Any:
    """Return a copy with other values in some columns, a DataFrame of the same names for one."""
    if not isinstance(table, pd.DataFrame):
        changed = table.copy()
        changed[:, columns] = values
        return changed
    # Assigning thousands of columns of a DataFrame takes seconds.
    others = np.setdiff1d(np.arange(table.shape[1]), columns)
    joined = pd.concat([table.iloc[:, others], values], axis=1)
    return joined.iloc[:, np.argsort(np.concatenate([others, columns]))]
