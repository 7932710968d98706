"""Gradient boosting of stumps on binned features, of all members and classes at once.

References
----------
J. H. Friedman, "Greedy Function Approximation: A Gradient Boosting Machine", Annals of Statistics
29, 2001, doi:10.1214/aos/1013203451.

J. H. Friedman, "Stochastic Gradient Boosting", Computational Statistics & Data Analysis 38, 2002,
doi:10.1016/S0167-9473(01)00065-2.
"""

from typing import NamedTuple

import numpy as np

from .._compiled import compiled

N_BINS = 16
N_ROUNDS = 300
LEARNING_RATE = 0.1
# Of the features, drawn anew in each round.
SHARE_OF_FEATURES = 0.2
# Curvature in samples, which is added to that of each side of a threshold; each needs as much.
PENALTY = np.float32(1)
# Samples in a round, which are others in the next.
MAX_SAMPLES = 4096
# Sums in a round, which bound its features, but for the least number.
MAX_SUMS, MIN_FEATURES = 2**22, 16
# An interrupt waits for compiled code to return.
ROUNDS_PER_CALL = 10


class Stumps(NamedTuple):
    """An additive model: each stump has a column, a threshold, and logits below and above.

    ``below`` and ``above`` are ``(stumps, members, classes)``, ``bias`` is ``(members, classes)``.
    """

    columns: np.ndarray
    thresholds: np.ndarray
    below: np.ndarray
    above: np.ndarray
    bias: np.ndarray


