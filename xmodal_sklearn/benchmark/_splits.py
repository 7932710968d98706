"""The outer folds of a comparison, and what in them may make scores misleading."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency
from scipy.stats.contingency import association
from sklearn.model_selection import (
    BaseCrossValidator,
    RepeatedStratifiedKFold,
    StratifiedGroupKFold,
    check_cv,
)

# Level of significance below which an association with the batch is reported.
ALPHA = 0.001

Split = tuple[np.ndarray, np.ndarray]


class Fold(NamedTuple):
    """Positions of the training and test samples of a fold, and its place among all."""

    repeat: int
    fold: int
    train: np.ndarray
    test: np.ndarray


class RepeatedStratifiedGroupKFold(BaseCrossValidator):
    """Stratified folds that keep groups together, shuffled anew in every repeat."""

    def __init__(self, *, n_splits: int, n_repeats: int, random_state: int):
        self.n_splits = n_splits
        self.n_repeats = n_repeats
        self.random_state = random_state

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Split]:
        for repeat in range(self.n_repeats):
            seed = self.random_state + repeat
            splitter = StratifiedGroupKFold(self.n_splits, shuffle=True, random_state=seed)
            yield from splitter.split(X, y, groups)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        return self.n_splits * self.n_repeats


def repeated_folds(n_splits: int, n_repeats: int, seed: int, *, grouped: bool) -> Any:
    """Return a splitter into stratified, shuffled folds, which keeps groups together."""
    kind = RepeatedStratifiedGroupKFold if grouped else RepeatedStratifiedKFold
    return kind(n_splits=n_splits, n_repeats=n_repeats, random_state=seed)


def outer_folds(cv: Any, X: Any, y: np.ndarray, groups: Any, seed: int = 0) -> list[Split]:
    """Split samples by `cv`; None is 5 stratified folds, repeated 5 times."""
    if cv is None:
        cv = repeated_folds(5, 5, seed, grouped=groups is not None)
    splits = list(check_cv(cv, y, classifier=True).split(X, y, groups))
    if groups is not None:
        for train, test in splits:
            shared = np.intersect1d(groups[train], groups[test])
            if len(shared):
                raise ValueError(
                    f"The folds split {len(shared)} groups; the first is {shared.tolist()[0]!r}, "
                    "which has both training and test samples. Use a cv that keeps groups "
                    "together, such as StratifiedGroupKFold, or None."
                )
    return splits


def number_folds(splits: list[Split]) -> list[Fold]:
    """Assign repeat and fold to each split; a sample that is tested again begins a new repeat."""
    numbered = []
    repeat, fold, tested = 0, 0, np.array([], dtype=int)
    for train, test in splits:
        if np.isin(test, tested).any():
            repeat, fold, tested = repeat + 1, 0, test[:0]
        numbered.append(Fold(repeat, fold, train, test))
        fold, tested = fold + 1, np.concatenate([tested, test])
    return numbered


def check_design(folds: list[Fold], y: np.ndarray, batch: Any, *, grouped: bool) -> list[str]:
    """Return one warning for each thing that may make scores on these folds misleading."""
    messages = []
    for label in np.unique(y):
        n_without = sum(label not in y[fold.test] for fold in folds)
        if n_without:
            messages.append(
                f"No sample of class {label!s} is tested in {n_without} of {len(folds)} folds; "
                "its recall is undefined there, and averages over classes exclude it."
            )
    if batch is None:
        return messages
    if (strength := _strongest_association(batch, [y])) is not None:
        messages.append(
            f"The batch predicts the classes ({strength}), so a model can score above chance by "
            "recognizing the batch. Correct for the batch inside the pipeline, or keep batches "
            "together with groups=."
        )
    tested_in = np.full((1 + folds[-1].repeat, len(y)), -1)
    for fold in folds:
        tested_in[fold.repeat, fold.test] = fold.fold
    strength = None if grouped else _strongest_association(batch, list(tested_in))
    if strength is not None:
        messages.append(
            f"The batch predicts the folds ({strength}): some folds test batches that are rare in "
            "their training samples. Shuffle the folds, or keep batches together with groups=."
        )
    return messages


def _strongest_association(batch: np.ndarray, variables: list[np.ndarray]) -> str | None:
    """Return strength and p value of the most significant association, None if there is none."""
    smallest, text = ALPHA, None
    for variable in variables:
        table = pd.crosstab(pd.factorize(batch, use_na_sentinel=False)[0], variable).to_numpy()
        p = chi2_contingency(table, correction=False).pvalue
        if p < smallest:
            smallest = p
            text = f"Cramér's V {association(table, method='cramer'):.2f}, p {p:.1g}"
    return text
