r"""The path of the multi-response elastic net, and the ranking of features by it.

For standardised columns :math:`\tilde X` (n x p) and centred responses :math:`Y` (n x C), the path
is the minimiser over :math:`B` of

.. math::
    \frac{1}{2n} \lVert Y - \tilde X B \rVert_F^2
    + \lambda \Big( \rho \sum_j \lVert B_j \rVert_2 + \frac{1-\rho}{2} \lVert B \rVert_F^2 \Big)

for decreasing :math:`\lambda`. A feature whose correlation :math:`c_j = \tilde X_j^\top R / n` with
the residual :math:`R` is no longer than :math:`\lambda \rho` has zero coefficients.

The solver is blockwise coordinate descent (Simon, Friedman, Hastie 2013) on the Gram matrix of the
features that the sequential strong rule (Tibshirani et al. 2012) does not discard. The rule can
err, so after every step the correlations of all features are computed, and those that break the
optimality conditions are taken in: what was skipped is proven to be zero.

X is standardised virtually: only the columns under work are ever copied.

References
----------
N. Simon, J. Friedman, T. Hastie, "A Blockwise Descent Algorithm for Group-penalized Multiresponse
and Multinomial Regression", 2013, arXiv:1311.6529.

R. Tibshirani et al., "Strong rules for discarding predictors in lasso-type problems", J. R. Stat.
Soc. B 74, 2012, doi:10.1111/j.1467-9868.2011.01004.x.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numba
import numpy as np

__all__ = ["Path", "elastic_net_path", "rank_features"]

# The path ends where this share of the largest penalty is reached or this many features have
# entered, whichever comes first; 1,500 is the largest K of the paper.
PENALTY_STEP = 0.9
SMALLEST_PENALTY = 0.01
PATH_FEATURES = 1500

# Columns correlated more closely than this are copies of one another.
COPY = 1 - 1e-5
BLOCK_BYTES = 2**25


@dataclass(frozen=True)
class Path:
    """Solutions for decreasing penalties.

    Attributes
    ----------
    penalties : ndarray of shape (n_steps,)
        The values of lambda.
    features, coefficients : list of ndarray
        Per step the columns under work and their coefficients on standardised columns,
        ``(n_features,)`` and ``(n_features, n_responses)``; all others are zero.
    correlation : ndarray of shape (n_columns,)
        Norms of the columns' correlations with the residual of the last step.
    """

    penalties: np.ndarray
    features: list[np.ndarray]
    coefficients: list[np.ndarray]
    correlation: np.ndarray


def rank_features(
    X: np.ndarray, Y: np.ndarray, *, l1_ratio: float = 0.5
) -> tuple[np.ndarray, np.ndarray]:
    """Rank columns by where they enter the path.

    A column that enters at step s of S scores S - s + 1, plus a share of one that grows with the
    norm of its coefficients there. One that never enters scores the length of its correlation
    with the residual relative to the one at which it would enter, which is less than one. A
    constant column scores zero.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_columns)
        Any numeric dtype, memory order or memory map.
    Y : ndarray of shape (n_samples, n_responses)
        One-hot classes.
    l1_ratio : float, default=0.5
        Share of the group-lasso penalty, in (0, 1].

    Returns
    -------
    order : ndarray of int of shape (n_columns,)
        Columns, best first; equal scores by position.
    scores : ndarray of float of shape (n_columns,)
        Equal for copies of a column, whatever their scale, shift and sign.
    """
    steps = np.arange(np.ceil(np.log(SMALLEST_PENALTY) / np.log(PENALTY_STEP)) + 1)
    path = elastic_net_path(
        X, Y, l1_ratio=l1_ratio, shares=PENALTY_STEP**steps, max_features=PATH_FEATURES
    )
    threshold = l1_ratio * path.penalties[-1]
    # Copies get the same score although rounding may differ between their columns.
    scores = np.round(np.minimum(path.correlation / threshold, 1), 5) * (1 - 1e-9)
    entered = np.zeros(X.shape[1], dtype=bool)
    for step, (features, coefficients) in enumerate(
        zip(path.features, path.coefficients, strict=True)
    ):
        norms = np.linalg.norm(coefficients, axis=1)
        new = (norms > 0) & ~entered[features]
        scores[features[new]] = len(steps) - step + norms[new] / (1 + norms[new])
        entered[features[new]] = True
    return np.argsort(-scores, kind="stable"), scores


def elastic_net_path(
    X: np.ndarray,
    Y: np.ndarray,
    *,
    l1_ratio: float,
    shares: np.ndarray,
    max_features: int | None = None,
    tol: float = 1e-3,
) -> Path:
    """Solve for decreasing penalties, each from the solution before.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_columns)
        Any numeric dtype, memory order or memory map.
    Y : ndarray of shape (n_samples, n_responses)
        Responses; centred here.
    l1_ratio : float
        Share of the group-lasso penalty, in (0, 1].
    shares : ndarray of shape (n_steps,)
        Decreasing penalties, relative to the one at which the first feature enters.
    max_features : int, default=None
        Stop after the step at which so many features have entered.
    tol : float, default=1e-3
        A step is solved when no coefficient vector moves by more than this share of the
        threshold ``l1_ratio * penalty`` in a sweep.

    Returns
    -------
    Path
        The solutions; copies of a column share its coefficients equally.
    """
    if not 0 < l1_ratio <= 1:
        raise ValueError(f"l1_ratio must be in (0, 1], got {l1_ratio!r}.")
    design = _Design(X)
    centred = np.asarray(Y - np.mean(Y, axis=0), dtype=design.dtype)
    correlation = design.correlate(centred)
    lengths = np.linalg.norm(correlation, axis=1)
    penalties = shares * max(lengths.max(initial=0), np.finfo(design.dtype).tiny) / l1_ratio
    # Sweeping in an order that the data give makes the path independent of the columns' order.
    work = _WorkingSet(design, centred.shape[1], priority=lengths.copy())
    features, coefficients = [], []
    entered = np.zeros(X.shape[1], dtype=bool)
    before = penalties[0]
    for penalty in penalties:
        candidates = lengths >= l1_ratio * (2 * penalty - before)
        while candidates.any():
            work.add(np.flatnonzero(candidates), correlation)
            work.solve(penalty, l1_ratio, tol)
            correlation = design.correlate(work.residual(centred))
            lengths = np.linalg.norm(correlation, axis=1)
            work.refresh(correlation)
            candidates = ~work.contains & (lengths > l1_ratio * penalty * (1 + tol))
        columns, values = work.solution()
        features.append(columns)
        coefficients.append(values)
        entered[columns[values.any(axis=1)]] = True
        before = penalty
        if max_features is not None and entered.sum() >= max_features:
            break
    return Path(penalties[: len(features)], features, coefficients, lengths)


class _Design:
    """The columns of X, standardised without copying X."""

    def __init__(self, X: np.ndarray):
        self.X = X
        self.n_samples, self.n_columns = X.shape
        self.dtype = X.dtype if X.dtype in (np.float32, np.float64) else np.dtype(np.float64)
        self.mean = np.empty(self.n_columns)
        self.scale = np.empty(self.n_columns)
        for block in self._column_blocks(np.dtype(np.float64)):
            values = np.asarray(X[:, block], dtype=np.float64)
            self.mean[block] = values.mean(axis=0)
            self.scale[block] = values.std(axis=0)
        # What is left of a constant column is the rounding of its mean.
        resolution = 10 * np.finfo(self.dtype).eps * np.abs(self.mean)
        self.inverse_scale = np.where(
            self.scale > resolution, 1 / np.maximum(self.scale, np.finfo(float).tiny), 0
        )

    def correlate(self, residual: np.ndarray) -> np.ndarray:
        """Return the correlations ``(n_columns, n_responses)`` with a centred residual."""
        if self.X.dtype == self.dtype:
            products = np.asarray(self.X.T) @ residual
        else:
            products = np.empty((self.n_columns, residual.shape[1]), dtype=self.dtype)
            for block in self._column_blocks(self.dtype):
                products[block] = np.asarray(self.X[:, block], dtype=self.dtype).T @ residual
        return products * (self.inverse_scale / self.n_samples)[:, None].astype(self.dtype)

    def standardised(self, columns: np.ndarray) -> np.ndarray:
        """Return some standardised columns, ``(n_columns, n_samples)``."""
        values = np.asarray(self.X[:, columns], dtype=np.float64)
        return ((values - self.mean[columns]) * self.inverse_scale[columns]).T.astype(self.dtype)

    def _column_blocks(self, dtype: np.dtype) -> Iterator[slice]:
        width = max(BLOCK_BYTES // (dtype.itemsize * self.n_samples), 1)
        for start in range(0, self.n_columns, width):
            yield slice(start, min(start + width, self.n_columns))


class _WorkingSet:
    """The columns under work: their Gram matrix, coefficients and correlations.

    Copies of a column are solved for as one. With m equal columns the elastic net's minimiser
    gives each the same coefficients b; in terms of their sum mb the ridge penalty is divided by m.
    """

    def __init__(self, design: _Design, n_responses: int, priority: np.ndarray):
        self.design = design
        self.priority = priority
        self.contains = np.zeros(design.n_columns, dtype=bool)
        self.columns = np.empty(0, dtype=int)
        self.leader = np.empty(0, dtype=int)
        self.sign = np.empty(0, dtype=design.dtype)
        self.leading_columns = np.empty(0, dtype=int)
        self.values = np.empty((0, design.n_samples), dtype=design.dtype)
        self.gram = np.empty((0, 0), dtype=design.dtype)
        self.sums = np.empty((0, n_responses), dtype=design.dtype)
        self.correlation = np.empty((n_responses, 0), dtype=design.dtype)

    def add(self, candidates: np.ndarray, correlation: np.ndarray) -> None:
        """Take in those of the candidate columns that are not under work yet."""
        new = candidates[~self.contains[candidates]]
        if len(new) == 0:
            return
        new = new[np.argsort(-self.priority[new], kind="stable")]
        self.contains[new] = True
        values = self.design.standardised(new)
        across = self.values @ values.T / self.design.n_samples
        within = values @ values.T / self.design.n_samples
        n_before = len(self.leading_columns)
        products = np.vstack([across, within])
        leader, sign, leads = _find_copies(products, n_before)
        self.columns = np.concatenate([self.columns, new])
        self.leader = np.concatenate([self.leader, leader])
        self.sign = np.concatenate([self.sign, sign])
        self._extend(new[leads], values[leads], across[:, leads], within[np.ix_(leads, leads)])
        self.refresh(correlation)

    def _extend(
        self, columns: np.ndarray, values: np.ndarray, across: np.ndarray, within: np.ndarray
    ) -> None:
        self.leading_columns = np.concatenate([self.leading_columns, columns])
        self.values = np.vstack([self.values, values])
        self.gram = np.block([[self.gram, across], [across.T, within]])
        self.sums = np.vstack(
            [self.sums, np.zeros((len(columns), self.sums.shape[1]), across.dtype)]
        )

    def refresh(self, correlation: np.ndarray) -> None:
        """Take over freshly computed correlations, which rounding has not worn."""
        self.correlation = np.ascontiguousarray(correlation[self.leading_columns].T)

    def solve(self, penalty: float, l1_ratio: float, tol: float) -> None:
        """Minimise over the coefficients of the columns under work."""
        copies = np.bincount(self.leader, minlength=len(self.leading_columns))
        threshold = l1_ratio * penalty
        _descend(
            self.gram,
            self.correlation,
            self.sums,
            ((1 - l1_ratio) * penalty / copies).astype(self.gram.dtype),
            self.gram.dtype.type(threshold),
            self.gram.dtype.type(tol * threshold),
        )

    def residual(self, centred: np.ndarray) -> np.ndarray:
        """Return the centred residual of the present solution."""
        active = self.sums.any(axis=1)
        residual = centred - self.values[active].T @ self.sums[active]
        return residual - residual.mean(axis=0)

    def solution(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the columns under work and the coefficients of each."""
        copies = np.bincount(self.leader, minlength=len(self.leading_columns))
        share = self.sign / copies[self.leader]
        return self.columns, self.sums[self.leader] * share[:, None].astype(self.sums.dtype)


