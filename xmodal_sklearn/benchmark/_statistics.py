"""Statistics of differences between estimators, from arrays."""

from typing import Any, NamedTuple

import numpy as np
from scipy import stats

__all__ = [
    "TTest",
    "corrected_t_test",
    "corrected_variance",
    "correlated_posterior",
    "friedman_nemenyi",
    "holm",
]


class TTest(NamedTuple):
    """Mean difference, t statistic and two-sided p value."""

    difference: float
    t: float
    p: float


def corrected_variance(variance: Any, n_folds: Any, test_to_train: Any) -> Any:
    """Estimate the variance of a mean over folds that share training samples.

    The variance of independent folds, 1 / `n_folds` of that between folds, would be too small;
    Nadeau and Bengio (Machine Learning 52, 2003) add `test_to_train`, the number of test samples
    over that of training samples, to the factor. Floats, or Series over estimators.
    """
    return (1 / n_folds + test_to_train) * variance


def corrected_t_test(differences: np.ndarray, test_to_train: float) -> TTest:
    """Test whether differences over resampled folds, (n_folds,), have mean zero.

    Folds share training samples, so the plain paired t-test is too liberal; this one takes its
    variance from :func:`corrected_variance`.
    """
    mean, scale, n_folds = _mean_and_scale(differences, test_to_train)
    # Without variance, t is 0 for equal scores and infinite for others.
    with np.errstate(divide="ignore"):
        t = np.divide(mean, scale) if mean else 0.0
    return TTest(mean, float(t), float(2 * stats.t.sf(abs(t), df=n_folds - 1)))


def correlated_posterior(
    differences: np.ndarray, test_to_train: float, rope: float
) -> tuple[float, float, float]:
    """Return the probabilities that the mean difference is above, within and below the rope.

    This is the Bayesian correlated t-test of Corani and Benavoli: under a matching prior, the
    posterior of the mean difference is the t distribution of :func:`corrected_t_test`. The rope
    reaches from ``-rope`` to ``rope``.
    """
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


class FriedmanNemenyi(NamedTuple):
    """Ranks of estimators over data sets, and their tests.

    Attributes
    ----------
    ranks : ndarray of shape (n_datasets, n_estimators)
        1 is best; ties share the mean of their ranks.
    p : float
        P value of Friedman's test, in Iman and Davenport's form.
    critical_difference : float
        Mean ranks farther apart than this differ significantly, by Nemenyi's test.
    p_nemenyi : ndarray of shape (n_estimators, n_estimators)
        P values of Nemenyi's test of each pair.
    """

    ranks: np.ndarray
    p: float
    critical_difference: float
    p_nemenyi: np.ndarray


def friedman_nemenyi(scores: np.ndarray, alpha: float) -> FriedmanNemenyi:
    """Rank estimators by scores, (n_datasets, n_estimators), higher is better, and test them."""
    n_datasets, n_estimators = scores.shape
    ranks = stats.rankdata(-scores, axis=1)
    mean = ranks.mean(axis=0)
    chi2 = (
        12
        * n_datasets
        / (n_estimators * (n_estimators + 1))
        * ((mean**2).sum() - n_estimators * (n_estimators + 1) ** 2 / 4)
    )
    degrees = n_estimators - 1, (n_estimators - 1) * (n_datasets - 1)
    with np.errstate(divide="ignore"):
        f = (n_datasets - 1) * chi2 / (n_datasets * (n_estimators - 1) - chi2)
    # The studentized range refers to the error of one mean, not of a difference: hence √2.
    error = np.sqrt(n_estimators * (n_estimators + 1) / (6 * n_datasets)) / np.sqrt(2)
    studentized = stats.studentized_range(n_estimators, np.inf)
    return FriedmanNemenyi(
        ranks,
        float(stats.f.sf(f, *degrees)),
        float(studentized.ppf(1 - alpha) * error),
        studentized.sf(np.abs(mean[:, None] - mean) / error),
    )


def _mean_and_scale(differences: np.ndarray, test_to_train: float) -> tuple[float, float, int]:
    """Return the mean difference, its standard error, and the number of folds with a score."""
    differences = differences[~np.isnan(differences)]
    n_folds = len(differences)
    if n_folds < 2:
        raise ValueError(f"A test needs scores of at least two folds, got {n_folds}.")
    variance = corrected_variance(differences.var(ddof=1), n_folds, test_to_train)
    return float(differences.mean()), float(np.sqrt(variance)), n_folds
