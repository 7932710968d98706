"""How far a selection depends on the patients that happened to be in the cohort."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.base import clone
from sklearn.utils import (
    _safe_indexing,
    check_array,
    check_random_state,
    indexable,
    resample,
)
from sklearn.utils.parallel import Parallel, delayed

from .._alignment import values_by_sample
from .._typing import Labels, Table
from ..modalities._columns import column_labels
from ..selection import MultiOmicsSelector
from ._fitted import watched

__all__ = ["SelectionStability", "selection_stability", "stability_index"]


@dataclass(frozen=True)
class SelectionStability:
    """Selection frequencies and stability, from :func:`selection_stability`.

    Parameters
    ----------
    frequency : DataFrame of shape (n_features, n_k)
        Share of the resamples in which each feature was among the best K of its modality; the
        index has the levels (modality, feature).
    index : DataFrame
        One row per (modality, k): ``stability``, and the ``lower`` and ``upper`` ends of its
        confidence interval. 1 means that every resample selects the same features, 0 that they
        agree no more than random selections do.
    """

    frequency: pd.DataFrame
    index: pd.DataFrame


def selection_stability(
    selector: MultiOmicsSelector,
    X: Table,
    y: Labels,
    *,
    n_resamples: int = 100,
    k: int | Sequence[int] = 300,
    confidence: float = 0.95,
    random_state: Any = None,
    n_jobs: int | None = None,
) -> SelectionStability:
    """Measure how far a selection depends on the patients that happened to be in the cohort.

    Features are ranked in bootstrap resamples, stratified by class. For each modality this gives
    the stability index of Nogueira, Sechidis and Brown [1]_, which corrects for agreement by
    chance, and its confidence interval.

    Parameters
    ----------
    selector : MultiOmicsSelector
        Cloned for every resample; its `k` is not used.
    X : DataFrame or array of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,)
        Class labels.
    n_resamples : int, default=100
        Number of resamples, at least 2.
    k : int or sequence of int, default=300
        Numbers of features to select per modality; one ranking per resample serves all of them.
    confidence : float, default=0.95
        Coverage of the confidence intervals, in (0, 1).
    random_state : int, RandomState instance or None, default=None
        Determines the resamples.
    n_jobs : int, default=None
        Number of resamples ranked in parallel. None means 1, -1 all processors.

    Returns
    -------
    SelectionStability
        The frequency of each feature and the index of each modality.

    Raises
    ------
    ValueError
        If `n_resamples` is less than 2, or `k` less than 1.

    Notes
    -----
    If a modality has no more than `k` features, all are selected, with a stability of 1 by
    definition.

    References
    ----------
    .. [1] S. Nogueira, K. Sechidis, G. Brown, "On the Stability of Feature Selection Algorithms",
       JMLR 18(174), 2018.

    Examples
    --------
    >>> from xmodal_sklearn import MultiOmicsSelector
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.inspection import selection_stability
    >>> X, y = make_multiomics(100, {"exp": 200, "mut": 30}, return_X_y=True, random_state=0)
    >>> result = selection_stability(
    ...     MultiOmicsSelector(), X, y, n_resamples=10, k=[10, 20], random_state=0
    ... )
    >>> result.index.index.to_list()
    [('exp', 10), ('exp', 20), ('mut', 10), ('mut', 20)]
    """
    ks = [int(number) for number in np.atleast_1d(k)]
    if n_resamples < 2 or min(ks) < 1:
        raise ValueError(
            f"n_resamples must be at least 2 and k at least 1, got {n_resamples} and {k}."
        )
    y = values_by_sample(y, X, "y")
    (X,) = indexable(X)
    random_state = check_random_state(random_state)
    samples = np.arange(len(y))
    draws = [resample(samples, stratify=y, random_state=random_state) for _ in range(n_resamples)]
    done = Parallel(n_jobs=n_jobs, return_as="generator")(
        delayed(_fit_resample)(selector, X, y, drawn) for drawn in draws
    )
    fitted = list(watched(done, "Resamples", n_resamples))
    frequencies, rows = [], {}
    for modality, positions in fitted[0].modalities_.items():
        ranks = np.array([_ranks(one, modality) for one in fitted])
        selected = {number: ranks < number for number in ks}
        labels = _labels(fitted[0], X)[positions]
        frequencies.append(
            pd.DataFrame(
                {number: chosen.mean(axis=0) for number, chosen in selected.items()},
                index=pd.MultiIndex.from_product(
                    [[modality], labels], names=["modality", "feature"]
                ),
            )
        )
        for number, chosen in selected.items():
            rows[modality, number] = stability_index(chosen, confidence=confidence)
    index = pd.DataFrame.from_dict(rows, orient="index", columns=["stability", "lower", "upper"])
    index.index = pd.MultiIndex.from_tuples(rows, names=["modality", "k"])
    return SelectionStability(pd.concat(frequencies).rename_axis(columns="k"), index)


def stability_index(
    selected: np.ndarray, *, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Compute the stability of several selections from the same features.

    Parameters
    ----------
    selected : ndarray of bool of shape (n_selections, n_features)
        Which features each selection holds; at least 2 selections.
    confidence : float, default=0.95
        Coverage of the confidence interval, in (0, 1).

    Returns
    -------
    stability : float
        The index of Nogueira, Sechidis and Brown, see :func:`selection_stability`.
    lower, upper : float
        Its confidence interval, under the assumption that the selections are independent.

    Raises
    ------
    ValueError
        If `selected` is no table of at least 2 selections, or `confidence` is not in (0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> from xmodal_sklearn.inspection import stability_index
    >>> selected = np.array([[1, 1, 0, 0, 0], [1, 0, 1, 0, 0], [1, 1, 0, 0, 0]], dtype=bool)
    >>> stability, lower, upper = stability_index(selected)
    >>> round(float(stability), 3)
    0.444
    """
    selected = check_array(selected, dtype=bool, ensure_min_samples=2)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be in (0, 1), got {confidence}.")
    n_resamples, n_features = selected.shape
    frequency = selected.mean(axis=0)
    sizes = selected.sum(axis=1)
    share = sizes.mean() / n_features
    chance = share * (1 - share)
    if chance == 0:
        return 1.0, 1.0, 1.0
    variance = n_resamples / (n_resamples - 1) * frequency * (1 - frequency)
    stability = 1 - variance.mean() / chance
    agreement = selected @ frequency / n_features - sizes / n_features * share
    spread = 2 * sizes / n_features * share - sizes / n_features - share + 1
    single = (agreement + stability / 2 * spread) / chance
    error = 2 / n_resamples * np.sqrt(((single - single.mean()) ** 2).sum())
    margin = norm.ppf(0.5 + confidence / 2) * error
    return stability, stability - margin, stability + margin


def _fit_resample(
    selector: MultiOmicsSelector, X: Any, y: np.ndarray, drawn: np.ndarray
) -> MultiOmicsSelector:
    return clone(selector).set_params(k="all").fit(_safe_indexing(X, drawn), y[drawn])


def _labels(fitted: MultiOmicsSelector, X: Any) -> np.ndarray:
    names = getattr(fitted, "feature_names_in_", None)
    return np.array(column_labels(X) if names is None else names, dtype=object)


def _ranks(fitted: MultiOmicsSelector, modality: str) -> np.ndarray:
    """Return the rank, from 0, of each of a modality's columns."""
    names = getattr(fitted, "feature_names_in_", np.arange(fitted.n_features_in_))
    rank = {feature: rank for rank, feature in enumerate(fitted.rankings_[modality])}
    return np.array([rank[feature] for feature in names[fitted.modalities_[modality]]])
