"""Ranking the features of one modality, by the elastic net or another estimator."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import xxhash
from scipy import sparse
from sklearn.base import clone
from sklearn.utils.validation import check_memory

from .._store import Store, source_hash
from .._version import __version__
from ..modalities._missing import Gaps, column_means, fill_gaps, find_gaps
from ..modalities._scaling import column_moments, standardize_columns

DIGEST_BYTES = 2**24
# All code that decides what a ranking is.
SOURCES = ("_screening.py", "modalities/*.py", "selection/*.py")


def best_first(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the order of decreasing scores, equal scores by label."""
    order = np.argsort(-scores)
    equal = np.diff(scores[order]) == 0
    tied = np.append(equal, False) | np.append(False, equal)
    # Only labels of equal scores are compared, and by Python, which is faster with strings.
    by_label = np.array(sorted(order[tied].tolist(), key=labels.tolist().__getitem__), dtype=int)
    order[tied] = by_label[np.argsort(-scores[by_label], kind="stable")]
    return order


def standardize(block: Any, dtype: Any) -> np.ndarray:
    """Return standardized columns as an array of a floating-point type."""
    dense = block.toarray() if sparse.issparse(block) else block
    return standardize_columns(dense, *column_moments(dense), dtype)


def cached(memory: Any, function: Callable[[], Any], key: Sequence[Any]) -> Any:
    """Return the arrays that a function computes, or look them up by what they depend on."""
    if memory is None:
        return function()
    if isinstance(memory, str | os.PathLike):
        store = Store(memory, ".ranking")
        return store.look_up(store.name([*key, __version__, source_hash(*SOURCES)]), function)
    return check_memory(memory).cache(_call, ignore=["function"])(function, [*key, __version__])


def _call(function: Callable[..., Any], key: Sequence[Any]) -> Any:
    return function()


def rank_modality(
    table: Any,
    modality: str,
    origin: np.ndarray,
    block: Any,
    codes: np.ndarray,
    n_best: float,
    *,
    memory: Any,
    estimator: Any,
    l1_ratio: float,
) -> tuple[Gaps, np.ndarray]:
    """Find the gaps of a modality, and score its columns, higher for better.

    Only the best `n_best` features are sure to have the scores of a whole ranking, and the others
    to have lower ones.
    """

    def compute() -> tuple[np.ndarray, ...]:
        gaps = find_gaps(table, modality, origin, block)
        scores = _score(block, codes, gaps, origin, **options)
        return gaps.present, gaps.by_sample, gaps.by_feature, scores

    options = {"estimator": estimator, "l1_ratio": l1_ratio, "n_best": n_best}
    # Cached as a whole, because checking the values takes as long as recognizing them. joblib would
    # hash the block itself, which takes a good part of the time of ranking it.
    starts = np.flatnonzero(np.diff(origin, prepend=-1))
    key = [] if memory is None else ["ranking", _digest(block), codes, starts, options]
    *gaps, scores = cached(memory, compute, key)
    return Gaps(*gaps), scores


def _score(
    block: Any,
    codes: np.ndarray,
    gaps: Gaps,
    origin: np.ndarray,
    estimator: Any,
    l1_ratio: float,
    n_best: float,
) -> np.ndarray:
    if not n_best or len(np.unique(codes[gaps.present])) < 2:
        return np.zeros(block.shape[1])
    block, codes = select_present(block, codes, gaps, origin)
    if estimator is not None:
        return _score_by_estimator(block, codes, estimator)
    # Imported here because numba takes half a second that other users need not wait for.
    from ._elastic_net import score_features

    # Several columns of one categorical feature may enter.
    max_features = n_best + block.shape[1] - len(gaps.by_feature)
    return score_features(block, one_hot(codes), l1_ratio=l1_ratio, max_features=max_features)


def select_present(
    block: Any, codes: np.ndarray, gaps: Gaps, origin: np.ndarray
) -> tuple[Any, np.ndarray]:
    """Return the block of a modality and the class codes, of the samples that have it."""
    if not gaps.present.all():
        block, codes = block[gaps.present], codes[gaps.present]
    if gaps.total:
        means = np.nan_to_num(column_means(block))
        block = fill_gaps(block, np.ones(len(codes), dtype=bool), means)
        starts = np.diff(origin, prepend=-1) != 0
        rare = gaps.is_rare[np.cumsum(starts) - 1]
        if sparse.issparse(block):
            block.data[np.repeat(rare, np.diff(block.indptr))] = 0
        else:
            block[:, rare] = 0
    return block, codes


def one_hot(codes: np.ndarray) -> np.ndarray:
    return np.eye(codes.max() + 1)[codes]


def _score_by_estimator(block: Any, codes: np.ndarray, estimator: Any) -> np.ndarray:
    standardized = standardize(block, np.result_type(block.dtype, np.float32))
    importances = _importances(clone(estimator).fit(standardized, codes))
    if importances.shape != (block.shape[1],) or not np.isfinite(importances).all():
        raise ValueError(
            f"estimator={estimator!r} has {np.isfinite(importances).sum()} finite importances for "
            f"the {block.shape[1]} features of a modality, so it can't rank them. Use another "
            "estimator, or None for the built-in elastic net."
        )
    classes = one_hot(codes)
    correlation = np.linalg.norm(standardized.T @ (classes - classes.mean(axis=0)), axis=1)
    correlation /= max(correlation.max(), np.finfo(float).tiny)
    return np.where(importances > 0, importances, correlation - 1)


def _importances(fitted: Any) -> np.ndarray:
    if hasattr(fitted, "coef_"):
        coefficients = fitted.coef_
        if hasattr(coefficients, "toarray"):
            coefficients = coefficients.toarray()
        return np.linalg.norm(np.atleast_2d(coefficients), axis=0)
    if hasattr(fitted, "feature_importances_"):
        return np.asarray(fitted.feature_importances_, dtype=float)
    raise ValueError(
        f"estimator={fitted!r} has neither coef_ nor feature_importances_ once fitted, so it "
        "can't rank features. Use another estimator, or None for the built-in elastic net."
    )


def _digest(block: Any) -> str:
    """Hash values, shape and dtype at the speed at which memory is read."""
    if sparse.issparse(block):
        digest = xxhash.xxh3_128(repr((block.shape, block.dtype.str)).encode())
        for part in (block.indptr, block.indices, block.data):
            digest.update(np.ascontiguousarray(part).data)
        return digest.hexdigest()
    rows = block.T if block.flags.f_contiguous else block
    layout = block.shape, block.dtype.str, block.flags.f_contiguous
    digest = xxhash.xxh3_128(repr(layout).encode())
    # Only as many rows at a time, because rows that are not contiguous are copied.
    step = max(DIGEST_BYTES // rows[0].nbytes, 1)
    for row in range(0, len(rows), step):
        digest.update(np.ascontiguousarray(rows[row : row + step]).data)
    return digest.hexdigest()
