"""Statistics of differences between estimators, from arrays."""

from typing import Any, NamedTuple

import numpy as np
from scipy import stats


class TTest(NamedTuple):
    """Mean difference, t statistic and two-sided p value."""

    difference: float
    t: float
    p: float


def corrected_variance(variance: Any, n_folds: Any, test_to_train: Any) -> Any:
    """Estimate the variance of a mean over folds that share training samples."""
    return (1 / n_folds + test_to_train) * variance


def corrected_t_test(differences: np.ndarray, test_to_train: float) -> TTest:
    """Test whether differences over resampled folds, (n_folds,), have mean zero."""
    mean, scale, n_folds = _mean_and_scale(differences, test_to_train)
    # Without variance, t is 0 for equal scores and infinite for others.
    with np.errstate(divide="ignore"):
        t = np.divide(mean, scale) if mean else 0.0
    return TTest(mean, float(t), float(2 * stats.t.sf(abs(t), df=n_folds - 1)))


def correlated_posterior(
    differences: np.ndarray, test_to_train: float, rope: float
) -> tuple[float, float, float]:
    """Return the probabilities that the mean difference is above, within and below the rope."""
    mean, scale, n_folds = _mean_and_scale(differences, test_to_train)
    if scale == 0:
        return float(mean > rope), float(abs(mean) <= rope), float(mean < -rope)
    posterior = stats.t(df=n_folds - 1, loc=mean, scale=scale)
    above, below = posterior.sf(rope), posterior.cdf(-rope)
    return float(above), float(1 - above - below), float(below)


def holm(p: np.ndarray) -> np.ndarray:
    """Correct p values, (n_tests,), for their number by the step-down method of Holm."""
    order = np.argsort(p)
    corrected = np.empty(len(p))
    steps = np.asarray(p)[order] * np.arange(len(p), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return corrected


def _mean_and_scale(differences: np.ndarray, test_to_train: float) -> tuple[float, float, int]:
    """Return the mean difference, its standard error, and the number of folds with a score."""
    differences = differences[~np.isnan(differences)]
    n_folds = len(differences)
    if n_folds < 2:
        raise ValueError(f"A test needs scores of at least two folds, got {n_folds}.")
    variance = corrected_variance(differences.var(ddof=1), n_folds, test_to_train)
    return float(differences.mean()), float(np.sqrt(variance)), n_folds
