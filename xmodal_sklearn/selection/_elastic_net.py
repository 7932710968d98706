r"""The path of the multi-response elastic net, and the ranking of features by it.

For standardized columns :math:`\tilde X` (n x p) and centered responses :math:`Y` (n x C), the path
minimizes, over :math:`B`,

.. math::
    \frac{1}{2n} \lVert Y - \tilde X B \rVert_F^2
    + \lambda \Big( \rho \sum_j \lVert B_j \rVert_2 + \frac{1-\rho}{2} \lVert B \rVert_F^2 \Big)

for decreasing :math:`\lambda`. A feature whose correlation :math:`c_j = \tilde X_j^\top R / n` with
the residual :math:`R` is no longer than :math:`\lambda \rho` has zero coefficients.

The solver is blockwise coordinate descent (Simon, Friedman, Hastie 2013) on a Gram matrix. The
sequential strong rule (Tibshirani et al. 2012) discards most features; of the others, those that
break the optimality conditions are descended on. The rule can err, so after every step the
correlations of all features are computed, and those that break the conditions are taken in: what
was skipped is proven to be zero.

X is standardized virtually: only the columns under work are ever copied.

References
----------
N. Simon, J. Friedman, T. Hastie, "A Blockwise Descent Algorithm for Group-penalized Multiresponse
and Multinomial Regression", 2013, arXiv:1311.6529.

R. Tibshirani et al., "Strong rules for discarding predictors in lasso-type problems", J. R. Stat.
Soc. B 74, 2012, doi:10.1111/j.1467-9868.2011.01004.x.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ._coordinate_descent import Design, WorkingSet, largest_norms

# The path ends where this share of the largest penalty is reached, this many features have entered
# (the largest K of the paper), or this share of the classes' variance is explained: what enters
# later explains noise. A finer step would distinguish more features by where they enter, at the
# cost of as many more solutions. No measurement of other values is on record.
PENALTY_STEP = 0.9
MIN_PENALTY = 0.01
PATH_STEPS = int(np.ceil(np.log(MIN_PENALTY) / np.log(PENALTY_STEP))) + 1
MAX_FEATURES = 1500
MAX_EXPLAINED = 0.95

# Columns screened at a time: where a whole module of correlated columns passes the screening at
# once, a few of them explain most of it, and the checks find those that they don't.
MAX_SCREENED = 1000
# Correlations below this multiple of the precision are rounding errors.
NOISE = 100


@dataclass(frozen=True)
class RegularizationPath:
    """Solutions for decreasing penalties.

    Attributes
    ----------
    penalties : ndarray of shape (n_steps,)
        The values of lambda.
    features, coefficients : list of ndarray
        Per step the columns under work and their coefficients on standardized columns,
        ``(n_features,)`` and ``(n_features, n_responses)``; all others are zero.
    correlation : ndarray of shape (n_columns,)
        Norms of the columns' correlations with the residual of the last step.
    """

    penalties: np.ndarray
    features: list[np.ndarray]
    coefficients: list[np.ndarray]
    correlation: np.ndarray


def score_features(
    X: Any, Y: np.ndarray, *, l1_ratio: float = 0.5, max_features: float = MAX_FEATURES
) -> np.ndarray:
    """Score columns by where they enter the path, better ones higher.

    Parameters
    ----------
    X : ndarray or csc_matrix of shape (n_samples, n_columns)
        Any numeric dtype, memory order or memory map.
    Y : ndarray of shape (n_samples, n_responses)
        One-hot classes.
    l1_ratio : float, default=0.5
        Share of the group-lasso penalty, in (0, 1].
    max_features : float, default=1500
        End the path once so many columns have entered, at most 1500. A path that ends earlier
        gives the columns that entered the same scores, and all others lower ones.

    Returns
    -------
    ndarray of float of shape (n_columns,)
        See :func:`scores_of_path`.
    """
    path = ranking_path(X, Y, l1_ratio=l1_ratio, max_features=max_features)
    return scores_of_path(path, l1_ratio=l1_ratio)


def scores_of_path(path: RegularizationPath, *, l1_ratio: float) -> np.ndarray:
    """Score columns by where they enter a path that is solved."""
    threshold = l1_ratio * path.penalties[-1]
    # Copies get the same score although rounding may differ between their columns.
    scores = np.round(np.minimum(path.correlation / threshold, 1), 5) * (1 - 1e-9)
    entered = np.zeros(len(scores), dtype=bool)
    for step, (features, coefficients) in enumerate(
        zip(path.features, path.coefficients, strict=True)
    ):
        norms = np.linalg.norm(coefficients, axis=1)
        new = (norms > 0) & ~entered[features]
        scores[features[new]] = PATH_STEPS - step + norms[new] / (1 + norms[new])
        entered[features[new]] = True
    return scores


def ranking_path(
    X: Any, Y: np.ndarray, *, l1_ratio: float = 0.5, max_features: float = MAX_FEATURES
) -> RegularizationPath:
    """Solve the path that :func:`score_features` scores by; same parameters."""
    return elastic_net_path(
        X,
        Y,
        l1_ratio=l1_ratio,
        shares=PENALTY_STEP ** np.arange(PATH_STEPS),
        max_features=min(max_features, MAX_FEATURES),
        max_explained=MAX_EXPLAINED,
    )


def elastic_net_path(
    X: Any,
    Y: np.ndarray,
    *,
    l1_ratio: float,
    shares: np.ndarray,
    max_features: float = np.inf,
    max_explained: float = 1,
    tol: float = 3e-3,
) -> RegularizationPath:
    """Solve for decreasing penalties, each from the solution before.

    Parameters
    ----------
    X : ndarray or csc_matrix of shape (n_samples, n_columns)
        Any numeric dtype, memory order or memory map.
    Y : ndarray of shape (n_samples, n_responses)
        Responses; centered here.
    l1_ratio : float
        Share of the group-lasso penalty, in (0, 1].
    shares : ndarray of shape (n_steps,)
        Decreasing penalties, relative to the one at which the first feature enters.
    max_features : float, default=inf
        Stop after the step at which so many features have entered.
    max_explained : float, default=1
        Stop after the step that explains more than this share of the variance of Y.
    tol : float, default=3e-3
        A step is solved when no coefficient vector moves by more than this share of the
        threshold ``l1_ratio * penalty`` in a sweep.

    Returns
    -------
    RegularizationPath
        The solutions; copies of a column share its coefficients equally.
    """
    if not 0 < l1_ratio <= 1:
        raise ValueError(f"l1_ratio must be in (0, 1], got {l1_ratio!r}.")
    design = Design(X)
    centered = np.asarray(Y - np.mean(Y, axis=0), dtype=design.dtype)
    lengths = design.correlation_lengths(centered)
    variation = np.linalg.norm(centered) ** 2
    # Correlations of rounding errors could be fitted forever.
    if lengths.max(initial=0) <= NOISE * np.finfo(design.dtype).eps * np.sqrt(variation / len(Y)):
        coefficients = [np.empty((0, centered.shape[1]), dtype=design.dtype)]
        features = [np.empty(0, dtype=int)]
        return RegularizationPath(shares[:1], features, coefficients, np.zeros_like(lengths))
    penalties = shares * lengths.max() / l1_ratio
    work = WorkingSet(design, centered, priority=lengths)
    features, coefficients = [], []
    entered = np.zeros(X.shape[1], dtype=bool)
    before = penalties[0]
    for penalty in penalties:
        candidates = ~work.screened & (lengths >= l1_ratio * (2 * penalty - before))
        while True:
            work.screen(largest_norms(lengths, candidates, MAX_SCREENED))
            work.solve(penalty, l1_ratio, tol)
            lengths = design.correlation_lengths(work.residual)
            candidates = ~work.screened & (lengths > l1_ratio * penalty * (1 + tol))
            if not candidates.any():
                break
        columns, values = work.solution()
        features.append(columns)
        coefficients.append(values)
        entered[columns[values.any(axis=1)]] = True
        before = penalty
        unexplained = np.linalg.norm(work.residual) ** 2
        if entered.sum() >= max_features or unexplained < (1 - max_explained) * variation:
            break
    return RegularizationPath(penalties[: len(features)], features, coefficients, lengths)
