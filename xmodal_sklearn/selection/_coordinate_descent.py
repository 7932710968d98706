"""Blockwise coordinate descent on the working set; X is standardized virtually."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse

from .._compiled import compiled
from ..modalities._scaling import column_moments

# Sweeps of one call of compiled code, and calls at most.
MAX_SWEEPS, MAX_DESCENTS = 1000, 20

# Columns correlated more closely than this are copies; the difference from 1 is wider than the
# rounding errors of single precision.
COPY = 1 - 1e-5
# Of a table that is read in pieces, bytes at a time.
BLOCK_BYTES = 2**25
# Columns that join the descent at a time: of a module of correlated columns that violates the
# conditions at once, a few explain most, and the checks find those that they don't.
MAX_JOINING = 200


class Design:
    """The columns of X, standardized without copying X, or making it dense where it is sparse."""

    def __init__(self, X: Any):
        self.n_samples, self.n_columns = X.shape
        # Single precision holds copy-number calls and mutations exactly.
        single = np.result_type(X.dtype, np.float32) == np.float32
        self.dtype: np.dtype = np.dtype(np.float32 if single else np.float64)
        small = self.n_samples * self.n_columns * self.dtype.itemsize <= BLOCK_BYTES
        self.X = X.toarray(order="F") if small and sparse.issparse(X) else X
        self.mean = np.empty(self.n_columns)
        self.scale = np.empty(self.n_columns)
        for block in self._column_blocks():
            self.mean[block], self.scale[block] = _moments(self._values(block))
        # The bound of a product with responses, which are less than one.
        too_large = np.abs(self.mean) + self.scale > np.finfo(self.dtype).max / self.n_samples
        if too_large.any():
            raise ValueError(
                f"Column {too_large.argmax()} of a modality holds numbers too large for "
                f"{self.dtype}. Rescale it."
            )
        # What is left of a constant column is the rounding of its mean.
        resolution = 10 * np.finfo(self.dtype).eps * np.abs(self.mean)
        self.inverse_scale = np.where(
            self.scale > resolution, 1 / np.maximum(self.scale, np.finfo(float).tiny), 0
        )

    def correlation_lengths(self, residual: np.ndarray) -> np.ndarray:
        """Return the lengths of all columns' correlations with a centered residual."""
        responses = np.ascontiguousarray(residual.T)
        # Before they are squared, which may overflow.
        factors = (self.inverse_scale / self.n_samples).astype(self.dtype)
        if sparse.issparse(self.X):
            return np.linalg.norm(responses @ self.X * factors, axis=0)
        if self.X.dtype == self.dtype:
            return np.linalg.norm(_products(responses, self.X) * factors, axis=0)
        lengths = np.empty(self.n_columns, dtype=self.dtype)
        for block in self._column_blocks():
            products = _products(responses, self._values(block)) * factors[block]
            lengths[block] = np.linalg.norm(products, axis=0)
        return lengths

    def standardize(self, columns: np.ndarray) -> np.ndarray:
        """Return some standardized columns, ``(n_columns, n_samples)``."""
        values = self._dense(self.X[:, columns]).astype(np.float64, copy=False)
        return ((values - self.mean[columns]) * self.inverse_scale[columns]).T.astype(self.dtype)

    def _values(self, block: slice) -> np.ndarray:
        return self._dense(self.X[:, block]).astype(self.dtype, copy=False)

    def _dense(self, values: Any) -> np.ndarray:
        return values.toarray() if sparse.issparse(values) else values

    def _column_blocks(self) -> Iterator[slice]:
        width = max(BLOCK_BYTES // (self.dtype.itemsize * self.n_samples), 1)
        for start in range(0, self.n_columns, width):
            yield slice(start, min(start + width, self.n_columns))


class WorkingSet:
    """The columns that passed the screening, and the solution among them."""

    def __init__(self, design: Design, centered: np.ndarray, priority: np.ndarray):
        self.design = design
        self.centered = centered
        self.residual = centered
        # An order that depends on the data makes the path independent of that of the columns.
        self.priority = priority
        self.screened = np.zeros(design.n_columns, dtype=bool)
        self.screened_columns = np.empty(0, dtype=int)
        self.screened_values = _Rows(design.n_samples, design.dtype)
        self.correlation = np.empty((0, centered.shape[1]), dtype=design.dtype)
        self.joined = np.empty(0, dtype=bool)

        # Of the columns that joined the descent: their positions among the screened ones, which
        # leading column each is a copy of, and with which sign.
        self.members = np.empty(0, dtype=int)
        self.leader = np.empty(0, dtype=int)
        self.sign = np.empty(0, dtype=design.dtype)
        self.leading = np.empty(0, dtype=int)
        self.gram = np.empty((0, 0), dtype=design.dtype)
        self.sums = np.empty((0, centered.shape[1]), dtype=design.dtype)

    def screen(self, candidates: np.ndarray) -> None:
        """Add columns that have not been screened before."""
        new = candidates[np.argsort(-self.priority[candidates], kind="stable")]
        values = self.design.standardize(new)
        self.screened[new] = True
        self.screened_columns = np.concatenate([self.screened_columns, new])
        self.screened_values.append(values)
        self.correlation = np.vstack([self.correlation, self._correlate(values)])
        self.joined = np.concatenate([self.joined, np.zeros(len(new), dtype=bool)])

    def solve(self, penalty: float, l1_ratio: float, tol: float) -> None:
        """Minimize over the coefficients of the screened columns."""
        threshold = l1_ratio * penalty
        solved = False
        while True:
            lengths = np.linalg.norm(self.correlation, axis=1)
            violates = ~self.joined & (lengths > threshold * (1 + tol))
            if solved and not violates.any():
                break
            if violates.any():
                self._join(largest_norms(lengths, violates, MAX_JOINING))
            correlation = np.ascontiguousarray(self.correlation[self.leading].T)
            ridge = ((1 - l1_ratio) * penalty / self._copies()).astype(self.gram.dtype)
            limits = self.gram.dtype.type(threshold), self.gram.dtype.type(tol * threshold)
            # In parts, because an interrupt waits for compiled code to return.
            for _ in range(MAX_DESCENTS):
                if _descend(self.gram, correlation, self.sums, ridge, *limits):
                    break
            self._update_residual()
            self.correlation = self._correlate(self.screened_values.rows)
            solved = True

    def solution(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the columns that joined the descent and the coefficients of each."""
        share = (self.sign / self._copies()[self.leader]).astype(self.sums.dtype)
        return self.screened_columns[self.members], self.sums[self.leader] * share[:, None]

    def _correlate(self, values: np.ndarray) -> np.ndarray:
        return values @ self.residual / self.design.dtype.type(self.design.n_samples)

    def _update_residual(self) -> None:
        active = np.flatnonzero(self.sums.any(axis=1))
        values = self.screened_values.rows[self.leading[active]]
        residual = self.centered - values.T @ self.sums[active]
        self.residual = residual - residual.mean(axis=0)

    def _join(self, chosen: np.ndarray) -> None:
        """Extend the Gram matrix by some of the screened columns."""
        values, n_before = self.screened_values.rows[chosen], len(self.leading)
        across = self.screened_values.rows[self.leading] @ values.T / self.design.n_samples
        within = values @ values.T / self.design.n_samples
        leader, sign, leads = _find_copies(np.vstack([across, within]), n_before)
        self.joined[chosen] = True
        self.members = np.concatenate([self.members, chosen])
        self.leader = np.concatenate([self.leader, leader])
        self.sign = np.concatenate([self.sign, sign])
        self.leading = np.concatenate([self.leading, chosen[leads]])
        self._extend_gram(n_before, across[:, leads], within[np.ix_(leads, leads)])
        new = np.zeros((leads.sum(), self.sums.shape[1]), dtype=self.sums.dtype)
        self.sums = np.vstack([self.sums, new])

    def _extend_gram(self, n_before: int, across: np.ndarray, within: np.ndarray) -> None:
        n_after = n_before + len(within)
        if n_after > len(self.gram):
            size = n_after * 9 // 8
            grown = np.empty((size, size), dtype=self.gram.dtype)
            grown[:n_before, :n_before] = self.gram[:n_before, :n_before]
            self.gram = grown
        self.gram[:n_before, n_before:n_after] = across
        self.gram[n_before:n_after, :n_before] = across.T
        self.gram[n_before:n_after, n_before:n_after] = within

    def _copies(self) -> np.ndarray:
        return np.bincount(self.leader, minlength=len(self.leading))


def largest_norms(lengths: np.ndarray, candidates: np.ndarray, most: int) -> np.ndarray:
    """Return the positions of the candidates of the greatest length, at most so many."""
    chosen = np.flatnonzero(candidates)
    if len(chosen) > most:
        chosen = chosen[np.argsort(-lengths[chosen], kind="stable")[:most]]
    return chosen


class _Rows:
    """A matrix that rows are appended to, without a copy of the others each time."""

    def __init__(self, width: int, dtype: np.dtype):
        self.buffer = np.empty((64, width), dtype=dtype)
        self.size = 0

    def append(self, rows: np.ndarray) -> None:
        needed = self.size + len(rows)
        if needed > len(self.buffer):
            # In place, where the system can; a copy would need the memory twice. No view of the
            # buffer outlives an append.
            self.buffer.resize((needed * 5 // 4, self.buffer.shape[1]), refcheck=False)
        self.buffer[self.size : needed] = rows
        self.size = needed

    @property
    def rows(self) -> np.ndarray:
        return self.buffer[: self.size]


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
    index = np.concatenate([np.arange(n_before), np.full(n_new, -1)])
    index[n_before:][leads] = n_before + np.arange(leads.sum())
    leader = np.where(leads, index[n_before:], 0)
    sign = np.ones(n_new, dtype=products.dtype)
    for new in np.flatnonzero(~leads):
        chosen = first[new]
        if index[chosen] < 0:
            # A copy of a copy follows the same leader.
            sign[new] = sign[chosen - n_before]
            leader[new] = leader[chosen - n_before]
        else:
            leader[new] = index[chosen]
        sign[new] *= np.sign(products[chosen, new])
    return leader, sign, leads


def _products(responses: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return ``responses @ values``; with so few responses BLAS takes twice as long."""
    if values.flags.c_contiguous:
        return _products_by_row(responses, values)
    if values.flags.f_contiguous:
        return _products_by_column(responses, values.T)
    return responses @ values


@compiled(fastmath=True)
def _products_by_row(responses, values):
    n_responses, n_rows = responses.shape
    n_columns = values.shape[1]
    products = np.zeros((n_responses, n_columns), dtype=values.dtype)
    whole = n_rows - n_rows % 8
    # Eight rows at a time, so that the products are read and written an eighth as often.
    for i in range(0, whole, 8):
        for c in range(n_responses):
            a, b, d, e = responses[c, i : i + 4]
            f, g, h, k = responses[c, i + 4 : i + 8]
            for j in range(n_columns):
                products[c, j] += (
                    (a * values[i, j] + b * values[i + 1, j])
                    + (d * values[i + 2, j] + e * values[i + 3, j])
                    + (f * values[i + 4, j] + g * values[i + 5, j])
                    + (h * values[i + 6, j] + k * values[i + 7, j])
                )
    for i in range(whole, n_rows):
        for c in range(n_responses):
            for j in range(n_columns):
                products[c, j] += responses[c, i] * values[i, j]
    return products


@compiled(fastmath=True)
def _products_by_column(responses, columns):
    n_responses, n_rows = responses.shape
    products = np.empty((n_responses, len(columns)), dtype=columns.dtype)
    for j in range(len(columns)):
        for c in range(n_responses):
            total = columns[j, 0] * 0
            for i in range(n_rows):
                total += responses[c, i] * columns[j, i]
            products[c, j] = total
    return products


def _moments(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of the columns, accumulated in double precision."""
    by_column = values.flags.f_contiguous
    total, squares = _shifted_sums(values.T if by_column else values, by_column)
    mean = total / len(values)
    with np.errstate(over="ignore", invalid="ignore"):
        deviation = np.sqrt(np.maximum(squares / len(values) - mean**2, 0))
    means = values[0] + mean
    # The squares of others overflow or vanish.
    extreme = np.flatnonzero(~((deviation > 1e-140) & (deviation < 1e140)) & (total != 0))
    if len(extreme):
        means[extreme], scales = column_moments(values[:, extreme])
        deviation[extreme] = np.where(np.isinf(scales), 0, scales)
    return means, deviation


@compiled()
def _shifted_sums(values, by_column):
    """Return sums of the differences of columns from their first value, and of their squares."""
    n_outer, n_inner = values.shape
    size = n_outer if by_column else n_inner
    total, squares = np.zeros(size), np.zeros(size)
    if by_column:
        for j in range(n_outer):
            for i in range(n_inner):
                difference = np.float64(values[j, i]) - np.float64(values[j, 0])
                total[j] += difference
                squares[j] += difference * difference
    else:
        for i in range(n_outer):
            for j in range(n_inner):
                difference = np.float64(values[i, j]) - np.float64(values[0, j])
                total[j] += difference
                squares[j] += difference * difference
    return total, squares


@compiled(fastmath=True)
def _descend(gram, correlation, coefficients, ridge, threshold, tol):
    """Sweep over the features, in place; return whether none moves by more than `tol` any more.

    Parameters
    ----------
    gram : ndarray of shape (at least w, at least w)
    correlation : ndarray of shape (n_responses, w)
    coefficients : ndarray of shape (w, n_responses)
    ridge : ndarray of shape (w,)
    threshold, tol : float
    """
    n_features, n_responses = coefficients.shape
    target = np.empty(n_responses, dtype=gram.dtype)
    active = np.empty(n_features, dtype=np.bool_)
    for j in range(n_features):
        active[j] = np.any(coefficients[j] != 0)
    whole = True
    for _ in range(MAX_SWEEPS):
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
            return True
        else:
            whole = True
    return False
