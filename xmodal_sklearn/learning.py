"""Learning curves: what more patients would gain."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from ._alignment import values_by_sample
from ._typing import Folds, Labels, Seed, Table
from ._warnings import warn
from .benchmark._compare import as_seed, check_labels, compare
from .benchmark._splits import outer_folds

__all__ = ["learning_curves"]


def __dir__() -> list[str]:
    return __all__


def learning_curves(
    estimators: Mapping[str, Any],
    X: Table,
    y: Labels,
    *,
    shares: Sequence[float] = (0.2, 0.4, 0.6, 0.8),
    cv: Folds = None,
    groups: "Labels | None" = None,
    random_state: Seed = 0,
    **options: Any,
) -> pd.DataFrame:
    """Score estimators on the same test folds after training on fewer samples.

    The smaller training sets are stratified by class, and each contains the next smaller one.

    Parameters
    ----------
    estimators : mapping of str to estimator
        Named estimators, as in :func:`~xmodal_sklearn.benchmark.compare`.
    X : DataFrame or array of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,)
        Class labels.
    shares : sequence of float, default=(0.2, 0.4, 0.6, 0.8)
        Shares of the training samples of each fold, in (0, 1). At least one sample of each class
        is kept. For a share of 1, use :func:`~xmodal_sklearn.benchmark.compare`.
    cv : int, splitter or iterable of splits, default=None
        The outer folds; pass those of :func:`~xmodal_sklearn.benchmark.compare`.
    groups : array-like of shape (n_samples,), default=None
        Samples that must not be split between training and test.
    random_state : int, RandomState instance or None, default=0
        Seed of the default folds, and of which training samples are kept.
    **options : dict
        Passed to :func:`~xmodal_sklearn.benchmark.compare`.

    Returns
    -------
    DataFrame
        Scores like those of :class:`~xmodal_sklearn.benchmark.Comparison`; ``"n_train"`` among
        the metrics is the size of each training set. Shares at which all fits fail are left out,
        with a warning.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from sklearn.linear_model import LogisticRegression
    >>> from xmodal_sklearn.benchmark import compare
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.learning import learning_curves
    >>> X, y = make_multiomics(100, {"exp": 40, "mut": 10}, return_X_y=True, random_state=0)
    >>> models = {"logistic": LogisticRegression(max_iter=5000)}
    >>> smaller = learning_curves(models, X, y, cv=2, shares=[0.5])
    >>> smaller.query("metric == 'n_train'")["value"].to_list()
    [26.0, 25.0]
    >>> result = replace(compare(models, X, y, cv=2), learning=smaller)  # for write_report
    """
    if not len(shares) or not all(0 < share < 1 for share in shares):
        raise ValueError(f"shares must be numbers between 0 and 1, got {list(shares)}.")
    y = check_labels(X, y)
    if groups is not None:
        groups = values_by_sample(groups, X, "groups")
    folds = outer_folds(cv, X, y, groups, as_seed(random_state))
    rng = check_random_state(random_state)
    splits = [(train, test, rng.random(len(train))) for train, test in folds]
    tables: list[pd.DataFrame] = []
    errors: dict[float, ValueError] = {}
    for share in sorted(shares):
        fewer = [(_share_of(train, y, share, order), test) for train, test, order in splits]
        try:
            tables.append(compare(estimators, X, y, cv=fewer, groups=groups, **options).scores)
        except ValueError as error:
            if options.get("error_score") == "raise":
                raise
            errors[share] = error
    for share, failure in errors.items():
        if not tables:
            raise failure
        warn(f"The learning curves lack {share:.0%} of the training samples. {failure}")
    return pd.concat(tables, ignore_index=True)


def _share_of(train: np.ndarray, y: np.ndarray, share: float, order: np.ndarray) -> np.ndarray:
    """Return a share of each class, rounded up: the samples that come first in the order."""
    by_class = pd.Series(order).groupby(y[train])
    kept = by_class.rank(method="first") <= np.ceil(share * by_class.transform("size"))
    return train[kept.to_numpy()]
