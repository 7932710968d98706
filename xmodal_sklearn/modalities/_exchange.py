"""Columns of a table permuted, removed or replaced."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import _safe_indexing


def permuted_scores(
    score: Callable[[Any], float], table: Any, blocks: Iterable[tuple], rng: Any, n_repeats: int = 1
) -> list[float]:
    """Score copies of a table in which some blocks of columns are permuted over the samples."""
    scores = []
    for _ in range(n_repeats):
        changed = table
        for columns, present in blocks:
            # The samples that have the block exchange its columns all together.
            order = np.arange(len(table))
            order[present] = rng.permutation(order[present])
            values = _safe_indexing(_safe_indexing(table, columns, axis=1), order)
            changed = replace_columns(changed, columns, values)
        scores.append(score(changed))
    return scores


def present_samples(table: Any, columns: np.ndarray) -> np.ndarray:
    """Return which samples have a value in any of some columns, those of a modality."""
    measured: Any = np.asarray(pd.notna(_safe_indexing(table, columns, axis=1)))
    return measured.any(axis=1)


def remove_columns(table: Any, columns: np.ndarray) -> Any:
    """Return a copy in which some columns are NaN."""
    if not isinstance(table, pd.DataFrame):
        table = table.astype(np.result_type(table.dtype, np.float32))
    return replace_columns(table, columns, np.full((len(table), len(columns)), np.nan))


def replace_columns(table: Any, columns: np.ndarray, values: Any) -> Any:
    """Return a copy with other values, an array or a DataFrame, in some columns."""
    if not isinstance(table, pd.DataFrame):
        changed = table.copy()
        changed[:, columns] = values
        return changed
    # Assigning thousands of columns of a DataFrame takes seconds.
    others = np.setdiff1d(np.arange(table.shape[1]), columns)
    part = pd.DataFrame(values).set_axis(table.index).set_axis(table.columns[columns], axis=1)
    joined = pd.concat([table.iloc[:, others], part], axis=1)
    return joined.iloc[:, np.argsort(np.concatenate([others, columns]))]
