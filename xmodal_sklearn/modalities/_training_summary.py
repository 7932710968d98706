"""Statistics of the training samples that a fitted model keeps, without any sample."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import gen_batches

from ._columns import Modalities
from ._scaling import column_chunks

LEVELS = (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99)
RANGE = (0.01, 0.99)
ROUNDING = 1e-6
# Different values of a feature are counted no further than this.
MANY_VALUES = 3
# Columns at a time, so that copies stay small.
CHUNK = 1024


@dataclass(frozen=True)
class TrainingSummary:
    """Statistics of the numeric columns that a model was fitted to."""

    mean: np.ndarray
    scale: np.ndarray
    n_known: np.ndarray
    n_values: np.ndarray
    knots: np.ndarray
    below: np.ndarray
    at_most: np.ndarray
    ranges: dict[str, tuple[float, float, int]]

    def has_measured(self, columns: np.ndarray) -> bool:
        """Return whether any of some columns had more than two values."""
        return bool((self.n_values[columns] == MANY_VALUES).any())

    def distances(
        self, values: np.ndarray, columns: Modalities, *, leave_one_out: bool = False
    ) -> dict[str, np.ndarray]:
        """Return how far samples are from the mean: the root mean square of standardized values."""
        by_modality = {}
        for name, positions in columns.items():
            total, count = np.zeros(len(values)), np.zeros(len(values))
            for chunk in gen_batches(len(positions), CHUNK):
                places = positions[chunk]
                scale = self.scale[places]
                squares = np.square((values[:, places] - self.mean[places]) / scale)
                if leave_one_out:
                    squares = _leave_one_out(squares, scale, self.n_known[places])
                total += np.nansum(squares, axis=1)
                count += (~np.isnan(squares)).sum(axis=1)
            total[count == 0] = np.nan
            by_modality[name] = np.sqrt(total / np.maximum(count, 1))
        return by_modality


def summarize(
    values: np.ndarray,
    columns: Modalities,
    means: np.ndarray,
    scales: np.ndarray,
    weights: Any = None,
) -> TrainingSummary:
    n_columns = values.shape[1]
    weights = np.ones(len(values)) if weights is None else weights
    n_known = np.empty(n_columns, np.int32)
    n_values = np.empty(n_columns, np.uint8)
    knots = np.empty((len(LEVELS), n_columns))
    for chunk in column_chunks(values):
        ordered = np.sort(_rows_of(values, chunk), axis=1)  # NaN last
        n_known[chunk] = (~np.isnan(ordered)).sum(axis=1)
        n_values[chunk] = np.minimum(1 + (np.diff(ordered) > 0).sum(axis=1), MANY_VALUES)
        places = np.ceil(np.outer(LEVELS, n_known[chunk])).astype(int) - 1
        # Not the smallest and the largest value, which are one patient's.
        inner = n_known[chunk] > 2
        places = np.clip(places, inner, n_known[chunk] - 1 - inner)
        knots[:, chunk] = ordered[np.arange(len(ordered)), places]
    below, at_most = shares(values, knots, weights)
    # A constant column has a scale of 1.
    scales = np.where(np.isinf(scales), 1, scales)
    summary = TrainingSummary(means, scales, n_known, n_values, knots, below, at_most, ranges={})
    for name, by_sample in summary.distances(values, columns, leave_one_out=True).items():
        n_present = int((~np.isnan(by_sample)).sum())
        low, high = np.nanquantile(by_sample, RANGE).tolist() if n_present else (0.0, np.inf)
        # Samples without mutations are as near as can be, and many.
        low = low if summary.has_measured(columns[name]) else 0.0
        summary.ranges[name] = low, high, n_present
    return summary


def shares(
    values: np.ndarray, knots: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the shares of samples below each knot, and of those at most as large."""
    below, at_most = np.empty((2, *knots.shape), np.float32)
    for chunk in column_chunks(values):
        rows = _rows_of(values, chunk)
        total = ~np.isnan(rows) @ weights
        total[total == 0] = np.nan
        for level, knot in enumerate(knots[:, chunk].astype(rows.dtype)):
            below[level, chunk] = (rows < knot[:, None]) @ weights / total
            at_most[level, chunk] = (rows <= knot[:, None]) @ weights / total
    return below, at_most


def _leave_one_out(squares: np.ndarray, scale: np.ndarray, n_known: np.ndarray) -> np.ndarray:
    """Return squares of values standardized by mean and deviation of the other samples."""
    factor = n_known / np.maximum(n_known - 1, 1)
    # The share of the sum of squares that is not the sample's own.
    rest = 1 - squares / np.maximum(n_known - 1, 1)
    alone = rest < ROUNDING
    left_out = squares * factor / np.where(alone, 1, rest)
    # Without the sample the column is constant, and has a scale of 1. The square must not overflow.
    return np.where(alone, squares * np.square(np.minimum(factor * scale, 1e100)), left_out)


def _rows_of(values: np.ndarray, chunk: slice) -> np.ndarray:
    """Return columns as adjacent rows, in the precision in which all samples are compared."""
    rows = np.ascontiguousarray(values[:, chunk].T)
    if np.can_cast(rows.dtype, np.float32):
        return rows.astype(np.float32, copy=False)
    # Single precision, but not its range.
    fractions, exponents = np.frexp(rows)
    return np.ldexp(fractions.astype(np.float32), exponents, dtype=np.float64)