def _find_copies(products: np.ndarray, n_before: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the first column that each new one is a copy of.

    Parameters
    ----------
    products : ndarray of shape (n_before + n_new, n_new)
        Correlations of the leading columns and the new ones with the new ones.
    n_before : int
        Number of leading columns.

    Returns
    -------
    leader, sign : ndarray of shape (n_new,)
        Which leading column, counting on with the new ones that lead, and whether it is equal
        (1) or opposite (-1).
    leads : ndarray of bool of shape (n_new,)
        New columns that are a copy of none before them.
    """
    n_new = products.shape[1]
    close = np.abs(products) > COPY
    # Only earlier columns can be led by: above the diagonal of the new ones.
    close[n_before:] &= np.tri(n_new, k=-1, dtype=bool).T
    first = close.argmax(axis=0)
    leads = ~close.any(axis=0)
    number = np.concatenate([np.arange(n_before), np.full(n_new, -1)])
    number[n_before:][leads] = n_before + np.arange(leads.sum())
    leader = np.where(leads, number[n_before:], 0)
    sign = np.ones(n_new, dtype=products.dtype)
    for new in np.flatnonzero(~leads):
        chosen = first[new]
        if number[chosen] < 0:
            # A copy of a copy follows the same leader.
            sign[new] = sign[chosen - n_before]
            leader[new] = leader[chosen - n_before]
        else:
            leader[new] = number[chosen]
        sign[new] *= np.sign(products[chosen, new])
    return leader, sign, leads


@numba.njit(cache=True, fastmath=True, nogil=True)
def _descend(gram, correlation, coefficients, ridge, threshold, tol):
    """Sweep over the features until none moves by more than `tol`; changes arrays in place.

    Parameters
    ----------
    gram : (w, w); correlation : (responses, w); coefficients : (w, responses); ridge : (w,)
    """
    n_features, n_responses = coefficients.shape
    target = np.empty(n_responses, dtype=gram.dtype)
    active = np.empty(n_features, dtype=np.bool_)
    for j in range(n_features):
        active[j] = np.any(coefficients[j] != 0)
    whole = True
    while True:
        moved = False
        for j in range(n_features):
            if not (whole or active[j]):
                continue
            diagonal = gram[j, j]
            length = threshold * 0
            for c in range(n_responses):
                target[c] = correlation[c, j] + diagonal * coefficients[j, c]
                length += target[c] * target[c]
            length = np.sqrt(length)
            shrinkage = threshold * 0
            if length > threshold:
                shrinkage = (1 - threshold / length) / (diagonal + ridge[j])
            elif not active[j]:
                continue
            move = threshold * 0
            for c in range(n_responses):
                target[c] = shrinkage * target[c] - coefficients[j, c]
                move = max(move, abs(target[c]))
            if move <= tol * 0.1 and shrinkage > 0 and active[j]:
                continue
            active[j] = shrinkage > 0
            moved = moved or move > tol
            for c in range(n_responses):
                step = target[c]
                coefficients[j, c] = coefficients[j, c] + step if active[j] else 0
                for i in range(n_features):
                    correlation[c, i] -= step * gram[j, i]
        if moved:
            whole = False
        elif whole:
            break
        else:
            whole = True
