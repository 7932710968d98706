"""The outer folds of a comparison."""

from typing import Any

import numpy as np
from sklearn.model_selection import RepeatedStratifiedKFold, StratifiedGroupKFold, check_cv

__all__ = ["NumberedSplit", "number_folds", "outer_folds"]

N_SPLITS, N_REPEATS = 5, 5

Split = tuple[np.ndarray, np.ndarray]
NumberedSplit = tuple[int, int, np.ndarray, np.ndarray]


def outer_folds(cv: Any, X: Any, y: np.ndarray, groups: Any) -> list[Split]:
    """Split by `cv`, or into five folds five times.

    Parameters
    ----------
    cv : int, splitter, iterable of splits or None
        None is 5 stratified folds, repeated 5 times with fixed seeds, that keep `groups` together.
    X : DataFrame or array of shape (n_samples, n_features)
        Samples.
    y : ndarray of shape (n_samples,)
        Class labels.
    groups : array-like of shape (n_samples,) or None
        Samples that must not be split between training and test.

    Returns
    -------
    list of (ndarray, ndarray)
        Positions of the training and test samples of each fold.

    Raises
    ------
    ValueError
        If a group is in both the training and the test samples of a fold.
    """
    if cv is None and groups is not None:
        splitters: list[Any] = [
            StratifiedGroupKFold(N_SPLITS, shuffle=True, random_state=seed)
            for seed in range(N_REPEATS)
        ]
    elif cv is None:
        splitters = [
            RepeatedStratifiedKFold(n_splits=N_SPLITS, n_repeats=N_REPEATS, random_state=0)
        ]
    else:
        splitters = [check_cv(cv, y, classifier=True)]
    splits = [split for splitter in splitters for split in splitter.split(X, y, groups)]
    if groups is not None:
        groups = np.asarray(groups)
        for train, test in splits:
            shared = np.intersect1d(groups[train], groups[test])
            if len(shared):
                raise ValueError(
                    f"The folds split {len(shared)} groups, the first is {shared.tolist()[0]!r}: "
                    "it has both training and test samples. Give a cv that keeps groups together, "
                    "such as StratifiedGroupKFold, or None."
                )
    return splits


def number_folds(splits: list[Split]) -> list[NumberedSplit]:
    """Put the numbers of repeat and fold before each split.

    Parameters
    ----------
    splits : list of (ndarray, ndarray)
        Training and test samples of each fold.

    Returns
    -------
    list of (int, int, ndarray, ndarray)
        Repeat, fold, training and test samples; a sample tested again begins a new repeat.
    """
    numbered = []
    repeat, fold, tested = 0, 0, np.array([], dtype=int)
    for train, test in splits:
        if np.isin(test, tested).any():
            repeat, fold, tested = repeat + 1, 0, test[:0]
        numbered.append((repeat, fold, train, test))
        fold, tested = fold + 1, np.concatenate([tested, test])
    return numbered
