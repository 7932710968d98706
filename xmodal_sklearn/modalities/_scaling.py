"""Standardizing columns of any scale and offset, in double precision and a few at a time."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.preprocessing import StandardScaler
from sklearn.utils import gen_batches

# Values converted to double precision at a time.
CHUNK_VALUES = 2**22
# Beyond so many standard deviations, products in single precision overflow.
MAX_DEVIATIONS = 1e9


def column_chunks(values: np.ndarray) -> Iterator[slice]:
    """Divide columns into adjacent groups whose copies are small."""
    return gen_batches(values.shape[1], max(CHUNK_VALUES // max(len(values), 1), 1))


def column_moments(
    values: np.ndarray, weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return means and standard deviations, which are infinite for constant columns."""
    means, scales = np.empty((2, values.shape[1]))
    for chunk in column_chunks(values):
        block = values[:, chunk].astype(np.float64)
        # Divided by a power of two, which is exact, because the squares of values may overflow.
        exponents = np.frexp(np.fmax.reduce(np.abs(block), axis=0))[1]
        with np.errstate(invalid="ignore"):  # of columns without any value
            scaler = StandardScaler().fit(np.ldexp(block, -exponents), sample_weight=weights)
            varies = scaler.scale_ == np.sqrt(scaler.var_)
        means[chunk] = np.ldexp(scaler.mean_, exponents)
        scales[chunk] = np.where(varies, np.ldexp(scaler.scale_, exponents), np.inf)
    return means, scales


def standardize_columns(
    values: np.ndarray, means: np.ndarray, scales: np.ndarray, dtype: Any = np.float32
) -> np.ndarray:
    """Return standardized columns, zero where they are constant, rounded to `dtype` at last."""
    standardized = np.empty(values.shape, dtype=dtype)
    for chunk in column_chunks(values):
        block = (values[:, chunk] - means[chunk]) / scales[chunk]
        standardized[:, chunk] = np.clip(block, -MAX_DEVIATIONS, MAX_DEVIATIONS)
    return standardized
