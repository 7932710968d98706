"""Sparse generalized canonical correlation analysis: components of several blocks of columns."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse.linalg import svds
from sklearn.exceptions import ConvergenceWarning

from .._warnings import warn

# A column of standardized values that are all smaller is constant, or explained by components, and
# a block with smaller correlations to a variate is unrelated to it.
EXHAUSTED = 1e-10
# Blocks with so few rows or columns start from a full decomposition.
MIN_LANCZOS = 4


class Components(NamedTuple):
    """Components by block; the last block is that of the classes."""

    loadings: list[np.ndarray]  # (n_features, n_components)
    variates: list[np.ndarray]  # (n_samples, n_components)
    rotations: list[np.ndarray]  # maps a block to its variates, (n_features, n_components)
    n_iter: int


def fit_components(
    blocks: Sequence[np.ndarray],
    design: np.ndarray,
    n_kept: Sequence[Sequence[int]],
    *,
    max_iter: int,
    tol: float,
) -> Components:
    """Compute components one by one, of standardized blocks of which the last has the classes.

    `design` has the weight of each pair of blocks, `n_kept` the number of features that have a
    loading, by block and component.
    """
    residuals = [_without_rounding(block) for block in blocks]
    loadings, variates, projections, n_iter = [], [], [], []
    for component in range(len(n_kept[0])):
        kept = [by_component[component] for by_component in n_kept]
        vectors, iterations = _find_loadings(residuals, design, kept, max_iter=max_iter, tol=tol)
        scores = [block @ vector for block, vector in zip(residuals, vectors, strict=True)]
        loadings.append(vectors)
        variates.append(scores)
        projections.append([_regress(*pair) for pair in zip(residuals, scores, strict=True)])
        n_iter.append(iterations)
        residuals = _deflate(residuals, scores)
    if max(n_iter) > max_iter:
        warn(
            f"At least one component did not converge in max_iter={max_iter} iterations. Increase "
            "max_iter or tol, or keep other numbers of features.",
            ConvergenceWarning,
        )
    by_block = [
        [np.column_stack(columns) for columns in zip(*parts, strict=True)]
        for parts in (loadings, variates, projections)
    ]
    rotations = [w @ np.linalg.pinv(p.T @ w) for w, p in zip(by_block[0], by_block[2], strict=True)]
    return Components(by_block[0], by_block[1], rotations, min(max(n_iter), max_iter))


def _find_loadings(
    blocks: Sequence[np.ndarray],
    design: np.ndarray,
    n_kept: Sequence[int],
    *,
    max_iter: int,
    tol: float,
) -> tuple[list[np.ndarray], int]:
    """Return unit loadings by block, and the number of iterations, above `max_iter` on failure."""
    loadings = [_leading_vector(block) for block in blocks]
    variates = np.column_stack([b @ w for b, w in zip(blocks, loadings, strict=True)])
    for iteration in range(1, max_iter + 1):
        previous = list(loadings)
        for index, block in enumerate(blocks):
            covariances = _covariances(block, variates @ design[index])
            loadings[index] = _unit(_soft_threshold(covariances, n_kept[index]))
            variates[:, index] = block @ loadings[index]
        changes = [((w - old) ** 2).sum() for w, old in zip(loadings, previous, strict=True)]
        if max(changes) < tol:
            return loadings, iteration
    return loadings, max_iter + 1


def _covariances(block: np.ndarray, variate: np.ndarray) -> np.ndarray:
    """Return the products of columns with a variate, zeros if all are only errors of rounding."""
    products = block.T @ variate
    largest = np.linalg.norm(block, axis=0).max() * np.linalg.norm(variate)
    return products if np.abs(products).max() > EXHAUSTED * largest else np.zeros_like(products)


def _soft_threshold(values: np.ndarray, n_kept: int) -> np.ndarray:
    """Shrink values towards zero until `n_kept` are left, or more if the smallest are tied."""
    sizes = np.abs(values)
    smallest = np.partition(sizes, -n_kept)[-n_kept]
    threshold = sizes[sizes < smallest].max(initial=0)
    return np.sign(values) * np.maximum(sizes - threshold, 0)


def _unit(vector: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vector)
    return vector / length if length else vector


def _regress(block: np.ndarray, variate: np.ndarray) -> np.ndarray:
    """Return the coefficients of the columns of a block on a variate."""
    square = variate @ variate
    return block.T @ variate / square if square else np.zeros(block.shape[1])


def _deflate(blocks: Sequence[np.ndarray], variates: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Remove a component: its own from each block, and from the classes the mean over blocks."""
    *features, classes = blocks
    residuals = [b - np.outer(t, _regress(b, t)) for b, t in zip(features, variates, strict=False)]
    fits = [np.outer(t, _regress(classes, t)) for t in variates[:-1]]
    residuals.append(classes - np.mean(fits, axis=0))
    return [_without_rounding(residual) for residual in residuals]


def _without_rounding(block: np.ndarray) -> np.ndarray:
    """Return a block with zero columns where only errors of rounding are left."""
    return np.where(np.abs(block).max(axis=0) < EXHAUSTED, 0.0, block)


def _leading_vector(block: np.ndarray) -> np.ndarray:
    """Return the first right singular vector."""
    if not block.any():
        return np.zeros(block.shape[1])
    if min(block.shape) < MIN_LANCZOS:
        return np.linalg.svd(block, full_matrices=False)[2][0]
    # The signs of the vectors relative to one another decide the path of the iteration, which
    # ends where loadings still change by sqrt(tol). This start and sign are those of the library
    # Spectra, so results agree with the reference implementation in more digits than tol has.
    start = _spectra_start(min(block.shape))
    vector = svds(block, k=1, v0=start)[2][0]
    is_tall = block.shape[0] > block.shape[1]
    return vector if (vector if is_tall else block @ vector) @ start > 0 else -vector


def _spectra_start(size: int) -> np.ndarray:
    """Return the vector that Spectra starts from: the generator of Park and Miller, seed 1."""
    states = [16807]
    while len(states) < size:
        states.append(states[-1] * 16807 % 2147483647)
    return np.array(states) / 2147483647 - 0.5