def fit_stumps(values: np.ndarray, target: np.ndarray, seed: int) -> Stumps:
    """Boost stumps of values ``(samples, features)``, NaN where a sample lacks the modality.

    Targets are ``(samples, members, classes)``, all zero where a member holds the sample out.
    """
    n_samples, n_members, n_classes = target.shape
    columns = [np.sort(column[~np.isnan(column)]) for column in values.T]
    thresholds = [_choose_thresholds(column) for column in columns]
    codes = np.empty(values.shape[::-1], dtype=np.uint8)
    for code, column, cuts in zip(codes, values.T, thresholds, strict=True):
        code[:] = np.where(np.isnan(column), N_BINS, np.searchsorted(cuts, column))
    splittable = np.flatnonzero([len(cuts) for cuts in thresholds])
    n_rows = min(n_samples, MAX_SAMPLES)
    n_drawn = min(
        max(round(SHARE_OF_FEATURES * len(splittable)), MIN_FEATURES),
        max(MAX_SUMS // (n_rows * n_members * n_classes), MIN_FEATURES),
        len(splittable),
    )
    rng = np.random.default_rng(seed)
    drawn = np.empty((N_ROUNDS if n_drawn else 0, n_drawn), dtype=np.int64)
    for features in drawn:
        features[:] = rng.choice(splittable, n_drawn, replace=False)
    # Weights are scaled to mean one, so that a common factor changes nothing.
    total = max(target.sum(axis=(0, 2)).max(), np.finfo(float).tiny)
    shares = (target * (n_samples / total)).reshape(n_samples, -1).astype(np.float32)
    order, logits = rng.permutation(n_samples), np.zeros_like(shares)
    parts = [
        _boost(
            codes, shares, drawn[at : at + ROUNDS_PER_CALL], at, order, logits, n_rows, n_classes
        )
        for at in range(0, max(len(drawn), 1), ROUNDS_PER_CALL)
    ]
    chosen, cuts, below, above = (np.concatenate([part[i] for part in parts]) for i in range(4))
    bias = parts[0][-1]
    return _merge(chosen, cuts, below, above, thresholds, bias, target.shape[1:])


def _choose_thresholds(values: np.ndarray) -> np.ndarray:
    """Return fewer than ``N_BINS`` thresholds between sorted values, at about their quantiles."""
    distinct = np.unique(values)
    last_below = np.arange(len(distinct) - 1)
    if len(distinct) > N_BINS:
        quantiles = values[np.arange(1, N_BINS) * len(values) // N_BINS]
        last_below = np.unique(np.searchsorted(distinct, quantiles).clip(1) - 1)
    return (distinct[last_below] + distinct[last_below + 1]) / 2


def _merge(
    columns: np.ndarray,
    cuts: np.ndarray,
    below: np.ndarray,
    above: np.ndarray,
    thresholds: list[np.ndarray],
    bias: np.ndarray,
    shape: tuple[int, ...],
) -> Stumps:
    """Sum the stumps of all rounds and groups, ``(rounds, groups)``, that have one threshold."""
    merged, place = np.unique(columns * N_BINS + cuts, return_inverse=True)
    column, cut = np.divmod(merged, N_BINS)
    group = np.broadcast_to(np.arange(len(bias)), columns.shape)
    sides = np.zeros((2, len(merged), len(bias)), dtype=np.float32)
    for side, logits in zip(sides, (below, above), strict=True):
        np.add.at(side, (place.reshape(columns.shape), group), logits)
    at = np.array([thresholds[j][c] for j, c in zip(column, cut, strict=True)], dtype=np.float32)
    lower, upper = sides.reshape(2, -1, *shape)
    return Stumps(column, at, lower, upper, bias.reshape(shape))


@compiled(fastmath=True)
def _boost(codes, target, drawn, n_before, order, logits, n_rows, n_classes):
    """Return per round and group, which is a class of a member, the best stump, and the bias.

    Logits are updated in place.

    Parameters
    ----------
    codes : ndarray of uint8 of shape (n_features, n_samples)
    target : ndarray of shape (n_samples, n_groups)
    drawn : ndarray of int of shape (n_rounds, n_drawn)
    n_before : int
        Earlier rounds.
    order : ndarray of int of shape (n_samples,)
    logits : ndarray of shape (n_samples, n_groups)
    n_rows, n_classes : int
    """
    n_samples, n_groups = target.shape
    n_rounds = len(drawn)
    columns = np.zeros((n_rounds, n_groups), dtype=np.int64)
    cuts = np.zeros((n_rounds, n_groups), dtype=np.int64)
    below = np.zeros((n_rounds, n_groups), dtype=np.float32)
    above = np.zeros((n_rounds, n_groups), dtype=np.float32)
    bias = np.log(_frequencies(target, n_classes))
    if n_before == 0:
        logits += bias
    # Of every group its slope, then its curvature.
    slopes = np.empty((n_rows, 2 * n_groups), dtype=np.float32)
    rows = np.empty(n_rows, dtype=np.int64)
    sums = np.empty((N_BINS + 1, 2 * n_groups), dtype=np.float32)
    for r in range(n_rounds):
        for i in range(n_rows):
            rows[i] = order[((n_before + r) * n_rows + i) % n_samples]
        _differentiate(logits, target, rows, n_classes, slopes)
        best = np.full(n_groups, np.float32(1e-6))
        columns[r] = drawn[r, 0]
        for j in drawn[r]:
            sums[:] = 0
            for i in range(n_rows):
                bin_sums = sums[codes[j, rows[i]]]
                for g in range(2 * n_groups):
                    bin_sums[g] += slopes[i, g]
            total = sums[0].copy()
            for b in range(1, N_BINS):
                total += sums[b]
            left = np.zeros_like(total)
            for b in range(N_BINS - 1):
                left += sums[b]
                for g in range(n_groups):
                    slope, curvature = left[g], left[n_groups + g]
                    other, other_curvature = total[g] - slope, total[n_groups + g] - curvature
                    if curvature < PENALTY or other_curvature < PENALTY:
                        continue
                    here = slope / (curvature + PENALTY)
                    there = other / (other_curvature + PENALTY)
                    whole = total[g] / (total[n_groups + g] + PENALTY)
                    gain = slope * here + other * there - total[g] * whole
                    if gain > best[g]:
                        best[g] = gain
                        columns[r, g], cuts[r, g] = j, b
                        below[r, g], above[r, g] = LEARNING_RATE * here, LEARNING_RATE * there
        for g in range(n_groups):
            code, cut = codes[columns[r, g]], cuts[r, g]
            for i in range(n_samples):
                if code[i] < N_BINS:
                    logits[i, g] += below[r, g] if code[i] <= cut else above[r, g]
    return columns, cuts, below, above, bias


@compiled()
def _frequencies(target, n_classes):
    """Return the share of each class among the samples of its member, not quite zero."""
    n_groups = target.shape[1]
    shares = np.zeros(n_groups, dtype=np.float32)
    for row in target:
        shares += row
    for first in range(0, n_groups, n_classes):
        group = shares[first : first + n_classes] + np.float32(1e-6)
        shares[first : first + n_classes] = group / group.sum()
    return shares


@compiled(fastmath=True)
def _differentiate(logits, target, rows, n_classes, slopes):
    """Compute the negative slope and the curvature of the cross-entropy, in place."""
    n_groups = target.shape[1]
    for i in range(len(rows)):
        row = rows[i]
        for first in range(0, n_groups, n_classes):
            weight = top = total = np.float32(0)
            top = logits[row, first]
            for g in range(first, first + n_classes):
                top = max(top, logits[row, g])
                weight += target[row, g]
            for g in range(first, first + n_classes):
                slopes[i, g] = np.exp(logits[row, g] - top)
                total += slopes[i, g]
            for g in range(first, first + n_classes):
                share = slopes[i, g] / total
                slopes[i, g] = target[row, g] - share * weight
                slopes[i, n_groups + g] = share * (1 - share) * weight
